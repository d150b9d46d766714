import { type MetricDefinition, type MetricFamily, SUFFIXES } from './family.ts';
import { activityFamily } from './metrics/activity.ts';
import { commitFamily } from './metrics/commits.ts';
import { conflictFamily } from './metrics/conflicts.ts';
import { costFamily } from './metrics/cost.ts';
import { errorFamily } from './metrics/errors.ts';
import { failoverFamily } from './metrics/failover.ts';
import { latencyFamily } from './metrics/latency.ts';
import { outageFamily } from './metrics/outage.ts';
import { positionFamily } from './metrics/positions.ts';
import { procArrayFamily } from './metrics/procarray.ts';
import { replayAgeFamily } from './metrics/replay-age.ts';
import { replicationFamily } from './metrics/replication.ts';
import { serverFamily } from './metrics/servers.ts';
import { splitBrainFamily } from './metrics/split-brain.ts';
import { tableFamily } from './metrics/tables.ts';
import { usageFamily } from './metrics/usage.ts';
import { waitFamily } from './metrics/waits.ts';

/** Everything that is measured. A new family is one file and one line here. */
export const FAMILIES: readonly MetricFamily[] = [
  latencyFamily,
  usageFamily,
  errorFamily,
  commitFamily,
  outageFamily,
  failoverFamily,
  splitBrainFamily,
  serverFamily,
  procArrayFamily,
  tableFamily,
  replicationFamily,
  replayAgeFamily,
  positionFamily,
  conflictFamily,
  waitFamily,
  activityFamily,
  costFamily,
];

/**
 * All metrics. In a name `{a,b}` stands for each of the words and `<server>`, `<transaction>`,
 * `<clients>`, `<table>`, `<sqlstate>`, `<type>`, `<event>` for any name of that kind.
 */
export const METRICS: readonly MetricDefinition[] = FAMILIES.flatMap(({ metrics }) => metrics);

/** What the scenario calls its components; a kind that is left out may have any name. */
export interface MetricSubjects {
  readonly servers?: readonly string[];
  readonly transactions?: readonly string[];
  readonly clients?: readonly string[];
}

/** Whether a run can have a metric of this name, suffix included. */
export function knownMetric(name: string, subjects: MetricSubjects = {}): boolean {
  return definitionOf(name, subjects) !== null;
}

/** The definition behind a metric's name; null if nothing measures it. */
export function definitionOf(name: string, subjects: MetricSubjects = {}): MetricDefinition | null {
  const parts = name.split('.');
  return METRICS.find((metric) => matches(metric, parts, subjects)) ?? null;
}

/** All names of a scenario's metrics with their suffixes, in the order of the catalogue. */
export function metricNames(subjects: Required<MetricSubjects>): string[] {
  return METRICS.flatMap(({ name, kind }) => {
    const bases = expand(name.split('.'), subjects);
    const suffixes = SUFFIXES[kind];
    if (suffixes.length === 0) return bases;
    return bases.flatMap((base) => suffixes.map((suffix) => `${base}.${suffix}`));
  });
}

function matches(
  { name, kind }: MetricDefinition,
  parts: readonly string[],
  subjects: MetricSubjects,
): boolean {
  const segments = name.split('.');
  const suffixes = SUFFIXES[kind];
  const suffixed = suffixes.length > 0;
  if (parts.length !== segments.length + (suffixed ? 1 : 0)) return false;
  if (suffixed && !suffixes.includes(parts.at(-1)!)) return false;
  return segments.every((segment, i) => {
    const words = wordsOf(segment, subjects);
    return words ? words.includes(parts[i]!) : FREE[segment]!.test(parts[i]!);
  });
}

const FREE: { readonly [placeholder: string]: RegExp } = {
  '<server>': /./,
  '<transaction>': /./,
  '<clients>': /./,
  '<table>': /^[A-Za-z_]\w*$/,
  '<sqlstate>': /^[0-9A-Z]{5}$/,
  '<type>': /^(Activity|BufferPin|Client|Extension|IO|IPC|Lock|LWLock|Timeout)$/,
  '<event>': /^[A-Za-z]\w*$/,
};

/** The words that a segment may be; null where any name of its kind may stand. */
function wordsOf(segment: string, subjects: MetricSubjects): readonly string[] | null {
  if (segment === '<server>') return subjects.servers ?? null;
  if (segment === '<transaction>') return subjects.transactions ?? null;
  if (segment === '<clients>') return subjects.clients ?? null;
  if (segment.startsWith('<')) return null;
  const choice = /^\{(.*)\}(.*)$/.exec(segment);
  if (!choice) return [segment];
  return choice[1]!.split(',').map((word) => word + choice[2]!);
}

/** The names that a pattern stands for; a free placeholder is left as it is. */
function expand(segments: readonly string[], subjects: MetricSubjects): string[] {
  let names: string[] = [];
  segments.forEach((segment, i) => {
    const words = wordsOf(segment, subjects) ?? [segment];
    if (i === 0) names = [...words];
    else names = names.flatMap((name) => words.map((word) => `${name}.${word}`));
  });
  return names;
}
