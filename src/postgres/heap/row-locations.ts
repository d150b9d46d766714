/**
 * Where rows are that are not where loading put them: inserted rows, and rows whose update found no
 * room on their page. An open-addressing map from the row to its block and to the list of versions
 * it left behind (stale-versions.ts), 16 bytes a slot; rows that never moved need nothing.
 */

const EMPTY = 0;
const NO_HEAD = -1;
const FIRST_BITS = 6;

/** What is known about a displaced row. */
export const ROW_LIVES = 1;
export const ROW_DELETED = 2;
/** With ROW_LIVES: its version is heap-only. */
export const ROW_HEAP_ONLY = 4;
const STATE = 7;
const ONE_HEAD = 8;

export class RowLocations {
  count = 0;
  // A slot is 16 bytes: the row plus 1, its block, and its list of versions above its state.
  private rows!: Float64Array; // at 2 x slot
  private blocks!: Uint32Array; // at 4 x slot + 2
  private rest!: Int32Array; // at 4 x slot + 3
  private mask = 0;
  private shift = 0; // the upper bits of a hash are the home slot

  constructor() {
    this.lay(FIRST_BITS);
  }

  /** The block of a displaced row that lives; -1 for one that is deleted or unknown. */
  blockOf(row: number): number {
    const at = this.slotOf(row);
    if (this.rows[2 * at] === EMPTY) return -1;
    return (this.rest[4 * at + 3]! & ROW_DELETED) === 0 ? this.blocks[4 * at + 2]! : -1;
  }

  isHeapOnly(row: number): boolean {
    return (this.rest[4 * this.slotOf(row) + 3]! & ROW_HEAP_ONLY) !== 0;
  }

  set(row: number, block: number, state: number): void {
    let at = this.slotOf(row);
    if (this.rows[2 * at] === EMPTY) {
      if ((this.count + 1) * 4 > (this.mask + 1) * 3) {
        this.grow();
        at = this.slotOf(row);
      }
      this.count++;
      this.rows[2 * at] = row + 1;
      this.rest[4 * at + 3] = NO_HEAD * ONE_HEAD;
    }
    this.blocks[4 * at + 2] = block;
    this.rest[4 * at + 3] = (this.rest[4 * at + 3]! & ~STATE) | state;
  }

  /** The list of what the row left behind; -1 for none. */
  staleOf(row: number): number {
    const at = this.slotOf(row);
    return this.rows[2 * at] === EMPTY ? NO_HEAD : this.rest[4 * at + 3]! >> 3;
  }

  /** For rows that are in the map. */
  setStale(row: number, head: number): void {
    const at = 4 * this.slotOf(row) + 3;
    this.rest[at] = head * ONE_HEAD + (this.rest[at]! & STATE);
  }

  get bytes(): number {
    return this.rows.byteLength;
  }

  /** Where the row is, or where it would be: there the slot is empty. */
  private slotOf(row: number): number {
    const { rows, mask } = this;
    let slot = hash(row) >>> this.shift;
    while (rows[2 * slot] !== EMPTY && rows[2 * slot] !== row + 1) slot = (slot + 1) & mask;
    return slot;
  }

  /** Slots keep their order, so both memories are passed through from front to back. */
  private grow(): void {
    const { rows, blocks, rest, mask } = this;
    this.lay(33 - this.shift);
    for (let slot = 0; slot <= mask; slot++) {
      if (rows[2 * slot] === EMPTY) continue;
      const to = this.slotOf(rows[2 * slot]! - 1);
      this.rows[2 * to] = rows[2 * slot]!;
      this.blocks[4 * to + 2] = blocks[4 * slot + 2]!;
      this.rest[4 * to + 3] = rest[4 * slot + 3]!;
    }
  }

  private lay(bits: number): void {
    this.rows = new Float64Array(2 << bits);
    this.blocks = new Uint32Array(this.rows.buffer);
    this.rest = new Int32Array(this.rows.buffer);
    this.mask = (1 << bits) - 1;
    this.shift = 32 - bits;
  }
}

const IN_HIGH_WORD = 1 / 0x1_0000_0000;

/** 32 bits, of which the upper ones count; rows go beyond 2^32, so both halves are mixed. */
function hash(row: number): number {
  const high = Math.floor(row * IN_HIGH_WORD);
  return Math.imul(row | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
}
