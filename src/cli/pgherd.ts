import { performance } from 'node:perf_hooks';
import { toSeconds } from '../kernel/time.ts';
import type { StatementUsage } from '../postgres/statement.ts';
import { scenarioJsonSchema } from '../scenario/json-schema.ts';
import { loadScenario } from '../scenario/load.ts';
import { knownMetric } from '../scenario/metric-names.ts';
import type { Scenario } from '../scenario/model.ts';
import type { ResolveOptions } from '../scenario/resolve/context.ts';
import { explainedStatements } from '../scenario/resolve/plans.ts';
import { starterScenario } from '../scenario/starter.ts';
import { expandRuns, type Run } from '../scenario/variants.ts';
import { readBeside } from './files.ts';
import type {
  ExplainedStatement,
  LoadedScenario,
  LoadOutcome,
  Model,
  PlannedRun,
  Source,
} from './model.ts';
import { type PlanSources, Plans, usualSources } from './plans/plans.ts';

/*
 * What reads scenarios is loaded with this module; what runs them only where something is run, as
 * half of the program's start is the loading of its modules.
 */

/** The simulator as the command line sees it, with Postgres's plans from these sources. */
export function modelWith(sources: PlanSources): Model {
  return {
    load: async (source, set) => load(source, set, sources),
    schema: scenarioJsonSchema,
    starter: starterScenario,
  };
}

export const model: Model = modelWith(usualSources());

/** Plans that are missing are made before the scenario is read once more. */
async function load(
  source: Source,
  set: readonly string[],
  sources: PlanSources,
): Promise<LoadOutcome> {
  source.plans ??= new Map();
  const plans = new Plans(sources, source.plans);
  const read = () => readWith(source, set, plans);
  const loaded = read();
  if (!loaded.ok || !plans.areMissing) return loaded;
  await plans.make();
  return read();
}

/** A profile's file is looked for beside the scenario that names it. */
function optionsFor(file: string, plans: Plans): ResolveOptions {
  return { knownMetric, readProfile: (name) => readBeside(file, name), plans: plans.lookUp };
}

function readWith({ file, text }: Source, set: readonly string[], plans: Plans): LoadOutcome {
  const options = optionsFor(file, plans);
  const loaded = loadScenario(text, { ...options, file, set });
  if (!loaded.ok) return loaded;
  const expanded = expandRuns(loaded.document, options);
  if (!expanded.ok) return expanded;
  const { name, title, seed, duration, warmup } = loaded.scenario;
  const scenario: LoadedScenario = {
    name,
    ...(title === '' ? {} : { title }),
    seed,
    durationSeconds: toSeconds(duration),
    warmupSeconds: toSeconds(warmup),
    warnings: loaded.warnings,
    runs: expanded.runs.map(planned),
    statements: () => withUsage(loaded.scenario),
  };
  return { ok: true, scenario };
}

/** The statements with what each of them has used when it was run by itself. */
async function withUsage(scenario: Scenario): Promise<ExplainedStatement[]> {
  const { analyzed } = await import('../scenario/analyze.ts');
  const seen = new Map<string, (StatementUsage | null)[]>();
  return explainedStatements(scenario).map((statement) => {
    const { transaction } = statement;
    const usages = seen.get(transaction) ?? analyzed(scenario, transaction);
    seen.set(transaction, usages);
    return { ...statement, usage: usages.shift() ?? null };
  });
}

/** The clock of the machine is read out here: the simulator itself must not know it. */
function planned(run: Run): PlannedRun {
  return {
    variant: run.variant,
    async simulate(seed, onProgress) {
      const { simulate } = await import('../scenario/simulate.ts');
      const started = performance.now();
      const outcome = simulate(run, {
        seed,
        onProgress: (simulated) => onProgress(toSeconds(simulated)),
      });
      if ('refused' in outcome) return outcome;
      const machineSeconds = (performance.now() - started) / 1000;
      return { ...outcome, cost: { ...outcome.cost, machineSeconds } };
    },
  };
}
