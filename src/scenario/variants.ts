import type { Patch } from 'immer';
import { appendValues, Locator, type ScenarioDocument, setValue } from './document.ts';
import type { Comparison } from './expression.ts';
import type { Scenario } from './model.ts';
import { normalise } from './normalise.ts';
import type { Finding, Path, Problem } from './problem.ts';
import type { ResolveOptions } from './resolve/context.ts';
import { sweepPoints } from './sweep.ts';

/** One scenario to simulate: the base, one of its variants or a point of its sweep. */
export interface Run {
  /** `base`, the variant's name, or `path=value,...`. */
  readonly variant: string;
  readonly kind: 'base' | 'variant' | 'point';
  readonly title: string;
  /** What was set, by path; null removed it. */
  readonly set: Readonly<Record<string, unknown>>;
  /** What differs from the base's file, as immer tells it. */
  readonly patches: readonly Patch[];
  readonly scenario: Scenario;
  readonly observe: readonly Comparison[];
  readonly expect: readonly Comparison[];
  /** What is allowed in this run and yet probably not meant. */
  readonly warnings: readonly Problem[];
  /** A finding as a problem at its place in the file. */
  readonly locate: (finding: Finding) => Problem;
}

/** The runs, or what is wrong with some variant or point. */
export type Runs =
  | { readonly ok: true; readonly runs: readonly Run[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Every run of a scenario: the base, its variants in the order of the file, and the points of its
 * sweep. The base's `expect` is its own; its `observe` also holds for variants that have none.
 * Points have neither, but `sweep_expect`. Invariants hold everywhere.
 */
export function expandRuns(document: ScenarioDocument, options: ResolveOptions = {}): Runs {
  const made = normalise(document, options);
  return made.ok ? expandFrom(document, made.scenario, options) : made;
}

/** The same, where the base has been made into a scenario already. */
export function expandFrom(
  document: ScenarioDocument,
  scenario: Scenario,
  options: ResolveOptions,
): Runs {
  const base = plainDocument(document);
  const runs: Run[] = [baseRun(scenario, document)];
  const problems: Problem[] = [];
  const keep = (result: MadeRun) => {
    if (result.ok) runs.push(result.run);
    else problems.push(...result.problems);
  };
  for (const [name, variant] of Object.entries(variantsOf(document)))
    keep(variantRun(base, scenario, name, variant, options));
  const { sweep } = document.value;
  const points = sweepPoints(sweep as Record<string, unknown[]> | undefined);
  if (!points.ok) {
    const problem = new Locator(document).problem({ path: ['sweep'], why: points.why });
    return { ok: false, problems: [problem] };
  }
  for (const point of points.points)
    keep(pointRun(base, scenario, point.name, point.values, options));
  return problems.length > 0 ? { ok: false, problems: unique(problems) } : { ok: true, runs };
}

interface VariantFile {
  readonly title?: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly 'faults+'?: readonly unknown[];
  readonly observe?: readonly string[];
  readonly expect?: readonly string[];
}

function variantsOf(document: ScenarioDocument): Readonly<Record<string, VariantFile>> {
  const { variants } = document.value;
  return (variants ?? {}) as Record<string, VariantFile>;
}

/** The document without what speaks of several runs at once. */
function plainDocument(document: ScenarioDocument): ScenarioDocument {
  const { variants, sweep, claims, ...value } = document.value;
  return { ...document, value };
}

function baseRun(scenario: Scenario, document: ScenarioDocument): Run {
  const { title, observe, expect } = scenario;
  const judged = { observe, expect, warnings: [], locate: locatorOf(document) };
  return { variant: 'base', kind: 'base', title, set: {}, patches: [], scenario, ...judged };
}

function locatorOf(document: ScenarioDocument): (finding: Finding) => Problem {
  return (finding) => new Locator(document).problem(finding);
}

type MadeRun = { ok: true; run: Run } | { ok: false; problems: readonly Problem[] };

/** Sections that decide about several runs, and cannot be changed for one of them. */
const FIXED = new Set(['name', 'variants', 'sweep', 'sweep_expect', 'claims']);

function changed(
  base: ScenarioDocument,
  set: Readonly<Record<string, unknown>>,
  originOf: (target: string) => Path,
): { ok: true; document: ScenarioDocument; patches: Patch[] } | { ok: false; problems: Problem[] } {
  let document = base;
  const patches: Patch[] = [];
  const problems: Problem[] = [];
  for (const [target, value] of Object.entries(set)) {
    const path = originOf(target);
    const result = FIXED.has(target.split('.')[0]!)
      ? { ok: false as const, why: 'cannot be changed for a single run' }
      : setValue(document, target, value, { kind: 'file', path });
    if (result.ok) {
      document = result.document;
      patches.push(...result.patches);
    } else problems.push(new Locator(base).problem({ path, why: result.why, atKey: true }));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, document, patches };
}

function variantRun(
  base: ScenarioDocument,
  baseScenario: Scenario,
  name: string,
  variant: VariantFile,
  options: ResolveOptions,
): MadeRun {
  const at = ['variants', name];
  const set = variant.set ?? {};
  const result = changed(base, set, (target) => [...at, 'set', target]);
  if (!result.ok) return result;
  const patches = [...result.patches];
  let { document } = result;
  const added = variant['faults+'];
  if (added !== undefined) {
    const appended = appendValues(document, 'faults', added, [...at, 'faults+']);
    document = appended.document;
    patches.push(...appended.patches);
  }
  const own = withJudgement(document, at, variant);
  const made = normalise(own, options);
  if (!made.ok) return inVariant(name, made.problems);
  const scenario = ofBase(made.scenario, baseScenario);
  const { observe, expect } = scenario;
  const title = variant.title ?? name;
  const judged = { observe, expect, warnings: made.warnings, locate: locatorOf(own) };
  return {
    ok: true,
    run: { variant: name, kind: 'variant', title, set, patches, scenario, ...judged },
  };
}

/** Name and claims are the file's: a claim says itself which of the runs it is judged by. */
function ofBase(scenario: Scenario, { name, claims }: Scenario): Scenario {
  return { ...scenario, name, claims };
}

/** A variant's own `observe` and `expect`; of the base it keeps `observe` alone. */
function withJudgement(
  document: ScenarioDocument,
  at: Path,
  variant: VariantFile,
): ScenarioDocument {
  const { observe: inherited } = document.value;
  const { observe = inherited, expect } = variant;
  const changes = (['observe', 'expect'] as const)
    .filter((key) => variant[key] !== undefined)
    .map((key) => ({ path: [key], origin: { kind: 'file' as const, path: [...at, key] } }));
  const { expect: _, ...rest } = document.value;
  const value = { ...rest, ...judgement('observe', observe), ...judgement('expect', expect) };
  return { ...document, value, changes: [...document.changes, ...changes] };
}

function judgement(key: string, comparisons: unknown): Record<string, unknown> {
  return comparisons === undefined ? {} : { [key]: comparisons };
}

function pointRun(
  base: ScenarioDocument,
  baseScenario: Scenario,
  name: string,
  set: Readonly<Record<string, unknown>>,
  options: ResolveOptions,
): MadeRun {
  const result = changed(base, set, (target) => {
    const values = (base.source.value as { sweep?: Record<string, unknown[]> }).sweep;
    const index = values?.[target]?.indexOf(set[target]) ?? -1;
    return index < 0 ? ['sweep', target] : ['sweep', target, index];
  });
  if (!result.ok) return result;
  const { observe: _, expect: __, ...value } = result.document.value;
  const made = normalise({ ...result.document, value }, options);
  if (!made.ok) return inVariant(name, made.problems);
  const scenario = ofBase(made.scenario, baseScenario);
  const { patches } = result;
  return {
    ok: true,
    run: {
      variant: name,
      kind: 'point',
      title: name,
      set,
      patches,
      scenario,
      observe: [],
      expect: scenario.sweepExpect,
      warnings: made.warnings,
      locate: locatorOf(result.document),
    },
  };
}

function inVariant(name: string, problems: readonly Problem[]): MadeRun {
  const told = problems.map((each) => ({ ...each, why: `${each.why} (in ${name})` }));
  return { ok: false, problems: told };
}

const MOST_PROBLEMS = 50;

/** One problem for each place, though several points of a sweep may have it. */
function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const each of problems) {
    const key = `${each.line}:${each.column}:${each.what}`;
    if (!seen.has(key)) seen.set(key, each);
  }
  return [...seen.values()].slice(0, MOST_PROBLEMS);
}
