/**
 * A b-tree index as a population of entries on pages. A look-up reads one page of each level; an
 * insert adds an entry to a leaf, and if the leaf is full makes room first: it removes entries that
 * are known to be dead, then (since version 14, for new versions of a row whose key is the same)
 * looks up old versions in the heap and removes what nobody can see, then merges duplicates, and
 * only then splits the page (nbtinsert.c:_bt_findinsertloc, _bt_delete_or_dedup_one_page).
 *
 * Splits: the rightmost leaf keeps the fillfactor's share, so that ascending keys leave leaves 90 %
 * full; others are halved, so that random keys leave them at ln 2 = 69 % in the mean.
 *
 * Kept: blocks, bytes, splits up to a new root, dead entries by the transaction that ended them,
 * full scans of vacuum, unlinked pages. Left out: splits tuned to ascending runs in the middle and
 * to single values, suffix truncation, reuse of unlinked pages by other ranges, and the fast root.
 */

import { DeadVersions, LEAF_ENTRY } from '../heap/dead-versions.ts';
import type { RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import type { Lsn } from '../lsn.ts';
import * as layout from './btree-layout.ts';
import { BTreeLevel } from './btree-level.ts';
import * as records from './btree-records.ts';
import { bottomUpLimit, deduplicate, removeEntries } from './make-room.ts';
import { PageLsns } from './page-lsns.ts';
import { keptEntries, medianDeviation } from './split-point.ts';

export interface IndexDefinition {
  readonly relation: number;
  /** The key's bytes as stored: 4 for int, 8 for bigint, 16 for uuid. */
  readonly keyBytes: number;
  readonly unique: boolean;
  readonly fillfactor: number;
  /** Keys arrive in no order (UUIDs, hashes): a page's median is not quite its middle. */
  readonly keysAreRandom?: boolean;
  /** Rows for each distinct key when the index was built. */
  readonly rowsPerKey: number;
  readonly version: number;
  readonly loadedLsn?: Lsn;
}

export interface EntryInsert {
  readonly horizon: number;
  /** A new version of a row whose key did not change. */
  readonly isNewVersion: boolean;
}

export interface IndexChange {
  /** Blocks read on the way, root first. */
  readonly path: readonly number[];
  readonly records: readonly WalRecord[];
}

export class BTree {
  readonly definition: IndexDefinition;
  readonly levels: BTreeLevel[] = [];
  readonly dead = new DeadVersions();
  /** Pages of the file, metapage included. */
  pages: number;
  /** Entries: in the tree, of these dead, removed since the run began. */
  entries: number;
  deadEntries = 0;
  removed = 0;
  private readonly lsns = new PageLsns();
  private readonly tupleBytes: number;
  private readonly entryBytes: number;
  /** Beyond all positions seen so far. */
  private end: number;

  constructor(definition: IndexDefinition, rows: number) {
    const { keyBytes, fillfactor, rowsPerKey } = definition;
    this.definition = definition;
    this.tupleBytes = layout.tupleBytes(keyBytes);
    this.entryBytes = layout.entryBytes(keyBytes);
    this.entries = this.end = rows;
    if (rows === 0) {
      this.pages = 1;
      return;
    }
    const built = new layout.BuiltTree(rows, keyBytes, fillfactor, rowsPerKey);
    this.pages = built.pages;
    for (let level = 0; level < built.counts.length; level++) {
      this.levels.push(new BTreeLevel(level, built, rows, keyBytes, rowsPerKey));
    }
  }

  /** Levels above the leaves, as bt_metap shows it; the pages of a look-up are one more. */
  get height(): number {
    return Math.max(0, this.levels.length - 1);
  }

  get leaves(): BTreeLevel | undefined {
    return this.levels[0];
  }

  /** The blocks that a look-up reads, root first. */
  descend(position: number): number[] {
    const path: number[] = [];
    for (let at = this.levels.length - 1; at >= 0; at--) {
      path.push(this.levels[at]!.blockOf(position));
    }
    return path;
  }

  /** The blocks above the leaves, as CREATE INDEX left them or splits made them. */
  innerBlocks(): number[] {
    return this.levels.slice(1).flatMap((level) => level.blocks());
  }

  /** A new entry at a position. */
  insert(position: number, how: EntryInsert): IndexChange {
    const list: WalRecord[] = [];
    if (this.levels.length === 0) this.plant(list);
    const path = this.descend(position);
    if (position >= this.end) this.end = position + 1;
    const leaves = this.levels[0]!;
    let entry = leaves.touch(position);
    this.revive(entry);
    if (!this.fits(leaves, entry)) this.makeRoom(entry, how, list);
    if (this.fits(leaves, entry)) {
      this.addEntry(leaves, entry, how.isNewVersion);
      list.push(records.leafInsertRecord(this.pageOf(leaves, entry), this.tupleBytes));
    } else {
      entry = this.split(0, entry, position, how.isNewVersion, list);
    }
    this.entries++;
    return { path, records: list };
  }

  /** The version that an entry at this position leads to was ended by a transaction. */
  markDead(position: number, xid: number): void {
    const leaves = this.levels[0]!;
    const entry = leaves.touch(position);
    leaves.deadHead[entry] = this.dead.add(leaves.deadHead[entry]!, xid, LEAF_ENTRY);
    this.deadEntries++;
  }

  /** That transaction aborted. */
  unmarkDead(position: number, xid: number): void {
    const leaves = this.levels[0]!;
    const entry = leaves.touch(position);
    leaves.deadHead[entry] = this.dead.withdraw(leaves.deadHead[entry]!, xid, LEAF_ENTRY);
    this.deadEntries--;
  }

  /** A scan followed entries to versions that nobody can see, and marked them (LP_DEAD). */
  hintDead(position: number, entries: number): void {
    const leaf = this.levels[0]?.find(position) ?? -1;
    if (leaf >= 0) this.levels[0]!.known[leaf] = this.levels[0]!.known[leaf]! + entries;
  }

  lsnOf(block: number): Lsn {
    const { loadedLsn = 0 } = this.definition;
    return this.lsns.get(block, loadedLsn);
  }

  /** The record was inserted and ends here: its pages get this LSN. */
  stamp(record: WalRecord, lsn: Lsn): void {
    for (const block of record.blocks) {
      if (this.owns(block)) this.lsns.set(block.block, lsn);
    }
  }

  get bytes(): number {
    const levels = this.levels.reduce((sum, level) => sum + level.bytes, 0);
    return levels + this.dead.bytes + this.lsns.bytes;
  }

  private owns({ relation }: RegisteredBlock): boolean {
    return relation === this.definition.relation;
  }

  private highKeyBytes(level: BTreeLevel, entry: number): number {
    return level.isRightmost(entry) ? 0 : this.entryBytes;
  }

  private fits(level: BTreeLevel, entry: number): boolean {
    const free = layout.freeBytes(level.usedBytes[entry]!, this.highKeyBytes(level, entry));
    return free >= this.tupleBytes;
  }

  /** A page as a record registers it. */
  pageOf(level: BTreeLevel, entry: number): records.IndexPage {
    return {
      relation: this.definition.relation,
      block: level.block[entry]!,
      usedBytes: level.usedBytes[entry]! + this.highKeyBytes(level, entry),
    };
  }

  private addEntry(level: BTreeLevel, entry: number, isDuplicate: boolean): void {
    level.items[entry] = level.items[entry]! + 1;
    if (!isDuplicate) level.keys[entry] = level.keys[entry]! + 1;
    level.usedBytes[entry] = level.usedBytes[entry]! + this.entryBytes;
  }

  /** The first entry of an empty index makes its root, a leaf. */
  private plant(list: WalRecord[]): void {
    const { keyBytes } = this.definition;
    const leaves = new BTreeLevel(0, null, 0, keyBytes, 1);
    this.levels.push(leaves);
    const root = leaves.add(this.pages++, Number.NEGATIVE_INFINITY);
    list.push(records.newRootRecord(this.pageOf(leaves, root), null, this.tupleBytes));
  }

  private makeRoom(entry: number, how: EntryInsert, list: WalRecord[]): void {
    const leaves = this.levels[0]!;
    const { version, unique, keyBytes } = this.definition;
    const { horizon, isNewVersion } = how;
    const known = leaves.known[entry]!;
    if (known > 0) this.deleteEntries(entry, horizon, known, list);
    if (this.fits(leaves, entry)) return;
    if (version >= 14 && isNewVersion) {
      const limit = bottomUpLimit(leaves, this.dead, entry, horizon);
      this.deleteEntries(entry, horizon, limit, list);
      if (this.fits(leaves, entry)) return;
    }
    if (unique && !isNewVersion) return;
    const lists = deduplicate(leaves, entry, keyBytes);
    if (lists > 0) list.push(records.deduplicateRecord(this.pageOf(leaves, entry), lists));
  }

  private deleteEntries(leaf: number, horizon: number, limit: number, list: WalRecord[]): void {
    const removed = this.remove(leaf, horizon, limit);
    if (removed === 0) return;
    const { version } = this.definition;
    const page = this.pageOf(this.levels[0]!, leaf);
    list.push(records.deleteRecord(page, removed, version, this.dead.newestRemovedXid));
  }

  /** Takes dead entries off a leaf, at most so many; returns how many there were. */
  remove(leaf: number, horizon: number, limit: number): number {
    const removed = removeEntries(this.levels[0]!, this.dead, leaf, horizon, limit);
    this.entries -= removed;
    this.deadEntries -= removed;
    this.removed += removed;
    return removed;
  }

  /** Splits a full page and adds the entry that did not fit; returns the page that has it. */
  private split(
    at: number,
    entry: number,
    position: number,
    isDuplicate: boolean,
    list: WalRecord[],
  ): number {
    const level = this.levels[at]!;
    const left = entry;
    const total = level.items[left]! + 1;
    const bytes = level.usedBytes[left]! + this.entryBytes;
    const percent = at === 0 ? this.definition.fillfactor : layout.INNER_FILLFACTOR;
    const open = level.isRightmost(left);
    const kept = keptEntries(open, percent, total, bytes, this.entryBytes);
    const lower = level.lower[left]!;
    const bound = this.boundAt(at, left, position, kept, total);
    const right = level.add(this.pages++, bound);
    level.upper[right] = level.upper[left]!;
    level.upper[left] = bound;
    this.share(level, left, right, kept, total, bytes, isDuplicate);
    if (at === 0) this.shareDead(left, right);
    const newEntryIsLeft = position < bound;
    const hasSibling = !level.isRightmost(right);
    list.push(
      records.splitRecord({
        left: this.pageOf(level, left),
        right: this.pageOf(level, right),
        sibling: hasSibling ? this.sibling(level, right) : null,
        newEntryIsLeft,
        tupleBytes: this.tupleBytes,
        rightTuplesBytes: this.tuplesBytes(level, right),
      }),
    );
    this.insertDownlink(at + 1, bound, lower, left, list);
    return newEntryIsLeft ? left : right;
  }

  /** The position between the two halves, entries being spread evenly. */
  private boundAt(at: number, left: number, position: number, kept: number, total: number): number {
    const level = this.levels[at]!;
    const lower = Math.max(0, level.lower[left]!);
    const isOpen = level.isRightmost(left);
    if (isOpen && at > 0) return this.childBound(at, left, kept, position);
    const end = isOpen ? this.end : level.upper[left]!;
    const { keysAreRandom = false } = this.definition;
    const jitter = keysAreRandom ? medianDeviation(total, this.pages) : 0;
    const share = Math.min(0.98, Math.max(0.02, kept / total + jitter));
    return lower + (end - lower) * share;
  }

  /** On an inner level the last page's children thin out: its newest child begins the new page. */
  private childBound(at: number, left: number, kept: number, position: number): number {
    const lower = Math.max(0, this.levels[at]!.lower[left]!);
    const total = this.levels[at]!.items[left]! + 1;
    return lower + ((position - lower) * kept) / (total - 1);
  }

  private share(
    level: BTreeLevel,
    left: number,
    right: number,
    kept: number,
    total: number,
    bytes: number,
    isDuplicate: boolean,
  ): void {
    const keys = level.keys[left]! + (isDuplicate ? 0 : 1);
    const leftBytes = Math.round((bytes * kept) / total);
    const leftKeys = Math.min(kept, Math.round((keys * kept) / total));
    level.items[left] = kept;
    level.items[right] = total - kept;
    level.usedBytes[left] = leftBytes;
    level.usedBytes[right] = bytes - leftBytes;
    level.keys[left] = leftKeys;
    level.keys[right] = Math.min(total - kept, keys - leftKeys);
  }

  private shareDead(left: number, right: number): void {
    const leaves = this.levels[0]!;
    const [kept, moved] = this.dead.split(leaves.deadHead[left]!);
    leaves.deadHead[left] = kept;
    leaves.deadHead[right] = moved;
    leaves.known[right] = Math.floor(leaves.known[left]! / 2);
    leaves.known[left] = leaves.known[left]! - leaves.known[right]!;
  }

  private insertDownlink(
    at: number,
    bound: number,
    lower: number,
    child: number,
    list: WalRecord[],
  ): void {
    const below = this.levels[at - 1]!;
    if (at === this.levels.length) {
      this.addRoot(at, child, lower, list);
      return;
    }
    const level = this.levels[at]!;
    const entry = level.touch(bound);
    if (!this.fits(level, entry)) {
      this.split(at, entry, bound, false, list);
      return;
    }
    this.addEntry(level, entry, false);
    const page = this.pageOf(level, entry);
    list.push(records.upperInsertRecord(page, this.pageOf(below, child), this.tupleBytes));
  }

  private addRoot(at: number, child: number, lower: number, list: WalRecord[]): void {
    const level = new BTreeLevel(at, null, 0, this.definition.keyBytes, 1);
    this.levels.push(level);
    const root = level.add(this.pages++, Math.min(lower, 0));
    level.lower[root] = Number.NEGATIVE_INFINITY;
    level.items[root] = level.keys[root] = 2;
    level.usedBytes[root] = 2 * this.entryBytes - 8;
    const below = this.pageOf(this.levels[at - 1]!, child);
    list.push(records.newRootRecord(this.pageOf(level, root), below, this.tupleBytes));
  }

  private sibling(level: BTreeLevel, entry: number): records.IndexPage {
    return this.pageOf(level, level.touch(level.upper[entry]!));
  }

  /** Tuples of a page with its high key, without line pointers. */
  private tuplesBytes(level: BTreeLevel, entry: number): number {
    const tuples = level.items[entry]! + (level.isRightmost(entry) ? 0 : 1);
    const { usedBytes } = this.pageOf(level, entry);
    return usedBytes - tuples * layout.LINE_POINTER_BYTES;
  }

  /** An insert into the range of an unlinked leaf: the page is taken into use again. */
  private revive(entry: number): void {
    this.levels[0]!.unlinked[entry] = 0;
  }
}
