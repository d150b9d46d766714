import { applyOptions } from './changes.ts';
import { documentOf, lineStartsOf, position, type ScenarioDocument } from './document.ts';
import type { Scenario } from './model.ts';
import { inTextOrder, normalise } from './normalise.ts';
import type { Problem } from './problem.ts';
import type { ResolveOptions } from './resolve/context.ts';
import { expandFrom, type Run } from './variants.ts';
import { readYaml } from './yaml.ts';

/** How a scenario is to be read. */
export interface LoadOptions extends ResolveOptions {
  /** The name that problems give to the text. */
  readonly file?: string;
  /** Changes from the command line, each `path=value`. */
  readonly set?: readonly string[];
}

/** A scenario that can be run, or everything that keeps it from being one. */
export type Loaded =
  | {
      readonly ok: true;
      readonly scenario: Scenario;
      /** The base, the variants in the order of the file, the points of the sweep. */
      readonly runs: readonly Run[];
      /** The values of the file, from which variants and sweeps are made. */
      readonly document: ScenarioDocument;
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a scenario and checks all of it, its variants and the points of its sweep included. Never
 * throws, whatever the text; problems are in the order of the text.
 */
export function loadScenario(text: string, options: LoadOptions = {}): Loaded {
  const file = options.file ?? 'scenario.yaml';
  const yaml = readYaml(text);
  if (!yaml.ok) {
    const lineStarts = lineStartsOf(text);
    const problems = yaml.errors.map(({ offset, why }) => ({
      file,
      ...position(lineStarts, Math.min(offset, text.length)),
      what: 'YAML',
      why,
    }));
    return { ok: false, problems };
  }
  const { value } = yaml.source;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const why = 'a scenario is a map of sections such as servers and workload';
    return { ok: false, problems: [{ file, line: 1, column: 1, what: 'the file', why }] };
  }
  return loadDocument(documentOf(file, text, yaml.source), options);
}

/** Applies the command line's changes to a document and checks the result. */
export function loadDocument(unchanged: ScenarioDocument, options: LoadOptions = {}): Loaded {
  const changed = applyOptions(unchanged, options.set ?? []);
  if (!changed.ok) return changed;
  const { document } = changed;
  const base = normalise(document, options);
  if (!base.ok) return base;
  const runs = expandFrom(document, base.scenario, options);
  if (!runs.ok) return runs;
  return { ...base, runs: runs.runs, document, warnings: inTextOrder(base.warnings) };
}
