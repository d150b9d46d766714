/**
 * A process that vacuums or analyzes: what it is to the locks, to the ProcArray and to whoever
 * wants it to end. It is told to stop at the points where Postgres checks for interrupts: before
 * each page and in its naps.
 */
import { type Nanoseconds, Signal } from '../../kernel/index.ts';
import type { LockKind, LockOwner } from '../locking/lock-table.ts';
import type { ProcSession } from '../procarray/session.ts';
import { STANDBY_LOCK_BYTES } from '../record-sizes.ts';
import type { Server } from '../server.ts';
import type { Transaction } from '../transaction.ts';
import { CPU, VACUUM_DELAY, type WaitState, WaitTimes } from '../waits.ts';
import { ABORTED, COMMITTED, LOCKED, UNLOCKED } from '../wal/contents.ts';

/** Why it does not go on: cancelled, it only leaves its present table. */
export type StopReason = 'cancelled' | 'terminated';

/** A backend that vacuums because its client said so. */
export interface VacuumingBackend {
  readonly server: Server;
  readonly owner: LockOwner;
  readonly wait: WaitState;
  readonly proc: ProcSession;
  readonly transaction: Transaction;
}

export class MaintenanceProcess {
  readonly server: Server;
  readonly owner: LockOwner;
  /** Of its own: shares of waits are those of client backends. */
  readonly wait: WaitState;
  readonly proc: ProcSession;
  readonly isAutovacuum: boolean;
  /** Works against wraparound, and yields to nobody. */
  isForced = false;
  private told: StopReason | null = null;
  private readonly backend: VacuumingBackend | null;
  private readonly woken: Signal;
  /** Relations whose locks are in WAL. */
  private readonly loggedLocks: number[] = [];

  /** `backend`: it does the work itself, and is what it was to locks and ProcArray. */
  constructor(server: Server, isAutovacuum: boolean, backend: VacuumingBackend | null = null) {
    const { sim } = server.context;
    this.server = server;
    this.isAutovacuum = isAutovacuum;
    this.backend = backend;
    this.owner = backend?.owner ?? server.locks.enter(this);
    this.wait = backend?.wait ?? new WaitTimes(sim).enter(CPU);
    this.proc = backend?.proc ?? server.procArray.session(this.wait);
    this.woken = new Signal(sim);
  }

  /** Why it does not go on; null: it does. Backends are told by their time-outs. */
  get stopped(): StopReason | null {
    const isCancelled = this.backend !== null && this.backend.transaction.cancellation !== null;
    return this.told ?? (isCancelled ? 'cancelled' : null);
  }

  /** The next table: what it was told about the last one holds no more. */
  goOn(): void {
    this.told = null;
  }

  lockWait(kind: LockKind | null): void {
    if (kind !== null) this.server.lockWaits++;
  }

  /** Somebody has waited for its lock for deadlock_timeout (proc.c:ProcSleep). */
  readonly cancelAutovacuum = (): void => {
    if (this.isAutovacuum && !this.isForced) this.stop('cancelled');
  };

  stop(reason: StopReason): void {
    if (this.told !== 'terminated') this.told = reason;
    this.woken.fire();
  }

  /** Sleeps, but not beyond the word to stop. */
  *sleep(duration: Nanoseconds): Generator<undefined, void, undefined> {
    if (this.stopped !== null) return;
    if (this.backend !== null) this.wait.now(VACUUM_DELAY);
    yield this.woken.wait(this.server.context.sim.now + duration);
    if (this.backend !== null) this.wait.now(CPU);
  }

  /** Spends processor time. */
  *work(duration: Nanoseconds): Generator<undefined, void, undefined> {
    const { host, group } = this.server;
    if (duration > 0) yield host.cpu.serve(Math.round(duration), group);
  }

  /** It has an AccessExclusiveLock, which standbys have to take, too, up to its commit. */
  logLock(relation: number): void {
    const { wal } = this.server;
    wal.insert(STANDBY_LOCK_BYTES, 'Standby/LOCK');
    wal.note(LOCKED, relation);
    this.loggedLocks.push(relation);
  }

  /** Its transaction has ended, with a record of that or without. */
  releaseLogged(): void {
    const { wal } = this.server;
    for (const relation of this.loggedLocks) wal.note(UNLOCKED, relation);
    this.loggedLocks.length = 0;
  }

  /** Commits: the record is on disk when it goes on. */
  *commit(): Generator<undefined, void, undefined> {
    const { wal, procArray } = this.server;
    const lsn = wal.insert(COMMIT_BYTES, 'Transaction/COMMIT');
    if (this.proc.entry.hasXid) wal.note(COMMITTED, this.proc.entry.xid);
    this.releaseLogged();
    wal.requestFlush(lsn);
    if (wal.flushed.below(lsn)) yield;
    procArray.array.endTransaction(this.proc.entry, true);
  }

  /** A transaction's id, as the first write of any backend gets one. */
  assignXid(): void {
    const { procArray, storage } = this.server;
    this.proc.assignXid();
    storage.database.nextXid = procArray.array.nextXid;
  }

  end(): void {
    if (this.backend === null && this.proc.entry.hasXid) {
      this.server.wal.note(ABORTED, this.proc.entry.xid);
    }
    this.releaseLogged();
    if (this.backend !== null) return;
    this.proc.abort();
    this.proc.disconnect();
    this.server.locks.leave(this.owner);
  }
}

/** A commit record without anything beside it (xact.c:XactLogCommitRecord). */
const COMMIT_BYTES = 34;
