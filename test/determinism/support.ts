import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import type { Nanoseconds } from '../../src/kernel/index.ts';
import { buildWorld } from '../../src/scenario/build/world.ts';
import { expandRuns, formatProblem, loadScenario, type Run } from '../../src/scenario/index.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A whole failover at a light load. */
export const LIGHT = fileURLToPath(new URL('./failover-light.yaml', import.meta.url));

export function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}

/** All runs of a scenario that must load. */
export function runsOf(text: string): readonly Run[] {
  const loaded = loadScenario(text);
  const expanded = loaded.ok ? expandRuns(loaded.document) : loaded;
  if (!expanded.ok) throw new Error(expanded.problems.map(formatProblem).join('\n'));
  return expanded.runs;
}

/** The digest of a run up to an instant, with nobody observing it. */
export function digestOf({ scenario }: Run, until: Nanoseconds): string {
  const { sim } = buildWorld(scenario, scenario.seed);
  sim.run(until);
  return sim.trace.digest;
}

/** The same file with the entries of every map in the opposite order. */
export function reordered(text: string): string {
  return stringify(opposite(parse(text)));
}

function opposite(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opposite);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, inner]) => [key, opposite(inner)]));
}

/** Other spellings of the same quantities: the next smaller unit. */
const SMALLER: Readonly<Record<string, readonly [factor: number, unit: string]>> = {
  min: [60, 's'],
  s: [1000, 'ms'],
  ms: [1000, 'us'],
  GB: [1024, 'MB'],
  MB: [1024, 'kB'],
  '/s': [60, '/min'],
};

export interface Respelt {
  readonly text: string;
  readonly changes: readonly string[];
}

/** The same file with every quantity in the next smaller unit, wherever one stands by itself. */
export function respelt(text: string): Respelt {
  const changes: string[] = [];
  const respell = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(respell);
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, respell(each)]));
    }
    const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(\D+)$/.exec(value) : null;
    const smaller = match && SMALLER[match[2]!];
    if (!smaller) return value;
    const other = `${Number((Number(match[1]) * smaller[0]).toPrecision(12))}${smaller[1]}`;
    changes.push(`${value} as ${other}`);
    return other;
  };
  return { text: stringify(respell(parse(text))), changes };
}
