import { describe, expect, it } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { incompleteGamma, lnGamma } from '../../src/measure/special-functions.ts';
import {
  estimate,
  pairedDifference,
  poissonInterval,
  studentProbability,
  studentQuantile,
  wilsonInterval,
} from '../../src/measure/statistics.ts';

/** Two-sided 95 % and 99 % points of Student's t (NIST/SEMATECH e-Handbook, 1.3.6.7.2). */
const STUDENT: [degrees: number, at975: number, at995: number][] = [
  [1, 12.706, 63.657],
  [2, 4.303, 9.925],
  [3, 3.182, 5.841],
  [4, 2.776, 4.604],
  [5, 2.571, 4.032],
  [9, 2.262, 3.25],
  [10, 2.228, 3.169],
  [19, 2.093, 2.861],
  [29, 2.045, 2.756],
  [60, 2.0, 2.66],
  [100, 1.984, 2.626],
];

/** Exact 95 % limits of a Poisson mean (Garwood 1936; the table is in every text on rates). */
const POISSON: [count: number, low: number, high: number][] = [
  [0, 0, 3.689],
  [1, 0.0253, 5.572],
  [2, 0.2422, 7.225],
  [5, 1.623, 11.668],
  [10, 4.795, 18.39],
  [20, 12.217, 30.888],
  [100, 81.364, 121.627],
];

describe("Student's t", () => {
  it.each(STUDENT)('has the published points for %d degrees of freedom', (degrees, a, b) => {
    expect(studentQuantile(0.975, degrees)).toBeCloseTo(a, a > 10 ? 2 : 3);
    expect(studentQuantile(0.995, degrees)).toBeCloseTo(b, b > 10 ? 2 : 3);
  });

  it('has its closed forms: Cauchy for 1 degree of freedom, algebraic for 2', () => {
    for (const p of [0.6, 0.9, 0.975, 0.999]) {
      expect(studentQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 8);
      const a = 2 * p - 1;
      expect(studentQuantile(p, 2)).toBeCloseTo(a * Math.sqrt(2 / (1 - a * a)), 9);
    }
  });

  it('is symmetric and inverts its distribution function', () => {
    expect(studentQuantile(0.5, 7)).toBe(0);
    expect(studentQuantile(0.025, 7)).toBe(-studentQuantile(0.975, 7));
    expect(studentProbability(studentQuantile(0.8, 13), 13)).toBeCloseTo(0.8, 12);
  });

  it('tends to the normal law', () => {
    expect(studentQuantile(0.975, 1e6)).toBeCloseTo(1.959964, 4);
  });
});

describe('estimate', () => {
  it('is the textbook interval', () => {
    // mean 5, standard deviation sqrt(10/4), t(0.975, 4) = 2.7764
    const found = estimate([3, 4, 5, 6, 7])!;
    expect(found.mean).toBe(5);
    expect(found.n).toBe(5);
    expect(found.high! - 5).toBeCloseTo((2.7764451 * Math.sqrt(2.5)) / Math.sqrt(5), 6);
    expect(5 - found.low!).toBeCloseTo(found.high! - 5, 12);
  });

  it('has no interval for one observation and nothing for none', () => {
    expect(estimate([4])).toEqual({ mean: 4, low: null, high: null, n: 1 });
    expect(estimate([])).toBeNull();
    expect(estimate([null, null])).toBeNull();
    expect(estimate([null, 2, 4])!.n).toBe(2);
  });

  it('covers the true mean in 95 of 100 repetitions', () => {
    const random = new Random('coverage');
    let covered = 0;
    for (let i = 0; i < 4000; i++) {
      const sums = Array.from({ length: 6 }, () => random.uniform() + random.uniform());
      const { low, high } = estimate(sums)!;
      if (low! <= 1 && high! >= 1) covered++;
    }
    expect(covered / 4000).toBeGreaterThan(0.94);
    expect(covered / 4000).toBeLessThan(0.965);
  });

  it('compares pairs: what both runs share cancels', () => {
    const base = [100, 200, 300, 400];
    const found = pairedDifference(base, [101, 201, 301, 401])!;
    expect(found).toEqual({ mean: 1, low: 1, high: 1, n: 4 });
    expect(pairedDifference([1, null, 3], [2, 5, null])).toMatchObject({ mean: 1, n: 1 });
  });
});

describe('intervals for counts', () => {
  it.each(POISSON)('Garwood: %d has the published limits', (count, low, high) => {
    const found = poissonInterval(count);
    expect(found.low).toBeCloseTo(low, 3);
    expect(found.high).toBeCloseTo(high, count === 0 ? 3 : 2);
  });

  it("Wilson: the roots of the score test's quadratic", () => {
    const { low, high } = wilsonInterval(8, 10);
    const z = 1.959963985;
    for (const p of [low, high]) {
      expect((0.8 - p) * (0.8 - p)).toBeCloseTo((z * z * p * (1 - p)) / 10, 8);
    }
    expect(low).toBeCloseTo(0.4902, 4);
    expect(high).toBeCloseTo(0.9433, 4);
  });

  it('Wilson stays within 0 and 1 at the edges', () => {
    expect(wilsonInterval(0, 20).low).toBe(0);
    expect(wilsonInterval(0, 20).high).toBeCloseTo(0.1611, 4);
    expect(wilsonInterval(20, 20).high).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });
});

describe('special functions', () => {
  it('the gamma function has factorials', () => {
    let factorial = 1;
    for (let n = 1; n < 20; n++) {
      factorial *= n;
      expect(lnGamma(n + 1)).toBeCloseTo(Math.log(factorial), 10);
    }
    expect(lnGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
  });

  it('the incomplete gamma function is the tail of Poisson sums', () => {
    for (const [shape, mean] of [
      [1, 0.3],
      [4, 2],
      [4, 9],
      [12, 12],
    ] as const) {
      let term = Math.exp(-mean);
      let below = 0;
      for (let i = 0; i < shape; i++) {
        below += term;
        term *= mean / (i + 1);
      }
      expect(incompleteGamma(shape, mean)).toBeCloseTo(1 - below, 12);
    }
  });
});
