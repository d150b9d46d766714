import {
  MICROSECOND,
  type Nanoseconds,
  type ProcessGroup,
  type ProcessId,
  Processor,
  type Simulation,
} from '../kernel/index.ts';

/*
 * The cores of a machine, which lose time when they go from one process to another: directly, when
 * there are more runnable processes than cores, and by caches that others have filled since the
 * process last ran. Waking an idle core takes time as well.
 *
 * Kept: what each visit loses, added to it, so that a visit is still one wake-up. Left out: which
 * core a process runs on (Linux lets it return to its last one if it can; `between` counts as if
 * visits spread evenly), the switches between the slices of one long visit (2 us in 0.75 to 3 ms),
 * pollution by the kernel's own work.
 */

/** What a change of processes costs. In nanoseconds. */
export interface SwitchCosts {
  /** Saving one process and taking up another, paid by who had to wait for a busy core. */
  readonly direct: Nanoseconds;
  /** Filling the caches anew, at most: half of it when `halfVisits` visits intervened. */
  readonly refill: Nanoseconds;
  /** Visits of others on a core after which half of what a process left in it is gone. */
  readonly halfVisits: number;
  /** An idle core has to be woken first. */
  readonly wakeup: Nanoseconds;
}

/**
 * A switch costs 1 to 3 us directly (saving and loading of registers, the scheduler, the TLB), and
 * what a process left in its core's caches goes as others run there: about 64 kB of a backend's
 * state, 10 us when they come from the next level (64 bytes each 10 ns), with half gone after
 * 16 visits that each fill as much of a cache of 1 to 2 MB. Estimates (mechanisms 7.4, 15.3), until
 * they are calibrated. Waking an idle core took about 20 us on a virtual machine where client and
 * server had a core each; it is not charged until it is calibrated for a machine.
 */
export const LINUX_SWITCHING: SwitchCosts = {
  direct: 2 * MICROSECOND,
  refill: 10 * MICROSECOND,
  halfVisits: 16,
  wakeup: 0,
};

export class Cores extends Processor {
  /** Time lost by switches and wake-ups so far; it is part of `busyTime`. */
  switchTime: Nanoseconds = 0;
  /** Visits that found all cores busy, so that a core had to be switched to them. */
  switches = 0;
  private readonly costs: SwitchCosts;
  /** How many visits there had been when each process's last one began; -1: it had none. */
  private lastVisit = new Float64Array(64).fill(-1);

  constructor(sim: Simulation, cores: number, slice: Nanoseconds, costs: SwitchCosts) {
    super(sim, cores, slice);
    this.costs = costs;
  }

  override serve(duration: Nanoseconds, group: ProcessGroup | null = null): undefined {
    super.serve(duration + this.lost(this.sim.running), group);
  }

  /** What the visit of a process that comes now costs beyond its service. */
  private lost(process: ProcessId): Nanoseconds {
    const { direct, refill, halfVisits, wakeup } = this.costs;
    const { now } = this.sim;
    let lost = this.firstFree < now ? wakeup : 0; // who is woken by what ends now finds it awake
    if (this.firstFree > now) {
      lost = direct;
      this.switches++;
    }
    if (process >= this.lastVisit.length) this.grow(process);
    const before = this.lastVisit[process]!;
    if (before >= 0) {
      const between = (this.visits - before - 1) / this.servers;
      lost += Math.round((refill * between) / (between + halfVisits));
    }
    this.lastVisit[process] = this.visits;
    this.switchTime += lost;
    return lost;
  }

  private grow(process: ProcessId): void {
    const longer = new Float64Array(Math.max(process + 1, 2 * this.lastVisit.length)).fill(-1);
    longer.set(this.lastVisit);
    this.lastVisit = longer;
  }
}
