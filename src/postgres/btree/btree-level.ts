/**
 * One level of a b-tree: its pages from left to right, each responsible for a range of key
 * positions.
 *
 * Positions are numbers: row r of an index that was built in key order is at position r. A page
 * that CREATE INDEX left and nobody changed is arithmetic; a changed page is an entry in typed
 * arrays with its range, entries and bytes; the lower bounds of pages that splits made are kept
 * sorted. Entries of a page are taken to be spread evenly over its range.
 */

import { Boundaries } from './boundaries.ts';
import { type BuiltTree, entryBytes } from './btree-layout.ts';

const FIRST_CAPACITY = 4;
/** Numbers in an entry: ten fields, in two lines of the cache. */
const STRIDE = 16;

export class BTreeLevel {
  /** Pages of this level. */
  pages: number;
  /** Changed pages. */
  count = 0;
  // An entry is its place in the memory, of which each field is a view.
  block!: Float64Array;
  /** Entries (live and dead), distinct keys, and what they take without the high key. */
  items!: Float64Array;
  keys!: Float64Array;
  usedBytes!: Float64Array;
  lower!: Float64Array;
  upper!: Float64Array;
  /** Leaves only: dead entries, and how many of them a scan has marked. */
  deadHead!: Float64Array;
  known!: Float64Array;
  /** Leaves only: vacuum unlinked the page. */
  unlinked!: Float64Array;
  /** Which page of CREATE INDEX it was; -1 for one that a split added. */
  private number!: Float64Array;
  private capacity = 0;
  /** Entries of changed pages of CREATE INDEX, open addressing by their number. */
  private index = new Int32Array(2 * FIRST_CAPACITY).fill(-1);
  private readonly level: number;
  private readonly built: BuiltTree | null;
  private readonly rows: number;
  private readonly keyBytes: number;
  private readonly rowsPerKey: number;
  /** Positions that a page of CREATE INDEX covers. */
  private readonly span: number;
  private readonly builtPages: number;
  private readonly splits = new Boundaries();

  constructor(
    level: number,
    built: BuiltTree | null,
    rows: number,
    keyBytes: number,
    rowsPerKey: number,
  ) {
    this.level = level;
    this.built = built;
    this.rows = rows;
    this.keyBytes = keyBytes;
    this.rowsPerKey = rowsPerKey;
    this.builtPages = built?.counts[level] ?? 0;
    this.pages = this.builtPages;
    let span = built?.rowsPerLeaf ?? 0;
    for (let at = 0; at < level; at++) span *= built?.fanOut ?? 0;
    this.span = span;
    this.lay(FIRST_CAPACITY, null);
  }

  /** The changed page that covers a position; -1 if CREATE INDEX's page does, unchanged. */
  find(position: number): number {
    const number = this.numberOf(position);
    const added = this.added(position, number);
    return added >= 0 ? added : this.changed(number);
  }

  /** The block of the page that covers a position; those of CREATE INDEX never leave theirs. */
  blockOf(position: number): number {
    const number = this.numberOf(position);
    const added = this.added(position, number);
    return added >= 0 ? this.block[added]! : this.built!.blockOf(this.level, number);
  }

  /** The page that covers a position if a split has made it; -1 if CREATE INDEX has. */
  private added(position: number, number: number): number {
    if (this.splits.size === 0) return -1;
    const last = this.splits.floor(position);
    if (last < 0 || this.builtPages === 0) return last;
    return this.lower[last]! >= number * this.span ? last : -1;
  }

  /** All blocks of this level: those of CREATE INDEX, and those that splits have added. */
  blocks(): number[] {
    const { built, builtPages, level } = this;
    const blocks = new Set<number>();
    for (let page = 0; page < builtPages; page++) blocks.add(built!.blockOf(level, page));
    for (const entry of this.entries()) blocks.add(this.block[entry]!);
    return [...blocks];
  }

  /** The page that covers a position, as a changed page. */
  touch(position: number): number {
    const found = this.find(position);
    if (found >= 0) return found;
    const number = this.numberOf(position);
    const last = number === this.builtPages - 1;
    const lower = number * this.span;
    const end = last ? this.rows : lower + this.span;
    const entry = this.take(this.built!.blockOf(this.level, number), lower);
    this.upper[entry] = last ? Number.POSITIVE_INFINITY : end;
    this.fill(entry, number, end - lower);
    this.number[entry] = number;
    this.enter(entry);
    return entry;
  }

  /** A page that a split, or a new root, adds; its range and contents are the caller's to set. */
  add(block: number, lower: number): number {
    const entry = this.take(block, lower);
    this.splits.insert(lower, entry);
    this.pages++;
    return entry;
  }

  isRightmost(entry: number): boolean {
    return this.upper[entry] === Number.POSITIVE_INFINITY;
  }

  private fill(entry: number, number: number, positions: number): void {
    if (this.level === 0) {
      const bytes = this.built!.leafBytes(positions, this.keyBytes, this.rowsPerKey);
      this.items[entry] = positions;
      this.keys[entry] = Math.ceil(positions / this.rowsPerKey);
      this.usedBytes[entry] = bytes;
      return;
    }
    const { fanOut, counts } = this.built!;
    const children = counts[this.level - 1]! - number * fanOut;
    const items = number === this.builtPages - 1 ? children : fanOut;
    this.items[entry] = this.keys[entry] = items;
    this.usedBytes[entry] = items * entryBytes(this.keyBytes) - 8;
  }

  private numberOf(position: number): number {
    if (this.builtPages === 0) return 0;
    return Math.min(this.builtPages - 1, Math.max(0, Math.floor(position / this.span)));
  }

  private take(block: number, lower: number): number {
    if (this.count === this.capacity) this.grow();
    const entry = this.count++ * STRIDE;
    this.block[entry] = block;
    this.lower[entry] = lower;
    this.upper[entry] = Number.POSITIVE_INFINITY;
    this.deadHead[entry] = -1;
    this.number[entry] = -1;
    return entry;
  }

  /** All changed pages, in the order in which they were changed. */
  *entries(): Generator<number> {
    for (let i = 0; i < this.count; i++) yield i * STRIDE;
  }

  /** The changed page with this number; -1 if it is as CREATE INDEX left it. */
  private changed(number: number): number {
    const mask = this.index.length - 1;
    for (let at = hash(number) & mask; ; at = (at + 1) & mask) {
      const entry = this.index[at]!;
      if (entry < 0 || this.number[entry] === number) return entry;
    }
  }

  private enter(entry: number): void {
    const mask = this.index.length - 1;
    let at = hash(this.number[entry]!) & mask;
    while (this.index[at]! >= 0) at = (at + 1) & mask;
    this.index[at] = entry;
  }

  /** Memory in bytes. */
  get bytes(): number {
    return this.block.byteLength + this.index.byteLength + this.splits.size * 12;
  }

  private grow(): void {
    this.lay(2 * this.capacity, this.block);
    this.index = new Int32Array(2 * this.capacity).fill(-1);
    for (const entry of this.entries()) if (this.number[entry]! >= 0) this.enter(entry);
  }

  private lay(capacity: number, former: Float64Array | null): void {
    const memory = new Float64Array(capacity * STRIDE);
    if (former) memory.set(former);
    this.capacity = capacity;
    this.block = memory;
    this.number = memory.subarray(1);
    this.items = memory.subarray(2);
    this.usedBytes = memory.subarray(3);
    this.lower = memory.subarray(4);
    this.upper = memory.subarray(5);
    this.deadHead = memory.subarray(6);
    this.keys = memory.subarray(7);
    this.known = memory.subarray(8);
    this.unlinked = memory.subarray(9);
  }
}

/** Fibonacci hashing: neighbouring pages land far apart. */
function hash(number: number): number {
  return Math.imul(number, 0x9e3779b1) >>> 7;
}
