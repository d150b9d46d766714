import alea from 'seedrandom/lib/alea.js';
import { ln } from './arithmetic.ts';
import type { Nanoseconds } from './time.ts';

const HALF_STEP = 0.5 / 0x1_0000_0000;

/**
 * A stream of random numbers, seeded by its own name. Components draw from streams of their own
 * (`42/hosts/a/disk`), so that adding one leaves all others alone and variants of a scenario
 * share their random numbers. The generator is Alea (Baagøe 2010), whose seeding is a non-linear
 * hash of the name: neighbouring names and seeds give unrelated streams.
 */
export class Random {
  private readonly next: () => number;

  constructor(name: string) {
    this.next = alea(name);
  }

  /** Uniform in the open interval (0, 1), in steps of 2^-32. */
  uniform(): number {
    return this.next() + HALF_STEP;
  }

  /** A whole number from `low` to `high`, both included, each equally likely. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  /** Exponential with the given mean, rounded to a whole nanosecond. */
  exponential(mean: Nanoseconds): Nanoseconds {
    return Math.round(-ln(this.uniform()) * mean);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return probability > 0 && this.uniform() < probability;
  }
}
