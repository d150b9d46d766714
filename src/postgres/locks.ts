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
  readonly held: RowLock[];
}

interface Waiter {
  readonly owner: LockOwner;
  readonly process: ProcessId;
  readonly ticket: number;
}

/** A locked row: who has it, and who waits, in the order of coming. */
export interface RowLock {
  row: RowId;
  holder: LockOwner | null;
  waiters: Waiter[] | null;
  /** The next one in its bucket, or of those to be used again. */
  next: RowLock | null;
}

/**
 * The rows that are locked at the moment: a hash of chains, as rows come and go with every
 * statement and a Map would be rebuilt again and again. Looked up, never iterated.
 */
export class RowLocks {
  /** Locks granted at once, and after a wait. */
  granted = 0;
  waited = 0;
  /** How many rows are locked. */
  size = 0;
  private readonly sim: Simulation;
  private buckets = new Array<RowLock | null>(64).fill(null);
  private free: RowLock | null = null;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  /** False: the owner holds the row now. True: it has to yield, and holds it when it goes on. */
  taken(row: RowId, owner: LockOwner): boolean {
    let lock = this.buckets[this.bucketOf(row)]!;
    while (lock && lock.row !== row) lock = lock.next!;
    if (!lock) {
      owner.held.push(this.enter(row, owner));
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
    for (const lock of owner.held) if (!this.handOver(lock)) this.remove(lock);
    while (owner.held.length > 0) owner.held.pop(); // keeps the array's room, unlike length = 0
  }

  private handOver(lock: RowLock): boolean {
    for (let next = lock.waiters?.shift(); next; next = lock.waiters?.shift()) {
      if (!this.sim.wake(next.process, next.ticket)) continue;
      lock.holder = next.owner;
      next.owner.held.push(lock);
      this.granted++;
      return true;
    }
    return false;
  }

  private enter(row: RowId, holder: LockOwner): RowLock {
    if (this.size === this.buckets.length) this.grow();
    const lock = this.free ?? { row, holder, waiters: null, next: null };
    if (lock === this.free) this.free = lock.next;
    lock.row = row;
    lock.holder = holder;
    this.link(lock);
    this.size++;
    return lock;
  }

  private link(lock: RowLock): void {
    const bucket = this.bucketOf(lock.row);
    lock.next = this.buckets[bucket]!;
    this.buckets[bucket] = lock;
  }

  private remove(lock: RowLock): void {
    const bucket = this.bucketOf(lock.row);
    let before = this.buckets[bucket]!;
    if (before === lock) this.buckets[bucket] = lock.next;
    else {
      while (before.next !== lock) before = before.next!;
      before.next = lock.next;
    }
    this.size--;
    lock.holder = null;
    lock.next = this.free;
    this.free = lock;
  }

  private bucketOf(row: RowId): number {
    const high = Math.floor(row / KEYS_PER_RELATION);
    const hash = Math.imul(row | 0, 0x9e3779b1) ^ Math.imul(high + 1, 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & (this.buckets.length - 1);
  }

  private grow(): void {
    const chains = this.buckets;
    this.buckets = new Array<RowLock | null>(2 * chains.length).fill(null);
    for (let lock of chains) {
      while (lock !== null) {
        const { next }: RowLock = lock;
        this.link(lock);
        lock = next;
      }
    }
  }
}
