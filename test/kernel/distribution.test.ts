import { describe, expect, test } from 'vitest';
import {
  constant,
  type Distribution,
  empirical,
  exponential,
  logNormal,
  logNormalOf,
  Random,
  uniform,
} from '../../src/kernel/index.ts';

const N = 400_000;
const Z99 = 2.3263478740408408; // the standard normal quantile of 0.99
const SAMPLES = [3_000, 1_000, 1_000, 2_000, 10_000, 7_000, 500, 4_000];
const UNEVEN = SAMPLES.flatMap((sample) => [sample, 3 * sample, sample + 17]);

/** Each law with the mean and variance that the textbook gives it. */
const LAWS: [string, Distribution, mean: number, variance: number][] = [
  ['constant', constant(12_345), 12_345, 0],
  ['uniform', uniform(2_000, 8_000), 5_000, (6_000 * 6_000) / 12],
  ['exponential', exponential(100_000), 100_000, 1e10],
  ['log-normal, sigma 0.5', logNormalOf(1e5, 0.5), ...logNormalMoments(1e5, 0.5)],
  ['log-normal, p99', logNormal(1e6, 5e6), ...logNormalMoments(1e6, Math.log(5) / Z99)],
  ['empirical', empirical(UNEVEN), ...momentsOf(UNEVEN)],
];

/** Of a log-normal law with the given median and deviation of the logarithm. */
function logNormalMoments(median: number, sigma: number): [mean: number, variance: number] {
  const mean = median * Math.exp((sigma * sigma) / 2);
  return [mean, mean * mean * (Math.exp(sigma * sigma) - 1)];
}

function momentsOf(samples: readonly number[]): [mean: number, variance: number] {
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
  const squares = samples.reduce((sum, x) => sum + (x - mean) * (x - mean), 0);
  return [mean, squares / samples.length];
}

function draws(law: Distribution, name: string): number[] {
  const random = new Random(name);
  return Array.from({ length: N }, () => law.draw(random));
}

describe.each(LAWS)('%s', (name, law, mean, variance) => {
  const sample = draws(law, name);

  test('whole numbers that are not negative', () => {
    expect(sample.every((x) => Number.isSafeInteger(x) && x >= 0)).toBe(true);
  });

  test('says and has the mean of the textbook', () => {
    expect(law.mean / mean).toBeCloseTo(1, 5);
    const [drawn] = momentsOf(sample);
    expect(Math.abs(drawn - mean)).toBeLessThanOrEqual(3 * Math.sqrt(variance / N) + 0.01);
  });

  test('has the variance of the textbook', () => {
    const [, drawn] = momentsOf(sample);
    expect(Math.abs(drawn - variance)).toBeLessThanOrEqual(0.03 * variance + 0.5);
  });

  test('a share p of the draws does not exceed the quantile of p', () => {
    for (const p of [0.0001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999]) {
      const quantile = law.quantile(p);
      const error = 3 * Math.sqrt((p * (1 - p)) / N) + 2e-5;
      const notAbove = sample.filter((x) => x <= Math.ceil(quantile)).length / N;
      const below = sample.filter((x) => x < Math.floor(quantile)).length / N;
      expect(notAbove, `at most the quantile of ${p}`).toBeGreaterThanOrEqual(p - error);
      expect(below, `below the quantile of ${p}`).toBeLessThanOrEqual(p + error);
    }
  });

  test('scaled, it is the same law with longer durations', () => {
    const tripled = law.scaled(3);
    expect(tripled.mean / mean).toBeCloseTo(3, 5);
    for (const p of [0.01, 0.5, 0.999]) {
      expect(Math.abs(tripled.quantile(p) - 3 * law.quantile(p))).toBeLessThan(1e-9 * mean + 1e-6);
    }
    const random = new Random(name);
    for (let i = 0; i < 1_000; i++) {
      expect(Math.abs(tripled.draw(random) - 3 * sample[i]!)).toBeLessThanOrEqual(2);
    }
  });
});

test('the table of 4096 cells is as exact as interpolation: h^2/8 times the curvature', () => {
  const mean = 1e9;
  const law = exponential(mean);
  const h = 1 / 4096;
  for (let i = 0; i < 5_000; i++) {
    const u = (i + 0.5) / 5_000;
    const drawn = law.draw({ uniform: () => u } as Random);
    const outermost = u < h || u >= 1 - h;
    const bound = outermost ? 0.5 : (mean * h * h) / (8 * (1 - u - h) * (1 - u - h)) + 0.5;
    expect(Math.abs(drawn - law.quantile(u))).toBeLessThanOrEqual(bound);
  }
});

test('log-normal goes through its median and its p99', () => {
  const law = logNormal(2e6, 9e6);
  expect(law.quantile(0.5)).toBe(2e6);
  expect(law.quantile(0.99)).toBeCloseTo(9e6, 2);
});
