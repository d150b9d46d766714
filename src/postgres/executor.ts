/**
 * Executes one backend's statements on the tables: locks, pages, WAL. What takes no simulated time
 * is done at once, in `begin`; whatever has to be waited for, in `finish`: a lock, a page that is
 * not in shared buffers, processor time for copies and images.
 *
 * Kept: the table's lock and the row's before the change, pages in the order in which an index scan
 * reads them, the change's WAL records with their images, hint bits and pruning by readers, undoing
 * on abort (the versions stay, dead). Left out: a change is made before the pages that it needs
 * have come in, so another backend that has them can see it some milliseconds early.
 */
import type { InsertTarget } from './heap/insert-page.ts';
import {
  type Table,
  type TableChange,
  type TableRead,
  type TableUpdate,
  tablePage,
} from './heap/relation.ts';
import type { LockManager, LockRequest } from './locking/lock-manager.ts';
import { ACCESS_SHARE, FOR_NO_KEY_UPDATE, ROW_EXCLUSIVE } from './locking/lock-modes.ts';
import type { LockOwner } from './locking/lock-table.ts';
import { rowId } from './locking/row-locks.ts';
import type { Server } from './server.ts';
import { ERRORS, type ErrorResponse, type Statement } from './statement.ts';
import type { Transaction } from './transaction.ts';
import type { WaitState } from './waits.ts';

const LOCK_ERRORS = {
  deadlock: ERRORS.deadlock,
  'lock timeout': ERRORS.lockTimeout,
  'out of shared memory': ERRORS.outOfSharedMemory,
} as const;

/** What a statement that could not be done at once stopped at. */
type Obstacle = 'relation lock' | 'row lock' | 'pages';

/** What a statement does to a table's pages. */
type Work = Pick<TableRead, 'reads' | 'records'>;

const NO_WORK: Work = { reads: [], records: [] };

export class Executor {
  private obstacle: Obstacle = 'pages';
  private request: LockRequest = 'granted';
  private table: Table | null = null;
  private work: Work = NO_WORK;
  /** How many of its pages have been used, and which one is new to its file; -1: none. */
  private used = 0;
  private newPage = -1;
  private setsHints = false;
  /** Processor time owed for copies of pages and for images. */
  private owed = 0;
  /** What the transaction has changed, in order, and where. */
  private readonly changes: TableChange[] = [];
  private readonly changed: Table[] = [];
  /** Per table the page into which the backend inserts (rd_smgr's target block). */
  private readonly targets: InsertTarget[] = [];
  private readonly how: { -readonly [Field in keyof TableUpdate]: TableUpdate[Field] } = {
    xid: 0,
    horizon: 0,
    changesIndexedColumn: false,
    changedBytes: 0,
    target: { block: -1 },
  };
  private readonly server: Server;
  private readonly locks: LockManager;
  private readonly owner: LockOwner;
  private readonly transaction: Transaction;
  private readonly wait: WaitState;

  constructor(server: Server, owner: LockOwner, transaction: Transaction, wait: WaitState) {
    this.server = server;
    this.locks = server.locks;
    this.owner = owner;
    this.transaction = transaction;
    this.wait = wait;
  }

  /** Begins a select, an insert or an update. True: it is done; false: `yield* finish()`. */
  begin(statement: Statement): boolean {
    const { relation, verb } = statement;
    if (relation === null) return true;
    this.owed = 0;
    this.obstacle = 'relation lock';
    const mode = verb === 'select' ? ACCESS_SHARE : ROW_EXCLUSIVE;
    this.request = this.locks.lockRelation(this.owner, relation.index, mode);
    return this.request === 'granted' && this.operate(statement);
  }

  /** Does the rest of a statement; the error if it comes to one. */
  *finish(statement: Statement): Generator<undefined, ErrorResponse | null, undefined> {
    const { locks, owner, server } = this;
    if (this.obstacle === 'relation lock') {
      const outcome = yield* locks.finish(owner, this.request);
      if (outcome !== 'granted') return this.failed(outcome);
      if (this.operate(statement)) return null;
    }
    if (this.obstacle === 'row lock') {
      const row = rowId(statement.relation!.index, statement.key);
      const outcome = yield* locks.waitForRow(owner, row, FOR_NO_KEY_UPDATE);
      if (outcome !== 'granted') return this.failed(outcome);
      yield server.host.cpu.serve(server.costs.recheck, server.group);
      this.change(statement);
    }
    yield* this.bringPages();
    this.log();
    if (this.owed > 0) yield server.host.cpu.serve(Math.round(this.owed), server.group);
    if (server.wal.mustWait()) yield* this.makeRoom();
    return null;
  }

  /** The transaction is over: its changes stay, or its versions are dead and the old ones live. */
  end(committed: boolean): void {
    while (this.changes.length > 0) {
      const change = this.changes.pop()!;
      const table = this.changed.pop()!;
      if (!committed) table.abort(change);
      this.server.autovacuum.transactionEnded(table, change.heap, committed);
    }
  }

  private failed(outcome: keyof typeof LOCK_ERRORS): ErrorResponse {
    if (outcome === 'deadlock') this.server.deadlocks++;
    return LOCK_ERRORS[outcome];
  }

  /** The table is locked: the row, then the pages. True if that was all. */
  private operate(statement: Statement): boolean {
    const { verb, relation, key } = statement;
    if (verb === 'select') this.read(statement);
    else {
      this.transaction.assignXid();
      if (verb === 'update') {
        this.obstacle = 'row lock';
        const row = rowId(relation!.index, key);
        if (!this.locks.lockRow(this.owner, row, FOR_NO_KEY_UPDATE)) return false;
      }
      this.change(statement);
    }
    this.obstacle = 'pages';
    this.used = this.server.storage.touch(this.work.reads);
    if (this.used < this.work.reads.length) return false;
    this.log();
    return this.owed === 0 && !this.server.wal.mustWait();
  }

  private read({ relation, key }: Statement): void {
    const { storage, procArray, inRecovery } = this.server;
    const table = storage.tables[relation!.index]!;
    const horizon = inRecovery ? 0 : procArray.array.oldestNonRemovableXid();
    const oldestRunning = inRecovery ? 0 : procArray.array.oldestRunningXid;
    const found = table.select(key - 1, horizon, oldestRunning);
    this.table = table;
    this.work = found;
    this.used = 0;
    this.newPage = -1;
    this.setsHints = found.setsHints;
  }

  /** The row is the transaction's: it gets a new version, or it is new. */
  private change({ verb, relation, key }: Statement): void {
    const { storage, procArray } = this.server;
    const { how } = this;
    const { index } = relation!;
    const table = storage.tables[index]!;
    this.targets[index] ??= { block: -1 };
    how.target = this.targets[index];
    how.xid = this.transaction.xid;
    how.horizon = procArray.array.oldestNonRemovableXid();
    how.changedBytes = relation!.changedBytes;
    const isInsert = verb === 'insert';
    if (!isInsert) this.locks.updateRow(this.owner, rowId(index, key));
    const change = isInsert
      ? table.insert(how.xid, how.horizon, how.target)
      : table.update(key - 1, how);
    this.table = table;
    this.work = change ?? NO_WORK;
    this.used = 0;
    const { relation: file } = table.definition;
    this.newPage = change?.heap.extends ? tablePage(file, change.heap.newBlock) : -1;
    this.setsHints = false;
    if (change === null) return;
    this.changes.push(change);
    this.changed.push(table);
  }

  /** Pages that are not in shared buffers come in; nothing interrupts a read. */
  private *bringPages() {
    const { storage } = this.server;
    const { reads } = this.work;
    this.transaction.critical = true;
    for (;;) {
      this.used = storage.touch(reads, this.used);
      if (this.used >= reads.length) break;
      const page = reads[this.used++]!;
      const isNew = page === this.newPage;
      this.owed += yield* isNew ? storage.extend(page, this.wait) : storage.read(page, this.wait);
    }
    this.transaction.endCritical();
  }

  /** The change is made known to WAL; a reader may have pruned, or set hint bits. */
  private log(): void {
    const { storage, wal, costs } = this.server;
    const { reads, records } = this.work;
    const before = wal.images;
    if (records.length > 0) storage.log(this.table!, records);
    if (wal.images > before) this.owed += (wal.images - before) * costs.fullPageImage;
    if (this.setsHints) storage.hint(reads[reads.length - 1]!);
  }

  /** Nothing interrupts an insertion either. */
  private *makeRoom() {
    this.transaction.critical = true;
    yield* this.server.wal.makeRoom(this.wait);
    this.transaction.endCritical();
  }
}
