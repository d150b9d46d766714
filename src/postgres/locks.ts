/**
 * Row locks. Postgres keeps them in the rows (xmax): a transaction that meets a locked row queues
 * for the row's tuple lock and waits for the holder's transaction to end (README.tuplock), so the
 * waiters of one row go first come first served, and a lock lives until commit or abort.
 *
 * Kept: exclusive row locks, FIFO hand-over, release at the end of the transaction. Left out until
 * the next mechanisms need them: shared modes, relation locks, the deadlock check.
 */
import type { ProcessId, Simulation } from '../kernel/index.ts';

/** A row as a number: relation and key together. */
export type RowId = number;

const KEYS_PER_RELATION = 17_592_186_044_416; // 2^44

export function rowId(relation: number, key: number): RowId {
  return relation * KEYS_PER_RELATION + key;
}

/** A transaction as the lock table sees it. */
export interface LockOwner {
  readonly held: RowId[];
}

interface Waiter {
  readonly owner: LockOwner;
  readonly process: ProcessId;
  readonly ticket: number;
}

interface RowLock {
  holder: LockOwner;
  waiters: Waiter[] | null;
}

/** The rows that are locked at the moment. */
export class RowLocks {
  /** Locks granted at once, and after a wait. */
  granted = 0;
  waited = 0;
  private readonly sim: Simulation;
  private readonly locks = new Map<RowId, RowLock>(); // looked up, never iterated

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  get size(): number {
    return this.locks.size;
  }

  /** False: the owner holds the row now. True: it has to yield, and holds it when it goes on. */
  taken(row: RowId, owner: LockOwner): boolean {
    const lock = this.locks.get(row);
    if (!lock) {
      this.locks.set(row, { holder: owner, waiters: null });
      owner.held.push(row);
      this.granted++;
      return false;
    }
    if (lock.holder === owner) return false;
    lock.waiters ??= [];
    lock.waiters.push({ owner, process: this.sim.running, ticket: this.sim.park() });
    this.waited++;
    return true;
  }

  /** The owner's transaction has ended: each of its rows goes to the first who still waits. */
  releaseAll(owner: LockOwner): void {
    for (const row of owner.held) {
      const lock = this.locks.get(row)!;
      if (!this.handOver(row, lock)) this.locks.delete(row);
    }
    while (owner.held.length > 0) owner.held.pop(); // keeps the array's room, unlike length = 0
  }

  private handOver(row: RowId, lock: RowLock): boolean {
    for (let next = lock.waiters?.shift(); next; next = lock.waiters?.shift()) {
      if (!this.sim.wake(next.process, next.ticket)) continue;
      lock.holder = next.owner;
      next.owner.held.push(row);
      this.granted++;
      return true;
    }
    return false;
  }
}
