import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { calibrate } from '../../bench/fidelity/calibrate.ts';
import { readCalibrationData } from '../../bench/fidelity/calibration-data.ts';
import { EXPERIMENTS } from '../../bench/fidelity/experiments/index.ts';
import { PLANS } from '../../bench/fidelity/plans.ts';
import { ask } from '../../src/cli/plans/ask.ts';
import { planKey, readPlans, writePlans } from '../../src/cli/plans/cache.ts';
import { startPglite } from '../../src/cli/plans/pglite.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { formatProblem } from '../../src/scenario/problem.ts';
import type { PlanRequest } from '../../src/workload/planner/request.ts';

/** `UPDATE=1` makes them anew with PGlite. */
const { UPDATE } = process.env;
const DATA = fileURLToPath(new URL('../../bench/fidelity/data', import.meta.url));

/** Everything that the experiments ask Postgres, by key. */
function requests(): Map<string, PlanRequest> {
  const wanted = new Map<string, PlanRequest>();
  const plans = (request: PlanRequest) => {
    wanted.set(planKey(request), request);
    return undefined;
  };
  const calibration = calibrate(readCalibrationData(DATA));
  for (const { points } of EXPERIMENTS) {
    for (const { name: file, scenario } of points(DATA, calibration)) {
      const loaded = loadScenario(JSON.stringify(scenario), { file, plans });
      if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    }
  }
  return wanted;
}

test('every experiment has its plans, and there are no others', async () => {
  const wanted = requests();
  if (UPDATE) await makeAll(wanted);
  expect(wanted.size).toBeGreaterThan(0);
  expect(readdirSync(PLANS).sort()).toEqual([...wanted.keys()].sort().map((key) => `${key}.json`));
  for (const key of wanted.keys()) expect(readPlans([PLANS], key), key).toBeDefined();
}, 120_000);

async function makeAll(wanted: ReadonlyMap<string, PlanRequest>): Promise<void> {
  rmSync(PLANS, { recursive: true, force: true });
  mkdirSync(PLANS);
  const server = await startPglite();
  for (const [key, request] of wanted) {
    const planned = await ask(server, request);
    if (!planned.ok) throw new Error(JSON.stringify(planned.errors));
    writePlans(PLANS, key, planned.answer);
  }
  await server.close();
}
