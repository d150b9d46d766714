/**
 * The pages of one table. A page that the run has not changed is what loading left: nothing is
 * stored for it. A changed page is one entry, found by its block over an open-addressing index:
 * some 140 bytes, however many rows the table has. An entry is its place in memory, two lines of
 * the cache that hold all of its fields together.
 *
 * For each changed page: line pointers (all, unused, redirecting, dead stubs), live and dead
 * versions, the prune hint, the oldest and newest transaction that made a live version, its LSN,
 * flags, and two bits for each row that was loaded here: is it gone, is its version heap-only.
 */

import type { Lsn } from '../lsn.ts';
import { freeBytes, usedBytes } from './page-layout.ts';

/** Visibility map and header flags of a page. */
export const ALL_VISIBLE = 1;
export const ALL_FROZEN = 2;
/** PD_PAGE_FULL: an update had to leave the page. */
export const PAGE_FULL = 4;
/** Versions whose hint bits nobody has set yet. */
export const HINTS_MISSING = 8;
/** A loaded row that had left the page is on it again; its key may lead elsewhere too. */
export const ROW_CAME_BACK = 16;

/** What loading left on every page. */
export interface LoadedPages {
  readonly pages: number;
  readonly rows: number;
  readonly rowsPerPage: number;
  readonly xid: number;
  readonly lsn: Lsn;
}

const FIRST_CAPACITY = 64;
/** Fields of an entry; those that every access needs come first, in one line of the cache. */
const FIELDS = 14;
const LINE = 8; // numbers in a line of 64 bytes

export class PagePopulation {
  /** How many pages were changed. */
  count = 0;
  readonly loaded: LoadedPages;
  // Each field is a view of the same memory, at the entry's own place in it.
  block!: Float64Array;
  flags!: Float64Array;
  pruneXid!: Float64Array;
  newestXid!: Float64Array;
  pointers!: Float64Array;
  unused!: Float64Array;
  live!: Float64Array;
  dead!: Float64Array;
  lsn!: Float64Array;
  deadHead!: Float64Array;
  oldestXid!: Float64Array;
  /** Versions that came after loading or the last freezing, dead ones included. */
  unfrozen!: Float64Array;
  redirects!: Float64Array;
  stubs!: Float64Array;
  /** Behind the fields, for each page `words` of "gone", then as many of "heap-only". */
  private rowBits!: Uint32Array;
  private readonly words: number;
  /** From one entry to the next. */
  private readonly stride: number;
  private capacity = 0;
  /** Open addressing: pairs of a block and its entry, -1 where there is none. */
  private index = new Int32Array(FIRST_CAPACITY * 4).fill(-1);
  /** The changed page that was looked for last: one change asks for its page many times. */
  private lastBlock = -1;
  private lastEntry = -1;
  /** Loaded pages below these have the bit set, unless changed since. */
  visibleBelow = 0;
  frozenBelow = 0;

  constructor(loaded: LoadedPages, isVacuumed: boolean, isFrozen: boolean) {
    this.loaded = loaded;
    this.words = Math.ceil(loaded.rowsPerPage / 32);
    this.stride = Math.ceil((FIELDS + this.words) / LINE) * LINE;
    this.lay(FIRST_CAPACITY, null);
    if (isVacuumed) this.visibleBelow = loaded.pages;
    if (isVacuumed && isFrozen) this.frozenBelow = loaded.pages;
  }

  /** The entry of a changed page; -1 if it is as loaded (or as new). */
  find(block: number): number {
    return block === this.lastBlock ? this.lastEntry : this.lookUp(block);
  }

  /** The entry of a page, made now if the page was not changed before. */
  touch(block: number): number {
    const found = this.find(block);
    if (found >= 0) return found;
    if (this.count === this.capacity) this.grow();
    const entry = this.count++ * this.stride;
    this.block[entry] = block;
    this.enter(entry);
    this.reset(entry, this.loadedRows(block));
    return entry;
  }

  /** Rows that loading put on a block. */
  loadedRows(block: number): number {
    const { pages, rows, rowsPerPage } = this.loaded;
    if (block >= pages) return 0;
    return block === pages - 1 ? rows - block * rowsPerPage : rowsPerPage;
  }

  /** The flags of any page. */
  flagsOf(block: number): number {
    const entry = this.find(block);
    return entry >= 0 ? this.flags[entry]! : this.loadedFlags(block);
  }

  /** The LSN of any page; 0 for one that does not exist yet. */
  lsnOf(block: number): Lsn {
    const entry = this.find(block);
    if (entry >= 0) return this.lsn[entry]!;
    return block < this.loaded.pages ? this.loaded.lsn : 0;
  }

  /** Room for a new tuple of so many bytes on a changed page. */
  freeBytes(entry: number, tupleBytes: number): number {
    const tuples = this.live[entry]! + this.dead[entry]!;
    return freeBytes(this.pointers[entry]!, this.unused[entry]!, tuples, tupleBytes);
  }

  /** What an image of a changed page has. */
  usedBytes(entry: number, tupleBytes: number): number {
    return usedBytes(this.pointers[entry]!, this.live[entry]! + this.dead[entry]!, tupleBytes);
  }

  isGone(entry: number, slot: number): boolean {
    return this.bit(2 * (entry + FIELDS), slot);
  }

  setGone(entry: number, slot: number, gone: boolean): void {
    this.setBit(2 * (entry + FIELDS), slot, gone);
  }

  isHeapOnly(entry: number, slot: number): boolean {
    return this.bit(2 * (entry + FIELDS) + this.words, slot);
  }

  setHeapOnly(entry: number, slot: number, heapOnly: boolean): void {
    this.setBit(2 * (entry + FIELDS) + this.words, slot, heapOnly);
  }

  /** The blocks of all changed pages, in order. */
  blocks(): Float64Array {
    const blocks = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) blocks[i] = this.block[i * this.stride]!;
    return blocks.sort();
  }

  /** A page behind the end of the file is empty again: truncation took it. */
  forget(entry: number): void {
    this.reset(entry, 0);
    this.lsn[entry] = 0;
  }

  /** Memory of this structure in bytes. */
  get bytes(): number {
    return this.block.buffer.byteLength + this.index.length * 4;
  }

  private lookUp(block: number): number {
    const { index } = this;
    const mask = index.length - 2;
    for (let at = hash(block) & mask; ; at = (at + 2) & mask) {
      const entry = index[at + 1]!;
      if (entry < 0) return -1;
      if (index[at] !== (block | 0)) continue;
      this.lastBlock = block;
      this.lastEntry = entry;
      return entry;
    }
  }

  private reset(entry: number, rows: number): void {
    const { xid, lsn } = this.loaded;
    this.pointers[entry] = this.live[entry] = rows;
    this.unused[entry] = this.redirects[entry] = this.stubs[entry] = this.dead[entry] = 0;
    this.deadHead[entry] = -1;
    this.pruneXid[entry] = 0;
    this.oldestXid[entry] = this.newestXid[entry] = rows > 0 ? xid : 0;
    this.lsn[entry] = rows > 0 ? lsn : 0;
    this.flags[entry] = rows > 0 ? this.loadedFlags(this.block[entry]!) : 0;
    const isFrozen = rows === 0 || (this.flags[entry]! & ALL_FROZEN) !== 0;
    this.unfrozen[entry] = isFrozen ? 0 : rows;
    if (isFrozen) this.oldestXid[entry] = 0;
  }

  private loadedFlags(block: number): number {
    const visible = block < this.visibleBelow ? ALL_VISIBLE : 0;
    return visible | (block < this.frozenBelow ? ALL_FROZEN : 0);
  }

  private bit(base: number, slot: number): boolean {
    return (this.rowBits[base + (slot >>> 5)]! & (1 << (slot & 31))) !== 0;
  }

  private setBit(base: number, slot: number, value: boolean): void {
    const at = base + (slot >>> 5);
    const mask = 1 << (slot & 31);
    this.rowBits[at] = value ? this.rowBits[at]! | mask : this.rowBits[at]! & ~mask;
  }

  private enter(entry: number): void {
    const { index } = this;
    const mask = index.length - 2;
    const block = this.block[entry]!;
    let at = hash(block) & mask;
    while (index[at + 1]! >= 0) at = (at + 2) & mask;
    index[at] = block;
    index[at + 1] = entry;
  }

  private grow(): void {
    this.lay(Math.ceil(1.5 * this.capacity), new Float64Array(this.block.buffer));
    let numbers = this.index.length;
    while (numbers < 4 * this.capacity) numbers *= 2;
    this.index = new Int32Array(numbers).fill(-1);
    for (let i = 0; i < this.count; i++) this.enter(i * this.stride);
  }

  /** Memory for so many entries, of which some are there already. */
  private lay(capacity: number, former: Float64Array | null): void {
    const memory = new Float64Array(capacity * this.stride);
    if (former) memory.set(former);
    this.capacity = capacity;
    this.block = memory;
    this.flags = memory.subarray(1);
    this.pruneXid = memory.subarray(2);
    this.newestXid = memory.subarray(3);
    this.pointers = memory.subarray(4);
    this.unused = memory.subarray(5);
    this.live = memory.subarray(6);
    this.dead = memory.subarray(7);
    this.lsn = memory.subarray(8);
    this.deadHead = memory.subarray(9);
    this.oldestXid = memory.subarray(10);
    this.unfrozen = memory.subarray(11);
    this.redirects = memory.subarray(12);
    this.stubs = memory.subarray(13);
    this.rowBits = new Uint32Array(memory.buffer);
  }
}

/** Fibonacci hashing: neighbouring blocks land far apart. */
function hash(block: number): number {
  return Math.imul(block, 0x9e3779b1) >>> 7;
}
