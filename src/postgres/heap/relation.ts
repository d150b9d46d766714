/**
 * A table with its indexes: what a query or a change of one row touches, in order. The heap decides
 * whether an update is HOT; if it is not, every index gets an entry.
 *
 * Left out: where the entry of a changed column went is not remembered; when the row changes again,
 * the entry that dies is the one of its first value.
 */

import { BTree, type EntryInsert, type IndexDefinition } from '../btree/btree.ts';
import type { ColumnarDefinition } from '../columnar/chunk.ts';
import type { Lsn } from '../lsn.ts';
import { Heap } from './heap.ts';
import type { Actor, HeapChange, HeapDefinition, UpdateHow } from './heap-change.ts';
import { confirmRecord } from './heap-records.ts';
import type { InsertTarget } from './insert-page.ts';
import type { TableOptions } from './table-options.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

/** A page that an operation reads: relation and block as one number. */
export type TablePage = number;

const BLOCKS = 0x1_0000_0000;

export function tablePage(relation: number, block: number): TablePage {
  return relation * BLOCKS + block;
}

export interface TableIndexDefinition extends Omit<IndexDefinition, 'version'> {
  readonly name: string;
  /** How the index's order follows the order of rows: exactly (a serial key), or not at all. */
  readonly correlation: 'exact' | 'none';
}

export interface TableDefinition extends Omit<HeapDefinition, 'isIndexed'> {
  readonly name: string;
  readonly options?: TableOptions;
  /** How much its pages were used before the run, beside those of other tables; 1 if not given. */
  readonly heat?: number;
  /** A script creates it; until then there is none. */
  readonly isAbsent?: boolean;
  /** Of a partition: the partitioned table's name. */
  readonly parent?: string;
  /** What is compressed of a chunk. */
  readonly isColumnar?: boolean;
  /** A chunk of which parts may be compressed. */
  readonly columnar?: ColumnarDefinition;
  /** The first one is the key by which rows are looked up. */
  readonly indexes: readonly TableIndexDefinition[];
}

/** An operation on one row: pages in the order in which they are read, and WAL in order. */
export interface TableChange {
  readonly heap: HeapChange;
  readonly reads: readonly TablePage[];
  readonly records: readonly WalRecord[];
}

export interface TableRead {
  readonly reads: readonly TablePage[];
  readonly records: readonly WalRecord[];
  readonly isFound: boolean;
  readonly setsHints: boolean;
}

/** Who changes a row, and the number of the index that led to it; -1: a scan that is over. */
export interface TableActor extends Actor {
  readonly through?: number;
}

export interface TableUpdate extends UpdateHow {
  readonly through?: number;
  /** Numbers of the indexes (0 is the first) whose column changes; their new keys are not near. */
  readonly changedIndexes?: readonly number[];
}

const KEY_SPACE = 0x1_0000_0000_0000;

export class Table {
  readonly definition: TableDefinition;
  readonly heap: Heap;
  readonly indexes: readonly BTree[];

  constructor(definition: TableDefinition) {
    const { version, indexes, rows } = definition;
    this.definition = definition;
    this.heap = new Heap({ ...definition, isIndexed: indexes.length > 0 });
    this.indexes = indexes.map((index) => {
      const keysAreRandom = index.correlation === 'none';
      return new BTree({ ...index, keysAreRandom, version }, rows);
    });
  }

  /** Looks a row up by the key of an index. */
  select(row: number, horizon: number, oldestRunning = horizon, through = 0): TableRead {
    const { block, visited, marked, records, setsHints } = this.heap.find(
      row,
      horizon,
      oldestRunning,
    );
    const reads = this.keyPath(row, through);
    this.readHeap(reads, visited);
    if (block >= 0) reads.push(tablePage(this.definition.relation, block));
    if (marked > 0) this.hint(row, marked, through);
    return { reads, records, isFound: block >= 0, setsHints };
  }

  /** `row`: its number where its key is given, which no row has that lives. */
  insert(xid: number, horizon: number, target: InsertTarget, row?: number): TableChange {
    const heap = this.heap.insert(xid, target, row);
    const reads: TablePage[] = [];
    this.readHeap(reads, heap.tried);
    reads.push(tablePage(this.definition.relation, heap.newBlock));
    if (this.indexes.length === 0) return { heap, reads, records: heap.records };
    const records = [...heap.records];
    const how = { horizon, isNewVersion: false };
    for (let number = 0; number < this.indexes.length; number++) {
      this.addEntry(number, this.position(number, heap.row), how, reads, records);
    }
    return { heap, reads, records };
  }

  /** Rows of a COPY on one page, as many as it takes; pages and WAL are the first one's. */
  copy(rows: number, xid: number, target: InsertTarget): TableChange[] {
    const { rows: placed, change } = this.heap.copy(rows, xid, target);
    const reads: TablePage[] = [];
    this.readHeap(reads, change.tried);
    reads.push(tablePage(this.definition.relation, change.newBlock));
    return Array.from({ length: placed }, (_, i) => {
      if (i === 0) return { heap: change, reads, records: change.records };
      const heap = { ...change, row: change.row + i, records: [], extends: false };
      return { heap, reads: [], records: [] };
    });
  }

  /** The entries of a row that is in the table already. */
  enter(row: number, horizon: number): Pick<TableChange, 'reads' | 'records'> {
    const reads: TablePage[] = [];
    const records: WalRecord[] = [];
    const how = { horizon, isNewVersion: false };
    for (let number = 0; number < this.indexes.length; number++) {
      this.addEntry(number, this.position(number, row), how, reads, records);
    }
    return { reads, records };
  }

  /** Null if the row does not live. */
  update(row: number, how: TableUpdate): TableChange | null {
    const reads = this.keyPath(row, how.through);
    const heap = this.heap.update(row, how);
    if (!heap) return null;
    if (heap.marked > 0) this.hint(row, heap.marked, how.through);
    const { relation } = this.definition;
    this.readHeap(reads, heap.visited);
    reads.push(tablePage(relation, heap.block));
    this.readHeap(reads, heap.tried);
    if (heap.newBlock !== heap.block) reads.push(tablePage(relation, heap.newBlock));
    if (heap.hot) return { heap, reads, records: heap.records };
    const records = [...heap.records];
    this.addEntries(row, how, reads, records);
    return { heap, reads, records };
  }

  /** Index entries stay until vacuum or an insert that needs their room removes them. */
  delete(row: number, actor: TableActor): TableChange | null {
    const reads = this.keyPath(row, actor.through);
    const heap = this.heap.delete(row, actor);
    if (!heap) return null;
    this.indexes.forEach((index, number) => {
      index.markDead(this.position(number, row), actor.xid);
    });
    this.readHeap(reads, heap.visited);
    reads.push(tablePage(this.definition.relation, heap.block));
    return { heap, reads, records: heap.records };
  }

  lock(row: number, actor: TableActor): TableChange | null {
    const reads = this.keyPath(row, actor.through);
    const heap = this.heap.lock(row, actor);
    if (!heap) return null;
    this.readHeap(reads, heap.visited);
    reads.push(tablePage(this.definition.relation, heap.block));
    return { heap, reads, records: heap.records };
  }

  /** Undoes a change whose transaction aborted; changes are undone in reverse order. */
  abort(change: TableChange): void {
    const { kind, row, hot, xid } = change.heap;
    this.heap.abort(change.heap);
    if (kind === 'lock' || hot) return;
    this.indexes.forEach((index, number) => {
      const position = this.position(number, row);
      if (kind !== 'insert') index.unmarkDead(position, xid);
      if (kind !== 'delete') index.markDead(position, 0);
    });
  }

  /** What is logged of a heap page on which a reader sets hint bits (XLOG_FPI_FOR_HINT). */
  hintRecord(page: TablePage): WalRecord {
    const { relation, block, pageBytes } = this.heap.image(page % BLOCKS, false);
    const sizes = { dataBytes: 0, pageBytes, neverImaged: false };
    const kind = 'XLOG/FPI_FOR_HINT';
    return { kind, mainBytes: 0, blocks: [{ relation, fork: 'main', block, ...sizes }] };
  }

  /** The tuple that was inserted last on a heap page stays. */
  confirmRecord(block: number): WalRecord {
    return confirmRecord(this.heap.image(block, false));
  }

  /** Where a row's entry is in an index. */
  position(index: number, row: number): number {
    const { correlation } = this.definition.indexes[index]!;
    if (correlation === 'exact') return row;
    const { rows } = this.definition;
    const share = scatter(row) / KEY_SPACE;
    return rows > 0 ? share * rows : Math.floor(share * KEY_SPACE);
  }

  /** A row of those that were loaded, for an entry of an index in another order than theirs. */
  scatteredRow(position: number): number {
    return Math.floor((scatter(position) / KEY_SPACE) * this.definition.rows);
  }

  /** Up to where a page's changes are logged (PageGetLSN). */
  lsnOf(block: RegisteredBlock): Lsn {
    if (block.relation === this.definition.relation) return this.heap.lsnOf(block);
    return this.indexOf(block.relation).lsnOf(block.block);
  }

  /** The record was inserted and ends here: its pages get this LSN. */
  stamp(record: WalRecord, lsn: Lsn): void {
    this.heap.stamp(record, lsn);
    for (const index of this.indexes) index.stamp(record, lsn);
  }

  private indexOf(relation: number): BTree {
    const index = this.indexes.find(({ definition }) => definition.relation === relation);
    if (!index) throw new Error(`${this.definition.name} has no relation ${relation}`);
    return index;
  }

  /** Pages of the table's file and of its indexes'. */
  get pages(): number {
    let pages = this.heap.pages;
    for (let i = 0; i < this.indexes.length; i++) pages += this.indexes[i]!.pages;
    return pages;
  }

  get bytes(): number {
    return this.indexes.reduce((sum, index) => sum + index.bytes, this.heap.bytes);
  }

  private addEntries(
    row: number,
    how: TableUpdate,
    reads: TablePage[],
    records: WalRecord[],
  ): void {
    for (let number = 0; number < this.indexes.length; number++) {
      const isChanged = how.changedIndexes?.includes(number) ?? false;
      const old = this.position(number, row);
      this.indexes[number]!.markDead(old, how.xid);
      const position = isChanged ? this.position(number, row + scatter(how.xid)) : old;
      const insert = { horizon: how.horizon, isNewVersion: !isChanged };
      this.addEntry(number, position, insert, reads, records);
    }
  }

  private addEntry(
    number: number,
    position: number,
    how: EntryInsert,
    reads: TablePage[],
    records: WalRecord[],
  ): void {
    const index = this.indexes[number]!;
    const { path, records: more } = index.insert(position, how);
    const { relation } = index.definition;
    for (let i = 0; i < path.length; i++) reads.push(tablePage(relation, path[i]!));
    for (let i = 0; i < more.length; i++) records.push(more[i]!);
  }

  /** The scan that found the row marked dead entries of its key. */
  private hint(row: number, marked: number, through = 0): void {
    this.indexes[through]?.hintDead(this.position(through, row), marked);
  }

  private keyPath(row: number, through = 0): TablePage[] {
    const key = this.indexes[through];
    if (!key) return [];
    const position = this.position(through, row);
    const { relation } = key.definition;
    const path: TablePage[] = [];
    for (let level = key.levels.length - 1; level >= 0; level--) {
      path.push(tablePage(relation, key.levels[level]!.blockOf(position)));
    }
    return path;
  }

  private readHeap(reads: TablePage[], blocks: readonly number[]): void {
    const { relation } = this.definition;
    for (let i = 0; i < blocks.length; i++) reads.push(tablePage(relation, blocks[i]!));
  }
}

/** A number of 48 bits that looks unrelated to its argument (two rounds of multiply and shift). */
function scatter(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000) >>> 0;
  let a = Math.imul((value >>> 0) ^ (high * 0x27d4eb2f), 0x85ebca6b);
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  let b = Math.imul(a ^ (a >>> 16) ^ 0x5bd1e995, 0x9e3779b1);
  b = Math.imul(b ^ (b >>> 15), 0x85ebca6b);
  b ^= b >>> 13;
  a ^= a >>> 16;
  return (a >>> 0) * 0x10000 + ((b >>> 0) & 0xffff);
}
