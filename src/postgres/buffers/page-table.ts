import { blockOf, fileOf, hashOf, type Page } from './page.ts';

/**
 * Where a page is: the mapping hash of the buffer pool (buf_table.c), from pages to small numbers,
 * by linear probing with backward-shift deletion at a load of at most one half, whereafter it
 * doubles. A slot is 16 bytes that hold the page and its number, so that a look-up costs one cache
 * line.
 */
const FIRST_BITS = 8;
const EMPTY = 0;

export class PageTable {
  private pages!: Float64Array; // at 2 x slot, plus 1; the other half of it belongs to numbers
  private numbers!: Int32Array; // at 4 x slot + 2, in the same memory
  private mask = 0;
  private shift = 0; // the upper bits of a hash are the home slot
  private count = 0;

  constructor() {
    this.makeRoom(FIRST_BITS);
  }

  get bytes(): number {
    return this.pages.byteLength;
  }

  /** Room for so many pages at once. */
  reserve(pages: number): void {
    while (2 * pages > this.mask) this.grow();
  }

  clear(): void {
    this.pages.fill(EMPTY);
    this.count = 0;
  }

  /** The number of a page, or -1. */
  find(page: Page): number {
    const { pages, mask } = this;
    const wanted = page + 1;
    let slot = hashOf(fileOf(page), blockOf(page)) >>> this.shift;
    for (;;) {
      const held = pages[2 * slot]!;
      if (held === wanted) return this.numbers[4 * slot + 2]!;
      if (held === EMPTY) return -1;
      slot = (slot + 1) & mask;
    }
  }

  /** Enters a page that is not in. */
  insert(page: Page, number: number): void {
    if (2 * ++this.count > this.mask) this.grow();
    let slot = this.home(page);
    while (this.pages[2 * slot] !== EMPTY) slot = (slot + 1) & this.mask;
    this.pages[2 * slot] = page + 1;
    this.numbers[4 * slot + 2] = number;
  }

  /** Takes out a page that is in. */
  remove(page: Page): void {
    const { pages, numbers, mask } = this;
    this.count--;
    let hole = this.home(page);
    while (pages[2 * hole] !== page + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; pages[2 * slot] !== EMPTY; slot = (slot + 1) & mask) {
      const moved = pages[2 * slot]!;
      if (((slot - this.home(moved - 1)) & mask) < ((slot - hole) & mask)) continue; // not so early
      pages[2 * hole] = moved;
      numbers[4 * hole + 2] = numbers[4 * slot + 2]!;
      hole = slot;
    }
    pages[2 * hole] = EMPTY;
  }

  private makeRoom(bits: number): void {
    this.pages = new Float64Array(2 << bits);
    this.numbers = new Int32Array(this.pages.buffer);
    this.mask = (1 << bits) - 1;
    this.shift = 32 - bits;
  }

  private grow(): void {
    const { pages, numbers, mask } = this;
    this.makeRoom(33 - this.shift);
    for (let slot = 0; slot <= mask; slot++) {
      if (pages[2 * slot] === EMPTY) continue;
      let to = this.home(pages[2 * slot]! - 1);
      while (this.pages[2 * to] !== EMPTY) to = (to + 1) & this.mask;
      this.pages[2 * to] = pages[2 * slot]!;
      this.numbers[4 * to + 2] = numbers[4 * slot + 2]!;
    }
  }

  private home(page: Page): number {
    return hashOf(fileOf(page), blockOf(page)) >>> this.shift;
  }
}
