/**
 * The shared lock table (lock.c, storage/lmgr/README): one entry for each thing that is locked,
 * with the modes granted on it, who holds them and who waits, and room for so many entries only.
 *
 * Kept: both limits of the table (locks, and holders of locks). Left out: its 16 partitions and
 * their LWLocks, and the spare shared memory into which a real table may grow beyond its limit.
 */
import { type Nanoseconds, NEVER, type ProcessId, type Signal } from '../../kernel/index.ts';
import type { PostgresSettings } from '../settings.ts';
import { FastPathSlots } from './fast-path.ts';
import { CONFLICTS, type LockMode } from './lock-modes.ts';
import type { RowLock } from './row-locks.ts';

/** What a heavyweight lock is on: the wait events of type Lock, as `pg_locks.locktype` has them. */
export type LockKind = 'relation' | 'extend' | 'tuple' | 'transactionid';

/** One locked thing. `id` is a relation's index, or a row; a transaction has none. */
export interface Lock {
  kind: LockKind;
  id: number;
  /** How many hold it in each mode, and the mask of those modes. */
  readonly granted: number[];
  grantMask: number;
  /** Each holder's mask of modes, in the order of coming. */
  readonly holders: Map<LockOwner, number>;
  /** Who waits, first to be granted first, and the mask of the modes they want. */
  queue: LockOwner[];
  waitMask: number;
  /** Of a transaction that has committed: the rows of which it has made new versions. */
  updated: readonly number[];
}

/** What a backend wants to hear of its locks. */
export interface LockClient {
  /** It waits for a lock of this kind from now on; null: not any more. */
  lockWait(kind: LockKind | null): void;
  /** Whether its client has closed the connection: asked each client_connection_check_interval. */
  readonly isGone?: () => boolean;
  /** Of an autovacuum that may be cancelled: somebody waits for its locks. */
  readonly cancelAutovacuum?: () => void;
}

/** A backend as the locks see it (PGPROC): what its transaction holds and what it waits for. */
export class LockOwner {
  readonly client: LockClient;
  /** Locked rows (see `row-locks.ts`). */
  readonly rows: RowLock<LockOwner>[] = [];
  readonly fastPath: FastPathSlots;
  /** Entries of the table that it holds, in the order of coming. */
  readonly locks: Lock[] = [];
  /** Relations on which it holds or wants a strong lock, one entry for each mode. */
  readonly strong: number[] = [];
  /** Its transaction has an id, which is a lock that it holds until the end. */
  hasTransactionId = false;
  /** That lock, once somebody has had to wait for it. */
  transaction: Lock | null = null;
  /** `SET lock_timeout`; 0 is none. */
  lockTimeout: Nanoseconds;
  /** When what it does is cancelled, waits included: statement_timeout, transaction_timeout. */
  cancelAt: Nanoseconds = NEVER;
  /** It is asked to look whether it waits in a circle. */
  checksDeadlock = false;
  /** Fired when its transaction ends, whatever it did, for those who wait for that. */
  ended: Signal | null = null;
  waitLock: Lock | null = null;
  waitMode: LockMode = 1;
  /** The deadlock check's walk that has been here last. */
  visitedBy: object | null = null;
  process: ProcessId = -1;
  ticket = 0;

  constructor(client: LockClient, fastPathGroups: number, lockTimeout: Nanoseconds) {
    this.client = client;
    this.lockTimeout = lockTimeout;
    this.fastPath = new FastPathSlots(fastPathGroups);
  }
}

/** postinit.c: InitializeMaxBackends: processes that can hold locks. */
export function maxBackends(settings: PostgresSettings): number {
  const { max_connections, max_worker_processes, max_wal_senders } = settings;
  const slots = settings['autovacuum_worker_slots'];
  const special = slots === undefined ? 1 : 2; // the launcher; from 18 the slot sync worker, too
  const autovacuum = Number(slots ?? settings.autovacuum_max_workers);
  return max_connections + autovacuum + special + max_worker_processes + max_wal_senders;
}

/** lock.c: NLOCKENTS: locks that the table has room for. */
export function lockTableCapacity(settings: PostgresSettings): number {
  const { max_locks_per_transaction, max_prepared_transactions } = settings;
  return max_locks_per_transaction * (maxBackends(settings) + max_prepared_transactions);
}

export class LockTable {
  /** Transactions with an id, each of which takes an entry whether anybody waits for it or not. */
  transactionIds = 0;
  private readonly capacity: number;
  /** Entries, and pairs of holder and lock, at the moment. */
  private entries = 0;
  private holdings = 0;
  private readonly byKind = {
    relation: new Map<number, Lock>(),
    extend: new Map<number, Lock>(),
    tuple: new Map<number, Lock>(),
  };
  private readonly free: Lock[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Entries in use: `count(*)` of distinct locks in pg_locks that are not by the fast path. */
  get size(): number {
    return this.entries + this.transactionIds;
  }

  find(kind: Exclude<LockKind, 'transactionid'>, id: number): Lock | undefined {
    return this.byKind[kind].get(id);
  }

  /** The entry of a thing; null if it has none and there is no room for one, or for a holder. */
  enter(kind: Exclude<LockKind, 'transactionid'>, id: number, owner: LockOwner): Lock | null {
    const known = this.byKind[kind].get(id);
    if (known === undefined && this.size >= this.capacity) return null;
    const isNewHolder = known === undefined || !known.holders.has(owner);
    if (isNewHolder && this.holdings + this.transactionIds >= 2 * this.capacity) return null;
    if (known !== undefined) return known;
    const lock = this.newLock(kind, id);
    this.byKind[kind].set(id, lock);
    this.entries++;
    return lock;
  }

  /** The lock that a transaction with an id holds on it, for those who wait for its end. */
  transactionOf(holder: LockOwner): Lock {
    if (holder.transaction === null) {
      holder.transaction = this.newLock('transactionid', 0);
      this.grant(holder.transaction, holder, 7);
    }
    return holder.transaction;
  }

  grant(lock: Lock, owner: LockOwner, mode: LockMode): void {
    const held = lock.holders.get(owner);
    const bit = 1 << mode;
    if (held === undefined) {
      owner.locks.push(lock);
      this.holdings++;
    } else if (held & bit) return;
    lock.holders.set(owner, (held ?? 0) | bit);
    lock.granted[mode]!++;
    lock.grantMask |= bit;
  }

  /** Takes modes from a holder; says whether a waiter wants something that conflicts with them. */
  ungrant(lock: Lock, owner: LockOwner, modes: number): boolean {
    const held = lock.holders.get(owner);
    if (held === undefined) return false;
    let conflicts = 0;
    for (let mode = 1; mode <= 8; mode++) {
      if (!(held & modes & (1 << mode))) continue;
      conflicts |= CONFLICTS[mode]!;
      if (--lock.granted[mode]! === 0) lock.grantMask &= ~(1 << mode);
    }
    if (held & ~modes) lock.holders.set(owner, held & ~modes);
    else {
      lock.holders.delete(owner);
      owner.locks.splice(owner.locks.lastIndexOf(lock), 1);
      this.holdings--;
    }
    return (conflicts & lock.waitMask) !== 0;
  }

  /** The entry goes if nobody holds it or waits for it. */
  tidy(lock: Lock): void {
    if (lock.holders.size > 0 || lock.queue.length > 0) return;
    if (lock.kind === 'transactionid') return; // those who waited still ask what it updated
    this.byKind[lock.kind].delete(lock.id);
    this.entries--;
    this.free.push(lock);
  }

  private newLock(kind: LockKind, id: number): Lock {
    const spare = kind === 'transactionid' ? undefined : this.free.pop();
    const lock = spare ?? {
      kind,
      id,
      granted: [0, 0, 0, 0, 0, 0, 0, 0, 0],
      grantMask: 0,
      holders: new Map<LockOwner, number>(),
      queue: [],
      waitMask: 0,
      updated: [],
    };
    lock.kind = kind;
    lock.id = id;
    return lock;
  }
}

/** lock.c: LockCheckConflicts: whether others hold what cannot be held beside this mode. */
export function conflictsWithOthers(lock: Lock, mode: LockMode, owner: LockOwner): boolean {
  const conflicting = CONFLICTS[mode]! & lock.grantMask;
  if (conflicting === 0) return false;
  const own = lock.holders.get(owner) ?? 0;
  for (let held = 1; held <= 8; held++) {
    if (!(conflicting & (1 << held))) continue;
    if (lock.granted[held]! > (own & (1 << held) ? 1 : 0)) return true;
  }
  return false;
}
