/**
 * Executes one backend's statements on the tables: locks, pages, WAL. What takes no simulated time
 * is done at once, in `begin`; whatever has to be waited for, in `finish`: a lock, a page that is
 * not in shared buffers, processor time for copies and images.
 *
 * Kept: the table's lock and the row's before the change, pages in the order in which an index scan
 * reads them, the change's WAL records with their images, hint bits and pruning by readers, undoing
 * on abort (the versions stay, dead), several rows one after the other, sequential scans through a
 * ring and with their reads ahead, error 40001. Left out: a change is made before the pages that it
 * needs have come in, so another backend that has them can see it some milliseconds early; an
 * inserted row that is not committed is a row that others wait for, where in Postgres an UPDATE
 * does not see it; the dead tuple of an INSERT that fails with 23505.
 */
import { scanIndex } from './access.ts';
import { isAboutBatches, isLookUpInBatches, useBatches } from './columnar/statements.ts';
import { conflictOf, isThere, meetsRow } from './conflicts.ts';
import { copyRows } from './copying.ts';
import { executeCompound, isCompound } from './foreign-keys.ts';
import type { InsertTarget } from './heap/insert-page.ts';
import { type Table, type TableChange, type TableRead, tablePage } from './heap/relation.ts';
import type { LockManager, LockRequest } from './locking/lock-manager.ts';
import type { RowLockMode } from './locking/lock-modes.ts';
import type { LockOwner } from './locking/lock-table.ts';
import { rowId } from './locking/row-locks.ts';
import type { BackendMemory } from './memory.ts';
import { hasMoved, moveRows, notePartitioned } from './partitioning/movement.ts';
import { lockError, RelationCache } from './partitioning/opening.ts';
import { eachPart, routeRow } from './partitioning/parts.ts';
import type { Routing } from './partitioning/routing.ts';
import { type PlanBackend, PlannedStatements, type RowChanger } from './plan/planned-statements.ts';
import type { ProcSession } from './procarray/session.ts';
import { ChangeTerms, changeOf, makesNewVersion, withMultixact } from './row-changes.ts';
import { dependsTooMuch, scansTooMuch } from './serializable/dependencies.ts';
import type { Server } from './server.ts';
import { ERRORS, type ErrorResponse, type Statement } from './statement.ts';
import {
  aboutRow,
  furtherRow,
  keysOf,
  rowIdOf,
  rowLockOf,
  rowOf,
  tableLockOf,
} from './statement-rows.ts';
import { setHints } from './storage/hint.ts';
import { needsNewPage } from './storage/table-files.ts';
import { scanTable } from './table-scan.ts';
import type { Transaction } from './transaction.ts';
import { TransactionChanges } from './transaction-changes.ts';
import type { WaitState } from './waits.ts';

/** What a statement that could not be done at once stopped at. */
type Obstacle =
  | 'relations'
  | 'relation lock'
  | 'rows'
  | 'row lock'
  | 'pages'
  | 'processor'
  | 'error';

/** Processor time is asked for when this much has come together, in nanoseconds. */
const SLICE = 50_000;

/** What a statement does to a table's pages. */
type Work = Pick<TableRead, 'reads' | 'records'>;

type Finishing = Generator<undefined, ErrorResponse | null, undefined>;
const NO_WORK: Work = { reads: [], records: [] };

export class Executor implements RowChanger {
  private obstacle: Obstacle = 'pages';
  private request: LockRequest = 'granted';
  private table: Table | null = null;
  private work: Work = NO_WORK;
  /** How many of its pages have been used, and which one is new to its file; -1: none. */
  private used = 0;
  private newPage = -1;
  private setsHints = false;
  private error: ErrorResponse | null = null;
  isLeftOut = false;
  /** Processor time owed for copies of pages and for images. */
  private owed = 0;
  readonly planned: PlannedStatements;
  /** What the transaction has changed. */
  readonly changes: TransactionChanges;
  /** Per table the page into which the backend inserts (rd_smgr's target block). */
  private readonly targets: InsertTarget[] = [];
  private readonly terms = new ChangeTerms();
  readonly server: Server;
  private readonly locks: LockManager;
  readonly owner: LockOwner;
  readonly transaction: Transaction;
  readonly wait: WaitState;
  readonly memory: BackendMemory;
  readonly proc: ProcSession;
  readonly relationCache = new RelationCache();

  constructor(backend: PlanBackend) {
    const { server, owner, transaction, wait, memory, proc } = backend;
    this.planned = new PlannedStatements(backend, this);
    this.server = server;
    this.locks = server.locks;
    this.owner = owner;
    this.transaction = transaction;
    this.wait = wait;
    this.memory = memory;
    this.proc = proc;
    this.changes = new TransactionChanges(server);
  }

  /** Begins a query or a change. True: it is done; false: `yield* finish()`. */
  begin(statement: Statement): boolean {
    const { relation, details } = statement;
    if (relation === null) return true;
    this.owed = 0;
    this.obstacle = 'relations';
    if (details !== null && isCompound(details)) return false;
    this.planned.count(statement);
    this.obstacle = 'relation lock';
    const mode = tableLockOf(statement);
    this.request = this.locks.lockRelation(this.owner, relation.index, mode);
    return this.request === 'granted' && this.operate(statement);
  }

  /** Does the rest of a statement; the error if it comes to one. */
  *finish(statement: Statement): Finishing {
    const { server, transaction } = this;
    if (this.obstacle === 'relations') return yield* executeCompound(this, statement);
    if (this.obstacle === 'relation lock') {
      const outcome = yield* this.locks.finish(this.owner, this.request);
      if (outcome !== 'granted') return lockError(outcome, server, transaction);
      if (this.operate(statement)) return null;
    }
    return yield* this.rest(statement);
  }

  /** What there is to do once the table is locked. */
  *rest(statement: Statement): Finishing {
    const { server, transaction } = this;
    if (this.obstacle !== 'rows') return yield* this.finishRow(statement);
    const { rows, access, movesTo } = statement.details!;
    if (rows === 'parts') return yield* eachPart(this, statement);
    if (isAboutBatches(this, statement)) {
      const next = yield* useBatches(this, statement);
      if (next === null || next.type === 'error') return next;
      if (next !== statement)
        return yield* next.details!.rows ? this.eachRow(next) : this.changeRow(next);
    }
    if (movesTo !== null) return yield* moveRows(this, statement);
    if (rows === null) return yield* this.changeRow(statement);
    const table = server.storage.tables[statement.relation!.index]!;
    if (rows === 'plan') return yield* this.planned.run(statement);
    if ((rows === 'all' || rows === 'entries') && scansTooMuch(this, table))
      return ERRORS.dependencies;
    if (typeof rows === 'object' && rows?.kind === 'copy') {
      transaction.assignXid();
      const { index } = statement.relation!;
      this.targets[index] ??= { block: -1 };
      return yield* copyRows(this, { table, index, page: this.targets[index] }, rows.count);
    }
    if (rows === 'all') yield* scanTable(this, table);
    else if (rows === 'entries') yield* scanIndex(this, table, access!);
    else return yield* this.eachRow(statement);
    if (transaction.cancellation !== null) return transaction.cancellation;
    return rowLockOf(statement) === null ? null : yield* this.eachRow(statement);
  }

  /** One row, whose table is locked. */
  *changeRow(statement: Statement): Finishing {
    this.owed = 0;
    this.isLeftOut = false;
    return this.operate(statement) ? null : yield* this.finishRow(statement);
  }

  routeRow(routing: Routing): ReturnType<typeof routeRow> {
    return routeRow(this, routing);
  }

  /** What one row has to wait for. */
  private *finishRow(statement: Statement): Finishing {
    const { locks, owner, server } = this;
    if (this.obstacle === 'row lock') {
      const row = rowId(statement.relation!.index, statement.key);
      const outcome = yield* locks.waitForRow(owner, row, rowLockOf(statement)!);
      if (outcome !== 'granted') return lockError(outcome, server, this.transaction);
      yield server.host.cpu.serve(server.costs.recheck, server.group);
      if (hasMoved(this, statement)) return ERRORS.movedAway;
      if (!this.change(statement)) this.obstacle = 'error';
    }
    if (this.obstacle === 'error') return this.error;
    if (this.obstacle !== 'processor') {
      const cancellation = yield* this.bringPages();
      if (cancellation !== null) return cancellation;
      this.log();
    }
    if (this.owed > 0) yield server.host.cpu.serve(Math.round(this.owed), server.group);
    if (server.wal.mustWait()) yield* this.makeRoom();
    return null;
  }

  /** Rows one after the other, each with its lock. */
  private *eachRow(statement: Statement): Finishing {
    const { host, group, storage } = this.server;
    const further = furtherRow(statement, this.server.costs);
    let due = 0;
    for (const key of keysOf(statement, storage.tables[statement.relation!.index]!)) {
      const error = yield* this.changeRow(aboutRow(statement, key));
      if (error !== null) return error;
      due += further;
      if (due < SLICE) continue;
      yield host.cpu.serve(Math.round(due), group);
      due = 0;
      if (this.transaction.cancellation !== null) return this.transaction.cancellation;
    }
    if (due >= 1) yield host.cpu.serve(Math.round(due), group);
    return this.transaction.cancellation;
  }

  /** The table is locked: the row, then the pages. True if that was all. */
  private operate(statement: Statement): boolean {
    const { verb, details } = statement;
    this.error = null;
    const isWhole = details !== null && (details.rows ?? details.movesTo) !== null;
    if (isWhole || isLookUpInBatches(this, statement)) {
      this.obstacle = 'rows';
      return false;
    }
    const mode = rowLockOf(statement);
    if (mode === null && verb === 'select') this.read(statement);
    else if (this.findsNothing(statement)) {
      if (this.conflicts(statement)) return false;
      this.isLeftOut = true;
      this.read(statement);
    } else {
      const obstacle = this.takeAndChange(statement, mode);
      if (obstacle !== null) {
        this.obstacle = obstacle;
        return false;
      }
    }
    if (this.error !== null) {
      this.obstacle = 'error';
      return false;
    }
    this.obstacle = 'pages';
    this.wait.buffers.accesses += this.work.reads.length;
    this.used = this.server.storage.touch(this.work.reads);
    if (this.used < this.work.reads.length) return false;
    this.log();
    this.obstacle = 'processor';
    return this.owed === 0 && !this.server.wal.mustWait();
  }

  /** The row's lock, then the change; null: there is nothing in the way. */
  private takeAndChange(statement: Statement, mode: RowLockMode | null): Obstacle | null {
    const { locks, owner } = this;
    const row = rowIdOf(statement);
    const lockedRows = statement.details?.lockedRows ?? 'wait';
    if (mode !== null && lockedRows !== 'wait' && locks.rows.isTaken(row, mode, owner)) {
      if (lockedRows === 'error') this.error = ERRORS.rowLocked;
      else this.read(statement); // SKIP LOCKED finds the row, and leaves it out
      this.isLeftOut = true;
      return this.error === null ? null : 'error';
    }
    if (mode !== null && statement.verb === 'select' && locks.rows.holds(row, mode, owner)) {
      this.read(statement); // heap_lock_tuple has nothing left to do
      return this.error === null ? null : 'error';
    }
    this.transaction.assignXid();
    if (mode !== null && !locks.lockRow(owner, row, mode)) return 'row lock';
    const members = mode === null ? 1 : locks.rows.members;
    if (!this.change(statement)) return 'error';
    if (members > 1) this.work = withMultixact(this.work, members);
    return null;
  }

  /** A row that was deleted since the snapshot was taken is a conflict as well. */
  private conflicts(statement: Statement): boolean {
    const table = this.server.storage.tables[statement.relation!.index]!;
    this.error = conflictOf(statement, table, this);
    this.obstacle = 'error';
    return this.error !== null;
  }

  /** Whether there is no such row to change or lock, and none that somebody is about to delete. */
  private findsNothing(statement: Statement): boolean {
    const { verb, details, key } = statement;
    if (verb === 'insert' || (verb === 'update' && details === null)) return false;
    const table = this.server.storage.tables[statement.relation!.index]!;
    return (
      !isThere(statement, table) && !(key >= 1 && this.locks.rows.isLocked(rowIdOf(statement)))
    );
  }

  private read(statement: Statement): void {
    const { relation, key, details } = statement;
    const { storage, procArray, inRecovery } = this.server;
    const table = storage.tables[relation!.index]!;
    const horizon = inRecovery ? 0 : procArray.array.oldestNonRemovableXid();
    const oldestRunning = inRecovery ? 0 : procArray.array.oldestRunningXid;
    const through = details?.access?.index ?? 0;
    const found = table.select(rowOf(key, table), horizon, oldestRunning, through);
    this.table = table;
    this.work = found;
    this.used = 0;
    this.newPage = -1;
    this.setsHints = found.setsHints;
    this.depends(statement, null);
  }

  /** The row is the transaction's: it is changed, or it is new. False: that is an error. */
  private change(statement: Statement): boolean {
    const { storage } = this.server;
    const { index } = statement.relation!;
    const table = storage.tables[index]!;
    this.error = conflictOf(statement, table, this);
    if (this.error !== null) return false;
    const meets = statement.verb === 'insert' && meetsRow(statement, table);
    if (meets && statement.details!.onConflict === 'nothing') {
      this.isLeftOut = true;
      this.read(statement);
      return this.error === null;
    }
    this.targets[index] ??= { block: -1 };
    if (storage.files.areStuck && this.outgrows(statement, table)) return false;
    if (makesNewVersion(statement, meets)) {
      this.locks.updateRow(this.owner, rowIdOf(statement));
    }
    const horizon = this.server.procArray.array.oldestNonRemovableXid();
    const { xid } = this.transaction;
    const how = this.terms.of(statement, this.targets[index], xid, horizon);
    const change = changeOf(statement, table, how, meets);
    this.table = table;
    this.work = change ?? NO_WORK;
    this.used = 0;
    const { relation: file } = table.definition;
    this.newPage = change?.heap.extends ? tablePage(file, change.heap.newBlock) : -1;
    this.setsHints = false;
    this.isLeftOut = change === null;
    if (change === null) return true;
    this.changes.add(change, table);
    if (statement.details !== null) notePartitioned(storage, statement, change.heap.row);
    if (!change.heap.hot && !storage.files.follow(index)) this.error = ERRORS.diskFull;
    return this.error === null && !this.depends(statement, change);
  }

  /** SERIALIZABLE: what the statement has read and written is noted; true if that is too much. */
  private depends(statement: Statement, change: TableChange | null): boolean {
    const own = this.transaction.serializable;
    if (own === null) return false;
    const { predicateLocks } = this.server;
    const fails = dependsTooMuch(predicateLocks, own, statement, this.table!, change?.heap ?? null);
    if (fails) this.error = ERRORS.dependencies;
    return fails;
  }

  /** The disk is full: whether the change wants a page that the file does not have. */
  private outgrows({ verb, key, relation }: Statement, table: Table): boolean {
    const { block } = this.targets[relation!.index]!;
    const horizon = this.server.procArray.array.oldestNonRemovableXid();
    const change = { verb, row: rowOf(key, table), block, horizon };
    if (needsNewPage(this.server.storage, table, change)) this.error = ERRORS.diskFull;
    return this.error !== null;
  }

  /** Pages that are not in shared buffers come in; nothing interrupts a read. */
  private *bringPages(): Finishing {
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
    return this.transaction.cancellation;
  }

  /** The change is made known to WAL; a reader may have pruned, or set hint bits. */
  private log(): void {
    const { storage, wal, costs } = this.server;
    const { reads, records } = this.work;
    const before = wal.images;
    if (records.length > 0) storage.log(this.table!, records);
    if (this.setsHints) setHints(storage, this.table!, reads[reads.length - 1]!);
    if (wal.images > before) this.owed += (wal.images - before) * costs.fullPageImage;
  }

  /** Nothing interrupts an insertion either. */
  private *makeRoom() {
    this.transaction.critical = true;
    yield* this.server.wal.makeRoom(this.wait);
    this.transaction.endCritical();
  }
}
