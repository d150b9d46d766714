/**
 * Where rows are that are not where loading put them: inserted rows, and rows whose update found no
 * room on their page. An open-addressing map from the row to its block and to the list of versions
 * it left behind (stale-versions.ts), 17 bytes a slot; rows that never moved need nothing.
 */

const EMPTY = -1;

/** What is known about a displaced row. */
export const ROW_LIVES = 1;
export const ROW_DELETED = 2;
/** With ROW_LIVES: its version is heap-only. */
export const ROW_HEAP_ONLY = 4;

export class RowLocations {
  count = 0;
  private rows = new Float64Array(64).fill(EMPTY);
  private blocks = new Uint32Array(64);
  private states = new Uint8Array(64);
  private heads = new Int32Array(64).fill(EMPTY);

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
      if ((this.count + 1) * 4 > this.rows.length * 3) {
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
    return this.rows.length * 17;
  }

  private slotOf(row: number): number {
    const mask = this.rows.length - 1;
    let at = hash(row) & mask;
    while (this.rows[at] !== EMPTY && this.rows[at] !== row) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { rows, blocks, states, heads } = this;
    this.rows = new Float64Array(rows.length * 2).fill(EMPTY);
    this.blocks = new Uint32Array(rows.length * 2);
    this.states = new Uint8Array(rows.length * 2);
    this.heads = new Int32Array(rows.length * 2).fill(EMPTY);
    for (let from = 0; from < rows.length; from++) {
      if (rows[from] === EMPTY) continue;
      const to = this.slotOf(rows[from]!);
      this.rows[to] = rows[from]!;
      this.blocks[to] = blocks[from]!;
      this.states[to] = states[from]!;
      this.heads[to] = heads[from]!;
    }
  }
}

/** Rows go beyond 2^32: both halves are mixed. */
function hash(row: number): number {
  const high = Math.floor(row / 0x1_0000_0000);
  return (Math.imul(row | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 3;
}
