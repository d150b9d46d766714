import { CONFLICTS } from '../../src/postgres/locking/lock-modes.ts';
import type { Lock, LockOwner } from '../../src/postgres/locking/lock-table.ts';

/** Who waits for whom, drawn anew each time it is asked for. */
export type Orders = ReadonlyMap<Lock, readonly LockOwner[]>;

const AS_THEY_STAND: Orders = new Map();

export function hardEdges(waiter: LockOwner): LockOwner[] {
  const lock = waiter.waitLock;
  if (lock === null) return [];
  const holders = [...lock.holders].filter(([, held]) => held & CONFLICTS[waiter.waitMode]!);
  return holders.map(([holder]) => holder).filter((holder) => holder !== waiter);
}

export function allEdges(waiter: LockOwner, orders: Orders = AS_THEY_STAND): LockOwner[] {
  const lock = waiter.waitLock;
  if (lock === null) return [];
  const order = orders.get(lock) ?? lock.queue;
  const before = order.slice(0, order.indexOf(waiter));
  const soft = before.filter((each) => CONFLICTS[waiter.waitMode]! & (1 << each.waitMode));
  return [...hardEdges(waiter), ...soft];
}

/** Whether somebody waits for himself in the end. */
export function isInCycle(
  start: LockOwner,
  edges: (waiter: LockOwner) => readonly LockOwner[],
): boolean {
  const seen = new Set<LockOwner>();
  const frontier = [...edges(start)];
  for (let next = frontier.pop(); next; next = frontier.pop()) {
    if (next === start) return true;
    if (!seen.has(next)) frontier.push(...edges(next));
    seen.add(next);
  }
  return false;
}

export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

/** Every way in which all queues could stand. */
export function allOrders(locks: readonly Lock[]): Orders[] {
  let orders: Map<Lock, LockOwner[]>[] = [new Map()];
  for (const lock of locks) {
    const ways = permutations(lock.queue);
    orders = orders.flatMap((order) => ways.map((way) => new Map([...order, [lock, way]])));
  }
  return orders;
}
