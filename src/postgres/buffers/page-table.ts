import { blockOf, fileOf, hashOf, type Page } from './page.ts';

/**
 * Where a page is: the mapping hash of the buffer pool (buf_table.c), from pages to small numbers,
 * by linear probing with backward-shift deletion at a load of at most one half, whereafter it
 * doubles. Eight neighbouring blocks share a slot: in a pool that holds most of a relation the keys
 * are an eighth of what they would be, so that they stay in the processor's caches, and a look-up
 * costs one line of the numbers. (Of two million buffers of one relation a hit took 85 ns rather
 * than 145, with the keys of single pages beside their numbers.) Where no two pages are neighbours
 * it is 80 bytes a page.
 */
const FIRST_BITS = 6;
const EMPTY = 0;
/** Blocks that share a slot; a power of 2. */
const NEIGHBOURS = 8;
const WITHIN = NEIGHBOURS - 1;
const BITS_WITHIN = 3;

export class PageTable {
  private keys!: Float64Array; // by slot: the page over NEIGHBOURS, plus 1
  private numbers!: Int32Array; // NEIGHBOURS for each slot: the number plus 1, or 0
  private mask = 0;
  private shift = 0; // the upper bits of a hash are the home slot
  private used = 0;

  constructor() {
    this.makeRoom(FIRST_BITS);
  }

  get bytes(): number {
    return this.keys.byteLength + this.numbers.byteLength;
  }

  /** Room for so many pages at once, if they are neighbours. */
  reserve(pages: number): void {
    while ((2 * pages) / NEIGHBOURS > this.mask + 1) this.grow();
  }

  clear(): void {
    this.keys.fill(EMPTY);
    this.numbers.fill(0);
    this.used = 0;
  }

  /** The number of a page, or -1. */
  find(page: Page): number {
    const { keys, mask } = this;
    const block = page >>> 0;
    const wanted = (page - (block & WITHIN)) / NEIGHBOURS + 1;
    let slot = hashOf(fileOf(page), block >>> BITS_WITHIN) >>> this.shift;
    for (;;) {
      const held = keys[slot]!;
      if (held === wanted) return this.numbers[NEIGHBOURS * slot + (block & WITHIN)]! - 1;
      if (held === EMPTY) return -1;
      slot = (slot + 1) & mask;
    }
  }

  /** Enters a page that is not in. */
  insert(page: Page, number: number): void {
    const key = keyOf(page);
    let slot = this.slotOf(key);
    if (this.keys[slot] === EMPTY) {
      if (2 * ++this.used > this.mask + 1) {
        this.grow();
        slot = this.slotOf(key);
      }
      this.keys[slot] = key;
    }
    this.numbers[NEIGHBOURS * slot + (blockOf(page) & WITHIN)] = number + 1;
  }

  /** Takes out a page that is in. */
  remove(page: Page): void {
    const slot = this.slotOf(keyOf(page));
    const from = NEIGHBOURS * slot;
    this.numbers[from + (blockOf(page) & WITHIN)] = 0;
    for (let i = from; i < from + NEIGHBOURS; i++) if (this.numbers[i] !== 0) return;
    this.used--;
    this.close(slot);
  }

  /** Where a key is, or would be entered. */
  private slotOf(key: number): number {
    const { keys, mask } = this;
    let slot = this.home(key);
    while (keys[slot] !== key && keys[slot] !== EMPTY) slot = (slot + 1) & mask;
    return slot;
  }

  /** What was pushed on by a slot that is empty now moves back. */
  private close(empty: number): void {
    const { keys, numbers, mask } = this;
    let hole = empty;
    for (let slot = (hole + 1) & mask; keys[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const moved = keys[slot]!;
      if (((slot - this.home(moved)) & mask) < ((slot - hole) & mask)) continue; // not so early
      keys[hole] = moved;
      for (let i = 0; i < NEIGHBOURS; i++) {
        numbers[NEIGHBOURS * hole + i] = numbers[NEIGHBOURS * slot + i]!;
      }
      hole = slot;
    }
    keys[hole] = EMPTY;
    for (let i = 0; i < NEIGHBOURS; i++) numbers[NEIGHBOURS * hole + i] = 0;
  }

  private makeRoom(bits: number): void {
    this.keys = new Float64Array(1 << bits);
    this.numbers = new Int32Array(NEIGHBOURS << bits);
    this.mask = (1 << bits) - 1;
    this.shift = 32 - bits;
  }

  private grow(): void {
    const { keys, numbers, mask } = this;
    this.makeRoom(33 - this.shift);
    for (let slot = 0; slot <= mask; slot++) {
      const key = keys[slot]!;
      if (key === EMPTY) continue;
      const to = this.slotOf(key);
      this.keys[to] = key;
      for (let i = 0; i < NEIGHBOURS; i++) {
        this.numbers[NEIGHBOURS * to + i] = numbers[NEIGHBOURS * slot + i]!;
      }
    }
  }

  private home(key: number): number {
    const first = (key - 1) * NEIGHBOURS;
    return hashOf(fileOf(first), blockOf(first) >>> BITS_WITHIN) >>> this.shift;
  }
}

function keyOf(page: Page): number {
  return (page - (blockOf(page) & WITHIN)) / NEIGHBOURS + 1;
}
