import { describe, expect, test } from 'vitest';
import type { NodeUsage } from '../../src/postgres/plan/node-usage.ts';
import { renderPlan } from '../../src/report/plan.ts';
import { node, onItems } from '../workload/planner/fixtures.ts';

const NOTHING: NodeUsage = {
  ...{ loops: 0, rows: 0, time: 0, workerTime: 0, accesses: 0, reads: 0, startup: -1 },
  ...{ memoryBytes: 0, temporaryPages: 0, batches: 0, workersLaunched: 0 },
};
const scan = node('Seq Scan', onItems);
const actual = (text: string) => [...text.matchAll(/\(actual[^)]*\)|\(never.*\)/g)].map(String);

describe('what EXPLAIN (ANALYZE, BUFFERS) adds', () => {
  test('times with the nodes below, means of the loops; buffers are sums', () => {
    const loop = node('Nested Loop', { Plans: [scan, { ...scan }] });
    const text = renderPlan(loop, [
      { ...NOTHING, loops: 1, rows: 6, time: 1e6, startup: 5e5 },
      { ...NOTHING, loops: 1, rows: 3, time: 2e6, startup: 1e5, accesses: 10, reads: 4 },
      { ...NOTHING, loops: 3, rows: 6, time: 3e6, startup: 2e5, accesses: 9 },
    ]);
    expect(actual(text)).toEqual([
      '(actual time=0.500..6.000 rows=6.00 loops=1)',
      '(actual time=0.100..2.000 rows=3.00 loops=1)',
      '(actual time=0.200..1.000 rows=2.00 loops=3)',
    ]);
    expect([...text.matchAll(/Buffers: (.*)/g)].map(([, found]) => found)).toEqual([
      'shared hit=15 read=4',
      'shared hit=6 read=4',
      'shared hit=9',
    ]);
  });

  test('the time of workers counts below their Gather, and not above it', () => {
    const gather = node('Gather', { Plans: [scan] });
    const text = renderPlan(gather, [
      { ...NOTHING, loops: 1, rows: 9, time: 1e6, workersLaunched: 2 },
      { ...NOTHING, loops: 3, rows: 9, time: 4e6, workerTime: 8e6, temporaryPages: 7 },
    ]);
    expect(actual(text)).toEqual([
      '(actual time=5.000..5.000 rows=9.00 loops=1)',
      '(actual time=4.000..4.000 rows=3.00 loops=3)',
    ]);
    expect(text).toContain('Workers Launched: 2');
    expect(text).toContain('Buffers: temp read=7 written=7');
  });

  test('a node that was not reached', () => {
    expect(actual(renderPlan(scan, [NOTHING]))).toEqual(['(never executed)']);
  });
});
