/**
 * Who has locked which row. Postgres keeps this in the row itself (xmax, or a multixact if there
 * are several), so it costs no shared memory and nothing queues here: whoever finds a conflict goes
 * to the heavyweight locks (`lock-manager.ts: waitForRow`).
 *
 * Kept: the four modes, several holders of one row, release at the end of the transaction. A row is
 * one thing here through all its versions, where Postgres locks a version.
 */
import { type RowLockMode, rowModesConflict } from './lock-modes.ts';

/** A row as a number: relation and key together. */
export type RowId = number;

const KEYS_PER_RELATION = 17_592_186_044_416; // 2^44

export function rowId(relation: number, key: number): RowId {
  return relation * KEYS_PER_RELATION + key;
}

interface Member<Owner> {
  readonly owner: Owner;
  mode: RowLockMode;
}

/** A locked row: who has it; `others` holds the rest of a multixact. */
export interface RowLock<Owner> {
  row: RowId;
  holder: Owner | null;
  mode: RowLockMode;
  /** Who has made a new version of it. */
  updater: Owner | null;
  others: Member<Owner>[] | null;
  /** The next one in its bucket, or of those to be used again. */
  next: RowLock<Owner> | null;
}

/**
 * The rows that are locked at the moment: a hash of chains, as rows come and go with every
 * statement and a Map would be rebuilt again and again. Looked up, never iterated.
 */
export class RowLocks<Owner extends { readonly rows: RowLock<Owner>[] }> {
  /** How many rows are locked. */
  size = 0;
  private buckets = new Array<RowLock<Owner> | null>(64).fill(null);
  private free: RowLock<Owner> | null = null;

  /** Who has the row that was taken last: several are a multixact. */
  members = 1;

  /** Null: the owner has the row now. Otherwise somebody who has it in a conflicting mode. */
  take(row: RowId, mode: RowLockMode, owner: Owner): Owner | null {
    const lock = this.find(row);
    if (lock === null) {
      owner.rows.push(this.enter(row, mode, owner));
      this.members = 1;
      return null;
    }
    if (lock.holder === owner && lock.others === null) {
      if (lock.mode < mode) lock.mode = mode;
      this.members = 1;
      return null;
    }
    const conflicting = conflictOf(lock, mode, owner);
    if (conflicting !== null) return conflicting;
    this.join(lock, mode, owner);
    this.members = 1 + (lock.others?.length ?? 0);
    return null;
  }

  /** The owner, who has the row, makes a new version of it. */
  update(row: RowId, owner: Owner): void {
    this.find(row)!.updater = owner;
  }

  /** The rows of which the owner has made new versions. */
  updatedBy(owner: Owner): RowId[] {
    return owner.rows.filter(({ updater }) => updater === owner).map(({ row }) => row);
  }

  /** Whether somebody else has the row in a mode that conflicts. */
  isTaken(row: RowId, mode: RowLockMode, owner: Owner): boolean {
    const lock = this.find(row);
    return lock !== null && conflictOf(lock, mode, owner) !== null;
  }

  /** Whether anybody has the row. */
  isLocked(row: RowId): boolean {
    return this.find(row) !== null;
  }

  /** Whether the owner has the row, in whatever mode. */
  isHolder(row: RowId, owner: Owner): boolean {
    const lock = this.find(row);
    if (lock === null) return false;
    return lock.holder === owner || (lock.others?.some((m) => m.owner === owner) ?? false);
  }

  /**
   * The owner's transaction has ended, or what it did beyond its first `kept` locks: rows are free,
   * or the others' of the multixact.
   */
  release(owner: Owner, kept = 0): void {
    const { rows } = owner;
    while (rows.length > kept) {
      const lock = rows.pop()!;
      if (lock.others === null) this.remove(lock);
      else leave(lock, owner);
    }
  }

  /** Whether the owner has the row in this mode, or in a stronger one. */
  holds(row: RowId, mode: RowLockMode, owner: Owner): boolean {
    const lock = this.find(row);
    if (lock === null) return false;
    if (lock.holder === owner) return lock.mode >= mode;
    return lock.others?.some((member) => member.owner === owner && member.mode >= mode) ?? false;
  }

  private join(lock: RowLock<Owner>, mode: RowLockMode, owner: Owner): void {
    if (lock.holder === owner) {
      if (lock.mode < mode) lock.mode = mode;
      return;
    }
    const own = lock.others?.find((member) => member.owner === owner);
    if (own) {
      if (own.mode < mode) own.mode = mode;
      return;
    }
    lock.others ??= [];
    lock.others.push({ owner, mode });
    owner.rows.push(lock);
  }

  private find(row: RowId): RowLock<Owner> | null {
    let lock = this.buckets[this.bucketOf(row)]!;
    while (lock !== null && lock.row !== row) lock = lock.next!;
    return lock;
  }

  private enter(row: RowId, mode: RowLockMode, holder: Owner): RowLock<Owner> {
    if (this.size === this.buckets.length) this.grow();
    const lock = this.free ?? { row, holder, mode, updater: null, others: null, next: null };
    if (lock === this.free) this.free = lock.next;
    lock.row = row;
    lock.holder = holder;
    lock.mode = mode;
    lock.updater = null;
    this.link(lock);
    this.size++;
    return lock;
  }

  private link(lock: RowLock<Owner>): void {
    const bucket = this.bucketOf(lock.row);
    lock.next = this.buckets[bucket]!;
    this.buckets[bucket] = lock;
  }

  private remove(lock: RowLock<Owner>): void {
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
    this.buckets = new Array<RowLock<Owner> | null>(2 * chains.length).fill(null);
    for (let lock of chains) {
      while (lock !== null) {
        const { next }: RowLock<Owner> = lock;
        this.link(lock);
        lock = next;
      }
    }
  }
}

function conflictOf<Owner>(lock: RowLock<Owner>, mode: RowLockMode, owner: Owner): Owner | null {
  if (lock.holder !== owner && rowModesConflict(lock.mode, mode)) return lock.holder;
  for (const member of lock.others ?? []) {
    if (member.owner !== owner && rowModesConflict(member.mode, mode)) return member.owner;
  }
  return null;
}

/** One of several holders goes; the eldest of the rest is the holder then. */
function leave<Owner>(lock: RowLock<Owner>, owner: Owner): void {
  const others = lock.others!;
  if (lock.holder === owner) {
    const heir = others.shift()!;
    lock.holder = heir.owner;
    lock.mode = heir.mode;
  } else {
    const at = others.findIndex((member) => member.owner === owner);
    others.splice(at, 1);
  }
  if (others.length === 0) lock.others = null;
}
