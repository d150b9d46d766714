import { describe, expect, it } from 'vitest';
import { summarize } from '../../src/measure/summary.ts';
import { renderJson } from '../../src/report/json.ts';
import { base, failover, run, sync } from './fixtures.ts';

describe('the JSON report', () => {
  it('has the shape of the reference, in its order', () => {
    const document = JSON.parse(renderJson(failover));
    expect(Object.keys(document)).toEqual(['pgherd', 'scenario', 'runs']);
    expect(Object.keys(document.runs[0])).toEqual([
      'variant',
      'set',
      'seed',
      'digest',
      'verdict',
      'metrics',
      'observe',
      'expect',
      'claims',
      'warnings',
      'series',
      'events',
      'losses',
    ]);
    expect(document.runs[0].expect[1]).toEqual({
      text: 'outage.write < 60s',
      left: 61.25,
      right: 60,
      holds: false,
    });
  });

  it('says nothing of the machine, so that the bytes depend on the seed only', () => {
    const slower = { ...base, cost: { ...base.cost, machineSeconds: 99 } };
    const reversed = Object.fromEntries(Object.entries(base.metrics).reverse());
    const again = { ...failover, runs: [{ ...slower, metrics: reversed }, sync] };
    expect(renderJson(again)).toBe(renderJson(failover));
  });

  it('keeps a metric without observations as null', () => {
    const empty = run({ metrics: { 'latency.read.p50': null } });
    const document = JSON.parse(renderJson({ ...failover, runs: [empty] }));
    expect(document.runs[0].metrics).toEqual({ 'latency.read.p50': null });
  });

  it('summarises seeds: means, intervals, paired differences, how often each held', () => {
    const runs = [1, 2, 3].flatMap((seed) => [
      run({
        seed,
        metrics: { a: seed },
        expect: [{ text: 'a > 1', left: seed, right: 1, holds: seed > 1 }],
      }),
      run({ seed, variant: 'v', metrics: { a: seed + 1, b: seed === 1 ? null : 5 } }),
    ]);
    const [first, second] = JSON.parse(
      renderJson({ ...failover, runs, summary: summarize(runs) }),
    ).summary;
    expect(first.metrics.a).toMatchObject({ mean: 2, n: 3 });
    expect(first.metrics.a.high).toBeCloseTo(2 + 4.3027 / Math.sqrt(3), 4);
    expect(first.expect).toEqual([{ text: 'a > 1', held: 2, of: 3 }]);
    expect(first.difference).toBeUndefined();
    expect(second.difference).toEqual({ a: { mean: 1, low: 1, high: 1, n: 3 } });
    expect(second.metrics.b).toEqual({ mean: 5, low: 5, high: 5, n: 2 });
  });
});
