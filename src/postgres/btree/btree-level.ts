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

const FIRST_CAPACITY = 16;

export class BTreeLevel {
  /** Pages of this level. */
  pages: number;
  /** Changed pages. */
  count = 0;
  block = new Uint32Array(FIRST_CAPACITY);
  /** Entries (live and dead), distinct keys, and what they take without the high key. */
  items = new Uint16Array(FIRST_CAPACITY);
  keys = new Uint16Array(FIRST_CAPACITY);
  usedBytes = new Uint16Array(FIRST_CAPACITY);
  lower = new Float64Array(FIRST_CAPACITY);
  upper = new Float64Array(FIRST_CAPACITY);
  /** Leaves only: dead entries, and how many of them a scan has marked. */
  deadHead = new Int32Array(FIRST_CAPACITY);
  known = new Uint16Array(FIRST_CAPACITY);
  /** Leaves only: vacuum unlinked the page. */
  unlinked = new Uint8Array(FIRST_CAPACITY);
  private readonly level: number;
  private readonly built: BuiltTree | null;
  private readonly rows: number;
  private readonly keyBytes: number;
  private readonly rowsPerKey: number;
  /** Positions that a page of CREATE INDEX covers. */
  private readonly span: number;
  private readonly builtPages: number;
  private readonly byNumber = new Map<number, number>();
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
  }

  /** The changed page that covers a position; -1 if CREATE INDEX's page does, unchanged. */
  find(position: number): number {
    const number = this.numberOf(position);
    if (this.splits.size === 0) return this.byNumber.get(number) ?? -1;
    const { bound, entry } = this.splits.floor(position);
    if (this.builtPages === 0 || bound >= number * this.span) return entry;
    return this.byNumber.get(number) ?? -1;
  }

  /** The block of the page that covers a position. */
  blockOf(position: number): number {
    const entry = this.find(position);
    if (entry >= 0) return this.block[entry]!;
    return this.built!.blockOf(this.level, this.numberOf(position));
  }

  /** All blocks of this level: those of CREATE INDEX, and those that splits have added. */
  blocks(): number[] {
    const { built, builtPages, level } = this;
    const blocks = new Set<number>();
    for (let page = 0; page < builtPages; page++) blocks.add(built!.blockOf(level, page));
    for (let entry = 0; entry < this.count; entry++) blocks.add(this.block[entry]!);
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
    this.byNumber.set(number, entry);
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
    if (this.count === this.block.length) this.grow();
    const entry = this.count++;
    this.block[entry] = block;
    this.lower[entry] = lower;
    this.upper[entry] = Number.POSITIVE_INFINITY;
    this.deadHead[entry] = -1;
    return entry;
  }

  /** Memory in bytes, the map of changed pages taken as 40 bytes an entry. */
  get bytes(): number {
    return this.block.length * 33 + this.byNumber.size * 40 + this.splits.size * 12;
  }

  private grow(): void {
    const size = this.count * 2;
    this.block = enlarged(this.block, new Uint32Array(size));
    this.items = enlarged(this.items, new Uint16Array(size));
    this.keys = enlarged(this.keys, new Uint16Array(size));
    this.usedBytes = enlarged(this.usedBytes, new Uint16Array(size));
    this.lower = enlarged(this.lower, new Float64Array(size));
    this.upper = enlarged(this.upper, new Float64Array(size));
    this.deadHead = enlarged(this.deadHead, new Int32Array(size));
    this.known = enlarged(this.known, new Uint16Array(size));
    this.unlinked = enlarged(this.unlinked, new Uint8Array(size));
  }
}

function enlarged<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
