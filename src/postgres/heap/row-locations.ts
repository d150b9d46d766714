/**
 * Where rows are that are not where loading put them: inserted rows, and rows whose update found no
 * room on their page. An open-addressing map from the row to its block and to the list of versions
 * it left behind (stale-versions.ts), 32 bytes a slot; rows that never moved need nothing.
 */

const EMPTY = -1;
/** Numbers in a slot. */
const STRIDE = 4;

/** What is known about a displaced row. */
export const ROW_LIVES = 1;
export const ROW_DELETED = 2;
/** With ROW_LIVES: its version is heap-only. */
export const ROW_HEAP_ONLY = 4;

export class RowLocations {
  count = 0;
  // A slot is its place in the memory, of which each field is a view.
  private rows!: Float64Array;
  private blocks!: Float64Array;
  private states!: Float64Array;
  private heads!: Float64Array;
  private slots = 0;

  constructor() {
    this.lay(64);
  }

  /** The block of a displaced row that lives; -1 for one that is deleted or unknown. */
  blockOf(row: number): number {
    const at = this.slotOf(row);
    return this.rows[at] === row && this.states[at] !== ROW_DELETED ? this.blocks[at]! : -1;
  }

  isHeapOnly(row: number): boolean {
    const at = this.slotOf(row);
    return this.rows[at] === row && (this.states[at]! & ROW_HEAP_ONLY) !== 0;
  }

  set(row: number, block: number, state: number): void {
    let at = this.slotOf(row);
    if (this.rows[at] !== row) {
      if ((this.count + 1) * 4 > this.slots * 3) {
        this.grow();
        at = this.slotOf(row);
      }
      this.count++;
      this.rows[at] = row;
    }
    this.blocks[at] = block;
    this.states[at] = state;
  }

  /** The list of what the row left behind; -1 for none. */
  staleOf(row: number): number {
    const at = this.slotOf(row);
    return this.rows[at] === row ? this.heads[at]! : EMPTY;
  }

  /** For rows that are in the map. */
  setStale(row: number, head: number): void {
    this.heads[this.slotOf(row)] = head;
  }

  get bytes(): number {
    return this.rows.byteLength;
  }

  private slotOf(row: number): number {
    const last = (this.slots - 1) * STRIDE;
    let at = (hash(row) * STRIDE) & last;
    while (this.rows[at] !== EMPTY && this.rows[at] !== row) at = (at + STRIDE) & last;
    return at;
  }

  private grow(): void {
    const { rows, blocks, states, heads } = this;
    this.lay(2 * this.slots);
    for (let from = 0; from < rows.length; from += STRIDE) {
      if (rows[from] === EMPTY) continue;
      const to = this.slotOf(rows[from]!);
      this.rows[to] = rows[from]!;
      this.blocks[to] = blocks[from]!;
      this.states[to] = states[from]!;
      this.heads[to] = heads[from]!;
    }
  }

  private lay(slots: number): void {
    const memory = new Float64Array(slots * STRIDE).fill(EMPTY);
    this.slots = slots;
    this.rows = memory;
    this.blocks = memory.subarray(1);
    this.states = memory.subarray(2);
    this.heads = memory.subarray(3);
  }
}

const IN_HIGH_WORD = 1 / 0x1_0000_0000;

/** Rows go beyond 2^32: both halves are mixed. */
function hash(row: number): number {
  const high = Math.floor(row * IN_HIGH_WORD);
  return (Math.imul(row | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 3;
}
