/**
 * The queue of one lock (proc.c: JoinWaitQueue, ProcLockWakeup): first come first served, but who
 * holds the lock in another mode goes before the first whom it would keep waiting anyway, and a
 * waiter may pass those before it with whom its mode does not conflict.
 */
import { CONFLICTS, type LockMode } from './lock-modes.ts';
import { conflictsWithOthers, type Lock, type LockOwner } from './lock-table.ts';

/** `deadlock`: two who hold the lock would wait for each other, which is seen at once. */
export type Joined = 'waits' | 'may go on' | 'deadlock';

/** The owner, whose request conflicts with a holder or a waiter, takes its place in the queue. */
export function joinQueue(lock: Lock, owner: LockOwner, mode: LockMode): Joined {
  const held = lock.holders.get(owner) ?? 0;
  let place = lock.queue.length;
  if (held !== 0) {
    place = lock.queue.findIndex((waiter) => (CONFLICTS[waiter.waitMode]! & held) !== 0);
    if (place < 0) place = lock.queue.length;
    else {
      const waiter = lock.queue[place]!;
      if (CONFLICTS[mode]! & (lock.holders.get(waiter) ?? 0)) return 'deadlock';
      const ahead = modesOf(lock.queue.slice(0, place));
      if (!(CONFLICTS[mode]! & ahead) && !conflictsWithOthers(lock, mode, owner)) {
        return 'may go on';
      }
    }
  }
  lock.queue.splice(place, 0, owner);
  lock.waitMask |= 1 << mode;
  owner.waitLock = lock;
  owner.waitMode = mode;
  return 'waits';
}

/** The owner waits no more, granted or not. */
export function leaveQueue(owner: LockOwner): void {
  const lock = owner.waitLock!;
  lock.queue.splice(lock.queue.indexOf(owner), 1);
  lock.waitMask = modesOf(lock.queue);
  owner.waitLock = null;
}

/** Grants, by the given function, what can be granted now, in the order of the queue. */
export function wakeQueue(lock: Lock, grant: (waiter: LockOwner) => void): void {
  let ahead = 0;
  for (let i = 0; i < lock.queue.length; ) {
    const waiter = lock.queue[i]!;
    const { waitMode } = waiter;
    if (CONFLICTS[waitMode]! & ahead || conflictsWithOthers(lock, waitMode, waiter)) {
      ahead |= 1 << waitMode;
      i++;
    } else {
      leaveQueue(waiter);
      grant(waiter);
    }
  }
}

function modesOf(waiters: readonly LockOwner[]): number {
  return waiters.reduce((mask, waiter) => mask | (1 << waiter.waitMode), 0);
}
