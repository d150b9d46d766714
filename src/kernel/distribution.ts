import { exp, ln, normalQuantile } from './arithmetic.ts';
import type { Random } from './random.ts';
import type { Nanoseconds } from './time.ts';

/** How long something takes: a law that durations are drawn from. */
export interface Distribution {
  /** A duration in whole nanoseconds, never negative. */
  draw(random: Random): Nanoseconds;
  /** The duration that a share p of all draws does not exceed. */
  quantile(p: number): Nanoseconds;
  readonly mean: Nanoseconds;
  /** The same law with every duration multiplied. */
  scaled(factor: number): Distribution;
}

export function constant(duration: Nanoseconds): Distribution {
  const value = Math.round(duration);
  return {
    draw: () => value,
    quantile: () => value,
    mean: value,
    scaled: (factor) => constant(value * factor),
  };
}

export function uniform(min: Nanoseconds, max: Nanoseconds): Distribution {
  return {
    draw: (random) => Math.round(min + random.uniform() * (max - min)),
    quantile: (p) => min + p * (max - min),
    mean: (min + max) / 2,
    scaled: (factor) => uniform(min * factor, max * factor),
  };
}

export function exponential(mean: Nanoseconds): Distribution {
  return new Tabulated(
    (p) => -mean * ln(1 - p),
    mean,
    (factor) => exponential(mean * factor),
  );
}

/** Log-normal, given by its median and a second quantile, `p99` in scenarios. */
export function logNormal(median: Nanoseconds, p99: Nanoseconds): Distribution {
  return logNormalOf(median, ln(p99 / median) / normalQuantile(0.99));
}

/** Log-normal, given by its median and the standard deviation of its logarithm. */
export function logNormalOf(median: Nanoseconds, sigma: number): Distribution {
  return new Tabulated(
    (p) => median * exp(sigma * normalQuantile(p)),
    median * exp((sigma * sigma) / 2),
    (factor) => logNormalOf(median * factor, sigma),
  );
}

/** Measured durations, each equally likely. */
export function empirical(samples: readonly Nanoseconds[]): Distribution {
  const sorted = [...samples].sort((a, b) => a - b);
  const quantile = (p: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
  return {
    draw: (random) => Math.round(quantile(random.uniform())),
    quantile,
    mean: sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length,
    scaled: (factor) => empirical(sorted.map((sample) => sample * factor)),
  };
}

const CELLS = 4096;

/**
 * A law drawn by its quantile function: looked up in a table of 4096 cells and interpolated, except
 * in the two outermost cells, where the tails are and the function itself is called.
 */
class Tabulated implements Distribution {
  readonly mean: Nanoseconds;
  readonly quantile: (p: number) => Nanoseconds;
  readonly scaled: (factor: number) => Distribution;
  private readonly table = new Float64Array(CELLS);

  constructor(
    quantile: (p: number) => number,
    mean: Nanoseconds,
    scaled: (factor: number) => Distribution,
  ) {
    this.mean = mean;
    this.quantile = quantile;
    this.scaled = scaled;
    for (let i = 1; i < CELLS; i++) this.table[i] = quantile(i / CELLS);
  }

  draw(random: Random): Nanoseconds {
    const u = random.uniform();
    const x = u * CELLS;
    const cell = x | 0;
    if (cell === 0 || cell === CELLS - 1) return Math.round(this.quantile(u));
    const from = this.table[cell]!;
    return Math.round(from + (x - cell) * (this.table[cell + 1]! - from));
  }
}
