import type { Process, ProcessId, Simulation } from '../../src/kernel/index.ts';

interface Waiter {
  readonly process: ProcessId;
  readonly ticket: number;
  readonly exclusive: boolean;
}

/**
 * A lightweight lock as lwlock.c has it: a count of holders, a queue of sleepers, a release that
 * wakes the first exclusive one or all shared ones, and sleepers that try again.
 */
export class NaiveLWLock {
  private sharers = 0;
  private held = false;
  private queue: Waiter[] = [];
  private readonly sim: Simulation;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  *acquire(exclusive: boolean): Generator<undefined, void, undefined> {
    while (this.held || (exclusive && this.sharers > 0)) {
      this.queue.push({ process: this.sim.running, ticket: this.sim.park(), exclusive });
      yield;
    }
    if (exclusive) this.held = true;
    else this.sharers++;
  }

  release(exclusive: boolean): void {
    if (exclusive) this.held = false;
    else this.sharers--;
    if (this.sharers > 0) return;
    const woken: Waiter[] = [];
    const left: Waiter[] = [];
    for (const waiter of this.queue) {
      const done = woken[0]?.exclusive === true;
      if (done || (woken.length > 0 && waiter.exclusive)) left.push(waiter);
      else woken.push(waiter);
    }
    this.queue = left;
    for (const { process, ticket } of woken) this.sim.wake(process, ticket);
  }
}

/** Comes, gets the lock, tells when, holds it, and releases it. */
export function* visit(
  sim: Simulation,
  lock: NaiveLWLock,
  request: { readonly at: number; readonly exclusive: boolean; readonly hold: number },
  granted: (at: number) => void,
): Process {
  yield sim.holdUntil(request.at);
  yield* lock.acquire(request.exclusive);
  granted(sim.now);
  yield sim.hold(request.hold);
  lock.release(request.exclusive);
}
