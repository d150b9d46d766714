import type { Nanoseconds } from '../kernel/time.ts';
import type { Failovers } from './failovers.ts';
import type { GaugeSummary } from './gauge.ts';
import type { Histogram } from './histogram.ts';
import type { InFlight } from './in-flight.ts';
import type { Ledger } from './ledger.ts';
import type { Observed } from './observed.ts';

export type MetricKind = 'number' | 'distribution' | 'gauge';

/** One metric, or one for each server, transaction, ...: `<server>` stands for any of them. */
export interface MetricDefinition {
  readonly name: string;
  /** A distribution and a gauge have the suffixes of `SUFFIXES`. */
  readonly kind: MetricKind;
  readonly unit: 'seconds' | 'bytes' | 'bytes/s' | '1/s' | 'fraction' | 'dollars' | 'count';
  readonly doc: string;
}

const QUANTILES = ['p50', 'p90', 'p95', 'p99', 'p999'] as const;

/** What stands behind the name of a metric, by its kind. */
export const SUFFIXES: { readonly [kind in MetricKind]: readonly string[] } = {
  number: [],
  distribution: ['mean', 'min', 'max', ...QUANTILES, 'count'],
  gauge: ['mean', 'min', 'max', 'end', ...QUANTILES],
};

/** What several families ask. */
export interface SharedMeters {
  readonly ledger: Ledger;
  readonly inFlight: InFlight;
  readonly failovers: Failovers;
}

/** Measures one run. */
export interface Meter {
  /** The warm-up is over: what was counted so far is forgotten, what is going on is not. */
  restart(): void;
  /** The run is over. */
  report(sheet: MetricSheet): void;
}

/** Metrics that belong together: their definitions and how they are measured. */
export interface MetricFamily {
  readonly metrics: readonly MetricDefinition[];
  measure(run: Observed, shared: SharedMeters): Meter;
}

/** Where a run's metrics are written down, by dotted name; null: no observations. */
export class MetricSheet {
  readonly values = new Map<string, number | null>();
  /** How long the run was observed after its warm-up. */
  readonly elapsed: Nanoseconds;

  constructor(elapsed: Nanoseconds) {
    this.elapsed = elapsed;
  }

  put(name: string, value: number | null): void {
    this.values.set(name, value);
  }

  /** `unit` 1e-9 turns nanoseconds into seconds. */
  distribution(name: string, histogram: Histogram, unit: number): void {
    const summary = histogram.summary(unit);
    for (const suffix of SUFFIXES.distribution) {
      this.put(`${name}.${suffix}`, summary[suffix as keyof typeof summary]);
    }
  }

  gauge(name: string, summary: GaugeSummary): void {
    for (const suffix of SUFFIXES.gauge) {
      this.put(`${name}.${suffix}`, summary[suffix as keyof typeof summary]);
    }
  }
}

/** All transactions together, one of them, or one group of clients. */
export interface Scope {
  /** `` or `transactions.NAME.` or `clients.NAME.`. */
  readonly prefix: string;
  /** Null: every group, every transaction. */
  readonly group: number | null;
  readonly transaction: number | null;
}

export function scopesOf(run: Observed): Scope[] {
  return [
    { prefix: '', group: null, transaction: null },
    ...run.transactions.map(({ name, index }) => ({
      prefix: `transactions.${name}.`,
      group: null,
      transaction: index,
    })),
    ...run.groups.map(({ options: { name } }, group) => ({
      prefix: `clients.${name}.`,
      group,
      transaction: null,
    })),
  ];
}

/** The definitions once for all, once by transaction and once by group of clients. */
export function underScopes(metrics: readonly MetricDefinition[]): MetricDefinition[] {
  const scopes = [
    { prefix: '', of: '' },
    { prefix: 'transactions.<transaction>.', of: ' Of one transaction of the scenario.' },
    { prefix: 'clients.<clients>.', of: ' Of one group of clients.' },
  ];
  return scopes.flatMap(({ prefix, of }) =>
    metrics.map((metric) => ({ ...metric, name: prefix + metric.name, doc: metric.doc + of })),
  );
}
