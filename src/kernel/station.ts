import type { ProcessGroup } from './group.ts';
import type { Process, Simulation } from './simulation.ts';
import type { Nanoseconds } from './time.ts';

/**
 * n identical servers with one queue, first come first served. The end of a service follows by
 * arithmetic from the instants at which the servers fall free, so a visit costs one wake-up and
 * there is no queue to keep.
 */
export class Station {
  /** Service handed out so far, and the time the servers stood idle before it. */
  busyTime: Nanoseconds = 0;
  idleTime: Nanoseconds = 0;
  /** Time that visitors waited before their service, and how many visitors there were. */
  waitTime: Nanoseconds = 0;
  visits = 0;
  servers: number;
  protected readonly sim: Simulation;
  private freeAt: Float64Array; // a heap, the server that falls free first on top

  constructor(sim: Simulation, servers: number) {
    this.sim = sim;
    this.servers = servers;
    this.freeAt = new Float64Array(servers).fill(sim.now);
  }

  /** `yield station.serve(d)`: the running process goes on when it has been served for d. */
  serve(duration: Nanoseconds): undefined {
    this.sim.holdUntil(this.occupy(duration));
  }

  /** A visit that nobody waits for; returns the instant at which it will be over. */
  occupy(duration: Nanoseconds, notBefore: Nanoseconds = this.sim.now): Nanoseconds {
    const now = notBefore;
    const free = this.freeAt[0]!;
    const start = Math.max(free, now);
    if (free < now) this.idleTime += now - free;
    else this.waitTime += free - now;
    this.busyTime += duration;
    this.visits++;
    this.sink(start + duration);
    return start + duration;
  }

  /** Another number of servers from now on; nobody is being served or waits. */
  resize(servers: number): void {
    this.idleTime = this.idle;
    this.servers = servers;
    this.freeAt = new Float64Array(servers).fill(this.sim.now);
  }

  /** The instant at which a visitor who comes now would be served. */
  get nextFree(): Nanoseconds {
    return Math.max(this.sim.now, this.freeAt[0]!);
  }

  /** Since when the first of the servers has been free, or from when on it will be. */
  get firstFree(): Nanoseconds {
    return this.freeAt[0]!;
  }

  /** Service received up to now: what was handed out less what lies in the future. */
  get served(): Nanoseconds {
    let future = 0;
    for (const free of this.freeAt) future += Math.max(0, free - this.sim.now);
    return this.busyTime - future;
  }

  /** Time that servers have been idle up to now, those included that are idle at the moment. */
  get idle(): Nanoseconds {
    let current = 0;
    for (const free of this.freeAt) current += Math.max(0, this.sim.now - free);
    return this.idleTime + current;
  }

  private sink(free: Nanoseconds): void {
    const heap = this.freeAt;
    const n = heap.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= free) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = free;
  }
}

/**
 * A station that serves long visits in slices, so that short ones pass between them: the cores of
 * a computer under a time-slicing scheduler.
 */
export class Processor extends Station {
  protected readonly slice: Nanoseconds;

  constructor(sim: Simulation, servers: number, slice: Nanoseconds) {
    super(sim, servers);
    this.slice = slice;
  }

  override serve(duration: Nanoseconds, group: ProcessGroup | null = null): undefined {
    if (duration <= this.slice) super.serve(duration);
    else this.sim.spawn(this.inSlices(duration, this.sim.running, this.sim.park()), group);
  }

  private *inSlices(duration: Nanoseconds, visitor: number, ticket: number): Process {
    for (let left = duration; left > 0; left -= this.slice) {
      if (!this.sim.isWaiting(visitor, ticket)) return; // cancelled
      yield super.serve(Math.min(left, this.slice));
    }
    this.sim.wake(visitor, ticket);
  }
}
