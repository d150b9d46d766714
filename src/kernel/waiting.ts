import { Ring } from './ring.ts';
import type { ProcessId, Simulation } from './simulation.ts';
import { type Nanoseconds, NEVER } from './time.ts';

/** Processes that wait for the same thing, in the order of their coming. */
class Waiters {
  private readonly sim: Simulation;
  private readonly queue = new Ring(); // process, ticket, process, ticket, ...
  private tidyAt = 128;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  /** The running process waits here, at most until the deadline. */
  join(deadline: Nanoseconds): void {
    const ticket = this.sim.park(deadline);
    if (this.queue.length >= this.tidyAt) this.tidy();
    this.queue.push(this.sim.running);
    this.queue.push(ticket);
  }

  /** Forgets those who left by a deadline or an interrupt; seldom enough to cost nothing. */
  private tidy(): void {
    const { queue } = this;
    for (let n = queue.length / 2; n > 0; n--) {
      const process = queue.shift();
      const ticket = queue.shift();
      if (!this.sim.isWaiting(process, ticket)) continue;
      queue.push(process);
      queue.push(ticket);
    }
    this.tidyAt = Math.max(128, 2 * queue.length);
  }

  /** Wakes the first that still waits; false if nobody does. */
  wakeFirst(): boolean {
    while (this.queue.length > 0) {
      if (this.sim.wake(this.queue.shift(), this.queue.shift())) return true;
    }
    return false;
  }

  wakeAll(): void {
    for (let n = this.queue.length / 2; n > 0; n--) {
      this.sim.wake(this.queue.shift(), this.queue.shift());
    }
  }
}

/** Something that happens: whoever waits for it is woken, all at once. */
export class Signal {
  private readonly waiters: Waiters;

  constructor(sim: Simulation) {
    this.waiters = new Waiters(sim);
  }

  /** `yield signal.wait()`; with a deadline, `sim.timedOut` tells which of the two it was. */
  wait(deadline: Nanoseconds = NEVER): undefined {
    this.waiters.join(deadline);
  }

  fire(): void {
    this.waiters.wakeAll();
  }
}

/**
 * A right that n processes may hold at a time, first come first served. It is handed over at the
 * instant of release.
 * `if (latch.taken()) yield; ...; latch.release();`
 */
export class Latch {
  private free: number;
  private readonly waiters: Waiters;

  constructor(sim: Simulation, holders = 1) {
    this.free = holders;
    this.waiters = new Waiters(sim);
  }

  /** False: the running process holds it now. True: it must yield, and holds it when it goes on. */
  taken(): boolean {
    if (this.free > 0) {
      this.free--;
      return false;
    }
    this.waiters.join(NEVER);
    return true;
  }

  release(): void {
    if (!this.waiters.wakeFirst()) this.free++;
  }
}

interface Waiter {
  readonly position: number;
  readonly process: ProcessId;
  readonly ticket: number;
  next: Waiter | null;
}

const TIDY_FROM = 64;

/**
 * A position that only grows, and processes that wait until it has reached theirs.
 * `if (mark.below(position)) yield;`
 */
export class Watermark {
  value: number;
  private readonly sim: Simulation;
  /** By position, equal ones in the order of their coming. */
  private first: Waiter | null = null;
  private last: Waiter | null = null;
  private count = 0;
  private tidyAt = TIDY_FROM;

  constructor(sim: Simulation, value = 0) {
    this.sim = sim;
    this.value = value;
  }

  /** How many wait, those included that a deadline or an interrupt took away. */
  get waiters(): number {
    return this.count;
  }

  /** False if the position is reached. True: the running process has to yield until it is. */
  below(position: number, deadline: Nanoseconds = NEVER): boolean {
    if (position <= this.value) return false;
    const ticket = this.sim.park(deadline);
    if (this.count >= this.tidyAt) this.tidy();
    this.insert({ position, process: this.sim.running, ticket, next: null });
    return true;
  }

  /** Moves the mark forward and wakes those whom it has reached, lowest position first. */
  advance(value: number): void {
    if (value <= this.value) return;
    this.value = value;
    while (this.first !== null && this.first.position <= value) this.wakeFirst();
  }

  /** Wakes everybody without moving: the wait has lost its object. */
  abandon(): void {
    for (let n = this.count; n > 0; n--) this.wakeFirst();
  }

  private wakeFirst(): void {
    const { process, ticket, next } = this.first!;
    this.first = next;
    if (next === null) this.last = null;
    this.count--;
    this.sim.wake(process, ticket);
  }

  private insert(waiter: Waiter): void {
    this.count++;
    if (this.last === null) this.first = this.last = waiter;
    else if (this.last.position <= waiter.position) {
      this.last.next = waiter;
      this.last = waiter;
    } else if (this.first!.position > waiter.position) {
      waiter.next = this.first;
      this.first = waiter;
    } else {
      let before = this.first!;
      while (before.next!.position <= waiter.position) before = before.next!;
      waiter.next = before.next;
      before.next = waiter;
    }
  }

  /** Drops those who have left. */
  private tidy(): void {
    let waiter = this.first;
    this.first = this.last = null;
    this.count = 0;
    while (waiter !== null) {
      const { next } = waiter;
      waiter.next = null;
      if (this.sim.isWaiting(waiter.process, waiter.ticket)) this.insert(waiter);
      waiter = next;
    }
    this.tidyAt = Math.max(TIDY_FROM, 2 * this.count);
  }
}
