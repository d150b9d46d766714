import { blockOf, fileOf, hashOf, NO_PAGE, type Page } from './page.ts';

/**
 * Where a page is: the mapping hash of the buffer pool (buf_table.c), from pages to small numbers,
 * by linear probing with backward-shift deletion at a load of at most one half. A slot is 16 bytes
 * that hold the page and its number, so that a look-up costs one cache line.
 */
export class PageTable {
  private readonly pages: Float64Array; // at 2 x slot; the other half of it belongs to numbers
  private readonly numbers: Int32Array; // at 4 x slot + 2, in the same memory
  private readonly mask: number;
  private readonly shift: number; // the upper bits of a hash are the home slot

  /** For at most so many pages at a time. */
  constructor(capacity: number) {
    let bits = 2;
    while (1 << bits < 2 * capacity) bits++;
    this.pages = new Float64Array(2 << bits);
    this.numbers = new Int32Array(this.pages.buffer);
    this.mask = (1 << bits) - 1;
    this.shift = 32 - bits;
    this.clear();
  }

  get bytes(): number {
    return this.pages.byteLength;
  }

  clear(): void {
    this.pages.fill(NO_PAGE);
  }

  /** The number of a page, or -1. */
  find(page: Page): number {
    const { pages, mask } = this;
    let slot = hashOf(fileOf(page), blockOf(page)) >>> this.shift;
    for (;;) {
      const held = pages[2 * slot]!;
      if (held === page) return this.numbers[4 * slot + 2]!;
      if (held === NO_PAGE) return -1;
      slot = (slot + 1) & mask;
    }
  }

  /** Enters a page that is not in. */
  insert(page: Page, number: number): void {
    let slot = this.home(page);
    while (this.pages[2 * slot] !== NO_PAGE) slot = (slot + 1) & this.mask;
    this.pages[2 * slot] = page;
    this.numbers[4 * slot + 2] = number;
  }

  /** Takes out a page that is in. */
  remove(page: Page): void {
    const { pages, numbers, mask } = this;
    let hole = this.home(page);
    while (pages[2 * hole] !== page) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; pages[2 * slot] !== NO_PAGE; slot = (slot + 1) & mask) {
      const moved = pages[2 * slot]!;
      if (((slot - this.home(moved)) & mask) < ((slot - hole) & mask)) continue; // not so early
      pages[2 * hole] = moved;
      numbers[4 * hole + 2] = numbers[4 * slot + 2]!;
      hole = slot;
    }
    pages[2 * hole] = NO_PAGE;
  }

  private home(page: Page): number {
    return hashOf(fileOf(page), blockOf(page)) >>> this.shift;
  }
}
