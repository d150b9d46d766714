import { normalQuantile } from '../kernel/arithmetic.ts';
import { incompleteBeta, incompleteGamma } from './special-functions.ts';

/**
 * What several runs say together. Runs of one variant differ by their seed only; runs of two
 * variants with the same seed share their random numbers, so their difference is compared in pairs.
 */

/** A mean with its confidence interval; the ends are null where there is one observation only. */
export interface Estimate {
  mean: number;
  low: number | null;
  high: number | null;
  n: number;
}

export interface Interval {
  low: number;
  high: number;
}

/**
 * The mean of independent observations with its confidence interval by Student's t. Nulls (a metric
 * that was not observed in a run) are left out; null if nothing remains.
 */
export function estimate(
  observations: readonly (number | null)[],
  confidence = 0.95,
): Estimate | null {
  const values = observations.filter((value) => value !== null);
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, low: null, high: null, n };
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  const half = studentQuantile((1 + confidence) / 2, n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { mean, low: mean - half, high: mean + half, n };
}

/**
 * The mean of `treatment - base`, run by run, with its confidence interval. Both lists are in order
 * of seed; a pair in which one is null is left out; null if no pair remains.
 */
export function pairedDifference(
  base: readonly (number | null)[],
  treatment: readonly (number | null)[],
  confidence = 0.95,
): Estimate | null {
  const differences: number[] = [];
  for (let i = 0; i < Math.min(base.length, treatment.length); i++) {
    const before = base[i] ?? null;
    const after = treatment[i] ?? null;
    if (before !== null && after !== null) differences.push(after - before);
  }
  return estimate(differences, confidence);
}

/** The distribution function of Student's t with that many degrees of freedom. */
export function studentProbability(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t < 0 ? tail : 1 - tail;
}

/**
 * The quantile of Student's t: the distribution function (an incomplete beta function) is inverted
 * by bisection to the last bit but a few.
 */
export function studentQuantile(p: number, degrees: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, degrees);
  let high = 1;
  while (studentProbability(high, degrees) < p) high *= 2;
  return bisect((t) => studentProbability(t, degrees) < p, 0, high);
}

/** Wilson's interval (1927) for a probability, after so many successes in so many trials. */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const z = normalQuantile((1 + confidence) / 2);
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const variance = (share * (1 - share)) / trials + (z * z) / (4 * trials * trials);
  const half = (z * Math.sqrt(variance)) / scale;
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/** Garwood's exact interval (1936) for the mean of a Poisson law, after one count. */
export function poissonInterval(count: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2;
  const start = count + 10 * Math.sqrt(count + 1) + 10;
  const invert = (shape: number, p: number) =>
    bisect((mean) => incompleteGamma(shape, mean) < p, 0, start);
  return {
    low: count === 0 ? 0 : invert(count, tail),
    high: invert(count + 1, 1 - tail),
  };
}

/** Where a condition that holds up to some point ceases to hold. */
function bisect(holds: (x: number) => boolean, from: number, to: number): number {
  let low = from;
  let high = to;
  for (let i = 0; i < 200 && high - low > 1e-14 * high; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
