import { describe, expect, test } from 'vitest';
import {
  allowance,
  isWithin,
  type Row,
  rowsOf,
  verdicts,
  withNoiseFloor,
} from '../../bench/fidelity/row.ts';

function row(metric: string, measured: number[], predicted: number | null, point = 'p'): Row {
  return rowsOf('V1', point, { [metric]: measured }, { [metric]: predicted })[0]!;
}

describe('rows', () => {
  test('the error is a share of the mean of the repeats, the noise their range', () => {
    expect(row('tps', [90, 110], 120)).toEqual({
      experiment: 'V1',
      point: 'p',
      metric: 'tps',
      measured: 100,
      predicted: 120,
      error: 0.2,
      noise: 0.2,
    });
    expect(row('tps', [100], 80).error).toBeCloseTo(-0.2, 12);
    expect(row('tps', [100], 80).noise).toBeNull();
  });

  test('hit ratios differ by points', () => {
    const { error, noise } = row('hit_ratio', [0.51, 0.53], 0.53);
    expect(error).toBeCloseTo(0.01, 12);
    expect(noise).toBeCloseTo(0.02, 12);
  });

  test('nothing predicted, nothing measured, and a measured zero', () => {
    expect(row('tps', [100], null)).toMatchObject({ predicted: null, error: null });
    expect(rowsOf('V1', 'p', { tps: [] }, { tps: 5 })).toEqual([]);
    expect(rowsOf('V1', 'p', { tps: [5] }, null)[0]).toMatchObject({ predicted: null });
    expect(row('lost_commits', [0], 0).error).toBe(0);
    expect(row('lost_commits', [0], 3).error).toBeNull();
  });

  test('the noise floor of points measured once is the median of the repeated ones', () => {
    const rows = withNoiseFloor([
      row('tps', [95, 105], 100, 'a'),
      row('tps', [80, 120], 100, 'b'),
      row('tps', [99, 101], 100, 'c'),
      row('tps', [100], 100, 'd'),
      row('p50_ms', [1], 1, 'd'),
    ]);
    const noises = rows.map(({ noise }) => noise && Number(noise.toFixed(6)));
    expect(noises).toEqual([0.1, 0.4, 0.02, 0.1, null]);
  });
});

describe('targets', () => {
  test.each([
    ['tps', 0.2],
    ['p50_ms', 0.15],
    ['p99_ms', 0.35],
    ['wal_bytes_per_txn', 0.1],
    ['hit_ratio', 0.02],
    ['dead_tuples_max', 0.15],
    ['table_bytes_end', 0.15],
  ])('%s within %f, or twice the noise', (metric, worst) => {
    expect(allowance({ metric, noise: null })).toBe(worst);
    expect(allowance({ metric, noise: worst })).toBe(2 * worst);
  });

  test('a metric of which nothing is asked is neither within nor without', () => {
    expect(isWithin(row('flushes_per_txn', [1], 5))).toBeNull();
    expect(isWithin(row('tps', [100], null))).toBeNull();
    expect(isWithin(row('tps', [100], 119))).toBe(true);
    expect(isWithin(row('tps', [100], 121))).toBe(false);
    expect(isWithin(row('tps', [85, 115], 155))).toBe(true);
  });

  test('throughput is also judged by its median', () => {
    const judged = (predictions: number[]) =>
      verdicts(predictions.map((each, i) => row('tps', [100], each, `p${i}`)))[0]!;
    expect(judged([105, 92, 118])).toMatchObject({ within: 3, rows: 3, met: true });
    expect(judged([105, 92, 118]).median).toBeCloseTo(0.08, 9);
    expect(judged([105, 112, 118])).toMatchObject({ within: 3, met: false });
    expect(judged([100, 100, 130])).toMatchObject({ within: 2, met: false });
    expect(judged([100, 100, 130]).worst).toBeCloseTo(0.3, 9);
  });

  test('what was not predicted is not judged', () => {
    expect(verdicts([row('tps', [100], null)])).toEqual([]);
  });
});
