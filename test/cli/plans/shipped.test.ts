import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ask } from '../../../src/cli/plans/ask.ts';
import { planKey, readPlans, SHIPPED, writePlans } from '../../../src/cli/plans/cache.ts';
import { startPglite } from '../../../src/cli/plans/pglite.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { PlanRequest } from '../../../src/workload/planner/request.ts';

/**
 * Plans of the bundled scenarios are compared with what they ask for; `UPDATE=1` makes them anew
 * with PGlite, to be read as a diff.
 */
const { UPDATE } = process.env;
const FOLDER = fileURLToPath(new URL('../../../scenarios/', import.meta.url));

/** Everything that the bundled scenarios ask Postgres, by key. */
function requests(): Map<string, PlanRequest> {
  const wanted = new Map<string, PlanRequest>();
  const plans = (request: PlanRequest) => {
    wanted.set(planKey(request), request);
    return undefined;
  };
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((each) => each.endsWith('.yaml'))) {
    const loaded = loadScenario(readFileSync(FOLDER + file, 'utf8'), { file, plans });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  }
  return wanted;
}

test('every bundled scenario has its plans, and there are no others', async () => {
  const wanted = requests();
  if (UPDATE) await makeAll(wanted);
  expect(wanted.size).toBeGreaterThan(0);
  const there = readdirSync(SHIPPED).sort();
  expect(there).toEqual([...wanted.keys()].sort().map((key) => `${key}.json`));
  for (const key of wanted.keys()) expect(readPlans([SHIPPED], key), key).toBeDefined();
});

async function makeAll(wanted: ReadonlyMap<string, PlanRequest>): Promise<void> {
  rmSync(SHIPPED, { recursive: true, force: true });
  mkdirSync(SHIPPED);
  const server = await startPglite();
  for (const [key, request] of wanted) {
    const planned = await ask(server, request);
    if (planned.ok) writePlans(SHIPPED, key, planned.answer);
  }
  await server.close();
}
