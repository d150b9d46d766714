import { hashOf } from './page.ts';

/** Records are of four words, of which the first two are file and block. */
export const RECORD_SHIFT = 2;
export const FILE = 0;
export const BLOCK = 1;

/**
 * Which record holds a page: the mapping hash of the buffer pool (buf_table.c), by linear probing
 * with backward-shift deletion at a load of at most one half. A slot holds a record's number plus
 * one, and in its upper bits as many bits of the page's hash as there is room for, so that a probe
 * of a page that is not there touches no record: a look-up costs one cache line, a find two.
 *
 * The records belong to whoever makes the table; a record must not change while it is in.
 */
export class PageTable {
  private readonly records: Int32Array;
  private readonly slots: Int32Array;
  private readonly mask: number;
  private readonly shift: number; // the upper bits of a hash are the home slot
  private readonly numberBits: number;
  private readonly numberMask: number;

  /** For at most `capacity` records at a time, out of as many as the array holds. */
  constructor(records: Int32Array, capacity: number) {
    this.records = records;
    let bits = 2;
    while (1 << bits < 2 * capacity) bits++;
    this.slots = new Int32Array(1 << bits);
    this.mask = this.slots.length - 1;
    this.shift = 32 - bits;
    this.numberBits = 32 - Math.clz32(records.length >> RECORD_SHIFT);
    this.numberMask = (1 << this.numberBits) - 1;
  }

  /** The record of a page, or -1. */
  find(file: number, block: number): number {
    const { records, slots, mask, numberMask } = this;
    const hash = hashOf(file, block);
    const tag = hash << this.numberBits;
    for (let slot = hash >>> this.shift; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      if ((entry & ~numberMask) !== tag) continue;
      const record = (entry & numberMask) - 1;
      const at = record << RECORD_SHIFT;
      if (records[at + BLOCK] === (block | 0) && records[at] === file) return record;
    }
  }

  /** Enters a record under the page that it names, which must not be there yet. */
  insert(record: number): void {
    const hash = this.hashOfRecord(record);
    let slot = hash >>> this.shift;
    while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
    this.slots[slot] = (hash << this.numberBits) | (record + 1);
  }

  /** Takes out a record that is in. */
  remove(record: number): void {
    const { slots, mask, numberMask } = this;
    let hole = this.hashOfRecord(record) >>> this.shift;
    while ((slots[hole]! & numberMask) !== record + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      const home = this.hashOfRecord((entry & numberMask) - 1) >>> this.shift;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue; // it may not stand earlier
      slots[hole] = entry;
      hole = slot;
    }
    slots[hole] = 0;
  }

  clear(): void {
    this.slots.fill(0);
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  private hashOfRecord(record: number): number {
    const at = record << RECORD_SHIFT;
    return hashOf(this.records[at]!, this.records[at + BLOCK]!);
  }
}
