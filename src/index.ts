/**
 * The public interface: from the text of a scenario to what came out of it.
 *
 *     const loaded = loadScenario(text);
 *     if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
 *     for (const run of loaded.runs) console.log(simulate(run, { seed: 1 }));
 *
 * Nothing in here imports anything of Node's: it runs in a browser's worker as well.
 */
export type {
  ClaimResult,
  ComparisonResult,
  LostCommit,
  RunCost,
  RunEvent,
  RunResult,
  VariantSummary,
  Verdict,
} from './measure/result.ts';
export type { SeriesPoints } from './measure/series.ts';
export {
  type Estimate,
  estimate,
  type Interval,
  pairedDifference,
  poissonInterval,
  wilsonInterval,
} from './measure/statistics.ts';
export { summarize } from './measure/summary.ts';
export { renderJson } from './report/json.ts';
export type { Report } from './report/report.ts';
export { colourStyle, plainStyle, type Style } from './report/style.ts';
export { renderText } from './report/text.ts';
export {
  expandRuns,
  formatProblem,
  type Loaded,
  type LoadOptions,
  loadScenario,
  type Problem,
  type Run,
  type Runs,
  type Scenario,
  scenarioJsonSchema,
} from './scenario/index.ts';
export { simulate } from './scenario/simulate.ts';
export type { PlanAnswer, Planned, PlanRequest } from './workload/planner/request.ts';
