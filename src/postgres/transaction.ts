/**
 * The transaction of one backend: whether it has an id, and how it ends (xact.c:
 * AssignTransactionId, CommitTransaction, AbortTransaction).
 *
 * COMMIT has three parts, between which the process may have to yield: the commit record and its
 * flush, the wait for synchronous standbys, and only then the end for everybody else: out of the
 * running set, locks released.
 */
import { Interrupt, type Nanoseconds } from '../kernel/index.ts';
import type { LockManager } from './locking/lock-manager.ts';
import type { LockOwner } from './locking/lock-table.ts';
import type { Lsn } from './lsn.ts';
import type { ProcSession } from './procarray/session.ts';
import { ASSIGNMENT_BYTES, STANDBY_LOCK_BYTES } from './record-sizes.ts';
import { RecoveryConflict } from './recovery-conflict.ts';
import type { SerializableTransaction } from './serializable/conflicts.ts';
import type { Server } from './server.ts';
import {
  type CommitRecord,
  ERRORS,
  type ErrorResponse,
  type TransactionSettings,
} from './statement.ts';
import { Subtransactions, type Undo } from './subtransactions.ts';
import { CPU, SYNC_REP, WAL_SYNC, WAL_WRITE_LOCK, type WaitState } from './waits.ts';
import { ABORTED, COMMIT_TIME, COMMITTED, LOCKED, UNLOCKED } from './wal/contents.ts';

export class Transaction {
  /** It has changed something, so its end is a commit record and a place in the running set. */
  hasXid = false;
  /** Between BEGIN and its end. */
  inBlock = false;
  /** Its commit record is in the log: whatever happens to its process now, it has committed. */
  hasCommitted = false;
  /** What is known of it beyond its snapshot under SERIALIZABLE, once it has one. */
  serializable: SerializableTransaction | null = null;
  /** An error has ended it; what follows in its block is refused. */
  isAborted = false;
  /** When its block began; -1 outside of one. */
  began: Nanoseconds = -1;
  /** What may not be interrupted: page reads, insertions, what follows a commit record. */
  critical = false;
  /** The server wants the process to end. */
  terminating = false;
  /** SET LOCAL; null: the server's. */
  private synchronousCommit: string | null = null;
  private statementTimeout: Nanoseconds;
  /** When the statement came that is being executed. */
  private statementAt: Nanoseconds = 0;
  /** It wrote and flushed at once what it waits for, rather than sleep until somebody has. */
  leads = false;
  readonly subtransactions = new Subtransactions();
  /** On a standby: whether replay wants it to end. */
  readonly conflict = new RecoveryConflict();
  /** On a standby: the buffer that its scan is looking at; -1: none. */
  pinned = -1;
  private commitLsn: Lsn = 0;
  /** Relations whose locks are in WAL. */
  private readonly loggedLocks: number[] = [];
  private readonly server: Server;
  private readonly proc: ProcSession;
  private readonly locks: LockManager;
  private readonly owner: LockOwner;
  private readonly wait: WaitState;

  constructor(server: Server, proc: ProcSession, owner: LockOwner, wait: WaitState) {
    this.server = server;
    this.proc = proc;
    this.locks = server.locks;
    this.owner = owner;
    this.wait = wait;
    this.statementTimeout = server.timeouts.statement;
  }

  /** What now() is. */
  get startedAt(): Nanoseconds {
    return this.began >= 0 ? this.began : this.statementAt;
  }

  /** A statement has come: from now on its time counts. */
  statementComes(): void {
    const { context, timeouts } = this.server;
    if (!this.inBlock) this.conflict.clear();
    this.statementAt = context.sim.now;
    this.owner.cancelAt = timeouts.cancelAt(this.statementAt, this.statementTimeout, this.began);
    if (this.conflict.isPending) this.owner.cancelAt = this.statementAt;
  }

  /** The client will be told. */
  reported(error: ErrorResponse): void {
    if (error === this.conflict.error(this.subtransactions.isOpen)) {
      this.conflict.report(this.server, error);
    }
  }

  /** Why the statement is to be cancelled at this instant; null: it is not. */
  get cancellation(): ErrorResponse | null {
    const { context, timeouts } = this.server;
    const { cancelAt } = this.owner;
    if (context.sim.now < cancelAt) return null;
    const conflict = this.conflict.error(this.subtransactions.isOpen);
    if (conflict !== null) return conflict;
    return timeouts.cancellation(cancelAt, this.statementAt, this.statementTimeout, this.began);
  }

  /** A query takes a snapshot; the first one begins a serializable transaction. */
  takesSnapshot(): void {
    if (this.serializable !== null || !this.proc.isSerializable) return;
    this.serializable = this.server.predicateLocks.begin();
  }

  /** Before its commit record. True: others depend on it so that it has to fail. */
  failsToCommit(): boolean {
    return (
      this.serializable !== null && this.server.predicateLocks.failsToCommit(this.serializable)
    );
  }

  /** Whether one snapshot serves the whole transaction (REPEATABLE READ). */
  get isRepeatable(): boolean {
    return this.proc.isRepeatable;
  }

  /** Whether its snapshot sees what another transaction has changed. */
  sees(xid: number): boolean {
    return this.proc.isVisible(xid);
  }

  get xid(): number {
    return this.proc.entry.xid;
  }

  /** BEGIN; within a block it is a warning. */
  begin(): void {
    if (this.inBlock) return;
    this.inBlock = true;
    this.began = this.server.context.sim.now;
  }

  /** SET LOCAL and SET TRANSACTION, up to the end of the block; without one it is a warning. */
  set(settings: TransactionSettings): ErrorResponse | null {
    if (!this.inBlock) return null;
    const { isolation, synchronousCommit, lockTimeout, statementTimeout } = settings;
    if (synchronousCommit !== undefined) this.synchronousCommit = synchronousCommit;
    if (lockTimeout !== undefined) this.owner.lockTimeout = lockTimeout;
    if (statementTimeout !== undefined) this.statementTimeout = statementTimeout;
    if (isolation === undefined || this.proc.isolate(isolation)) return null;
    return ERRORS.isolationTooLate;
  }

  private get level(): string {
    return this.synchronousCommit ?? this.server.settings.synchronous_commit;
  }

  /** The first change of a transaction, and of a subtransaction, gives it an id. */
  assignXid(): void {
    if (!this.hasXid) this.assignTopXid();
    if (this.subtransactions.wantsXid) this.assignSubxids();
  }

  private assignTopXid(): void {
    this.hasXid = true;
    this.proc.assignXid();
    this.server.activeTransactions++;
    this.locks.assignTransactionId(this.owner);
    this.server.storage.database.nextXid = this.xid + 1;
    this.server.autovacuum.xidAssigned(this.xid);
  }

  private assignSubxids(): void {
    const { server, proc, subtransactions } = this;
    const { ids, records } = subtransactions.assignXids();
    proc.assignSubxids(ids);
    server.storage.database.nextXid = proc.entry.lastSubxid + 1;
    if (server.settings.wal_level === 'minimal') return; // there are no standbys to be told
    for (let xid = server.procArray.array.nextXid - ids; xid <= proc.entry.lastSubxid; xid++) {
      server.wal.note(ABORTED, xid);
    }
    for (let i = 0; i < records; i++) {
      server.wal.insert(ASSIGNMENT_BYTES, 'Transaction/ASSIGNMENT');
    }
  }

  /** After something that nothing may interrupt. */
  endCritical(): void {
    this.critical = false;
    if (this.terminating) throw new Interrupt('shutdown');
  }

  /** COMMIT, part one: the record. True: the process has to yield until it is flushed. */
  flushes(commit: CommitRecord | null): boolean {
    const { server, wait } = this;
    const { level } = this;
    this.critical = true;
    const lsn = server.wal.insertCommit(this.subtransactions.committedIds);
    if (level === 'remote_apply') server.wal.applyFeedbackLsn = lsn;
    this.commitLsn = lsn;
    this.noteEnd(COMMITTED);
    this.hasCommitted = true;
    if (commit) {
      commit.branch = server.wal.branch;
      commit.lsn = lsn;
    }
    server.context.events.committed.emit(server.index, server.wal.branch.index, lsn);
    if (level === 'off') {
      server.wal.commitAsynchronously(lsn);
      return false;
    }
    this.leads = server.wal.requestFlush(lsn, wait);
    wait.now(this.leads ? WAL_SYNC : WAL_WRITE_LOCK);
    return server.wal.flushed.below(lsn);
  }

  /** Part two: standbys that have to confirm. True: the process has to yield. */
  replicates(): boolean {
    const { server } = this;
    this.endCritical();
    this.wait.now(SYNC_REP);
    return server.synchronousReplication.below(this.level, this.commitLsn);
  }

  /** A wait for standbys that was cancelled leaves the commit unreplicated. */
  confirmed(commit: CommitRecord | null, hasWaited: boolean): void {
    const { synchronousReplication } = this.server;
    if (hasWaited && commit) {
      commit.unreplicated = !synchronousReplication.reached(this.level, commit.lsn);
    }
    this.wait.now(CPU);
  }

  /** ProcArrayLock is taken: the wait for it is not interrupted. */
  *leaveRunning() {
    this.critical = true;
    yield* this.proc.waitToEnd();
    this.endCritical();
  }

  /** It is over: what has not been committed by now rolls back. */
  end(): void {
    if (this.hasXid && !this.hasCommitted) {
      this.logAborts(this.subtransactions.rollBack());
      this.noteEnd(ABORTED);
    }
    this.proc.abort();
    if (this.serializable !== null) this.endSerializable(this.serializable);
    if (this.hasXid) this.server.activeTransactions--;
    this.locks.releaseAll(this.owner, this.hasCommitted);
    this.subtransactions.clear();
    this.conflict.clear();
    this.hasXid = this.inBlock = this.isAborted = this.hasCommitted = false;
    this.synchronousCommit = null;
    this.owner.lockTimeout = this.server.settings.lock_timeout;
    this.statementTimeout = this.server.timeouts.statement;
    this.began = -1;
  }

  private endSerializable(own: SerializableTransaction): void {
    const { isAborted, hasXid, hasCommitted } = this;
    this.server.predicateLocks.end(own, hasCommitted || (!hasXid && !isAborted), hasXid);
    this.serializable = null;
  }

  /** Its locks and its records say that a part of it is undone; its changes are others' concern. */
  undo({ rowLocks, aborted }: Undo): void {
    this.logAborts(aborted);
    this.locks.releaseRows(this.owner, rowLocks);
  }

  /** It has an AccessExclusiveLock, which standbys have to take, too (LogAccessExclusiveLock). */
  logLock(relation: number): void {
    const { server } = this;
    if (server.settings.wal_level === 'minimal') return;
    this.assignXid();
    server.wal.insert(STANDBY_LOCK_BYTES, 'Standby/LOCK');
    server.wal.note(LOCKED, relation);
    this.loggedLocks.push(relation);
  }

  /** What its commit or abort record means to a standby. */
  private noteEnd(kind: typeof ABORTED | typeof COMMITTED): void {
    const { wal, context } = this.server;
    const { contents } = wal.branch;
    if (!contents.isKept) return;
    if (kind === COMMITTED && contents.hasTimes) wal.note(COMMIT_TIME, context.sim.now);
    wal.note(kind, this.xid);
    while (this.loggedLocks.length > 0) wal.note(UNLOCKED, this.loggedLocks.pop()!);
  }

  private logAborts(subtransactions: readonly number[]): void {
    for (const released of subtransactions) this.server.wal.insertAbort(released);
  }

  /** Whether its commit record is in so much of the log. */
  isCommittedIn(lsn: Lsn): boolean {
    return this.hasCommitted && this.commitLsn <= lsn;
  }

  /** An error has ended it; its block goes on to its own end. */
  remainAborted(began: Nanoseconds): void {
    this.inBlock = this.isAborted = true;
    this.began = began;
  }
}
