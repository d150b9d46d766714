/** Runs the scenario of a point, if the simulator can, and compares. */
import { formatProblem, loadScenario, simulate } from '../../src/index.ts';
import { knownMetric } from '../../src/measure/catalog.ts';
import type { Metrics, Point } from './experiment.ts';
import { keptPlans, lacksPlans } from './plans.ts';
import { type Predicted, type Row, rowsOf } from './row.ts';
import { mean } from './statistics.ts';

export interface Outcome {
  readonly rows: readonly Row[];
  /** Why nothing was predicted; null if it was. */
  readonly refused: string | null;
  readonly seconds: number;
}

/** The rows of one point, with changes of the scenario as `--set` takes them. */
export function predict(experiment: string, point: Point, set: readonly string[] = []): Outcome {
  const started = performance.now();
  const run = prediction(point, set);
  const predicted = typeof run === 'string' ? null : run;
  return {
    rows: rowsOf(experiment, point.name, point.measured, predicted),
    refused: typeof run === 'string' ? run : null,
    seconds: (performance.now() - started) / 1000,
  };
}

/** What the runs predict, averaged over the seeds; a text says why there is none. */
function prediction(point: Point, set: readonly string[]): Predicted | string {
  if (point.missing !== undefined) return point.missing;
  const missing = point.needs.filter((name) => !knownMetric(name));
  if (missing.length > 0) return `${missing.join(', ')}: not measured by the simulator yet`;
  const loaded = loadScenario(JSON.stringify(point.scenario), {
    ...{ set, file: point.name, plans: keptPlans },
  });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  if (lacksPlans(loaded.scenario)) return 'its plans have not been made: see plans.ts';
  const runs: Predicted[] = [];
  for (let seed = 1; seed <= point.seeds; seed++) {
    const result = simulate(loaded.runs[0]!, { seed });
    if ('refused' in result) {
      return result.refused.map(({ what, why }) => `${what}: ${why}`).join('; ');
    }
    if (result.lawsBroken.length > 0) {
      throw new Error(`${point.name}: ${JSON.stringify(result.lawsBroken)}`);
    }
    runs.push(point.predict(result.metrics as Metrics));
  }
  return average(runs);
}

function average(runs: readonly Predicted[]): Predicted {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = runs.flatMap((run) => run[name] ?? []);
      return [name, values.length === 0 ? null : mean(values)];
    }),
  );
}
