import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/measure/histogram.ts';

/** The naive twin: a sorted array and the nearest rank. */
function quantileOf(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(p * sorted.length * (1 - 1e-12)));
  return sorted[rank - 1]!;
}

const durations = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 1e9 }),
    fc.integer({ min: 0, max: 2 ** 52 }),
  ),
  { minLength: 1, maxLength: 200 },
);
const shares = fc.constantFrom(0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1);

function filled(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('Histogram', () => {
  it('has quantiles within 0.4 % of those of the sorted observations', () => {
    fc.assert(
      fc.property(durations, shares, (values, p) => {
        const truth = quantileOf(values, p);
        const found = filled(values).quantile(p)!;
        expect(Math.abs(found - truth)).toBeLessThanOrEqual(truth / 256 + 0.5);
      }),
    );
  });

  it('has exact count, sum, mean, minimum and maximum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 1 }), (values) => {
        const histogram = filled(values);
        const sum = values.reduce((total, value) => total + value, 0);
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBe(sum);
        expect(histogram.mean).toBe(sum / values.length);
        expect(histogram.min).toBe(Math.min(...values));
        expect(histogram.max).toBe(Math.max(...values));
      }),
    );
  });

  it('is exact where values are small', () => {
    const values = Array.from({ length: 256 }, (_, i) => i);
    const histogram = filled(values);
    for (let i = 1; i <= 255; i++) expect(histogram.quantile(i / 256)).toBe(i - 1);
  });

  it('merges into what one histogram would have held', () => {
    fc.assert(
      fc.property(durations, durations, (some, others) => {
        const merged = filled(some);
        merged.merge(filled(others));
        const one = filled([...some, ...others]);
        for (const p of [0, 0.25, 0.5, 0.99, 1]) {
          expect(merged.quantile(p)).toBe(one.quantile(p));
        }
        expect(merged.count).toBe(one.count);
        expect([merged.min, merged.max]).toEqual([one.min, one.max]);
      }),
    );
  });

  it('counts a weight as that many equal observations', () => {
    const weighted = new Histogram();
    weighted.recordWeighted(5_000, 3);
    weighted.recordWeighted(9_000, 2);
    weighted.recordWeighted(1, 0);
    expect(weighted.summary()).toEqual(filled([5_000, 5_000, 5_000, 9_000, 9_000]).summary());
  });

  it('spreads a rise evenly: quantiles of the uniform law', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.constantFrom(0.01, 0.1, 0.5, 0.9, 0.99),
        (from, width, p) => {
          const histogram = new Histogram();
          histogram.recordEvenly(from, from + width, width);
          const truth = from + p * width;
          expect(Math.abs(histogram.quantile(p)! - truth)).toBeLessThanOrEqual(truth / 128 + 1);
          expect(histogram.mean).toBeCloseTo(from + width / 2, 3);
          expect(histogram.count).toBe(width);
        },
      ),
    );
  });

  it('has nulls and no numbers without observations, also after it was cleared', () => {
    const cleared = filled([1, 2, 3]);
    cleared.recordEvenly(0, 1e6, 5);
    cleared.clear();
    for (const histogram of [new Histogram(), cleared]) {
      const { count, ...statistics } = histogram.summary();
      expect(count).toBe(0);
      expect(Object.values(statistics).every((value) => value === null)).toBe(true);
    }
  });

  it('reports in another unit', () => {
    expect(filled([2_000_000_000]).summary(1e-9)).toMatchObject({ mean: 2, max: 2, p50: 2 });
  });
});
