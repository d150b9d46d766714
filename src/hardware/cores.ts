import {
  MICROSECOND,
  type Nanoseconds,
  type ProcessGroup,
  type ProcessId,
  Processor,
  type Random,
  type Simulation,
} from '../kernel/index.ts';

/*
 * The cores of a machine, which lose time when they go from one process to another: directly, when
 * there are more runnable processes than cores, and by caches that others have filled since.
 * Waking an idle core takes time as well, and the idle core of a virtual machine does not keep its
 * caches: the hypervisor has it meanwhile. A part of that time is work, of who wakes and of who is
 * woken; some of it is done for a busy core too if it is another than the waker's. Ticks of the
 * clock, devices and the hypervisor interrupt whoever runs.
 *
 * Caches: what a visit touches was last touched by the process's last visit of the same kind (of
 * a backend, the same statement of the transaction before); what others have evicted of it since
 * has to be fetched again. That takes a share of the visit's own service: half of `refill`
 * after others have run for `halfWork` on a core, nearly all of it after much more, and never more
 * than filling the whole cache takes.
 *
 * Kept: what each visit loses, added to it, so that a visit is still one wake-up; a process that
 * goes straight on keeps its core awake. Left out: which core a process runs on (one queue for all;
 * Linux has one for each core and lets a process return to its last one if it can; what others do
 * counts as if it were spread evenly, and of n cores the waker's is another in n - 1 of n cases),
 * that a core may stay idle while somebody waits for another, who preempts whom, the switches
 * between the slices of one long visit (2 us in 0.75 to 3 ms), lines that cores take from one
 * another, and that a process which takes over the number of one that has ended finds its caches.
 */

/** What a change of processes costs. In nanoseconds, shares apart. */
export interface SwitchCosts {
  /** Saving one process and taking up another, paid by who had to wait for a busy core. */
  readonly direct: Nanoseconds;
  /** With cold caches a visit takes longer by this share of its service. */
  readonly refill: number;
  /** Service of others on a core after which half of what a visit left in it is gone. */
  readonly halfWork: Nanoseconds;
  /** Filling the whole cache: no visit loses more by it. */
  readonly mostRefill: Nanoseconds;
  /** An idle core has to be woken first: how long that takes, */
  readonly wakeup: Nanoseconds;
  /** and how much of it is service, of who wakes and who is woken; the core idles in the rest. */
  readonly wakeupWork: Nanoseconds;
  /** Service of waking a process on another core that is busy. */
  readonly crossing: Nanoseconds;
  /** A core that was idle has lost as much of its caches as by so much service of others. */
  readonly idleWork: Nanoseconds;
  /** Service is interrupted once in so much of it, for so long; both in the mean. */
  readonly interruptedEvery: Nanoseconds;
  readonly interruption: Nanoseconds;
}

/** Cores that lose nothing. */
export const FREE_SWITCHING: SwitchCosts = {
  direct: 0,
  refill: 0,
  halfWork: 1,
  mostRefill: 0,
  wakeup: 0,
  wakeupWork: 0,
  crossing: 0,
  idleWork: 0,
  interruptedEvery: 0,
  interruption: 0,
};

/** A second-level cache of 1 MiB (AMD Zen 4; Intel has 2): 16,384 lines, 10 ns for each. */
const CACHE_FILL = 164 * MICROSECOND;

/**
 * A switch costs 1 to 3 us directly (saving and loading of registers, the scheduler, the TLB). What
 * is in a core's caches goes as others run there: half of a second-level cache is 8,192 lines or
 * 82 us of fetching, which others who fetch a third of their time need 250 us for. Postgres took
 * 1.55 to 1.9 times its user time when each message found an idle core (reports/fidelity.md), where
 * not all was cold; the usual value is twice with nothing left. Waking an idle core took some 15 us
 * on that virtual machine and cooled its caches; neither is charged until it is calibrated.
 */
export const LINUX_SWITCHING: SwitchCosts = {
  direct: 2 * MICROSECOND,
  refill: 1,
  halfWork: 250 * MICROSECOND,
  mostRefill: CACHE_FILL,
  wakeup: 0,
  wakeupWork: 0,
  crossing: 0,
  idleWork: 0,
  interruptedEvery: 0,
  interruption: 0,
};

/** Kinds of visits from 0 on, each of which touches other things than the rest. */
export const VISIT_KINDS = 7;

/** Of each process: what others had done at its last visit of each kind (-1: there was none), */
const FIELDS = 9;
/** the service that it has had itself, */
const OWN = 7;
/** and when its last visit ends. */
const END = 8;

export class Cores extends Processor {
  /** Time lost by switches and wake-ups so far; it is part of `busyTime`. */
  switchTime: Nanoseconds = 0;
  /** Visits that found all cores busy, so that a core had to be switched to them. */
  switches = 0;
  /** What idle cores have lost, as service of others. */
  private idled: Nanoseconds = 0;
  /** How long the core that was found idle idles still before it goes on with the visit. */
  private startsLater: Nanoseconds = 0;
  private offeredBefore: Nanoseconds = 0;
  private resizedAt: Nanoseconds;
  private readonly costs: SwitchCosts;
  private last = new Float64Array(64 * FIELDS).fill(-1);
  private readonly random: Random | null;
  /** Service until the next interruption. */
  private undisturbed: Nanoseconds = Number.POSITIVE_INFINITY;

  constructor(
    sim: Simulation,
    cores: number,
    slice: Nanoseconds,
    costs: SwitchCosts,
    random: Random | null = null,
  ) {
    super(sim, cores, slice);
    this.costs = costs;
    this.resizedAt = sim.now;
    this.random = random;
    if (random && costs.interruption > 0) {
      this.undisturbed = random.exponential(costs.interruptedEvery);
    }
  }

  override resize(cores: number): void {
    this.offeredBefore = this.offered;
    this.resizedAt = this.sim.now;
    super.resize(cores);
  }

  /** Time that cores have been there up to now, all of them together. */
  get offered(): Nanoseconds {
    return this.offeredBefore + this.servers * (this.sim.now - this.resizedAt);
  }

  override serve(
    duration: Nanoseconds,
    group: ProcessGroup | null = null,
    kind: number = 0,
  ): undefined {
    if (duration <= this.slice) this.sim.holdUntil(this.visit(duration, kind));
    else {
      const lost = this.lost(this.sim.running, duration, kind);
      super.serve(this.interrupted(duration + lost) + this.startsLater, group);
    }
  }

  /**
   * A visit of the running process in one piece: when it will be over. It has still to wait.
   * `again` is service that does the same over again, and finds in the caches what it needs.
   */
  visit(duration: Nanoseconds, kind = 0, again: Nanoseconds = 0): Nanoseconds {
    const { running, now } = this.sim;
    const service = duration + again + this.lost(running, duration, kind);
    const whole = this.interrupted(service);
    const end = this.occupy(whole, now + this.startsLater);
    this.last[FIELDS * running + OWN]! += again + whole - service;
    this.last[FIELDS * running + END] = end;
    return end;
  }

  /** What the visit of a process that comes now costs beyond its service. */
  private lost(process: ProcessId, duration: Nanoseconds, kind: number): Nanoseconds {
    const at = FIELDS * process;
    if (at >= this.last.length) this.grow(at);
    const { last, costs } = this;
    let lost = this.woken(last[at + END] === this.sim.now);
    const elsewhere = this.busyTime + this.idled - last[at + OWN]!;
    const before = last[at + kind]!;
    if (before >= 0 && elsewhere > before) {
      const others = (elsewhere - before) / this.servers;
      const refill = (duration * costs.refill * others) / (others + costs.halfWork);
      lost += Math.round(Math.min(refill, costs.mostRefill));
    }
    last[at + kind] = elsewhere;
    last[at + OWN]! += duration + lost;
    this.switchTime += lost;
    return lost;
  }

  /**
   * What it costs that a process gets a core; one that goes straight on has one. Who was woken is
   * as likely on any core as on another, and so is who woke it.
   */
  private woken(goesOn: boolean): Nanoseconds {
    const { costs, firstFree, servers } = this;
    const { now } = this.sim;
    this.startsLater = 0;
    if (firstFree < now) {
      if (goesOn) return 0;
      this.idled += costs.idleWork;
      this.startsLater = costs.wakeup - costs.wakeupWork;
      return costs.wakeupWork;
    }
    const crossing = goesOn ? 0 : Math.round((costs.crossing * (servers - 1)) / servers);
    if (firstFree === now) return crossing;
    this.switches++;
    return costs.direct + crossing;
  }

  /**
   * How long it takes with interruptions. Service times are means of what was measured, and so have
   * the mean interruption in them: without any they are shorter.
   */
  private interrupted(service: Nanoseconds): Nanoseconds {
    const { random, costs } = this;
    if (this.undisturbed === Number.POSITIVE_INFINITY) return service;
    const { interruption, interruptedEvery } = costs;
    let whole = (service * interruptedEvery) / (interruptedEvery + interruption);
    this.undisturbed -= whole;
    while (this.undisturbed < 0) {
      whole += random!.exponential(interruption);
      this.undisturbed += random!.exponential(interruptedEvery);
    }
    return Math.round(whole);
  }

  private grow(at: number): void {
    const longer = new Float64Array(Math.max(at + FIELDS, 2 * this.last.length)).fill(-1);
    longer.set(this.last);
    this.last = longer;
  }
}
