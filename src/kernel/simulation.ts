import { Agenda } from './agenda.ts';
import type { ProcessGroup } from './group.ts';
import { Random } from './random.ts';
import { Ring } from './ring.ts';
import { type Nanoseconds, NEVER } from './time.ts';
import { Trace } from './trace.ts';

/**
 * A process tells its story from top to bottom and yields only where simulated time may pass.
 * Whoever makes it wait (a hold, a resource, a signal) has arranged its wake-up before the `yield`,
 * which itself carries nothing.
 */
export type Process = Generator<undefined, void, undefined>;

/** A process's small number; it is given to another process once this one has ended. */
export type ProcessId = number;

/** What a process finds thrown at its `yield` when it is interrupted there. */
export class Interrupt {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * The `next` of every generator. Each generator function has a prototype of its own, so looking it
 * up at each step would cost more than the call.
 */
const proceed: Process['next'] = (function* (): Process {})().next;

const NOBODY: ProcessId = -1;
const STOP: ProcessId = 0; // the process that ends `run`
const FROZEN = 1;
const MISSED = 2; // its turn came while it was frozen
const MISSED_BY_TIME = 4;
const INTERRUPTED = 8;
const KILLED = 16;
const INTERRUPTED_NEXT = 32; // interrupted after it had been woken: it takes that step first

/**
 * The clock, the agenda and the processes of one run.
 *
 * Every primitive *arranges* the wake-up of the running process and returns. Wake-ups in the future
 * go to the agenda; wake-ups at this instant go through a first-in-first-out ring, behind all that
 * were made ready before. Each time a process goes on its ticket changes, so an entry that it left
 * in a wait list (number, ticket) is void by itself: nothing has to be searched and removed.
 */
export class Simulation {
  now: Nanoseconds = 0;
  /** The process whose step is being taken. */
  running: ProcessId = NOBODY;
  /** True if the running process was resumed by the clock, false if somebody woke it. */
  timedOut = false;
  /** How many steps all processes have taken. */
  steps = 0;
  readonly trace = new Trace(this);
  readonly seed: string;

  private readonly agenda = new Agenda();
  private readonly ready = new Ring();
  private readonly bodies: (Process | null)[] = [null];
  private readonly groups: (ProcessGroup | null)[] = [null];
  private readonly interrupts: (Interrupt | null)[] = [null];
  private tickets = new Int32Array(1024);
  private flags = new Uint8Array(1024);
  private readonly free: ProcessId[] = [];

  constructor(seed: string | number = 0) {
    this.seed = String(seed);
  }

  /** The random stream of a component, named by its path: streams are independent of each other. */
  random(path: string): Random {
    return new Random(`${this.seed}/${path}`);
  }

  /** A process starts at this instant, after those already made ready. */
  spawn(body: Process, group: ProcessGroup | null = null): ProcessId {
    const process = this.free.pop() ?? this.bodies.length;
    if (process >= this.tickets.length) this.grow();
    this.bodies[process] = body;
    this.groups[process] = group;
    this.interrupts[process] = null;
    group?.add(process);
    this.flags[process] = group?.frozen ? FROZEN : 0;
    this.ready.push(process);
    return process;
  }

  /** `yield sim.hold(d)`: the running process goes on after d. */
  hold(duration: Nanoseconds): undefined {
    this.agenda.enter(this.now + duration, this.running);
  }

  /** `yield sim.holdUntil(t)`: the running process goes on at t, or now if t is past. */
  holdUntil(instant: Nanoseconds): undefined {
    this.agenda.enter(instant > this.now ? instant : this.now, this.running);
  }

  /** The running process waits to be woken by its ticket, or until the deadline if one is given. */
  park(deadline: Nanoseconds = NEVER): number {
    if (deadline !== NEVER) this.holdUntil(deadline);
    return this.tickets[this.running]!;
  }

  /** Whether a process still waits where it left this ticket. */
  isWaiting(process: ProcessId, ticket: number): boolean {
    return this.tickets[process] === ticket;
  }

  /** Wakes a process if it still waits with this ticket; says whether it did. */
  wake(process: ProcessId, ticket: number): boolean {
    if (this.tickets[process] !== ticket) return false;
    this.tickets[process] = ticket + 1;
    this.agenda.remove(process);
    this.ready.push(process);
    return true;
  }

  /** A process that waits with this ticket goes on at the given instant at the latest. */
  wakeAt(process: ProcessId, ticket: number, instant: Nanoseconds): void {
    if (this.tickets[process] !== ticket) return;
    if (this.agenda.isPending(process)) {
      if (this.agenda.instantOf(process) <= instant) return;
      this.agenda.remove(process);
    }
    this.agenda.enter(instant > this.now ? instant : this.now, process);
  }

  /**
   * The process finds the interrupt thrown at the `yield` where it waits, at this instant; if it
   * does not catch it, it ends. A wake-up it has already been given is not lost (it may own a latch
   * by now): it takes that step first and finds the interrupt at the `yield` after it. Without
   * effect on the running process itself.
   */
  interrupt(process: ProcessId, interrupt: Interrupt): void {
    if (!this.bodies[process] || process === this.running) return;
    this.interrupts[process] = interrupt;
    const flags = this.flags[process]!;
    if (flags & INTERRUPTED) return;
    if (flags & MISSED || this.ready.includes(process)) {
      this.flags[process] = flags | INTERRUPTED_NEXT;
      return;
    }
    this.flags[process] = flags | INTERRUPTED;
    this.tickets[process]!++;
    this.agenda.remove(process);
    this.ready.push(process);
  }

  /** The process is gone, as by SIGKILL: nothing of it runs any more, not even `finally`. */
  kill(process: ProcessId): void {
    if (!this.bodies[process]) return;
    if (process === this.running) this.flags[process]! |= KILLED;
    else {
      this.ready.replace(process, NOBODY);
      this.end(process);
    }
  }

  isAlive(process: ProcessId): boolean {
    return this.bodies[process] != null;
  }

  /** A frozen process keeps its place in all queues, but takes no step until it is thawed. */
  freeze(process: ProcessId): void {
    this.flags[process]! |= FROZEN;
  }

  thaw(process: ProcessId): void {
    const flags = this.flags[process]!;
    this.flags[process] = flags & ~(FROZEN | MISSED);
    if (flags & MISSED) this.ready.push(process);
  }

  /** Takes steps until the clock reaches the given instant. A run can go on with a later one. */
  run(until: Nanoseconds): void {
    const { agenda, ready } = this;
    agenda.remove(STOP); // left there by a `stop` between runs
    agenda.enter(until, STOP);
    for (;;) {
      if (ready.length > 0) this.resume(ready.shift(), false);
      else {
        const process = agenda.removeFirst();
        this.now = agenda.now;
        if (process === STOP) return;
        this.resume(process, true);
      }
    }
  }

  /** Ends the current `run` after what is ready at this instant. */
  stop(): void {
    this.agenda.remove(STOP);
    this.agenda.enter(this.now, STOP);
  }

  private resume(process: ProcessId, timedOut: boolean): void {
    if (process === NOBODY) return;
    const flags = this.flags[process]!;
    if (flags !== 0 && this.attend(process, flags, timedOut)) return;
    if (timedOut) this.tickets[process]!++;
    this.running = process;
    this.timedOut = timedOut || (flags & MISSED_BY_TIME) !== 0;
    this.steps++;
    const done = proceed.call(this.bodies[process]!).done;
    this.running = NOBODY;
    if (done || this.flags[process] !== 0) this.settle(process, done);
  }

  /** After a step: is it over, was it killed, or was it interrupted before it took the step? */
  private settle(process: ProcessId, done: boolean | undefined): void {
    const flags = this.flags[process]!;
    if (done || flags & KILLED) this.end(process);
    else if (flags & INTERRUPTED_NEXT) {
      this.flags[process] = flags & ~INTERRUPTED_NEXT;
      this.interrupt(process, this.interrupts[process]!);
    }
  }

  /** The rare cases: frozen (true: no step is taken) or interrupted (the step is taken here). */
  private attend(process: ProcessId, flags: number, timedOut: boolean): boolean {
    if (flags & FROZEN) {
      this.flags[process] = flags | MISSED | (timedOut ? MISSED_BY_TIME : 0);
      if (timedOut) this.tickets[process]!++;
      return true;
    }
    this.flags[process] = flags & ~(INTERRUPTED | MISSED_BY_TIME);
    if (!(flags & INTERRUPTED)) return false;
    this.running = process;
    this.timedOut = false;
    this.steps++;
    const done = this.throwInto(this.bodies[process]!, this.interrupts[process]!);
    this.running = NOBODY;
    this.settle(process, done);
    return true;
  }

  private throwInto(body: Process, interrupt: Interrupt): boolean | undefined {
    try {
      return body.throw(interrupt).done;
    } catch (thrown) {
      if (thrown === interrupt) return true;
      throw thrown;
    }
  }

  private end(process: ProcessId): void {
    if (this.flags[process]! & KILLED) this.ready.replace(process, NOBODY);
    this.agenda.remove(process);
    this.tickets[process]!++;
    this.groups[process]?.delete(process);
    this.bodies[process] = null;
    this.groups[process] = null;
    this.flags[process] = 0;
    this.free.push(process);
  }

  private grow(): void {
    const tickets = new Int32Array(2 * this.tickets.length);
    tickets.set(this.tickets);
    this.tickets = tickets;
    const flags = new Uint8Array(2 * this.flags.length);
    flags.set(this.flags);
    this.flags = flags;
  }
}
