/**
 * ProcArrayLock and what is done under it: snapshots shared, the end of transactions with an id
 * exclusively, entering and leaving the array exclusively.
 *
 * Ending (procarray.c: ProcArrayEndTransaction, ProcArrayGroupClearXid): who finds the lock free
 * takes it. Who does not joins the group that forms; its first member, the leader, waits for the
 * lock, then ends the transactions of all who have joined by then, and wakes them.
 *
 * Who comes at the very instant at which the last one took the lock was woken by the same flush:
 * on as many cores they would form a group, on fewer come one after the other. Here their holds are
 * laid end to end and none of them waits (it would be less than a microsecond).
 */
import type { Nanoseconds, ProcessId, Simulation } from '../../kernel/index.ts';
import type { ProcArrayCosts } from './costs.ts';
import type { ProcEntry } from './entry.ts';
import { LWLock } from './lwlock.ts';
import type { ProcArray } from './procarray.ts';

interface Member {
  readonly entry: ProcEntry;
  readonly process: ProcessId;
  readonly ticket: number;
}

/** What the running process has to do before its transaction has ended. */
export type Ending = 'ended' | 'lead' | 'join';

export class ProcArrayLock {
  readonly lock: LWLock;
  /** Groups cleared by a leader, and how many members they had, leaders included. */
  groups = 0;
  grouped = 0;
  private readonly sim: Simulation;
  private readonly array: ProcArray;
  private readonly costs: ProcArrayCosts;
  private group: Member[] | null = null;
  private grantedAt: Nanoseconds = -1;

  constructor(sim: Simulation, array: ProcArray, costs: ProcArrayCosts) {
    this.sim = sim;
    this.array = array;
    this.costs = costs;
    this.lock = new LWLock(sim, costs.wake);
  }

  /** How long a snapshot takes now: the visit of all connections, if it is a new one. */
  snapshotTime(isNew: boolean): Nanoseconds {
    const { snapshot, perConnection } = this.costs;
    return isNew ? snapshot + Math.round(perConnection * this.array.connections) : snapshot;
  }

  /** A snapshot of the given duration: 0, or how long to wait before asking again. */
  snapshot(duration: Nanoseconds): Nanoseconds {
    return this.lock.shared(duration);
  }

  /**
   * A transaction with an id ends. `ended`: it has. `join`: the running process must yield; when it
   * goes on, it has. `lead`: it must wait for `lead()`.
   */
  end(entry: ProcEntry): Ending {
    const { clear } = this.costs;
    const { now } = this.sim;
    if (this.group !== null) {
      this.group.push({ entry, process: this.sim.running, ticket: this.sim.park() });
      return 'join';
    }
    if (this.grantedAt === now && this.lock.exclusiveUntil > now) this.lock.occupy(clear);
    else if (this.lock.exclusive(clear) > 0) {
      this.group = [];
      return 'lead';
    } else this.grantedAt = now;
    this.array.endTransaction(entry, true);
    return 'ended';
  }

  /** The leader asks: 0 when all members' transactions have ended, or how long to wait. */
  lead(leader: ProcEntry): Nanoseconds {
    const members = this.group!;
    const hold = this.costs.clear + members.length * this.costs.clearMember;
    const wait = this.lock.exclusive(hold);
    if (wait > 0) return wait;
    this.group = null;
    this.groups++;
    this.grouped += 1 + members.length;
    this.array.endTransaction(leader, true);
    for (const { entry, process, ticket } of members) {
      this.array.endTransaction(entry, true);
      this.sim.wakeAt(process, ticket, this.sim.now + hold + this.costs.wake);
    }
    return 0;
  }

  /** ROLLBACK of a transaction with an id: nobody waits for it to end. */
  abort(): void {
    this.lock.occupy(this.costs.clear);
  }

  /** Entering the array, by a process that waits: 0, or how long before asking again. */
  enter(): Nanoseconds {
    return this.lock.exclusive(this.resizeTime());
  }

  /** Leaving the array: nobody waits for a process that exits. */
  leave(): void {
    this.lock.occupy(this.resizeTime());
  }

  private resizeTime(): Nanoseconds {
    const { resize, shiftPerConnection } = this.costs;
    return resize + Math.round(shiftPerConnection * this.array.connections);
  }
}
