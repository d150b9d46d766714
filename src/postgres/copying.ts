/**
 * COPY ... FROM (copyfrom.c, heapam.c:heap_multi_insert): rows are collected until there are 1000
 * or 64 kB of them, then put into the table page by page with one record each; their entries go
 * into the indexes when all of them are there.
 *
 * Left out: the data's way over the network, and the ring of pages that a COPY of its own uses
 * (BAS_BULKWRITE), so that it takes more of shared buffers.
 */
import type { InsertTarget } from './heap/insert-page.ts';
import { type Table, type TableChange, type TablePage, tablePage } from './heap/relation.ts';
import type { WalRecord } from './heap/wal-record.ts';
import type { Server } from './server.ts';
import { ERRORS, type ErrorResponse } from './statement.ts';
import type { Transaction } from './transaction.ts';
import type { TransactionChanges } from './transaction-changes.ts';
import type { WaitState } from './waits.ts';

/** MAX_BUFFERED_TUPLES and MAX_BUFFERED_BYTES. */
const MOST_TUPLES = 1000;
const MOST_BYTES = 65_535;
/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** Who copies. */
export interface CopyHost {
  readonly server: Server;
  readonly transaction: Transaction;
  readonly wait: WaitState;
  readonly changes: TransactionChanges;
}

/** Into which table, and the page into which the backend inserts. */
export interface CopyTarget {
  readonly table: Table;
  readonly index: number;
  readonly page: InsertTarget;
}

type Copying = Generator<undefined, ErrorResponse | null>;

/** So many rows; the error if it comes to one. */
export function* copyRows(host: CopyHost, target: CopyTarget, count: number): Copying {
  const copy = new Copy(host, target);
  const { tupleBytes } = target.table.definition;
  const most = Math.max(1, Math.min(MOST_TUPLES, Math.ceil(MOST_BYTES / tupleBytes)));
  for (let left = count; left > 0; left -= most) {
    const error = yield* copy.batch(Math.min(left, most));
    if (error !== null) return error;
  }
  yield* copy.pay(1);
  return host.transaction.cancellation;
}

class Copy {
  private due = 0;
  private readonly host: CopyHost;
  private readonly target: CopyTarget;

  constructor(host: CopyHost, target: CopyTarget) {
    this.host = host;
    this.target = target;
  }

  *batch(size: number): Copying {
    const { table, index } = this.target;
    const { server, transaction } = this.host;
    const rows: number[] = [];
    while (rows.length < size) {
      const page = table.copy(size - rows.length, transaction.xid, this.target.page);
      for (const change of page) {
        this.host.changes.add(change, table);
        rows.push(change.heap.row);
      }
      const [{ heap, reads, records }] = page as [TableChange];
      const newPage = heap.extends ? tablePage(table.definition.relation, heap.newBlock) : -1;
      this.due += page.length * server.costs.furtherRow('copied');
      yield* this.use(reads, records, newPage);
      if (transaction.cancellation !== null) return transaction.cancellation;
      if (!server.storage.files.follow(index)) return ERRORS.diskFull;
    }
    for (const row of table.indexes.length > 0 ? rows : []) {
      const horizon = server.procArray.array.oldestNonRemovableXid();
      const { reads, records } = table.enter(row, horizon);
      this.due += table.indexes.length * server.costs.furtherRow('entered');
      yield* this.use(reads, records, -1);
      if (transaction.cancellation !== null) return transaction.cancellation;
    }
    return server.storage.files.follow(index) ? null : ERRORS.diskFull;
  }

  *pay(least = SLICE) {
    const { host, group } = this.host.server;
    if (this.due < least) return;
    const time = Math.round(this.due);
    this.due = 0;
    yield host.cpu.serve(time, group);
  }

  /** Pages come in, and what has become of them goes to WAL. */
  private *use(reads: readonly TablePage[], records: readonly WalRecord[], newPage: TablePage) {
    const { server, transaction, wait } = this.host;
    const { storage, wal, costs } = server;
    wait.buffers.accesses += reads.length;
    transaction.critical = true;
    for (let used = storage.touch(reads); used < reads.length; used = storage.touch(reads, used)) {
      const page = reads[used++]!;
      this.due += yield* page === newPage ? storage.extend(page, wait) : storage.read(page, wait);
    }
    const before = wal.images;
    storage.log(this.target.table, records);
    this.due += (wal.images - before) * costs.fullPageImage;
    if (wal.mustWait()) yield* wal.makeRoom(wait);
    transaction.endCritical();
    yield* this.pay();
  }
}
