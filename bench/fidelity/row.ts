/**
 * One comparison of a prediction with a measurement, and what is asked of it. Errors are shares of
 * what was measured, those of shares themselves (hit ratios) plain differences.
 */
import { groupBy, mean, median, spread } from './statistics.ts';

export interface Row {
  readonly experiment: string;
  readonly point: string;
  readonly metric: string;
  readonly measured: number;
  /** Null where nothing was predicted. */
  readonly predicted: number | null;
  readonly error: number | null;
  /** How far repeats of the measurement lie apart; null if none were repeated. */
  readonly noise: number | null;
}

/** What the issue asks of a metric: of the median row, and of each row. */
export interface Target {
  readonly name: string;
  readonly metrics: readonly string[];
  /** Of the median over the rows; null: only each row counts. */
  readonly median: number | null;
  /** Of each row; null: only the median counts. */
  readonly worst: number | null;
  /** The error is a plain difference. */
  readonly isDifference: boolean;
}

const share = (
  name: string,
  metrics: string[],
  worst: number | null,
  middle: number | null = null,
) => ({
  name,
  metrics,
  median: middle,
  worst,
  isDifference: false,
});

export const TARGETS: readonly Target[] = [
  share('throughput', ['tps'], 0.2, 0.1),
  share('latency p50', ['p50_ms'], 0.15),
  share('latency p99', ['p99_ms'], 0.35),
  share('WAL per transaction', ['wal_bytes_per_txn'], 0.1),
  { ...share('hit ratio', ['hit_ratio'], 0.02), isDifference: true },
  share('dead tuples and sizes', ['dead_tuples_max', 'table_bytes_end', 'index_bytes_end'], 0.15),
  share('planning time', ['plan_ms'], null, 0.25),
  share('execution time', ['exec_ms', 'latency_ms'], null, 0.25),
  share('buffers', ['buffers'], null, 0.25),
  share('WAL of an operation', ['wal_bytes'], null, 0.25),
  share('time of an operation', ['op_ms'], null, 0.25),
];

export function targetOf(metric: string): Target | null {
  return TARGETS.find(({ metrics }) => metrics.includes(metric)) ?? null;
}

/** The error that a row may have: the target, or twice the noise floor where that is more. */
export function allowance({ metric, noise }: Pick<Row, 'metric' | 'noise'>): number | null {
  const target = targetOf(metric);
  return target && Math.max(target.worst ?? target.median!, 2 * (noise ?? 0));
}

/** Whether a row is within what may be asked of it; null where nothing is asked or predicted. */
export function isWithin(row: Row): boolean | null {
  const allowed = allowance(row);
  if (allowed === null || row.error === null) return null;
  return Math.abs(row.error) <= allowed;
}

/** What was measured at one point, by metric, each with its repeats. */
export type Measured = Readonly<Record<string, readonly number[]>>;
/** What a run gave, by metric. */
export type Predicted = Readonly<Record<string, number | null | undefined>>;

/** The rows of one point; the noise is that of its own repeats alone. */
export function rowsOf(
  experiment: string,
  point: string,
  measured: Measured,
  predicted: Predicted | null,
): Row[] {
  return Object.entries(measured).flatMap(([metric, repeats]): Row[] => {
    if (repeats.length === 0) return [];
    const value = mean(repeats);
    const guess = predicted?.[metric] ?? null;
    const difference = targetOf(metric)?.isDifference ?? false;
    const error = guess === null ? null : errorOf(guess, value, difference);
    const noise = difference ? range(repeats) : spread(repeats);
    return [{ experiment, point, metric, measured: value, predicted: guess, error, noise }];
  });
}

function errorOf(predicted: number, measured: number, difference: boolean): number | null {
  if (difference) return predicted - measured;
  if (measured === 0) return predicted === 0 ? 0 : null;
  return (predicted - measured) / Math.abs(measured);
}

function range(values: readonly number[]): number | null {
  return values.length < 2 ? null : Math.max(...values) - Math.min(...values);
}

/** Points that were measured once take the median noise of the repeated ones, by metric. */
export function withNoiseFloor(rows: readonly Row[]): Row[] {
  const floors = new Map(
    [...groupBy(rows, keyOf)].map(([key, group]) => [
      key,
      median(group.flatMap(({ noise }) => (noise === null ? [] : [noise]))),
    ]),
  );
  return rows.map((row) => ({ ...row, noise: row.noise ?? floors.get(keyOf(row)) ?? null }));
}

function keyOf({ experiment, metric }: Row): string {
  return `${experiment} ${metric}`;
}

export interface Verdict {
  readonly target: Target;
  readonly rows: number;
  readonly within: number;
  readonly median: number | null;
  readonly worst: number | null;
  readonly met: boolean;
}

/** How the rows of one experiment do against each target that applies to them. */
export function verdicts(rows: readonly Row[]): Verdict[] {
  return TARGETS.flatMap((target): Verdict[] => {
    const judged = rows.filter((row) => target.metrics.includes(row.metric) && row.error !== null);
    if (judged.length === 0) return [];
    const errors = judged.map(({ error }) => Math.abs(error!));
    const middle = median(errors);
    const within = judged.filter((row) => isWithin(row)).length;
    const medianMet = target.median === null || middle! <= target.median;
    const met = (target.worst === null || within === judged.length) && medianMet;
    const worst = Math.max(...errors);
    return [{ target, rows: judged.length, within, median: middle, worst, met }];
  });
}
