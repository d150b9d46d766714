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
  /** The same for further keys of a list, each with a descent of its own. */
  readonly further?: readonly Access[];
}

/** Who scans. */
export interface Scanner {
  readonly server: Server;
  readonly wait: WaitState;
  readonly transaction: Pick<Transaction, 'critical' | 'endCritical' | 'cancellation' | 'pinned'>;
}

/** Processor time that is owed and has not been asked for yet. */
export interface Account {
  due: number;
}

/** What becomes of a row that was found; false: no more are wanted. */
export type EachRow = (row: number) => Generator<undefined, boolean>;

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** The row that an entry leads to. */
export function rowOfEntry(table: Table, index: number, position: number): number {
  const { rows } = table.definition;
  if (table.definition.indexes[index]!.correlation === 'exact') return position;
  return rows > 0 ? table.scatteredRow(position) : position;
}

/** The rows of a scan, in the order of the entries. */
export function* rowsOf(
  table: Table,
  { index, from, entries, further = [] }: Access,
): Generator<number> {
  const first = Math.floor(from);
  for (let i = 0; i < entries; i++) yield rowOfEntry(table, index, first + i);
  for (const each of further) yield* rowsOf(table, each);
}

/** Pages that the processor time of a statement or of a part includes: a leaf and a row's. */
export const INCLUDED_PAGES = 2;

/** Reads what a scan of an index reads, until it is cancelled; rows are not changed. */
export function* scanIndex(scanner: Scanner, table: Table, access: Access) {
  const cold = scanner.server.costs.furtherRow('coldPage');
  const account = { due: -INCLUDED_PAGES * cold };
  const scan = new IndexScan(scanner, table, access, account, null, cold);
  yield* scan.run();
  for (const each of access.further ?? []) {
    yield* new IndexScan(scanner, table, each, account, null, cold).run();
  }
  if (account.due >= 1) yield scan.spend();
}

/** The same with something done about each row; what is owed at the end stays so. */
export function* eachFound(
  scanner: Scanner,
  table: Table,
  access: Access,
  account: Account,
  each: EachRow,
) {
  return yield* new IndexScan(scanner, table, access, account, each).run();
}

/** The pages that bitmaps of several indexes have led to, each once, with their rows. */
export function* readBitmapOf(
  scanner: Scanner,
  table: Table,
  rows: readonly number[],
  account: Account,
  each: EachRow,
) {
  const nothing: Access = { index: -1, scan: 'bitmap', from: 0, entries: 0 };
  return yield* new IndexScan(scanner, table, nothing, account, each).readBitmap(rows);
}

/** Walks along entries without a look at their rows (nodeBitmapIndexscan.c); the rows. */
export function* collectBitmap(scanner: Scanner, table: Table, access: Access, account: Account) {
  return yield* new IndexScan(scanner, table, access, account, null).collect();
}

class IndexScan {
  private readonly scanner: Scanner;
  private readonly table: Table;
  private readonly access: Access;
  private readonly account: Account;
  private readonly each: EachRow | null;
  /**
   * What a leaf or a page of the table costs more than one in the processor's caches. Nodes of
   * trees are charged what was measured of them, where most was in the caches.
   */
  private readonly cold: number;

  constructor(
    scanner: Scanner,
    table: Table,
    access: Access,
    account: Account,
    each: EachRow | null,
    cold = 0,
  ) {
    this.cold = cold;
    this.scanner = scanner;
    this.table = table;
    this.access = access;
    this.account = account;
    this.each = each;
  }

  /** False if `each` wants no more, or the statement has been cancelled. */
  *run(): Generator<undefined, boolean> {
    const { table, access, each } = this;
    if (access.scan === 'bitmap') return yield* this.readBitmap(yield* this.collect());
    let last = -1;
    const walk = this.walk();
    for (let row = yield* walk.next(); row >= 0; row = yield* walk.next()) {
      const block = table.heap.rows.blockOf(row);
      if (block < 0) continue;
      if (access.scan !== 'index only' || !this.isVisible(block)) {
        if (block !== last) yield* this.readHeap(block);
        last = block;
      }
      if (each !== null && !(yield* each(row))) return false;
    }
    return this.scanner.transaction.cancellation === null;
  }

  *collect(): Generator<undefined, number[]> {
    const rows: number[] = [];
    const walk = this.walk();
    for (let row = yield* walk.next(); row >= 0; row = yield* walk.next()) {
      if (this.table.heap.rows.blockOf(row) >= 0) rows.push(row);
    }
    return rows;
  }

  /** Goes down the index and along its leaves; the row of each entry, -1 behind the last. */
  private walk() {
    const { table, access, account } = this;
    const { transaction, server } = this.scanner;
    const ofRow = server.costs.furtherRow('select');
    const tree = table.indexes[access.index]!;
    const scan = this;
    let leaf = -1;
    let i = -1;
    return {
      *next(): Generator<undefined, number> {
        if (i < 0) yield* scan.descend();
        if (++i >= access.entries) return -1;
        if (account.due >= SLICE) yield scan.spend();
        if (transaction.cancellation !== null) return -1;
        const position = Math.floor(access.from) + i;
        const next = tree.leaves?.blockOf(position) ?? -1;
        if (next !== leaf && leaf >= 0) {
          yield* scan.readIndex(next);
          account.due += scan.cold;
        }
        leaf = next;
        account.due += ofRow;
        return rowOfEntry(table, access.index, position);
      },
    };
  }

  /** Each page once, in the order of blocks, with others on order meanwhile. */
  *readBitmap(found: readonly number[]): Generator<undefined, boolean> {
    const { table, scanner, account, each } = this;
    const { server, transaction, wait } = scanner;
    const { rows } = table.heap;
    const byBlock = found
      .map((row) => ({ row, block: rows.blockOf(row) }))
      .sort((a, b) => a.block - b.block || a.row - b.row);
    const blocks = [...new Set(byBlock.map(({ block }) => block))];
    const reads = new HeapReads(server.storage, table.heap, wait, blocks);
    let at = 0;
    for (let place = 0; place < blocks.length; place++) {
      transaction.critical = true;
      account.due += server.costs.pageHit + this.cold + (yield* reads.page(place));
      transaction.endCritical();
      this.look(blocks[place]!);
      if (account.due >= SLICE) yield this.spend();
      if (this.scanner.transaction.cancellation !== null) return false;
      for (; byBlock[at]?.block === blocks[place]; at++) {
        if (each !== null && !(yield* each(byBlock[at]!.row))) return false;
      }
    }
    return true;
  }

  spend(): undefined {
    const { host, group } = this.scanner.server;
    const time = Math.round(this.account.due);
    this.account.due = 0;
    return host.cpu.serve(time, group);
  }

  private isVisible(block: number): boolean {
    return this.table.heap.visibility.isAllVisible(block);
  }

  private *descend() {
    const { index, from } = this.access;
    const path = this.table.indexes[index]!.descend(Math.floor(from));
    for (const block of path) yield* this.readIndex(block);
    this.account.due += this.cold;
  }

  private *readIndex(block: number) {
    const { relation } = this.table.indexes[this.access.index]!.definition;
    yield* this.read(tablePage(relation, block));
  }

  /** A page of the table, on which a reader may prune and set hint bits. */
  private *readHeap(block: number) {
    yield* this.read(tablePage(this.table.definition.relation, block));
    this.account.due += this.cold;
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
    this.account.due += costs.pageHit;
    wait.buffers.accesses++;
    if (storage.touch([page]) === 1) return;
    transaction.critical = true;
    this.account.due += yield* storage.read(page, wait);
    transaction.endCritical();
  }
}
