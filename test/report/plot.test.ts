import { describe, expect, it } from 'vitest';
import { marks, peak, scale, sparkline } from '../../src/report/plot.ts';

const points = (v: (number | null)[]) => ({ t: v.map((_, i) => i), v });

describe('sparkline', () => {
  it('has eight heights, a blank for nothing and a dot for unknown', () => {
    expect(sparkline(points([0, 1, 2, 3, 4, 5, 6, 7, 8, null]), 10, 8)).toBe(' ▁▂▃▄▅▆▇█·');
  });

  it('keeps an outage visible that is shorter than a column', () => {
    const v = Array.from({ length: 400 }, (_, i) => (i === 123 ? 0 : 10));
    const line = sparkline(points(v), 40, 10);
    expect(line).toHaveLength(40);
    expect([...line].indexOf(' ')).toBe(12);
    expect(line.replace(' ', '')).toBe('█'.repeat(39));
  });

  it('stretches a short series', () => {
    expect(sparkline(points([8, 1]), 6, 8)).toBe('███▁▁▁');
  });

  it('has a common scale from the peak', () => {
    expect(peak(points([null, 3, 7, null]))).toBe(7);
    expect(peak(points([null]))).toBe(0);
    expect(sparkline(points([0, 0]), 2, 0)).toBe('  ');
  });
});

describe('marks', () => {
  it('stand under their instants and nowhere outside', () => {
    expect(marks([0, 50, 99.9, 100, -1], 100, 10)).toBe('▲    ▲   ▲');
  });
});

describe('scale', () => {
  const steady = Array.from({ length: 100 }, () => 1000);

  it('is the common peak where the load is even', () => {
    const all = [points(steady), points(steady.map((value) => value * 1.5))];
    expect(scale(all)).toEqual({ top: 1500, peak: 1500 });
  });

  it('cuts a burst off that would flatten everything else', () => {
    const burst = points([...steady.slice(5), 5000, 5000, 5000, 5000, 5000]);
    expect(scale([burst])).toEqual({ top: 2000, peak: 5000 });
  });

  it('is 0 where there is nothing', () => {
    expect(scale([points([null, null])])).toEqual({ top: 0, peak: 0 });
    expect(scale([])).toEqual({ top: 0, peak: 0 });
  });
});
