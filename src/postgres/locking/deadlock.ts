/**
 * The deadlock check (deadlock.c, and "The Deadlock Detection Algorithm" in storage/lmgr/README).
 * A waits for B by a hard edge if B holds what A wants, by a soft edge if B only stands before A in
 * the queue and wants something that conflicts. A cycle of hard edges has to be broken by an error;
 * one with soft edges may be undone by letting a waiter go before the one it would wait for. The
 * search tries such reversals, one for each soft edge of the cycle, as deep as it has to.
 *
 * Kept: the search, its rule that only cycles through who asks count, rearranged queues, and the
 * exemption of relation extension. Left out: lock groups of parallel workers, and the bounds on
 * memory of the search, which a server hits only with more cycles than backends.
 */
import { CONFLICTS } from './lock-modes.ts';
import type { Lock, LockOwner } from './lock-table.ts';

/** `rearranged` queues are to be put in place by the caller, who then wakes who can go on. */
export type Verdict =
  | { readonly kind: 'no deadlock'; readonly autovacuum: LockOwner | null }
  | { readonly kind: 'soft'; readonly orders: ReadonlyMap<Lock, LockOwner[]> }
  | { readonly kind: 'hard'; readonly cycle: readonly LockOwner[] };

/** The waiter is to go before the blocker in the lock's queue. */
interface Reversal {
  readonly waiter: LockOwner;
  readonly blocker: LockOwner;
  readonly lock: Lock;
}

/** Whether the owner, who has waited for a while, waits in a circle. */
export function checkDeadlock(owner: LockOwner): Verdict {
  const search = new Search(owner);
  if (!search.isResolved()) return { kind: 'hard', cycle: search.firstCycle() };
  if (search.orders.size > 0) return { kind: 'soft', orders: search.orders };
  return { kind: 'no deadlock', autovacuum: search.autovacuum };
}

class Search {
  /** The queues that the present reversals have rearranged. */
  orders: Map<Lock, LockOwner[]> = new Map();
  /** One that holds what the owner itself waits for, and that may be cancelled. */
  autovacuum: LockOwner | null = null;
  private readonly owner: LockOwner;
  private readonly reversals: Reversal[] = [];
  /** The walk that marks whom it has visited, so that a long queue is not searched again. */
  private walk = {};
  private start: LockOwner;
  private members: LockOwner[] = [];

  constructor(owner: LockOwner) {
    this.owner = owner;
    this.start = owner;
  }

  /** The cycle as the queues stand, for the error message. */
  firstCycle(): readonly LockOwner[] {
    this.orders = new Map();
    this.cycleFrom(this.owner);
    return this.members;
  }

  /** deadlock.c: DeadLockCheckRecurse: whether some more reversals leave no cycle. */
  isResolved(): boolean {
    const soft = this.tryReversals();
    if (soft === null) return false;
    if (soft.length === 0) return true;
    for (const reversal of soft) {
      this.reversals.push(reversal);
      if (this.isResolved()) return true;
      this.reversals.pop();
    }
    return false;
  }

  /**
   * deadlock.c: TestConfiguration: the soft edges of a cycle that the present reversals leave or
   * make, none if there is no cycle, null if one cannot be undone. The owner's own cycle counts
   * most, so it is looked for last.
   */
  private tryReversals(): Reversal[] | null {
    const orders = rearrange(this.reversals);
    if (orders === null) return null;
    this.orders = orders;
    const starts = this.reversals.flatMap(({ waiter, blocker }) => [waiter, blocker]);
    let found: Reversal[] = [];
    for (const start of [...starts, this.owner]) {
      const soft = this.cycleFrom(start);
      if (soft === null) continue;
      if (soft.length === 0) return null;
      found = soft;
    }
    return found;
  }

  /** deadlock.c: FindLockCycle: the soft edges of a cycle through the start; null without one. */
  private cycleFrom(start: LockOwner): Reversal[] | null {
    this.start = start;
    this.walk = {};
    this.members = [];
    const soft: Reversal[] = [];
    return this.leadsBack(start, soft) ? soft : null;
  }

  private leadsBack(waiter: LockOwner, soft: Reversal[]): boolean {
    if (waiter.visitedBy === this.walk) return waiter === this.start;
    waiter.visitedBy = this.walk;
    const lock = waiter.waitLock;
    if (lock === null || lock.kind === 'extend') return false;
    const isCycle = this.hardEdgeLeadsBack(waiter, lock, soft) || this.softEdge(waiter, lock, soft);
    if (isCycle) this.members.unshift(waiter);
    return isCycle;
  }

  private hardEdgeLeadsBack(waiter: LockOwner, lock: Lock, soft: Reversal[]): boolean {
    const conflicts = CONFLICTS[waiter.waitMode]!;
    for (const [holder, held] of lock.holders) {
      if (holder === waiter || !(held & conflicts)) continue;
      if (this.leadsBack(holder, soft)) return true;
      if (waiter === this.owner && holder.client.cancelAutovacuum) this.autovacuum = holder;
    }
    return false;
  }

  private softEdge(waiter: LockOwner, lock: Lock, soft: Reversal[]): boolean {
    const conflicts = CONFLICTS[waiter.waitMode]!;
    for (const blocker of this.orders.get(lock) ?? lock.queue) {
      if (blocker === waiter) return false;
      if (!(conflicts & (1 << blocker.waitMode)) || !this.leadsBack(blocker, soft)) continue;
      soft.push({ waiter, blocker, lock });
      return true;
    }
    return false;
  }
}

/** deadlock.c: ExpandConstraints: the queues with the reversals done; null if they contradict. */
function rearrange(reversals: readonly Reversal[]): Map<Lock, LockOwner[]> | null {
  const orders = new Map<Lock, LockOwner[]>();
  for (const { lock } of reversals) {
    if (orders.has(lock)) continue;
    const order = sortQueue(
      lock.queue,
      reversals.filter((each) => each.lock === lock),
    );
    if (order === null) return null;
    orders.set(lock, order);
  }
  return orders;
}

/**
 * deadlock.c: TopoSort: from the end of the queue, each place goes to the last waiter that need not
 * stand before anyone still without a place, so that as little as possible is moved.
 */
function sortQueue(queue: readonly LockOwner[], reversals: readonly Reversal[]) {
  const rest = [...queue];
  const order: LockOwner[] = [];
  while (rest.length > 0) {
    const at = rest.findLastIndex(
      (each) => !reversals.some(({ waiter, blocker }) => waiter === each && rest.includes(blocker)),
    );
    if (at < 0) return null;
    order.unshift(...rest.splice(at, 1));
  }
  return order;
}
