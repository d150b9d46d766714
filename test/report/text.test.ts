import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/measure/result.ts';
import { summarize } from '../../src/measure/summary.ts';
import type { Report } from '../../src/report/report.ts';
import { colourStyle, plainStyle } from '../../src/report/style.ts';
import { renderText } from '../../src/report/text.ts';
import { base, compared, failover, run, sync } from './fixtures.ts';

/** The golden texts beside this file are rewritten by `vitest -u` and reviewed as a diff. */
const golden = (name: string) => `golden/${name}.txt`;

function sweep(): Report {
  const runs: RunResult[] = [];
  for (const level of ['off', 'local', 'remote_write', 'on', 'remote_apply']) {
    for (const rtt of ['0.5ms', '2ms', '10ms']) {
      const variant = `postgresql.synchronous_commit=${level},network.rtt.same-region=${rtt}`;
      const latency = 0.0012 * (runs.length + 1);
      const metrics = { 'throughput.tps': 32 / latency, 'latency.write.p50': latency };
      runs.push(run({ variant, metrics: { ...metrics, 'commits.acknowledged': 1e6 } }));
    }
  }
  const first = run({
    verdict: 'inconclusive',
    metrics: { ...runs[13]!.metrics, 'waits.IPC.SyncRep': 0.31 },
    observe: [compared('waits.IPC.SyncRep > 0.5', 0.31, 0.5, false)],
    expect: [
      compared('latency.write.p50 < 13ms', 0.0130000001, 0.013, false),
      compared('latency.write.p50 < latency.read.p50', 0.0168, 0.0021, false),
      compared('reads.staleness.max < 1s', null, 1, false),
    ],
  });
  const scenario = { ...failover.scenario, name: 'durability-gradient' };
  return { ...failover, scenario, runs: [first, ...runs] };
}

function overSeeds(): Report {
  const runs = [1, 2, 3, 4].flatMap((seed) =>
    [base, sync].map((one): RunResult => {
      const tps = one.metrics['throughput.tps']! + seed * seed;
      const lost = one.metrics['commits.lost']! * (seed - 1);
      const metrics = { ...one.metrics, 'throughput.tps': tps, 'commits.lost': lost };
      return { ...one, seed, metrics, verdict: seed === 3 ? 'held' : one.verdict };
    }),
  );
  return { ...failover, runs, summary: summarize(runs) };
}

describe('the text report', () => {
  it('sets variants side by side, with what failed, what happened and what was lost', async () => {
    await expect(renderText(failover, plainStyle(100))).toMatchFileSnapshot(golden('failover'));
  });

  it('gives each point of a sweep a row when columns do not fit', async () => {
    await expect(renderText(sweep(), plainStyle(100))).toMatchFileSnapshot(golden('sweep'));
  });

  it('takes seeds together, with intervals and paired differences', async () => {
    await expect(renderText(overSeeds(), plainStyle(100))).toMatchFileSnapshot(golden('seeds'));
  });

  it.each([60, 80, 100, 140])('keeps within %d columns', (width) => {
    for (const report of [failover, sweep(), overSeeds()]) {
      for (const line of renderText(report, plainStyle(width)).split('\n')) {
        expect(line.length, line).toBeLessThanOrEqual(width);
      }
    }
  });

  it('says the same in colour as without', () => {
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    const coloured = renderText(failover, colourStyle(100));
    expect(coloured).toMatch(escapes);
    expect(coloured.replace(escapes, '')).toBe(renderText(failover, plainStyle(100)));
  });

  it('names a broken law before anything else about the run', () => {
    const broken = run({ lawsBroken: ['acknowledged = durable + lost: 7 = 5 + 1'] });
    const text = renderText({ ...failover, runs: [broken] }, plainStyle(100));
    expect(text).toContain('a law of the simulator is broken: acknowledged = durable + lost');
  });

  it('says which runs a warning is about', () => {
    const warned = { ...sync, warnings: [...sync.warnings, 'etcd has an even number of members'] };
    const text = renderText({ ...failover, runs: [base, warned] }, plainStyle(100));
    expect(text).toContain('warning: etcd has an even number of members (sync)');
    expect(text.match(/huge_pages/g)).toHaveLength(1);
  });

  it('ends with the speed of the simulator', () => {
    const text = renderText(failover, plainStyle(100));
    expect(text.trimEnd().split('\n').slice(-2).join(' ')).toBe(
      '360,000 transactions in 3 s of machine time: 120,000 transactions/s; ' +
        '6 min simulated, 120 times real time',
    );
  });
});
