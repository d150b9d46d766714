import type { SeriesPoints } from './series.ts';
import type { Estimate } from './statistics.ts';

/**
 * What a run hands back. Everything here is plain data, so that it crosses from a worker's thread
 * unchanged; everything but `cost` is a function of scenario, seed and version alone.
 */

/** `inconclusive`: what had to happen for the run to mean anything did not happen. */
export type Verdict = 'held' | 'failed' | 'inconclusive';

/** A comparison of `observe` or `expect` with what came out. */
export interface ComparisonResult {
  /** The comparison as it stands in the scenario. */
  text: string;
  /** Both sides in SI base units; null: a metric in it has no observations. */
  left: number | null;
  right: number | null;
  holds: boolean;
  /** Why it does not hold, where the numbers do not say it (a metric without observations). */
  reason?: string;
}

/** A statement of a book, vendor or post, and whether this run bears it out. */
export interface ClaimResult {
  id: string;
  says: string;
  source: string;
  verdict: 'holds' | 'contradicted' | 'not observed';
  expect: ComparisonResult[];
}

/** Something that happened once: a fault, a step of a failover. `t` in seconds. */
export interface RunEvent {
  t: number;
  kind: string;
  text: string;
}

/** A commit that a client was told of and that the surviving timeline does not have. */
export interface LostCommit {
  session: string;
  /** The end of its commit record, as Postgres writes it: `0/16B3740`. */
  lsn: string;
  /** The simulated second in which the client was told. */
  acknowledgedAt: number;
  cause: string;
}

/** A value of a scenario as YAML and JSON have it. */
export type PlainValue =
  | string
  | number
  | boolean
  | null
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/** What the run cost the machine: never part of the JSON, which depends on the seed only. */
export interface RunCost {
  machineSeconds: number;
  simulatedSeconds: number;
  transactions: number;
}

export interface RunResult {
  /** `base`, the variant's name, or `path=value,...` for a point of a sweep. */
  variant: string;
  title?: string;
  set: { readonly [path: string]: PlainValue };
  seed: number;
  digest: string;
  verdict: Verdict;
  /** By dotted name, in SI base units; null: no observations. */
  metrics: { readonly [name: string]: number | null };
  observe: ComparisonResult[];
  expect: ComparisonResult[];
  claims: ClaimResult[];
  warnings: string[];
  series: { readonly [name: string]: SeriesPoints };
  events: RunEvent[];
  /** Every lost commit, up to 100,000; `commits.lost` says how many there were. */
  losses: LostCommit[];
  /** Laws of the simulator that did not hold, in words: a fault of the program. */
  lawsBroken: string[];
  cost: RunCost;
}

/** One variant over all seeds. */
export interface VariantSummary {
  variant: string;
  set: { readonly [path: string]: PlainValue };
  metrics: { readonly [name: string]: Estimate };
  /** Variant minus base, paired by seed; absent for the base itself. */
  difference?: { readonly [name: string]: Estimate };
  expect: { text: string; held: number; of: number }[];
}
