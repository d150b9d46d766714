import type { Nanoseconds } from '../kernel/time.ts';
import type { CostProfile } from '../postgres/costs.ts';

/** What `hardware.X.profile` says of a machine beyond its disk. */
export interface Profile {
  /** CPU times of Postgres's processes. */
  readonly costs: CostProfile;
  /** One way between two processes of the machine, beside what they compute; null: the usual. */
  readonly loopbackDelay: Nanoseconds | null;
  readonly processor: ProcessorProfile;
}

/** What the operating system's scheduler adds; null: not measured. */
export interface ProcessorProfile {
  /** A core goes on with another process. */
  readonly contextSwitch: Nanoseconds | null;
  /** By which share a visit takes longer when nothing is left of it in its core's caches. */
  readonly cacheRefill: number | null;
  /** A process is woken on a core that is idle. */
  readonly coreWakeup: Nanoseconds | null;
  /** How much of that is processor time; null: all of it. */
  readonly coreWakeupWork: Nanoseconds | null;
  /** Processor time of waking a process on another core that is busy. */
  readonly crossing: Nanoseconds | null;
  /** A core that was idle has lost as much of its caches as by so much work of others. */
  readonly idleWork: Nanoseconds | null;
  /** Service between two interruptions in the mean, and how long one takes. */
  readonly interruptedEvery: Nanoseconds | null;
  readonly interruption: Nanoseconds | null;
}
