import {
  constant,
  type Distribution,
  empirical,
  exponential,
  logNormal,
  type Nanoseconds,
  uniform,
} from '../../kernel/index.ts';

/** A law of durations as plain data, as presets and scenarios write it; times in nanoseconds. */
export type DurationLaw =
  | { readonly kind: 'constant'; readonly value: Nanoseconds }
  | LogNormalLaw
  | { readonly kind: 'exponential'; readonly mean: Nanoseconds }
  | { readonly kind: 'uniform'; readonly min: Nanoseconds; readonly max: Nanoseconds }
  | { readonly kind: 'empirical'; readonly samples: readonly Nanoseconds[] };

/** The usual shape of latencies: half of them above the median, one in a hundred above the p99. */
export interface LogNormalLaw {
  readonly kind: 'log-normal';
  readonly median: Nanoseconds;
  readonly p99: Nanoseconds;
}

/**
 * Where a figure comes from. Grades: `D` the vendor's documentation, `M` measured, `K` general
 * knowledge of the field, to be checked before money is spent on it.
 */
export interface Provenance {
  readonly source: string;
  /** Year and month in which the figure was looked up. */
  readonly date: string;
  readonly grade: 'D' | 'M' | 'K';
}

/** The law that a run draws from. */
export function distributionOf(law: DurationLaw): Distribution {
  switch (law.kind) {
    case 'constant':
      return constant(law.value);
    case 'log-normal':
      return logNormal(law.median, law.p99);
    case 'exponential':
      return exponential(law.mean);
    case 'uniform':
      return uniform(law.min, law.max);
    case 'empirical':
      return empirical(law.samples);
  }
}

export function logNormalLaw(median: Nanoseconds, p99: Nanoseconds): LogNormalLaw {
  return { kind: 'log-normal', median: Math.round(median), p99: Math.round(p99) };
}
