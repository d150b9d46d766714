/**
 * A law of latencies from the quantiles of a measured loop, as samples that are each equally
 * likely: between two quantiles latencies lie evenly. The last thousandth are the stalls: a mean
 * beyond what the quantiles explain is theirs, within what was ever seen.
 */
import type { LatencyTest } from './calibration-data.ts';
import { mean } from './statistics.ts';

const SAMPLES = 1000;

const QUANTILES = [
  ['min_us', 0],
  ['p1_us', 0.01],
  ['p10_us', 0.1],
  ['p25_us', 0.25],
  ['p50_us', 0.5],
  ['p75_us', 0.75],
  ['p90_us', 0.9],
  ['p95_us', 0.95],
  ['p99_us', 0.99],
  ['p999_us', 0.999],
] as const;

/** A thousand latencies in microseconds, ascending; repeats of a test are averaged by rank. */
export function samplesOf(tests: readonly LatencyTest[]): number[] {
  const laws = tests.map(samplesOfOne);
  return Array.from({ length: SAMPLES }, (_, i) => mean(laws.map((law) => law[i]!)));
}

function samplesOfOne(test: LatencyTest): number[] {
  const known = QUANTILES.flatMap(([name, p]): [number, number][] => {
    const value = test[name];
    return value === undefined ? [] : [[p, value]];
  });
  const body = Array.from({ length: SAMPLES - 1 }, (_, i) =>
    interpolate(known, (i + 0.5) / SAMPLES),
  );
  const highest = known.at(-1)?.[1] ?? 0;
  const missing =
    (test.mean_us ?? mean(body)) * SAMPLES - body.reduce((sum, each) => sum + each, 0);
  return [...body, Math.max(highest, Math.min(missing, test.max_us ?? missing))];
}

function interpolate(known: readonly (readonly [number, number])[], p: number): number {
  const after = known.findIndex(([q]) => q >= p);
  if (after < 0) return known.at(-1)?.[1] ?? 0;
  if (after === 0) return known[0]![1];
  const [fromP, from] = known[after - 1]!;
  const [toP, to] = known[after]!;
  return from + ((p - fromP) / (toP - fromP)) * (to - from);
}
