import type { ComparisonResult, RunResult } from '../../src/measure/result.ts';
import type { Report } from '../../src/report/report.ts';

/** A throughput that stands still from `from` to `to` seconds of a run of 180. */
function throughput(level: number, from: number, to: number): (number | null)[] {
  return Array.from({ length: 60 }, (_, i) => {
    const t = i * 3;
    return t >= from && t < to ? 0 : level + (i % 3);
  });
}

export function compared(
  text: string,
  left: number | null,
  right: number,
  holds: boolean,
): ComparisonResult {
  return { text, left, right, holds };
}

export function run(fields: Partial<RunResult> = {}): RunResult {
  return {
    variant: 'base',
    set: {},
    seed: 42,
    digest: '0123456789abcdef',
    verdict: 'held',
    metrics: {},
    observe: [],
    expect: [],
    claims: [],
    warnings: [],
    series: {},
    events: [],
    losses: [],
    lawsBroken: [],
    cost: { machineSeconds: 1.5, simulatedSeconds: 180, transactions: 180_000 },
    ...fields,
  };
}

const points = Array.from({ length: 60 }, (_, i) => i * 3);

export const base = run({
  verdict: 'failed',
  metrics: {
    'throughput.tps': 842.25,
    'latency.read.p50': 0.00061,
    'latency.read.p99': 0.00142,
    'latency.write.p50': 0.00304,
    'latency.write.p99': 0.0212,
    'commits.acknowledged': 57_204,
    'commits.lost': 312,
    'commits.unknown': 96,
    'commits.phantom': 41,
    'outage.write': 61.25,
    'failover.count': 1,
    'failover.detection.mean': 8.2,
    'failover.promotion.mean': 1.31,
    'failover.total.mean': 61.25,
    'split_brain.duration': 0,
  },
  observe: [compared('failover.count == 1', 1, 1, true)],
  expect: [
    compared('commits.lost > 0', 312, 0, true),
    compared('outage.write < 60s', 61.25, 60, false),
  ],
  claims: [
    {
      id: 'S2-rds',
      says: 'an RDS failover takes 60 to 120 seconds',
      source: 'S2, section 7',
      verdict: 'holds',
      expect: [],
    },
  ],
  warnings: ['postgresql.huge_pages: the model does not use this setting yet'],
  series: { 'throughput.tps': { t: points, v: throughput(998, 120, 181) } },
  events: [
    { t: 119.9, kind: 'fault.begin', text: 'partition: a from b and c, for 1 s' },
    { t: 120, kind: 'fault.begin', text: 'power off: host pg1' },
    { t: 148.207, kind: 'failover', text: 'the leader key of pg1 expired' },
    { t: 149.518, kind: 'failover', text: 'pg2 was promoted to timeline 2' },
  ],
  losses: [
    {
      session: 'app/17',
      lsn: '0/16B3740',
      acknowledgedAt: 119.912,
      cause: 'flushed on pg1 only, which lost its power; the new timeline starts at 0/16B3700',
    },
    {
      session: 'app/203',
      lsn: '0/16B37C8',
      acknowledgedAt: 119.9124,
      cause: 'flushed on pg1 only, which lost its power; the new timeline starts at 0/16B3700',
    },
  ],
});

export const sync = run({
  variant: 'sync',
  set: { 'patroni.synchronous_mode': true },
  metrics: {
    ...base.metrics,
    'throughput.tps': 839,
    'latency.write.p50': 0.0162,
    'latency.write.p99': 0.0351,
    'commits.acknowledged': 57_011,
    'commits.lost': 0,
  },
  observe: base.observe,
  expect: [
    compared('commits.lost == 0', 0, 0, true),
    compared('latency.write.p50 > 12ms', 0.0162, 0.012, true),
  ],
  warnings: base.warnings,
  series: { 'throughput.tps': { t: points, v: throughput(996, 120, 150) } },
  events: base.events.slice(0, 2),
});

export const failover: Report = {
  version: '0.1.0',
  scenario: {
    name: 'async-failover',
    title: 'A failover on asynchronous replication loses acknowledged commits',
    durationSeconds: 180,
    warmupSeconds: 10,
  },
  runs: [base, sync],
};
