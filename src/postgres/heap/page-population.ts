/**
 * The pages of one table. A page that the run has not changed is what loading left: nothing is
 * stored for it. A changed page is one entry in parallel typed arrays, found by its block over an
 * open-addressing index: some 70 bytes, however many rows the table has.
 *
 * For each changed page: line pointers (all, unused, redirecting, dead stubs), live and dead
 * versions, the prune hint, the oldest and newest transaction that made a live version, its LSN,
 * flags, and two bits for each row that was loaded here: is it gone, is its version heap-only.
 */

import type { Lsn } from '../lsn.ts';

/** Visibility map and header flags of a page. */
export const ALL_VISIBLE = 1;
export const ALL_FROZEN = 2;
/** PD_PAGE_FULL: an update had to leave the page. */
export const PAGE_FULL = 4;
/** Versions whose hint bits nobody has set yet. */
export const HINTS_MISSING = 8;

/** What loading left on every page. */
export interface LoadedPages {
  readonly pages: number;
  readonly rows: number;
  readonly rowsPerPage: number;
  readonly xid: number;
  readonly lsn: Lsn;
}

const FIRST_CAPACITY = 64;

export class PagePopulation {
  /** Changed pages. Their entries are numbered from 0 in the order in which they were changed. */
  count = 0;
  readonly loaded: LoadedPages;
  block = new Uint32Array(FIRST_CAPACITY);
  pointers = new Uint16Array(FIRST_CAPACITY);
  unused = new Uint16Array(FIRST_CAPACITY);
  redirects = new Uint16Array(FIRST_CAPACITY);
  stubs = new Uint16Array(FIRST_CAPACITY);
  live = new Uint16Array(FIRST_CAPACITY);
  dead = new Uint16Array(FIRST_CAPACITY);
  /** Versions that came after loading or the last freezing, dead ones included. */
  unfrozen = new Uint16Array(FIRST_CAPACITY);
  deadHead = new Int32Array(FIRST_CAPACITY);
  pruneXid = new Float64Array(FIRST_CAPACITY);
  oldestXid = new Float64Array(FIRST_CAPACITY);
  newestXid = new Float64Array(FIRST_CAPACITY);
  lsn = new Float64Array(FIRST_CAPACITY);
  flags = new Uint8Array(FIRST_CAPACITY);
  /** For each page `words` of "gone", then as many of "heap-only". */
  private rowBits: Uint32Array;
  private readonly words: number;
  private index = new Int32Array(FIRST_CAPACITY * 2).fill(-1);
  /** Loaded pages below these have the bit set, unless changed since. */
  visibleBelow = 0;
  frozenBelow = 0;

  constructor(loaded: LoadedPages, isVacuumed: boolean, isFrozen: boolean) {
    this.loaded = loaded;
    this.words = Math.ceil(loaded.rowsPerPage / 32);
    this.rowBits = new Uint32Array(FIRST_CAPACITY * this.words * 2);
    if (isVacuumed) this.visibleBelow = loaded.pages;
    if (isVacuumed && isFrozen) this.frozenBelow = loaded.pages;
  }

  /** The entry of a changed page; -1 if it is as loaded (or as new). */
  find(block: number): number {
    const mask = this.index.length - 1;
    for (let at = hash(block) & mask; ; at = (at + 1) & mask) {
      const entry = this.index[at]!;
      if (entry < 0 || this.block[entry] === block) return entry;
    }
  }

  /** The entry of a page, made now if the page was not changed before. */
  touch(block: number): number {
    const found = this.find(block);
    if (found >= 0) return found;
    if (this.count === this.block.length) this.grow();
    const entry = this.count++;
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

  isGone(entry: number, slot: number): boolean {
    return this.bit(entry * this.words * 2, slot);
  }

  setGone(entry: number, slot: number, gone: boolean): void {
    this.setBit(entry * this.words * 2, slot, gone);
  }

  isHeapOnly(entry: number, slot: number): boolean {
    return this.bit((entry * 2 + 1) * this.words, slot);
  }

  setHeapOnly(entry: number, slot: number, heapOnly: boolean): void {
    this.setBit((entry * 2 + 1) * this.words, slot, heapOnly);
  }

  /** A page behind the end of the file is empty again: truncation took it. */
  forget(entry: number): void {
    this.reset(entry, 0);
    this.lsn[entry] = 0;
  }

  /** Memory of this structure in bytes. */
  get bytes(): number {
    return this.block.length * (16 + 4 + 4 + 4 * 8 + 1 + this.words * 8) + this.index.length * 4;
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
    const mask = this.index.length - 1;
    let at = hash(this.block[entry]!) & mask;
    while (this.index[at]! >= 0) at = (at + 1) & mask;
    this.index[at] = entry;
  }

  private grow(): void {
    const size = this.count * 2;
    this.block = enlarged(this.block, new Uint32Array(size));
    this.pointers = enlarged(this.pointers, new Uint16Array(size));
    this.unused = enlarged(this.unused, new Uint16Array(size));
    this.redirects = enlarged(this.redirects, new Uint16Array(size));
    this.stubs = enlarged(this.stubs, new Uint16Array(size));
    this.live = enlarged(this.live, new Uint16Array(size));
    this.dead = enlarged(this.dead, new Uint16Array(size));
    this.unfrozen = enlarged(this.unfrozen, new Uint16Array(size));
    this.deadHead = enlarged(this.deadHead, new Int32Array(size));
    this.pruneXid = enlarged(this.pruneXid, new Float64Array(size));
    this.oldestXid = enlarged(this.oldestXid, new Float64Array(size));
    this.newestXid = enlarged(this.newestXid, new Float64Array(size));
    this.lsn = enlarged(this.lsn, new Float64Array(size));
    this.flags = enlarged(this.flags, new Uint8Array(size));
    this.rowBits = enlarged(this.rowBits, new Uint32Array(size * this.words * 2));
    this.index = new Int32Array(size * 2).fill(-1);
    for (let entry = 0; entry < this.count; entry++) this.enter(entry);
  }
}

function enlarged<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** Fibonacci hashing: neighbouring blocks land far apart. */
function hash(block: number): number {
  return Math.imul(block, 0x9e3779b1) >>> 7;
}
