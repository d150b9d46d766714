import { blockOf, fileOf, hashOf, type Page } from './page.ts';

/**
 * Where a page is: the mapping hash of the buffer pool (buf_table.c), from pages to small numbers,
 * by linear probing with backward-shift deletion at a load of at most one half, whereafter it
 * doubles. Eight neighbouring blocks share a slot, which has their key and their numbers side by
 * side: a look-up costs a cache line or two, and in a pool that holds most of a relation they are
 * an eighth of what they would be. Where no two pages are neighbours it is 80 bytes a page.
 */
const FIRST_BITS = 6;
/** Blocks that share a slot; a power of 2. */
const NEIGHBOURS = 8;
const WITHIN = NEIGHBOURS - 1;
const BITS_WITHIN = 3;
/** A slot: the file plus 1, or 0; the first block over NEIGHBOURS; each block's number plus 1. */
const NUMBERS = 2;
const SLOT = NUMBERS + NEIGHBOURS;
const EMPTY = 0;

export class PageTable {
  private slots!: Int32Array;
  private mask = 0;
  private shift = 0; // the upper bits of a hash are the home slot
  private used = 0;

  constructor() {
    this.makeRoom(FIRST_BITS);
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  /** Room for so many pages at once, if they are neighbours. */
  reserve(pages: number): void {
    while ((2 * pages) / NEIGHBOURS > this.mask + 1) this.grow();
  }

  clear(): void {
    this.slots.fill(EMPTY);
    this.used = 0;
  }

  /** The number of a page, or -1. */
  find(page: Page): number {
    const { slots, mask } = this;
    const file = fileOf(page);
    const block = blockOf(page);
    const group = block >>> BITS_WITHIN;
    let slot = hashOf(file, group) >>> this.shift;
    for (;;) {
      const at = SLOT * slot;
      const held = slots[at]!;
      if (held === file + 1 && slots[at + 1] === group) {
        return slots[at + NUMBERS + (block & WITHIN)]! - 1;
      }
      if (held === EMPTY) return -1;
      slot = (slot + 1) & mask;
    }
  }

  /** Enters a page that is not in. */
  insert(page: Page, number: number): void {
    const file = fileOf(page);
    const group = blockOf(page) >>> BITS_WITHIN;
    let at = this.placeOf(file, group);
    if (this.slots[at] === EMPTY) {
      if (2 * ++this.used > this.mask + 1) {
        this.grow();
        at = this.placeOf(file, group);
      }
      this.slots[at] = file + 1;
      this.slots[at + 1] = group;
    }
    this.slots[at + NUMBERS + (blockOf(page) & WITHIN)] = number + 1;
  }

  /** Takes out a page that is in. */
  remove(page: Page): void {
    const { slots } = this;
    const at = this.placeOf(fileOf(page), blockOf(page) >>> BITS_WITHIN);
    slots[at + NUMBERS + (blockOf(page) & WITHIN)] = 0;
    for (let i = at + NUMBERS; i < at + SLOT; i++) if (slots[i] !== 0) return;
    this.used--;
    this.close(at / SLOT);
  }

  /** Where the slot of a key begins, or the one in which it would be entered. */
  private placeOf(file: number, group: number): number {
    const { slots, mask } = this;
    let slot = hashOf(file, group) >>> this.shift;
    for (;;) {
      const at = SLOT * slot;
      const held = slots[at]!;
      if (held === EMPTY || (held === file + 1 && slots[at + 1] === group)) return at;
      slot = (slot + 1) & mask;
    }
  }

  /** What was pushed on by a slot that is empty now moves back. */
  private close(empty: number): void {
    const { slots, mask } = this;
    let hole = empty;
    for (let slot = (hole + 1) & mask; slots[SLOT * slot] !== EMPTY; slot = (slot + 1) & mask) {
      const home = hashOf(slots[SLOT * slot]! - 1, slots[SLOT * slot + 1]!) >>> this.shift;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue; // not so early
      for (let i = 0; i < SLOT; i++) slots[SLOT * hole + i] = slots[SLOT * slot + i]!;
      hole = slot;
    }
    for (let i = 0; i < SLOT; i++) slots[SLOT * hole + i] = EMPTY;
  }

  private makeRoom(bits: number): void {
    this.slots = new Int32Array(SLOT << bits);
    this.mask = (1 << bits) - 1;
    this.shift = 32 - bits;
  }

  private grow(): void {
    const { slots, mask } = this;
    this.makeRoom(33 - this.shift);
    for (let from = 0; from <= SLOT * mask; from += SLOT) {
      if (slots[from] === EMPTY) continue;
      const to = this.placeOf(slots[from]! - 1, slots[from + 1]!);
      for (let i = 0; i < SLOT; i++) this.slots[to + i] = slots[from + i]!;
    }
  }
}
