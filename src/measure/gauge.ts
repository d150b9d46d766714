import { type Nanoseconds, NEVER } from '../kernel/time.ts';
import { Histogram } from './histogram.ts';

/** Who knows what time it is: the simulation. */
export interface Clock {
  readonly now: Nanoseconds;
}

/** The numbers that every gauge in a report has; null if no time has passed. */
export interface GaugeSummary {
  mean: number | null;
  min: number | null;
  max: number | null;
  end: number;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
}

/**
 * A quantity that keeps its value until it is set again: connections, bytes retained, a queue. All
 * its statistics are weighted by time: a value that lasted no time was never there. Quantiles come
 * from a log-linear histogram (0.4 %) of multiples of `resolution`; mean, minimum and maximum are
 * exact. Values are 0 or more.
 */
export class Gauge {
  private readonly clock: Clock;
  private readonly resolution: number;
  private readonly weights = new Histogram();
  private current: number;
  private since: Nanoseconds;
  private integral = 0;
  private smallest = Number.POSITIVE_INFINITY;
  private largest = Number.NEGATIVE_INFINITY;

  /** `resolution`: 1 for counts, bytes and nanoseconds, 1e-6 for fractions. */
  constructor(clock: Clock, initial = 0, resolution = 1) {
    this.clock = clock;
    this.current = initial;
    this.resolution = resolution;
    this.since = clock.now;
  }

  get value(): number {
    return this.current;
  }

  set(value: number): void {
    if (this.clock.now !== this.since) this.settle();
    this.current = value;
  }

  add(change: number): void {
    this.set(this.current + change);
  }

  /** Forgets the past but not the value: called when the warm-up ends. */
  restart(): void {
    this.weights.clear();
    this.integral = 0;
    this.smallest = Number.POSITIVE_INFINITY;
    this.largest = Number.NEGATIVE_INFINITY;
    this.since = this.clock.now;
  }

  /** The mean over time since the start or `restart`; null if no time has passed. */
  get mean(): number | null {
    this.settle();
    return this.weights.count > 0 ? this.integral / this.weights.count : null;
  }

  get min(): number | null {
    this.settle();
    return this.weights.count > 0 ? this.smallest : null;
  }

  get max(): number | null {
    this.settle();
    return this.weights.count > 0 ? this.largest : null;
  }

  /** The value that the quantity did not exceed for a share p of the time. */
  quantile(p: number): number | null {
    this.settle();
    const steps = this.weights.quantile(p);
    if (steps === null) return null;
    return Math.min(this.largest, Math.max(this.smallest, steps * this.resolution));
  }

  /** The usual numbers up to now, each times `unit`. */
  summary(unit = 1): GaugeSummary {
    const scaled = (value: number | null) => (value === null ? null : value * unit);
    return {
      mean: scaled(this.mean),
      min: scaled(this.min),
      max: scaled(this.max),
      end: this.current * unit,
      p50: scaled(this.quantile(0.5)),
      p90: scaled(this.quantile(0.9)),
      p95: scaled(this.quantile(0.95)),
      p99: scaled(this.quantile(0.99)),
      p999: scaled(this.quantile(0.999)),
    };
  }

  private settle(): void {
    const lasted = this.clock.now - this.since;
    if (lasted <= 0) return;
    this.since = this.clock.now;
    this.weights.recordWeighted(Math.round(this.current / this.resolution), lasted);
    this.integral += this.current * lasted;
    if (this.current < this.smallest) this.smallest = this.current;
    if (this.current > this.largest) this.largest = this.current;
  }
}

/**
 * How old something is: the age of the oldest WAL not yet replayed, of a snapshot, of a leader's
 * last heartbeat. It rises by itself with the clock and falls when a younger thing takes the place
 * of the old one; between two changes every age on the way weighs the same. In nanoseconds.
 */
export class AgeGauge {
  private readonly clock: Clock;
  private readonly weights = new Histogram();
  private born: Nanoseconds = NEVER;
  private settled: Nanoseconds;

  constructor(clock: Clock) {
    this.clock = clock;
    this.settled = clock.now;
  }

  /** The age now; 0 while there is nothing. */
  get value(): Nanoseconds {
    return this.born === NEVER ? 0 : this.clock.now - this.born;
  }

  /** What is measured was born at this instant; `NEVER`: there is nothing, its age is 0. */
  bornAt(instant: Nanoseconds): void {
    if (instant === this.born) return;
    this.settle();
    this.born = instant;
  }

  /** Forgets the past but not the present: called when the warm-up ends. */
  restart(): void {
    this.weights.clear();
    this.settled = this.clock.now;
  }

  get mean(): number | null {
    this.settle();
    return this.weights.mean;
  }

  get max(): number | null {
    this.settle();
    return this.weights.max;
  }

  quantile(p: number): number | null {
    this.settle();
    return this.weights.quantile(p);
  }

  /** The usual numbers up to now, each times `unit` (1e-9 for seconds). */
  summary(unit = 1): GaugeSummary {
    this.settle();
    const { count: _, ...statistics } = this.weights.summary(unit);
    return { ...statistics, end: this.value * unit };
  }

  private settle(): void {
    const { now } = this.clock;
    const lasted = now - this.settled;
    if (lasted <= 0) return;
    if (this.born === NEVER) this.weights.recordWeighted(0, lasted);
    else this.weights.recordEvenly(this.settled - this.born, now - this.born, lasted);
    this.settled = now;
  }
}
