import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/time.ts';
import { Series } from '../../src/measure/series.ts';

describe('Series', () => {
  it('counts events per second', () => {
    const series = new Series('rate', SECOND, 10);
    for (let i = 0; i < 300; i++) series.add(i * (SECOND / 100));
    expect(series.points(3 * SECOND)).toEqual({ t: [0, 1, 2], v: [100, 100, 100] });
  });

  it('rates the last stretch by the part of it that was lived', () => {
    const series = new Series('rate', SECOND, 10);
    for (let i = 0; i < 150; i++) series.add(i * (SECOND / 100));
    expect(series.points(1.5 * SECOND).v).toEqual([100, 100]);
  });

  it('never has more points than its limit, and loses no event when it coarsens', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 100 }), (times) => {
        const series = new Series('rate', 1, 16);
        for (const at of times.sort((a, b) => a - b)) series.add(at);
        const { t, v } = series.points(200_000);
        expect(t.length).toBeLessThanOrEqual(16);
        const seconds = series.step / SECOND;
        const total = v.reduce<number>((sum, rate) => sum + (rate ?? 0) * seconds, 0);
        expect(total).toBeCloseTo(times.length, 6);
      }),
    );
  });

  it('coarsens into what the wider series would have been from the start', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('rate', 'mean', 'max'),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 127 }), fc.integer({ min: 0, max: 9 })), {
          minLength: 1,
        }),
        (kind, observations) => {
          const fine = new Series(kind, 1, 16);
          const coarse = new Series(kind, 8, 16);
          for (const [at, value] of observations.sort((a, b) => a[0] - b[0])) {
            fine.add(at, value);
            coarse.add(at, value);
          }
          fine.add(127, 1);
          coarse.add(127, 1);
          expect(fine.points(128)).toEqual(coarse.points(128));
        },
      ),
    );
  });

  it('weighs a gauge by time and says null where nothing was seen', () => {
    const series = new Series('mean', 10, 10);
    series.addSpan(10, 15, 4);
    series.addSpan(15, 40, 8);
    expect(series.points(50).v).toEqual([null, 6, 8, 8, null]);
  });

  it('spreads an amount over the time in which it came', () => {
    const series = new Series('rate', SECOND, 10);
    series.addSpan(0.5 * SECOND, 2.5 * SECOND, 200);
    expect(series.points(3 * SECOND).v).toEqual([50, 100, 50]);
  });

  it('covers a run of known duration without coarsening', () => {
    const series = Series.over(180 * SECOND, 'max', 60);
    series.add(180 * SECOND - 1, 5);
    const { t, v } = series.points(180 * SECOND);
    expect(series.step).toBe(3 * SECOND);
    expect(t.length).toBe(60);
    expect(v.at(-1)).toBe(5);
    expect(v[0]).toBeNull();
  });
});
