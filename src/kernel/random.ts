import alea from 'seedrandom/lib/alea.js';
import { ln } from './arithmetic.ts';
import type { Nanoseconds } from './time.ts';

const STEP = 1 / 0x1_0000_0000;
const MULTIPLIER = 2091639;

/**
 * A stream of random numbers, seeded by its own name. Components draw from streams of their own
 * (`42/hosts/a/disk`), so that adding one leaves all others alone and variants of a scenario
 * share their random numbers. The generator is Alea (Baagøe 2010), whose seeding is a non-linear
 * hash of the name: neighbouring names and seeds give unrelated streams. seedrandom does the
 * seeding; the state is kept here in steps of 2^-32, as four small integers next to each other.
 */
export class Random {
  private carry: number;
  private first: number;
  private second: number;
  private third: number;

  constructor(name: string) {
    const { c, s0, s1, s2 } = alea(name, { state: true }).state();
    this.carry = c;
    this.first = (s0 / STEP) | 0;
    this.second = (s1 / STEP) | 0;
    this.third = (s2 / STEP) | 0;
  }

  /** Uniform in the open interval (0, 1), in steps of 2^-32. */
  uniform(): number {
    const product = MULTIPLIER * (this.first >>> 0) + this.carry; // below 2^53
    this.carry = (product * STEP) | 0;
    this.first = this.second;
    this.second = this.third;
    this.third = product | 0;
    return ((this.third >>> 0) + 0.5) * STEP;
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
