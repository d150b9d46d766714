import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEVER } from '../../src/kernel/time.ts';
import { AgeGauge, Gauge } from '../../src/measure/gauge.ts';

const steps = fc.array(
  fc.record({ value: fc.integer({ min: 0, max: 200 }), lasts: fc.integer({ min: 0, max: 50 }) }),
  { minLength: 1, maxLength: 40 },
);

/** The naive twin: one entry for each nanosecond. */
function moments(list: readonly { value: number; lasts: number }[]): number[] {
  return list.flatMap(({ value, lasts }) => Array.from({ length: lasts }, () => value));
}

describe('Gauge', () => {
  it('weighs by time, as if each nanosecond were an observation', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const clock = { now: 0 };
        const gauge = new Gauge(clock, 7);
        for (const { value, lasts } of list) {
          gauge.set(value);
          clock.now += lasts;
        }
        const all = moments(list).sort((a, b) => a - b);
        if (all.length === 0) expect(gauge.mean).toBeNull();
        else {
          expect(gauge.mean).toBeCloseTo(all.reduce((sum, v) => sum + v, 0) / all.length, 9);
          expect(gauge.min).toBe(all[0]);
          expect(gauge.max).toBe(all.at(-1));
          for (const p of [0.01, 0.5, 0.9, 0.99]) {
            expect(gauge.quantile(p)).toBe(all[Math.ceil(p * all.length * (1 - 1e-12)) - 1]);
          }
        }
        expect(gauge.summary().end).toBe(list.at(-1)!.value);
      }),
    );
  });

  it('does not see what lasted no time', () => {
    const clock = { now: 0 };
    const gauge = new Gauge(clock, 3);
    clock.now = 10;
    gauge.set(1000);
    gauge.set(4);
    clock.now = 20;
    expect(gauge.max).toBe(4);
    expect(gauge.mean).toBe(3.5);
  });

  it('forgets the warm-up but keeps its value', () => {
    const clock = { now: 0 };
    const gauge = new Gauge(clock, 100);
    clock.now = 50;
    gauge.restart();
    clock.now = 100;
    gauge.add(-90);
    clock.now = 150;
    expect(gauge.summary()).toMatchObject({ mean: 55, min: 10, max: 100, end: 10, p50: 10 });
  });

  it('holds fractions in steps of its resolution', () => {
    const clock = { now: 0 };
    const gauge = new Gauge(clock, 0.25, 1e-6);
    clock.now = 100;
    gauge.set(0.75);
    clock.now = 300;
    expect(gauge.mean).toBeCloseTo((0.25 + 2 * 0.75) / 3, 12);
    expect(gauge.quantile(0.3)).toBeCloseTo(0.25, 2);
    expect(gauge.quantile(0.99)).toBe(0.75);
  });
});

describe('AgeGauge', () => {
  it('rises with the clock: a sawtooth has a uniform law between 0 and its teeth', () => {
    const clock = { now: 0 };
    const age = new AgeGauge(clock);
    for (let tooth = 0; tooth < 50; tooth++) {
      age.bornAt(clock.now);
      clock.now += 1_000_000;
    }
    const summary = age.summary();
    expect(summary.mean).toBeCloseTo(500_000, 6);
    expect(summary.max).toBe(1_000_000);
    expect(summary.end).toBe(1_000_000);
    expect(summary.p50! / 500_000).toBeCloseTo(1, 2);
    expect(summary.p99! / 990_000).toBeCloseTo(1, 2);
  });

  it('is 0 while there is nothing', () => {
    const clock = { now: 0 };
    const age = new AgeGauge(clock);
    clock.now = 600;
    age.bornAt(500); // 100 old when it is seen first
    clock.now = 900;
    expect(age.value).toBe(400);
    age.bornAt(NEVER);
    clock.now = 1000;
    expect(age.value).toBe(0);
    expect(age.quantile(0.6)).toBe(0);
    expect(age.max).toBe(400);
    expect(age.mean).toBeCloseTo((300 * 250) / 1000, 9);
  });

  it('agrees with an entry for each nanosecond', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (teeth) => {
        const clock = { now: 0 };
        const age = new AgeGauge(clock);
        const all: number[] = [];
        for (const tooth of teeth) {
          age.bornAt(clock.now);
          for (let i = 0; i < tooth; i++) all.push(i + 0.5);
          clock.now += tooth;
        }
        all.sort((a, b) => a - b);
        expect(age.mean).toBeCloseTo(all.reduce((sum, v) => sum + v, 0) / all.length, 6);
        const median = all[Math.ceil(all.length / 2) - 1]!;
        expect(Math.abs(age.quantile(0.5)! - median)).toBeLessThanOrEqual(median / 128 + 1);
      }),
    );
  });
});
