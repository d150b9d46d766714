/**
 * The startup process meets queries of its standby: it waits for them, up to a limit, and then ends
 * them (standby.c). Meanwhile nothing is replayed.
 *
 * Kept: who is in the way of a removal of row versions (procarray.c: GetConflictingVirtualXIDs),
 * of an AccessExclusiveLock, of a cleanup lock on a page; snapshots are waited for one after the
 * other by polls of 1 ms doubling to 1 s, up to the end of their transactions, and after each kill
 * 5 ms; locks and pins until they are released, with one request to look for deadlocks after
 * deadlock_timeout. Left out: the log of long waits (log_recovery_conflict_waits), pg_stat_activity
 * of the startup process.
 */
import { MILLISECOND, type Nanoseconds, NEVER, SECOND } from '../kernel/index.ts';
import type { Backend } from '../postgres/backend.ts';
import type { LockManager } from '../postgres/locking/lock-manager.ts';
import { ACCESS_EXCLUSIVE } from '../postgres/locking/lock-modes.ts';
import type { LockOwner } from '../postgres/locking/lock-table.ts';
import type { ConflictReason } from '../postgres/recovery-conflict.ts';
import type { Server } from '../postgres/server.ts';
import type { Receipt } from './receipt.ts';

/** STANDBY_INITIAL_WAIT_US, and the longest of these sleeps. */
const FIRST_SLEEP = MILLISECOND;
const LONGEST_SLEEP = SECOND;
/** What a victim gets to die in before it is asked again. */
const AFTER_KILL = 5 * MILLISECOND;
/** Who waits for a pin is woken by the last unpin; here it looks this often. */
const PIN_POLL = 20_000;

/** A transaction of a backend: it is over when the backend has gone on to another. */
interface Transaction {
  readonly backend: Backend;
  readonly number: number;
}

type Waiting = Generator<undefined, void, undefined>;

export class RecoveryConflicts {
  private readonly server: Server;
  private readonly receipt: Receipt;
  private locks: LockManager | null = null;
  private owner: LockOwner | null = null;

  constructor(server: Server, receipt: Receipt) {
    this.server = server;
    this.receipt = receipt;
  }

  /** Whether a snapshot may see what is removed up to this id. */
  conflictsWith(horizon: number): boolean {
    return this.server.procArray.array.oldestXmin() <= horizon;
  }

  /** ResolveRecoveryConflictWithSnapshot. */
  *snapshots(horizon: number): Waiting {
    const inTheWay: Transaction[] = [];
    for (const backend of this.server.backends) {
      const { xmin, transactions } = backend.proc.entry;
      if (xmin > 0 && xmin <= horizon) inTheWay.push({ backend, number: transactions });
    }
    yield* this.transactions(inTheWay, 'snapshot', true);
  }

  /** The lock is taken at once, unless somebody holds the relation. */
  locksAtOnce(relation: number): boolean {
    const { locks } = this.server;
    return locks.lockRelation(this.ownerOf(locks), relation, ACCESS_EXCLUSIVE) !== 'wait';
  }

  unlock(relation: number): void {
    const { locks } = this.server;
    locks.unlockRelation(this.ownerOf(locks), relation, ACCESS_EXCLUSIVE);
  }

  /** Recovery is over: StandbyReleaseAllLocks. */
  releaseAll(): void {
    if (this.owner !== null && this.locks === this.server.locks) this.locks.leave(this.owner);
    this.owner = null;
  }

  /** It stands in the lock's queue already (ResolveRecoveryConflictWithLock). */
  *lock(relation: number): Waiting {
    const { locks, context, settings } = this.server;
    const { sim } = context;
    const owner = this.ownerOf(locks);
    let checkAt = sim.now + settings.deadlock_timeout;
    while (owner.waitLock !== null) {
      const { limit } = this.receipt;
      if (sim.now >= limit) {
        yield* this.transactions(this.holders(locks, relation, owner), 'lock', false);
        if (owner.waitLock === null) break;
      }
      owner.process = sim.running;
      owner.ticket = sim.park(Math.min(sim.now >= limit ? NEVER : limit, checkAt));
      yield;
      if (owner.waitLock === null || sim.now < checkAt) continue;
      checkAt = NEVER;
      for (const { backend } of this.holders(locks, relation, owner)) {
        locks.requestDeadlockCheck(backend.owner);
      }
    }
  }

  /** Nobody but the startup process may have a pin (ResolveRecoveryConflictWithBufferPin). */
  *pins(buffer: number): Waiting {
    const { storage, context, settings } = this.server;
    const { sim } = context;
    let checkAt = sim.now + settings.deadlock_timeout;
    while (storage.pool.pinCount(buffer) > 0) {
      if (sim.now >= this.receipt.limit) this.endPinners(buffer, 'bufferpin');
      else if (sim.now >= checkAt) {
        checkAt = NEVER;
        this.endPinners(buffer, 'deadlock');
      }
      yield sim.hold(PIN_POLL);
    }
  }

  private endPinners(buffer: number, reason: ConflictReason): void {
    for (const backend of this.server.backends) {
      if (backend.transaction.pinned !== buffer) continue;
      if (reason === 'deadlock' && backend.owner.waitLock === null) continue;
      backend.giveWay(reason);
    }
  }

  /** GetLockConflicts. */
  private holders(locks: LockManager, relation: number, owner: LockOwner): Transaction[] {
    const holders = locks.holdersOf(relation);
    const found: Transaction[] = [];
    for (const backend of this.server.backends) {
      if (backend.owner === owner || !holders.includes(backend.owner)) continue;
      found.push({ backend, number: backend.proc.entry.transactions });
    }
    return found;
  }

  /** ResolveRecoveryConflictWithVirtualXIDs. */
  private *transactions(
    inTheWay: readonly Transaction[],
    reason: ConflictReason,
    waits: boolean,
  ): Waiting {
    const { context, backends } = this.server;
    const { sim } = context;
    for (const { backend, number } of inTheWay) {
      let sleep: Nanoseconds = FIRST_SLEEP;
      while (backends.has(backend) && backend.proc.entry.transactions === number) {
        if (!waits || sim.now >= this.receipt.limit) {
          backend.giveWay(reason);
          yield sim.hold(AFTER_KILL);
        } else {
          yield sim.hold(sleep);
          sleep = Math.min(2 * sleep, LONGEST_SLEEP);
        }
      }
    }
  }

  private ownerOf(locks: LockManager): LockOwner {
    if (this.locks !== locks || this.owner === null) {
      this.locks = locks;
      this.owner = locks.enter({ lockWait: () => {} });
    }
    return this.owner;
  }
}
