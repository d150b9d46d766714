/** The scenario language: from a text to scenarios that can be run, or to what is wrong with it. */

export { analyzed } from './analyze.ts';
export { applyOptions, applySet, type ChangedDocument } from './changes.ts';
export type { ScenarioDocument } from './document.ts';
export {
  type Comparison,
  type Expression,
  evaluate,
  type Metrics,
  metricsOf,
  type Outcome,
  parseComparison,
} from './expression.ts';
export type { Fault, FaultStart, FaultTarget, Stretch } from './faults.ts';
export { scenarioJsonSchema } from './json-schema.ts';
export { constantLaw, type DurationLaw, toDistribution } from './law.ts';
export { type Loaded, type LoadOptions, loadDocument, loadScenario } from './load.ts';
export { knownMetric } from './metric-names.ts';
export type * from './model.ts';
export { naturalCompare, naturalEntries } from './natural.ts';
export { formatProblem, type Problem } from './problem.ts';
export type { MetricVerdict, ResolveOptions } from './resolve/context.ts';
export { pathKey, pathOf } from './resolve/network.ts';
export { explainedStatements } from './resolve/plans.ts';
export { parseSyncNames, type SyncStandbyNames } from './resolve/sync-names.ts';
export { FAULT_NAMES, type FaultKind } from './schema/faults.ts';
export { scenarioSchema } from './schema/root.ts';
export { starterScenario } from './starter.ts';
export { expandRuns, type Run, type Runs } from './variants.ts';
export type * from './workload-model.ts';
