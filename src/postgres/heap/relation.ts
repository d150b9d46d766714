/**
 * A table with its indexes: what a query or a change of one row touches, in order. The heap decides
 * whether an update is HOT; if it is not, every index gets an entry.
 *
 * Left out: where the entry of a changed column went is not remembered; when the row changes again,
 * the entry that dies is the one of its first value.
 */

import { BTree, type IndexDefinition } from '../btree/btree.ts';
import type { Lsn } from '../lsn.ts';
import { Heap } from './heap.ts';
import type { Actor, HeapChange, HeapDefinition, UpdateHow } from './heap-change.ts';
import type { InsertTarget } from './insert-page.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

/** A page that an operation reads. */
export interface PageReference {
  readonly relation: number;
  readonly block: number;
}

export interface TableIndexDefinition extends Omit<IndexDefinition, 'version'> {
  readonly name: string;
  /** How the index's order follows the order of rows: exactly (a serial key), or not at all. */
  readonly correlation: 'exact' | 'none';
}

export interface TableDefinition extends Omit<HeapDefinition, 'isIndexed'> {
  readonly name: string;
  /** The first one is the key by which rows are looked up. */
  readonly indexes: readonly TableIndexDefinition[];
}

/** An operation on one row: pages in the order in which they are read, and WAL in order. */
export interface TableChange {
  readonly heap: HeapChange;
  readonly reads: readonly PageReference[];
  readonly records: readonly WalRecord[];
}

export interface TableRead {
  readonly reads: readonly PageReference[];
  readonly records: readonly WalRecord[];
  readonly isFound: boolean;
  readonly setsHints: boolean;
}

export interface TableUpdate extends UpdateHow {
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

  /** Looks a row up by its key. */
  select(row: number, horizon: number, oldestRunning = horizon): TableRead {
    const found = this.heap.find(row, horizon, oldestRunning);
    const blocks = found.block < 0 ? found.visited : [...found.visited, found.block];
    const reads = [...this.keyPath(row), ...this.heapReads(blocks)];
    const { records, setsHints } = found;
    this.hint(row, found.marked);
    return { reads, records, isFound: found.block >= 0, setsHints };
  }

  insert(xid: number, horizon: number, target: InsertTarget): TableChange {
    const heap = this.heap.insert(xid, target);
    const reads = this.heapReads([...heap.tried, heap.newBlock]);
    const records = [...heap.records];
    this.indexes.forEach((index, number) => {
      const how = { horizon, isNewVersion: false };
      const { path, records: more } = index.insert(this.position(number, heap.row), how);
      for (const block of path) reads.push({ relation: index.definition.relation, block });
      records.push(...more);
    });
    return { heap, reads, records };
  }

  /** Null if the row does not live. */
  update(row: number, how: TableUpdate): TableChange | null {
    const keyReads = this.keyPath(row);
    const heap = this.heap.update(row, how);
    if (!heap) return null;
    this.hint(row, heap.marked);
    const others = heap.newBlock === heap.block ? [] : [heap.newBlock];
    const blocks = [...heap.visited, heap.block, ...heap.tried, ...others];
    const reads = [...keyReads, ...this.heapReads(blocks)];
    const records = [...heap.records];
    if (!heap.hot) this.addEntries(row, how, reads, records);
    return { heap, reads, records };
  }

  /** Index entries stay until vacuum or an insert that needs their room removes them. */
  delete(row: number, actor: Actor): TableChange | null {
    const keyReads = this.keyPath(row);
    const heap = this.heap.delete(row, actor);
    if (!heap) return null;
    this.indexes.forEach((index, number) => {
      index.markDead(this.position(number, row), actor.xid);
    });
    const reads = [...keyReads, ...this.heapReads([...heap.visited, heap.block])];
    return { heap, reads, records: heap.records };
  }

  lock(row: number, actor: Actor): TableChange | null {
    const keyReads = this.keyPath(row);
    const heap = this.heap.lock(row, actor);
    if (!heap) return null;
    const reads = [...keyReads, ...this.heapReads([...heap.visited, heap.block])];
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

  /** Where a row's entry is in an index. */
  position(index: number, row: number): number {
    const { correlation } = this.definition.indexes[index]!;
    if (correlation === 'exact') return row;
    const { rows } = this.definition;
    const share = scatter(row) / KEY_SPACE;
    return rows > 0 ? share * rows : Math.floor(share * KEY_SPACE);
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

  get bytes(): number {
    return this.indexes.reduce((sum, index) => sum + index.bytes, this.heap.bytes);
  }

  private addEntries(
    row: number,
    how: TableUpdate,
    reads: PageReference[],
    records: WalRecord[],
  ): void {
    this.indexes.forEach((index, number) => {
      const isChanged = how.changedIndexes?.includes(number) ?? false;
      const old = this.position(number, row);
      index.markDead(old, how.xid);
      const position = isChanged ? this.position(number, row + scatter(how.xid)) : old;
      const change = index.insert(position, { horizon: how.horizon, isNewVersion: !isChanged });
      for (const block of change.path) reads.push({ relation: index.definition.relation, block });
      records.push(...change.records);
    });
  }

  /** The scan that found the row marked dead entries of its key. */
  private hint(row: number, marked: number): void {
    if (marked > 0) this.indexes[0]?.hintDead(this.position(0, row), marked);
  }

  private keyPath(row: number): PageReference[] {
    const key = this.indexes[0];
    if (!key || key.levels.length === 0) return [];
    const { relation } = key.definition;
    return key.descend(this.position(0, row)).map((block) => ({ relation, block }));
  }

  private heapReads(blocks: readonly number[]): PageReference[] {
    const { relation } = this.definition;
    return blocks.map((block) => ({ relation, block }));
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
