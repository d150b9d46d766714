/**
 * The heavyweight locks of one server: on relations, on their extension, on rows that several want
 * (tuple locks) and on transactions, whose end others wait for (lock.c, proc.c, lmgr.c, and for
 * rows heapam.c: heap_lock_tuple, heap_update). The README beside it tells the order of calls.
 *
 * Kept: the eight modes, first come first served with Postgres's exceptions, the fast path, row
 * locks that cost nothing shared until they are contended, the deadlock check after
 * deadlock_timeout, lock_timeout, the cancelling of autovacuum, the table's capacity. Left out:
 * advisory, page, object and virtual transaction locks, subtransactions, predicate locks, and the
 * time that all this takes beyond waiting.
 */
import { type Nanoseconds, NEVER, type Simulation } from '../../kernel/index.ts';
import type { PostgresSettings } from '../settings.ts';
import { checkDeadlock } from './deadlock.ts';
import { fastPathGroups, StrongLocks } from './fast-path.ts';
import {
  CONFLICTS,
  EXCLUSIVE,
  isStrong,
  isWeak,
  type LockMode,
  type RowLockMode,
  SHARE,
  TUPLE_LOCK_MODES,
} from './lock-modes.ts';
import {
  conflictsWithOthers,
  type Lock,
  type LockClient,
  LockOwner,
  LockTable,
  lockTableCapacity,
} from './lock-table.ts';
import { type RowId, RowLocks } from './row-locks.ts';
import { joinQueue, leaveQueue, wakeQueue } from './wait-queue.ts';

/** How a wait ended: errors are 40P01, 55P03, and what the owner's `cancelAt` is for. */
export type WaitOutcome = 'granted' | 'deadlock' | 'lock timeout' | 'cancelled';

/** What a request came to at once: it may have to `wait`; out of shared memory is error 53200. */
export type LockRequest = 'granted' | 'wait' | 'deadlock' | 'out of shared memory';

/** A request with its wait. */
export type LockOutcome = WaitOutcome | 'out of shared memory';

type Waiting<Outcome> = Generator<undefined, Outcome, undefined>;

export class LockManager {
  /** Waits that have begun, and those that ended in an error of their own. */
  waits = 0;
  deadlocks = 0;
  timeouts = 0;
  /** Deadlocks that another order of a queue has undone. */
  softDeadlocks = 0;
  readonly rows = new RowLocks<LockOwner>();
  readonly table: LockTable;
  private readonly sim: Simulation;
  private readonly deadlockTimeout: Nanoseconds;
  private readonly lockTimeout: Nanoseconds;
  /** How often somebody who waits looks after its client (14); never, if not set. */
  private readonly checkInterval: Nanoseconds;
  private readonly groups: number;
  private readonly strong = new StrongLocks();
  private readonly owners = new Set<LockOwner>();

  constructor(sim: Simulation, settings: PostgresSettings) {
    this.sim = sim;
    this.deadlockTimeout = settings.deadlock_timeout;
    this.lockTimeout = settings.lock_timeout;
    this.checkInterval = settings.client_connection_check_interval || NEVER;
    this.groups = fastPathGroups(settings);
    this.table = new LockTable(lockTableCapacity(settings));
  }

  /** A backend starts. */
  enter(client: LockClient): LockOwner {
    const owner = new LockOwner(client, this.groups, this.lockTimeout);
    this.owners.add(owner);
    return owner;
  }

  /** A backend is gone, however it ended; what it held is free. */
  leave(owner: LockOwner): void {
    this.releaseAll(owner);
    this.owners.delete(owner);
  }

  /** The first write of a transaction: it gets an id, an entry in the table until it ends. */
  assignTransactionId(owner: LockOwner): void {
    if (owner.hasTransactionId) return;
    owner.hasTransactionId = true;
    this.table.transactionIds++;
  }

  /**
   * True: the row is the owner's until the end of its transaction. False: it has to wait, in
   * `waitForRow`. It passes those who wait already, as whoever finds a row free does in Postgres.
   */
  lockRow(owner: LockOwner, row: RowId, mode: RowLockMode): boolean {
    if (!owner.hasTransactionId) this.assignTransactionId(owner);
    return this.rows.take(row, mode, owner) === null;
  }

  /** The owner makes a new version of a row that it has: who waits will have to follow it. */
  updateRow(owner: LockOwner, row: RowId): void {
    this.rows.update(row, owner);
  }

  /**
   * Waits until the row is the owner's. The first who waits has the version's tuple lock and waits
   * for the end of the holder's transaction; the others wait for the tuple lock. Once a new version
   * is committed, they follow the row there one after the other and from then on wait for the new
   * holder's transaction side by side (heapam_handler.c: heapam_tuple_lock). Who has the row
   * already, in a weaker mode, does not take the tuple lock: those who hold it wait for him.
   */
  *waitForRow(owner: LockOwner, row: RowId, mode: RowLockMode): Waiting<LockOutcome> {
    const tupleMode = TUPLE_LOCK_MODES[mode]!;
    let tuple: Lock | null = null;
    let follows = this.rows.isHolder(row, owner);
    for (;;) {
      const holder = this.rows.take(row, mode, owner);
      if (holder === null) break;
      const transaction = this.table.transactionOf(holder);
      if (tuple === null && !follows) {
        const request = this.lockInTable(owner, 'tuple', row, tupleMode);
        const outcome = yield* this.finish(owner, request);
        if (outcome !== 'granted') return outcome;
        tuple = this.table.find('tuple', row)!;
      }
      const outcome = yield* this.waitFor(transaction, owner);
      if (outcome !== 'granted') return outcome;
      if (!transaction.updated.includes(row)) continue;
      follows = true;
      if (tuple !== null) this.release(tuple, owner, 1 << tupleMode);
      tuple = null;
    }
    if (tuple !== null) this.release(tuple, owner, 1 << tupleMode);
    return 'granted';
  }

  /** Waits for the end of a transaction that has an id (lmgr.c: XactLockTableWait). */
  waitForTransaction(owner: LockOwner, holder: LockOwner): Waiting<WaitOutcome> {
    return this.waitFor(this.table.transactionOf(holder), owner);
  }

  /** Requests a relation lock; `wait` says that the running process has to go through `wait`. */
  lockRelation(owner: LockOwner, relation: number, mode: LockMode): LockRequest {
    if (this.byFastPath(owner, relation, mode)) return 'granted';
    return this.lockInTable(owner, 'relation', relation, mode);
  }

  /** The same without waiting (NOWAIT, and vacuum's truncation): whether it is the owner's now. */
  tryLockRelation(owner: LockOwner, relation: number, mode: LockMode): boolean {
    if (this.byFastPath(owner, relation, mode)) return true;
    return this.lockInTable(owner, 'relation', relation, mode, false) === 'granted';
  }

  /** Gives a relation lock back before the end of the transaction. */
  unlockRelation(owner: LockOwner, relation: number, mode: LockMode): void {
    if (owner.fastPath.release(relation, 1 << mode)) return;
    const lock = this.table.find('relation', relation);
    if (!lock || !((lock.holders.get(owner) ?? 0) & (1 << mode))) return;
    if (isStrong(mode)) this.endStrong(owner, relation);
    this.release(lock, owner, 1 << mode);
  }

  /** Who holds the relation in any mode (lock.c: GetLockConflicts for AccessExclusiveLock). */
  holdersOf(relation: number): readonly LockOwner[] {
    const holders = this.table.find('relation', relation)?.holders;
    return [...this.owners].filter(
      (owner) => holders?.has(owner) || owner.fastPath.maskOf(relation) !== 0,
    );
  }

  /** Requests the right to extend a relation's file; given back by `unlockExtension`. */
  lockExtension(owner: LockOwner, relation: number): LockRequest {
    return this.lockInTable(owner, 'extend', relation, EXCLUSIVE);
  }

  unlockExtension(owner: LockOwner, relation: number): void {
    const lock = this.table.find('extend', relation);
    if (lock) this.release(lock, owner, 1 << EXCLUSIVE);
  }

  /** Whether others wait for what the owner holds of a relation: vacuum's truncation gives up. */
  hasWaiters(relation: number): boolean {
    return (this.table.find('relation', relation)?.queue.length ?? 0) > 0;
  }

  /** A request that has said `wait` is waited for; any other is the outcome itself. */
  *finish(owner: LockOwner, request: LockRequest): Waiting<LockOutcome> {
    return request === 'wait' ? yield* this.wait(owner) : request;
  }

  /**
   * The running process waits for what its owner has requested. An interrupt takes it out of the
   * queue; a lock that it was granted at that instant goes with the end of the transaction.
   */
  *wait(owner: LockOwner): Waiting<WaitOutcome> {
    const { sim } = this;
    let checkAt = sim.now + this.deadlockTimeout;
    const giveUpAt = owner.lockTimeout > 0 ? sim.now + owner.lockTimeout : NEVER;
    let lookAt = sim.now + this.checkInterval;
    owner.process = sim.running;
    owner.client.lockWait(owner.waitLock!.kind);
    this.waits++;
    try {
      while (owner.waitLock !== null) {
        owner.ticket = sim.park(Math.min(checkAt, giveUpAt, owner.cancelAt, lookAt));
        yield;
        if (owner.waitLock !== null && (sim.now >= checkAt || owner.checksDeadlock)) {
          owner.checksDeadlock = false;
          checkAt = NEVER; // once for each wait: who comes later checks for himself
          if (this.isDeadlocked(owner)) return this.fail(owner, 'deadlock');
        }
        if (owner.waitLock === null) break;
        if (sim.now >= giveUpAt && giveUpAt <= owner.cancelAt) {
          return this.fail(owner, 'lock timeout');
        }
        if (sim.now >= lookAt) {
          if (owner.client.isGone?.()) owner.cancelAt = sim.now;
          lookAt += this.checkInterval;
        }
        if (sim.now >= owner.cancelAt) return this.fail(owner, 'cancelled');
      }
      return 'granted';
    } finally {
      this.cancelWait(owner);
      owner.client.lockWait(null);
    }
  }

  /** A standby's startup process waits, perhaps for this one (CheckDeadLockAlert). */
  requestDeadlockCheck(owner: LockOwner): void {
    if (owner.waitLock === null) return;
    owner.checksDeadlock = true;
    this.sim.wakeAt(owner.process, owner.ticket, this.sim.now);
  }

  private *waitFor(transaction: Lock, owner: LockOwner): Waiting<WaitOutcome> {
    const request = this.joinOrGrant(transaction, owner, SHARE);
    const outcome = request === 'wait' ? yield* this.wait(owner) : request;
    if (outcome === 'granted') this.release(transaction, owner, 1 << SHARE);
    return outcome;
  }

  /** The owner waits no more; those behind it go on if it was only this that kept them. */
  cancelWait(owner: LockOwner): void {
    const lock = owner.waitLock;
    if (lock === null) return;
    if (lock.kind === 'relation' && isStrong(owner.waitMode)) this.endStrong(owner, lock.id);
    leaveQueue(owner);
    this.wake(lock);
  }

  /** The owner's transaction has ended: everything that it holds goes on to who waits for it. */
  releaseAll(owner: LockOwner, committed = false): void {
    if (owner.waitLock !== null) this.cancelWait(owner);
    if (committed && owner.transaction !== null) {
      owner.transaction.updated = this.rows.updatedBy(owner);
    }
    if (owner.rows.length > 0) this.rows.release(owner);
    owner.fastPath.releaseAll();
    if (owner.hasTransactionId) {
      owner.hasTransactionId = false;
      this.table.transactionIds--;
    }
    owner.transaction = null;
    while (owner.strong.length > 0) this.strong.end(owner.strong.pop()!);
    while (owner.locks.length > 0) this.release(owner.locks[0]!, owner, ~0);
    owner.ended?.fire();
    owner.ended = null;
  }

  /**
   * A subtransaction of the owner has ended without effect: all but its first `kept` rows are free.
   * Who waits for the transaction looks again whether it still has the row that he wants.
   */
  releaseRows(owner: LockOwner, kept: number): void {
    this.rows.release(owner, kept);
    const { transaction } = owner;
    owner.transaction = null;
    if (transaction !== null) this.release(transaction, owner, ~0);
  }

  private isDeadlocked(owner: LockOwner): boolean {
    const verdict = checkDeadlock(owner);
    if (verdict.kind === 'hard') return true;
    if (verdict.kind === 'no deadlock') verdict.autovacuum?.client.cancelAutovacuum?.();
    else {
      this.softDeadlocks++;
      for (const [lock, order] of verdict.orders) {
        lock.queue = order;
        this.wake(lock);
      }
    }
    return false;
  }

  private fail<Outcome extends WaitOutcome>(owner: LockOwner, outcome: Outcome): Outcome {
    if (outcome === 'deadlock') this.deadlocks++;
    else this.timeouts++;
    this.cancelWait(owner);
    return outcome;
  }

  private byFastPath(owner: LockOwner, relation: number, mode: LockMode): boolean {
    if (!isWeak(mode)) return false;
    if (this.strong.isBarred(relation)) return owner.fastPath.holds(relation, mode);
    return owner.fastPath.grant(relation, mode);
  }

  private lockInTable(
    owner: LockOwner,
    kind: 'relation' | 'extend' | 'tuple',
    id: number,
    mode: LockMode,
    mayWait = true,
  ): LockRequest {
    const held = this.table.find(kind, id)?.holders.get(owner) ?? 0;
    if (held & (1 << mode)) return 'granted';
    const isBarrier = kind === 'relation' && isStrong(mode);
    if (isBarrier) {
      this.strong.begin(id);
      owner.strong.push(id);
    }
    const request = this.request(owner, kind, id, mode, mayWait);
    if (isBarrier && request !== 'granted' && !(request === 'wait' && mayWait))
      this.endStrong(owner, id);
    return request;
  }

  private request(
    owner: LockOwner,
    kind: 'relation' | 'extend' | 'tuple',
    id: number,
    mode: LockMode,
    mayWait: boolean,
  ): LockRequest {
    if (kind === 'relation' && isStrong(mode) && !this.transferFastPath(id)) {
      return 'out of shared memory';
    }
    const lock = this.table.enter(kind, id, owner);
    if (lock === null) return 'out of shared memory';
    if (!mayWait && isTaken(lock, owner, mode)) return 'wait';
    return this.joinOrGrant(lock, owner, mode);
  }

  /** Moves everybody's fast-path locks of the relation to the table; false if it is full. */
  private transferFastPath(relation: number): boolean {
    for (const owner of this.owners) {
      const mask = owner.fastPath.maskOf(relation);
      if (mask === 0) continue;
      const lock = this.table.enter('relation', relation, owner);
      if (lock === null) return false;
      for (let mode = 1; mode <= 3; mode++) {
        if (mask & (1 << mode)) this.table.grant(lock, owner, mode as LockMode);
      }
      owner.fastPath.release(relation, mask);
    }
    return true;
  }

  private joinOrGrant(
    lock: Lock,
    owner: LockOwner,
    mode: LockMode,
  ): 'granted' | 'wait' | 'deadlock' {
    const joined = isTaken(lock, owner, mode) ? joinQueue(lock, owner, mode) : 'may go on';
    if (joined === 'waits') return 'wait';
    if (joined === 'deadlock') this.deadlocks++;
    else this.table.grant(lock, owner, mode);
    return joined === 'deadlock' ? 'deadlock' : 'granted';
  }

  private endStrong(owner: LockOwner, relation: number): void {
    owner.strong.splice(owner.strong.lastIndexOf(relation), 1);
    this.strong.end(relation);
  }

  private release(lock: Lock, owner: LockOwner, modes: number): void {
    if (this.table.ungrant(lock, owner, modes)) this.wake(lock);
    else this.table.tidy(lock);
  }

  private wake(lock: Lock): void {
    wakeQueue(lock, (waiter) => {
      this.table.grant(lock, waiter, waiter.waitMode);
      this.sim.wake(waiter.process, waiter.ticket);
    });
    this.table.tidy(lock);
  }
}

/** Whether the request has to queue: a holder's or a waiter's mode conflicts with it. */
function isTaken(lock: Lock, owner: LockOwner, mode: LockMode): boolean {
  return (CONFLICTS[mode]! & lock.waitMask) !== 0 || conflictsWithOthers(lock, mode, owner);
}
