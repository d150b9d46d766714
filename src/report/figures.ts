import type { RunResult } from '../measure/result.ts';
import { metricsOf, parseComparison } from '../scenario/expression.ts';
import { formatValue, unitOf } from './units.ts';

const MOST_ASKED = 12;

/** The figures that a person looks for first, in this order. */
export interface Figure {
  label: string;
  metric: string;
  /** `always`: also when nothing happened; else only where some run has more than 0. */
  shown: 'always' | 'if any';
}

const figure = (label: string, metric: string, shown: Figure['shown'] = 'if any'): Figure => ({
  label,
  metric,
  shown,
});

export const KEY_FIGURES: readonly Figure[] = [
  figure('throughput', 'throughput.tps', 'always'),
  figure('read latency, median', 'latency.read.p50'),
  figure('read latency, 99th percentile', 'latency.read.p99'),
  figure('write latency, median', 'latency.write.p50'),
  figure('write latency, 99th percentile', 'latency.write.p99'),
  figure('errors that clients saw', 'errors'),
  figure('commits acknowledged', 'commits.acknowledged', 'always'),
  figure('  of them lost', 'commits.lost', 'always'),
  figure('  acknowledged unreplicated', 'commits.unreplicated'),
  figure('commits without an answer', 'commits.unknown'),
  figure('  of them durable', 'commits.phantom'),
  figure('longest time without writes', 'outage.write'),
  figure('longest time without reads', 'outage.read'),
  figure('failovers', 'failover.count'),
  figure('  until it was noticed', 'failover.detection.mean'),
  figure('  until the lease expired', 'failover.expiry.mean'),
  figure('  race for the leader key', 'failover.race.mean'),
  figure('  promotion', 'failover.promotion.mean'),
  figure('  routing', 'failover.routing.mean'),
  figure('  reconnecting', 'failover.reconnect.mean'),
  figure('  from crash to first commit', 'failover.total.mean'),
  figure('switchovers', 'switchover.count'),
  figure('two primaries at once', 'split_brain.duration'),
  figure('  commits meanwhile', 'split_brain.commits'),
  figure('stale reads', 'reads.stale'),
  figure('  share of reads', 'reads.stale_fraction'),
];

/** In a table with one row a run there is room for these only. */
export const NARROW_FIGURES: readonly Figure[] = [
  figure('tps', 'throughput.tps', 'always'),
  figure('read p50', 'latency.read.p50'),
  figure('read p99', 'latency.read.p99'),
  figure('write p50', 'latency.write.p50'),
  figure('write p99', 'latency.write.p99'),
  figure('lost', 'commits.lost'),
  figure('outage', 'outage.write'),
  figure('stale', 'reads.stale'),
];

/** The figures that say something about these runs. */
export function figuresFor(
  figures: readonly Figure[],
  runs: readonly { metrics: RunResult['metrics'] }[],
): Figure[] {
  return figures.filter(({ metric, shown }) =>
    runs.some((run) => {
      const value = run.metrics[metric] ?? null;
      return value !== null && (shown === 'always' || value !== 0);
    }),
  );
}

/** Figures that the scenario itself asks about and that the list does not have. */
export function figuresAsked(listed: readonly Figure[], runs: readonly RunResult[]): Figure[] {
  const known = new Set(listed.map(({ metric }) => metric));
  const asked: Figure[] = [];
  for (const run of runs) {
    for (const { text } of [...run.observe, ...run.expect]) {
      const parsed = parseComparison(text);
      if (!parsed.ok) continue;
      for (const { name: metric } of metricsOf(parsed.comparison)) {
        if (known.has(metric) || !(metric in run.metrics)) continue;
        known.add(metric);
        asked.push(figure(metric, metric, 'always'));
      }
    }
  }
  return asked.slice(0, MOST_ASKED);
}

export function cell(run: { metrics: RunResult['metrics'] }, metric: string): string {
  return formatValue(run.metrics[metric], unitOf(metric));
}
