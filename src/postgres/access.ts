/**
 * By which index a statement finds its rows, as the planner has chosen, and what reading so means
 * for pages (nodeIndexscan.c, nodeIndexonlyscan.c, nodeBitmapHeapscan.c).
 *
 * An index scan descends once, walks along the leaves, and looks at the row of each entry, on its
 * page, before it takes the next; an index-only scan leaves out pages that the visibility map has
 * as all-visible; a bitmap scan walks first and then reads each page once, in the order of blocks.
 * Entries of an index whose order is that of the rows lead to neighbours; those of others to rows
 * all over the table, the same for the same entry.
 *
 * Left out: bitmaps that are too large for work_mem and
 * become lossy, entries of dead rows on the way.
 */
import type { Nanoseconds } from '../kernel/time.ts';
import { type Table, tablePage } from './heap/relation.ts';
import type { Server } from './server.ts';
import { HeapReads } from './storage/heap-reads.ts';
import { setHints } from './storage/hint.ts';
import type { Transaction } from './transaction.ts';
import type { WaitState } from './waits.ts';

/** How a statement finds its rows. */
export interface Access {
  /** The number of the table's index; -1: its rows have been found already. */
  readonly index: number;
  readonly scan: 'index' | 'index only' | 'bitmap';
  /** The first entry, as a position in the index, and how many there are from there on. */
  readonly from: number;
  readonly entries: number;
}

/** Who scans. */
export interface Scanner {
  readonly server: Server;
  readonly wait: WaitState;
  readonly transaction: Pick<Transaction, 'critical' | 'endCritical' | 'cancellation'>;
}

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** The row that an entry leads to. */
export function rowOfEntry(table: Table, index: number, position: number): number {
  const { rows } = table.definition;
  if (table.definition.indexes[index]!.correlation === 'exact') return position;
  return rows > 0 ? table.scatteredRow(position) : position;
}

/** The rows of a scan, in the order of the entries. */
export function* rowsOf(table: Table, { index, from, entries }: Access): Generator<number> {
  const first = Math.floor(from);
  for (let i = 0; i < entries; i++) yield rowOfEntry(table, index, first + i);
}

/** Reads what a scan of an index reads, until it is cancelled; rows are not changed. */
export function* scanIndex(scanner: Scanner, table: Table, access: Access) {
  const scan = new IndexScan(scanner, table, access);
  yield* scan.run();
}

class IndexScan {
  private due: Nanoseconds = 0;
  private readonly scanner: Scanner;
  private readonly table: Table;
  private readonly access: Access;

  constructor(scanner: Scanner, table: Table, access: Access) {
    this.scanner = scanner;
    this.table = table;
    this.access = access;
  }

  *run() {
    const { table, access } = this;
    const ofRow = this.scanner.server.costs.furtherRow('select');
    const blocks: number[] = [];
    let leaf = -1;
    let last = -1;
    yield* this.descend();
    const tree = table.indexes[access.index]!;
    for (let i = 0; i < access.entries; i++) {
      if (this.due >= SLICE) yield this.spend();
      if (this.scanner.transaction.cancellation !== null) return;
      const position = Math.floor(access.from) + i;
      const next = tree.leaves?.blockOf(position) ?? -1;
      if (next !== leaf && leaf >= 0) yield* this.readIndex(next);
      leaf = next;
      this.due += ofRow;
      const row = rowOfEntry(table, access.index, position);
      const block = table.heap.rows.blockOf(row);
      if (block < 0 || (access.scan === 'index only' && this.isVisible(block))) continue;
      if (access.scan === 'bitmap') blocks.push(block);
      else if (block !== last) yield* this.readHeap(block);
      last = block;
    }
    if (access.scan === 'bitmap') yield* this.readBitmap(blocks);
    if (this.due >= 1) yield this.spend();
  }

  /** Each page once, in the order of blocks, with others on order meanwhile. */
  private *readBitmap(found: readonly number[]) {
    const { table, scanner } = this;
    const { server, transaction, wait } = scanner;
    const blocks = [...new Set(found)].sort((a, b) => a - b);
    const reads = new HeapReads(server.storage, table.heap, wait, blocks);
    for (let place = 0; place < blocks.length; place++) {
      transaction.critical = true;
      this.due += server.costs.pageHit + (yield* reads.page(place));
      transaction.endCritical();
      this.look(blocks[place]!);
      if (this.due >= SLICE) yield this.spend();
      if (this.scanner.transaction.cancellation !== null) return;
    }
  }

  private spend(): undefined {
    const { host, group } = this.scanner.server;
    const time = Math.round(this.due);
    this.due = 0;
    return host.cpu.serve(time, group);
  }

  private isVisible(block: number): boolean {
    return this.table.heap.visibility.isAllVisible(block);
  }

  private *descend() {
    const { index, from } = this.access;
    const path = this.table.indexes[index]!.descend(Math.floor(from));
    for (const block of path) yield* this.readIndex(block);
  }

  private *readIndex(block: number) {
    const { relation } = this.table.indexes[this.access.index]!.definition;
    yield* this.read(tablePage(relation, block));
  }

  /** A page of the table, on which a reader may prune and set hint bits. */
  private *readHeap(block: number) {
    yield* this.read(tablePage(this.table.definition.relation, block));
    this.look(block);
  }

  private look(block: number): void {
    const { table, scanner } = this;
    const { storage, procArray, inRecovery } = scanner.server;
    const page = tablePage(table.definition.relation, block);
    const horizon = inRecovery ? 0 : procArray.array.oldestNonRemovableXid();
    const oldestRunning = inRecovery ? 0 : procArray.array.oldestRunningXid;
    const { record, setsHints } = table.heap.fetch(block, horizon, oldestRunning);
    if (record) storage.log(table, [record]);
    if (setsHints) setHints(storage, table, page);
  }

  private *read(page: number) {
    const { server, transaction, wait } = this.scanner;
    const { storage, costs } = server;
    this.due += costs.pageHit;
    if (storage.touch([page]) === 1) return;
    transaction.critical = true;
    this.due += yield* storage.read(page, wait);
    transaction.endCritical();
  }
}
