import { Locator, type ScenarioDocument } from './document.ts';
import { findingsOf } from './issues.ts';
import { lint } from './lint.ts';
import type { Scenario } from './model.ts';
import type { Finding, Problem } from './problem.ts';
import { contextOf, type ResolveOptions } from './resolve/context.ts';
import { resolveScenario } from './resolve/scenario.ts';
import { scenarioSchema } from './schema/root.ts';

const MOST_PROBLEMS = 50;

/** One document as a scenario, without regard to its variants. */
export type Normalised =
  | { readonly ok: true; readonly scenario: Scenario; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Validates and resolves the values of one document. */
export function normalise(document: ScenarioDocument, options: ResolveOptions): Normalised {
  const parsed = scenarioSchema.safeParse(document.value, { reportInput: true });
  if (!parsed.success) return failed(document, findingsOf(parsed.error.issues));
  const context = contextOf(parsed.data, options);
  const scenario = resolveScenario(context);
  const { problems, warnings } = context.findings;
  if (problems.length > 0) return failed(document, problems);
  const locator = new Locator(document);
  const all = [...warnings, ...lint(scenario, parsed.data)];
  return { ok: true, scenario, warnings: all.map((each) => locator.problem(each)) };
}

function failed(document: ScenarioDocument, findings: readonly Finding[]): Normalised {
  const locator = new Locator(document);
  const problems = findings.slice(0, MOST_PROBLEMS).map((each) => locator.problem(each));
  return { ok: false, problems: inTextOrder(problems) };
}

/** Problems as one meets them when reading the file. */
export function inTextOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
