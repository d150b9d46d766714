/**
 * The fast path for weak relation locks (lock.c, "fast-path"; storage/lmgr/README). AccessShare,
 * RowShare and RowExclusive never conflict with each other, so a backend notes them in slots of its
 * own and the shared table hears nothing of them, as long as nobody has or wants a strong lock on a
 * relation of the same one of 1024 hash partitions.
 *
 * Kept: 16 slots up to version 17; from 18 max_locks_per_transaction of them, rounded up to a power
 * of two, in groups of 16 chosen by relation (postinit.c: InitializeFastPathLocks). Left out: the
 * slot of the virtual transaction id, and shared catalogs, which have no fast path.
 */
import type { PostgresSettings } from '../settings.ts';
import type { LockMode } from './lock-modes.ts';

const SLOTS_PER_GROUP = 16;
const MAX_GROUPS = 1024;
const GROUP_MULTIPLIER = 49_157; // lock.c: FAST_PATH_REL_GROUP
const PARTITIONS = 1024; // lock.c: FAST_PATH_STRONG_LOCK_HASH_PARTITIONS

/** Groups of 16 slots that each backend has: 1 before version 18. */
export function fastPathGroups(settings: PostgresSettings): number {
  if (settings['autovacuum_worker_slots'] === undefined) return 1; // new in version 18, too
  let groups = 1;
  const wanted = settings.max_locks_per_transaction / SLOTS_PER_GROUP;
  while (groups < wanted && groups < MAX_GROUPS) groups *= 2;
  return groups;
}

/** The slots of one backend: in each group those in use come first. */
export class FastPathSlots {
  private readonly groups: number;
  private readonly relations: Int32Array;
  private readonly modes: Uint8Array;
  private readonly used: Uint8Array;
  /** Slots in use, of all groups. */
  count = 0;

  constructor(groups: number) {
    this.groups = groups;
    this.relations = new Int32Array(groups * SLOTS_PER_GROUP);
    this.modes = new Uint8Array(groups * SLOTS_PER_GROUP);
    this.used = new Uint8Array(groups);
  }

  /** Whether the relation is locked in this mode here. */
  holds(relation: number, mode: LockMode): boolean {
    return (this.maskOf(relation) & (1 << mode)) !== 0;
  }

  /** The mask of the modes in which the relation is locked here. */
  maskOf(relation: number): number {
    const slot = this.slotOf(relation);
    return slot < 0 ? 0 : this.modes[slot]!;
  }

  /** Notes the lock; false if all slots of the relation's group are taken. */
  grant(relation: number, mode: LockMode): boolean {
    const group = this.groupOf(relation);
    const first = group * SLOTS_PER_GROUP;
    const end = first + this.used[group]!;
    for (let slot = first; slot < end; slot++) {
      if (this.relations[slot] !== relation) continue;
      this.modes[slot]! |= 1 << mode;
      return true;
    }
    if (end - first === SLOTS_PER_GROUP) return false;
    this.relations[end] = relation;
    this.modes[end] = 1 << mode;
    this.used[group]!++;
    this.count++;
    return true;
  }

  /** Forgets the given modes of a relation; returns those that were held. */
  release(relation: number, modes: number): number {
    const slot = this.slotOf(relation);
    if (slot < 0) return 0;
    const released = this.modes[slot]! & modes;
    this.modes[slot]! &= ~modes;
    if (this.modes[slot] === 0) this.empty(slot);
    return released;
  }

  releaseAll(): void {
    if (this.count === 0) return;
    for (let group = 0; group < this.groups; group++) this.used[group] = 0;
    this.count = 0;
  }

  /** The last slot in use of the group moves up. */
  private empty(slot: number): void {
    const group = Math.floor(slot / SLOTS_PER_GROUP);
    const last = group * SLOTS_PER_GROUP + --this.used[group]!;
    this.relations[slot] = this.relations[last]!;
    this.modes[slot] = this.modes[last]!;
    this.count--;
  }

  private slotOf(relation: number): number {
    const group = this.groupOf(relation);
    const first = group * SLOTS_PER_GROUP;
    const end = first + this.used[group]!;
    for (let slot = first; slot < end; slot++) if (this.relations[slot] === relation) return slot;
    return -1;
  }

  private groupOf(relation: number): number {
    return Math.imul(relation, GROUP_MULTIPLIER) & (this.groups - 1);
  }
}

/** How many strong locks are held or wanted in each partition of the relations. */
export class StrongLocks {
  private readonly counts = new Int32Array(PARTITIONS);

  /** Which of the 1024 partitions a relation is in. */
  static partitionOf(relation: number): number {
    const hash = Math.imul(relation + 1, 0x9e3779b1);
    return (hash ^ (hash >>> 15)) & (PARTITIONS - 1);
  }

  /** Whether weak locks on the relation have to go to the table. */
  isBarred(relation: number): boolean {
    return this.counts[StrongLocks.partitionOf(relation)] !== 0;
  }

  begin(relation: number): void {
    this.counts[StrongLocks.partitionOf(relation)]!++;
  }

  end(relation: number): void {
    this.counts[StrongLocks.partitionOf(relation)]!--;
  }
}
