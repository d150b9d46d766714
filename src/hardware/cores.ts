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
 * process last ran. Waking an idle core takes time as well, and of a virtual machine an idle core
 * is given to others, so that it comes back cold.
 *
 * Caches: what a visit touches it has to fetch again as far as it is gone, which takes a share of
 * the visit's own service: all of `refill` if nothing is left, half of it after others have run
 * for `halfWork` on a core since, and never more than filling the whole cache takes.
 *
 * Kept: what each visit loses, added to it, so that a visit is still one wake-up; a process that
 * goes straight on keeps its core awake and its caches. Left out: which core a process runs on
 * (one queue for all; Linux has one for each core and lets a process return to its last one if it
 * can; what others do counts as if it were spread evenly), who is preempted by whom, the switches
 * between the slices of one long visit (2 us in 0.75 to 3 ms), lines that cores take from one
 * another.
 */

/** What a change of processes costs. In nanoseconds, shares apart. */
export interface SwitchCosts {
  /** Saving one process and taking up another, paid by who had to wait for a busy core. */
  readonly direct: Nanoseconds;
  /** With cold caches a visit takes longer by this share of its service. */
  readonly refill: number;
  /** The same for a visit on a core that was idle. */
  readonly idleRefill: number;
  /** Service of others on a core after which half of what a process left in it is gone. */
  readonly halfWork: Nanoseconds;
  /** Filling the whole cache: no visit loses more by it. */
  readonly mostRefill: Nanoseconds;
  /** An idle core has to be woken first. */
  readonly wakeup: Nanoseconds;
}

/** Cores that lose nothing. */
export const FREE_SWITCHING: SwitchCosts = {
  direct: 0,
  refill: 0,
  idleRefill: 0,
  halfWork: 1,
  mostRefill: 0,
  wakeup: 0,
};

/** A second-level cache of 1 MiB (Zen 4, Sapphire Rapids has 2): 16,384 lines, 10 ns for each. */
const CACHE_FILL = 164 * MICROSECOND;

/**
 * A switch costs 1 to 3 us directly (saving and loading of registers, the scheduler, the TLB). What
 * a process left in its core's caches goes as others run there. Postgres and its client took 1.55
 * to 1.9 times as much user time with cold caches as with warm ones (reports/fidelity.md, C2b), of
 * which the usual value here takes the middle. Half of a second-level cache is 8,192 lines, 82 us
 * of fetching; others who are half cold themselves spend 0.35 / 1.35 of their time on it, hence
 * some 300 us of their work. Waking an idle core took about 15 us on a virtual machine, and its
 * caches were cold; neither is charged until it is calibrated for a machine.
 */
export const LINUX_SWITCHING: SwitchCosts = {
  direct: 2 * MICROSECOND,
  refill: 0.7,
  idleRefill: 0,
  halfWork: 300 * MICROSECOND,
  mostRefill: CACHE_FILL,
  wakeup: 0,
};

export class Cores extends Processor {
  /** Time lost by switches and wake-ups so far; it is part of `busyTime`. */
  switchTime: Nanoseconds = 0;
  /** Visits that found all cores busy, so that a core had to be switched to them. */
  switches = 0;
  private readonly costs: SwitchCosts;
  /**
   * By process: the service that had been handed out when its last visit had its own (-1: it had
   * none), and when that visit ends.
   */
  private last = new Float64Array(128).fill(-1);

  constructor(sim: Simulation, cores: number, slice: Nanoseconds, costs: SwitchCosts) {
    super(sim, cores, slice);
    this.costs = costs;
  }

  override serve(duration: Nanoseconds, group: ProcessGroup | null = null): undefined {
    if (duration <= this.slice) this.sim.holdUntil(this.visit(duration));
    else super.serve(duration + this.lost(this.sim.running, duration), group);
  }

  /** A visit of the running process in one piece: when it will be over. It has still to wait. */
  visit(duration: Nanoseconds): Nanoseconds {
    const { running } = this.sim;
    const end = this.occupy(duration + this.lost(running, duration));
    this.last[2 * running + 1] = end;
    return end;
  }

  /** What the visit of a process that comes now costs beyond its service. */
  private lost(process: ProcessId, duration: Nanoseconds): Nanoseconds {
    const { costs, firstFree } = this;
    const { now } = this.sim;
    const at = 2 * process;
    if (at >= this.last.length) this.grow(at);
    const before = this.last[at]!;
    let lost = 0;
    let share = 0;
    if (firstFree < now && this.last[at + 1] !== now) {
      lost = costs.wakeup;
      share = costs.idleRefill;
    } else if (before >= 0) {
      const others = (this.busyTime - before) / this.servers;
      share = (costs.refill * others) / (others + costs.halfWork);
    }
    if (firstFree > now) {
      lost += costs.direct;
      this.switches++;
    }
    const refill = duration * share;
    lost += Math.round(refill < costs.mostRefill ? refill : costs.mostRefill);
    this.last[at] = this.busyTime + duration + lost;
    this.switchTime += lost;
    return lost;
  }

  private grow(at: number): void {
    const longer = new Float64Array(Math.max(at + 2, 2 * this.last.length)).fill(-1);
    longer.set(this.last);
    this.last = longer;
  }
}
