/**
 * A table as a population of rows on pages. Real heaps store every version of every row; here a
 * page that the run has not changed is arithmetic (rows are on blocks in the order of loading), and
 * a changed page is a few counters (page-population.ts). Counts are exact: versions, line pointers,
 * free bytes, hence HOT or not, pruning, growth and the size of images.
 *
 * Rows are numbered from 0 in the order in which they were loaded or inserted. Each operation is
 * synchronous: it changes the counts and returns pages to read and WAL records to insert; its
 * caller spends the time and calls `stamp`. Left out: tuples of different widths in one table,
 * TOAST, multixacts and what a page's order of line pointers would tell.
 */

import type { Lsn } from '../lsn.ts';
import { CHAIN_END, DeadVersions, HEAP_ONLY, ROOT } from './dead-versions.ts';
import { FreeSpaceMap } from './free-space-map.ts';
import {
  type Actor,
  type Fetch,
  type Found,
  type HeapChange,
  type HeapDefinition,
  inPlace,
  inserted,
  NOTHING,
  type UpdateHow,
} from './heap-change.ts';
import * as records from './heap-records.ts';
import { placementOf } from './hot.ts';
import { findPage, type InsertTarget } from './insert-page.ts';
import * as layout from './page-layout.ts';
import { HINTS_MISSING, PAGE_FULL, PagePopulation } from './page-population.ts';
import { type Pruning, prunePage, prunesOnAccess } from './prune.ts';
import { RowPlacement } from './row-placement.ts';
import { VisibilityMap } from './visibility-map.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

const NO_RECORDS: readonly WalRecord[] = [];
const AS_LOADED: Fetch = { record: null, setsHints: false };

export class Heap {
  readonly definition: HeapDefinition;
  readonly rowsPerPage: number;
  readonly changed: PagePopulation;
  readonly versions = new DeadVersions();
  readonly freeSpace = new FreeSpaceMap();
  readonly visibility: VisibilityMap;
  readonly rows: RowPlacement;
  /** Pages of the file. */
  pages: number;
  /** The number that the next inserted row gets. */
  nextRow: number;
  /** Versions: ever made, now live, now dead, removed by pruning or vacuum. */
  inserted: number;
  live: number;
  dead = 0;
  removed = 0;
  /** Of these by queries, less the stubs that they left. */
  prunedByQueries = 0;
  /** Dead line pointers that wait for vacuum. */
  stubs = 0;
  /** Vacuum has removed all index entries of versions that ended before this transaction. */
  indexesCleanBelow = 0;
  updates = 0;
  hotUpdates = 0;

  constructor(definition: HeapDefinition) {
    const { rows, tupleBytes, fillfactor } = definition;
    this.definition = definition;
    this.rowsPerPage = layout.loadedRowsPerPage(tupleBytes, fillfactor);
    this.pages = Math.ceil(rows / this.rowsPerPage);
    this.nextRow = this.inserted = this.live = rows;
    const loaded = {
      pages: this.pages,
      rows,
      rowsPerPage: this.rowsPerPage,
      xid: definition.loadedXid ?? 3,
      lsn: definition.loadedLsn ?? 0,
    };
    const { isVacuumed = true, isFrozen = true } = definition;
    this.changed = new PagePopulation(loaded, isVacuumed, isFrozen);
    this.visibility = new VisibilityMap(this.changed);
    this.rows = new RowPlacement(this.changed, definition.isIndexed);
  }

  /** Room for a new tuple on any page (bufpage.c:PageGetHeapFreeSpace). */
  freeBytesOf(block: number): number {
    const { tupleBytes } = this.definition;
    const entry = this.changed.find(block);
    if (entry >= 0) return this.changed.freeBytes(entry, tupleBytes);
    const rows = this.changed.loadedRows(block);
    return layout.freeBytes(rows, 0, rows, tupleBytes);
  }

  /** Bytes of a page that an image of it has. */
  usedBytesOf(block: number): number {
    const { tupleBytes } = this.definition;
    const entry = this.changed.find(block);
    if (entry >= 0) return this.changed.usedBytes(entry, tupleBytes);
    const rows = this.changed.loadedRows(block);
    return layout.usedBytes(rows, rows, tupleBytes);
  }

  lsnOf(block: RegisteredBlock): Lsn {
    if (block.fork === 'visibility map') return this.visibility.lsnOf(block.block);
    return this.changed.lsnOf(block.block);
  }

  /** The record was inserted and ends here: its pages get this LSN. */
  stamp(record: WalRecord, lsn: Lsn): void {
    const { blocks } = record;
    for (let i = 0; i < blocks.length; i++) {
      const { relation, fork, block } = blocks[i]!;
      if (relation !== this.definition.relation) continue;
      if (fork === 'visibility map') this.visibility.setLsn(block, lsn);
      else this.changed.lsn[this.changed.touch(block)] = lsn;
    }
  }

  /** Finds a row by an index of its key, as a query or an update does. */
  find(row: number, horizon: number, oldestRunning = horizon): Found {
    const block = this.rows.blockOf(row);
    if (this.rows.hasStale(row, block)) return this.follow(row, block, horizon, oldestRunning);
    const { record, setsHints } = block < 0 ? AS_LOADED : this.fetch(block, horizon, oldestRunning);
    const records = record === null ? NO_RECORDS : [record];
    return { block, visited: NOTHING, marked: 0, records, setsHints };
  }

  /** Index entries of a row that moved may lead to pages that it has left. */
  private follow(row: number, block: number, horizon: number, oldestRunning: number): Found {
    const records: WalRecord[] = [];
    const visited: number[] = [];
    const marked = this.rows.visitStale(row, horizon, this.indexesCleanBelow, visited);
    for (const old of visited) {
      const { record } = this.fetch(old, horizon);
      if (record) records.push(record);
    }
    const { record, setsHints } = block < 0 ? AS_LOADED : this.fetch(block, horizon, oldestRunning);
    if (record) records.push(record);
    return { block, visited, marked, records, setsHints };
  }

  /**
   * A query reads a page, and prunes it if it is worth while. Hint bits are set by the first reader
   * after the transaction that last changed the page has ended (older than `oldestRunning`). On a
   * standby nobody prunes: the horizon to pass there is 0.
   */
  fetch(block: number, horizon: number, oldestRunning = horizon): Fetch {
    const entry = this.changed.find(block);
    if (entry < 0) return AS_LOADED;
    const pages = this.changed;
    const flags = pages.flags[entry]!;
    const pruneXid = pages.pruneXid[entry]!;
    let record: WalRecord | null = null;
    if (pruneXid !== 0 && pruneXid < horizon) {
      const isFull = (flags & PAGE_FULL) !== 0;
      const free = this.changed.freeBytes(entry, this.definition.tupleBytes);
      if (prunesOnAccess(pruneXid, horizon, isFull, free, this.definition.fillfactor)) {
        const pruning = this.prune(entry, horizon);
        if (pruning) record = this.pruneRecord(block, pruning);
        this.prunedByQueries += pruning ? pruning.removed - pruning.dead : 0;
      }
    }
    const setsHints = (flags & HINTS_MISSING) !== 0 && pages.newestXid[entry]! < oldestRunning;
    if (setsHints) pages.flags[entry] = pages.flags[entry]! & ~HINTS_MISSING;
    return record || setsHints ? { record, setsHints } : AS_LOADED;
  }

  /** Removes what the horizon allows from a changed page, whatever its free space. */
  prune(entry: number, horizon: number): Pruning | null {
    const pruning = prunePage(this.changed, this.versions, entry, horizon);
    if (pruning) {
      this.dead -= pruning.removed;
      this.removed += pruning.removed;
      this.stubs += pruning.dead;
    }
    return pruning;
  }

  pruneRecord(block: number, pruning: Pruning, frozen = 0, frozenBefore = 0): WalRecord {
    const { version } = this.definition;
    return records.pruneRecord(this.image(block), pruning, version, frozen, frozenBefore);
  }

  /** `row`: the number of a row that does not live; the next one if it is not given. */
  insert(xid: number, target: InsertTarget, row = this.nextRow): HeapChange {
    const { tupleBytes } = this.definition;
    this.nextRow = Math.max(this.nextRow, row + 1);
    const found = this.placeTuple(target, xid);
    this.rows.place(row, found.block, false);
    this.inserted++;
    this.live++;
    return inserted(row, xid, found, records.insertRecord(this.image(found.block), tupleBytes));
  }

  /** One page of a COPY: as many of `rows` as fit on the page that is found. Returns how many. */
  copy(rows: number, xid: number, target: InsertTarget): { rows: number; change: HeapChange } {
    const { tupleBytes, fillfactor } = this.definition;
    const first = this.nextRow;
    const found = this.placeTuple(target, xid);
    const entry = this.changed.find(found.block);
    const need = layout.align(tupleBytes) + layout.reservedBytes(fillfactor);
    let placed = 1;
    while (placed < rows && this.freeBytesOf(found.block) >= need) {
      this.addTuple(entry, xid);
      placed++;
    }
    for (let i = 0; i < placed; i++) this.rows.place(first + i, found.block, false);
    this.nextRow += placed;
    this.inserted += placed;
    this.live += placed;
    const image = { ...this.image(found.block), isNew: this.changed.pointers[entry] === placed };
    const record = records.multiInsertRecord(image, tupleBytes, placed);
    return { rows: placed, change: inserted(first, xid, found, record) };
  }

  /** Null if the row does not live. */
  update(row: number, how: UpdateHow): HeapChange | null {
    const { block, visited, marked, records: pruned } = this.find(row, how.horizon);
    if (block < 0) return null;
    const list = pruned.length > 0 ? [...pruned] : [];
    const wasHeapOnly = this.rows.isHeapOnly(row, block);
    const placement = placementOf(
      layout.align(this.definition.tupleBytes),
      this.freeBytesOf(block),
      how.changesIndexedColumn,
    );
    const hot = placement === 'hot';
    this.updates++;
    this.inserted++;
    this.live++;
    if (hot) this.hotUpdates++;
    const moved = placement === 'other page' ? this.moveTuple(row, block, how, list) : null;
    this.kill(block, how.xid, wasHeapOnly, !hot);
    if (!moved) this.stay(row, block, how, hot, list);
    else list.push(this.movingRecord(moved.block, block));
    return {
      kind: 'update',
      row,
      xid: how.xid,
      block,
      newBlock: moved?.block ?? block,
      hot,
      extends: moved?.extends ?? false,
      visited,
      marked,
      tried: moved?.tried ?? NOTHING,
      records: list,
      wasHeapOnly,
    };
  }

  delete(row: number, actor: Actor): HeapChange | null {
    const { block, visited, marked, records: pruned } = this.find(row, actor.horizon);
    if (block < 0) return null;
    const wasHeapOnly = this.rows.isHeapOnly(row, block);
    this.kill(block, actor.xid, wasHeapOnly, true);
    this.rows.place(row, -1, false);
    const list = [...pruned, records.deleteRecord(this.image(block))];
    return inPlace('delete', row, actor.xid, { block, visited, marked }, list, wasHeapOnly);
  }

  /** SELECT FOR UPDATE: marks the row's version; its page is no longer all-frozen. */
  lock(row: number, actor: Actor): HeapChange | null {
    const { block, visited, marked, records: pruned } = this.find(row, actor.horizon);
    if (block < 0) return null;
    this.visibility.unfreeze(this.changed.touch(block));
    const list = [...pruned, records.lockRecord(this.image(block))];
    return inPlace('lock', row, actor.xid, { block, visited, marked }, list, false);
  }

  /**
   * The transaction of a change aborted. Nothing is written: the version it made is dead to all at
   * once, the one it ended lives again. Changes of a transaction are undone in reverse order.
   */
  abort(change: HeapChange): void {
    const { kind, row, block, newBlock, hot, wasHeapOnly } = change;
    if (kind === 'lock') return;
    const pages = this.changed;
    if (kind !== 'delete') {
      const entry = pages.touch(newBlock);
      const left = hot ? HEAP_ONLY : ROOT | CHAIN_END;
      pages.deadHead[entry] = this.versions.add(pages.deadHead[entry]!, 0, left);
      this.count(entry, -1, 1);
    }
    if (kind === 'insert') {
      this.rows.place(row, -1, false);
      return;
    }
    if (block !== newBlock) this.rows.comeBack(row);
    const entry = pages.touch(block);
    const left = (wasHeapOnly ? HEAP_ONLY : ROOT) | (hot ? 0 : CHAIN_END);
    pages.deadHead[entry] = this.versions.withdraw(pages.deadHead[entry]!, change.xid, left);
    this.count(entry, 1, -1);
    this.rows.place(row, block, wasHeapOnly);
  }

  /** Dead versions, and the stubs that pruning left of others. */
  get deadInStatistics(): number {
    return this.dead + this.stubs;
  }

  /** Memory in bytes: what the run has changed, whatever the table's size. */
  get bytes(): number {
    const { changed, versions, freeSpace, rows } = this;
    return changed.bytes + versions.bytes + freeSpace.bytes + rows.bytes;
  }

  /** The page as a record registers it. */
  image(block: number, mayBeNew = true): records.PageImage {
    const { relation } = this.definition;
    const isNew = mayBeNew && this.hasOnlyOne(block);
    return { relation, block, pageBytes: this.usedBytesOf(block), isNew };
  }

  private hasOnlyOne(block: number): boolean {
    const { pointers, live, dead } = this.changed;
    const entry = this.changed.find(block);
    return entry >= 0 && pointers[entry] === 1 && live[entry] === 1 && dead[entry] === 0;
  }

  private stay(row: number, block: number, how: UpdateHow, hot: boolean, list: WalRecord[]): void {
    const { tupleBytes, isLogical: logical = false } = this.definition;
    const { changedBytes } = how;
    this.addTuple(this.changed.touch(block), how.xid);
    this.rows.place(row, block, hot);
    const image = this.image(block, false);
    const update = { hot, tupleBytes, changedBytes, logical };
    list.push(records.samePageUpdateRecord(image, update));
  }

  /** The old page is locked for the update, and flagged full, before room is sought elsewhere. */
  private moveTuple(row: number, block: number, how: UpdateHow, list: WalRecord[]) {
    const pages = this.changed;
    const entry = pages.touch(block);
    list.push(records.lockRecord(this.image(block)));
    const found = this.placeTuple(how.target, how.xid);
    const newEntry = pages.touch(found.block);
    pages.flags[entry] = pages.flags[entry]! | PAGE_FULL;
    this.hintPrunable(newEntry, how.xid);
    this.rows.place(row, found.block, false);
    this.rows.leave(row, block, how.xid);
    return found;
  }

  private movingRecord(newBlock: number, oldBlock: number): WalRecord {
    const { tupleBytes } = this.definition;
    const old = this.image(oldBlock, false);
    return records.movingUpdateRecord(this.image(newBlock), old, tupleBytes);
  }

  private placeTuple(target: InsertTarget, xid: number) {
    const { tupleBytes, fillfactor } = this.definition;
    const wanted = layout.wantedFreeBytes(tupleBytes, fillfactor);
    const found = findPage(this, this.freeSpace, target, wanted);
    if (found.extends) this.pages++;
    this.addTuple(this.changed.touch(found.block), xid);
    return found;
  }

  private addTuple(entry: number, xid: number): void {
    const pages = this.changed;
    if (pages.unused[entry]! > 0) pages.unused[entry] = pages.unused[entry]! - 1;
    else pages.pointers[entry] = pages.pointers[entry]! + 1;
    pages.live[entry] = pages.live[entry]! + 1;
    pages.unfrozen[entry] = pages.unfrozen[entry]! + 1;
    if (pages.oldestXid[entry] === 0) pages.oldestXid[entry] = xid;
    if (xid > pages.newestXid[entry]!) pages.newestXid[entry] = xid;
    pages.flags[entry] = pages.flags[entry]! | HINTS_MISSING;
    this.visibility.clear(entry);
  }

  /** The newest version of a row on this page ends. */
  private kill(block: number, xid: number, isHeapOnly: boolean, isEnd: boolean): void {
    const pages = this.changed;
    const entry = pages.touch(block);
    const kind = (isHeapOnly ? HEAP_ONLY : ROOT) | (isEnd ? CHAIN_END : 0);
    pages.deadHead[entry] = this.versions.add(pages.deadHead[entry]!, xid, kind);
    this.count(entry, -1, 1);
    this.hintPrunable(entry, xid);
    if (xid > pages.newestXid[entry]!) pages.newestXid[entry] = xid;
    pages.flags[entry] = pages.flags[entry]! | HINTS_MISSING;
    this.visibility.clear(entry);
  }

  private count(entry: number, live: number, dead: number): void {
    const pages = this.changed;
    pages.live[entry] = pages.live[entry]! + live;
    pages.dead[entry] = pages.dead[entry]! + dead;
    this.live += live;
    this.dead += dead;
  }

  /** bufpage.h:PageSetPrunable: the hint is the oldest transaction that may leave something. */
  private hintPrunable(entry: number, xid: number): void {
    const hint = this.changed.pruneXid[entry]!;
    if (hint === 0 || xid < hint) this.changed.pruneXid[entry] = xid;
  }
}
