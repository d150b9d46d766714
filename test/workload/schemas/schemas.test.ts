import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ask } from '../../../src/cli/plans/ask.ts';
import { planKey, readPlans, writePlans } from '../../../src/cli/plans/cache.ts';
import { startPglite } from '../../../src/cli/plans/pglite.ts';
import type { RunResult } from '../../../src/measure/result.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { simulate } from '../../../src/scenario/simulate.ts';
import type { Planned, PlanRequest } from '../../../src/workload/planner/request.ts';

/**
 * Schemas and statements after the documentation of well-known applications: each loads, runs and
 * keeps the laws. Their plans are kept beside them; `UPDATE=1` makes them anew with PGlite.
 */
const { UPDATE } = process.env;
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const PLANS = `${FOLDER}plans`;
const FILES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml'))
  .sort();

function load(file: string, plans: (request: PlanRequest) => Planned | undefined) {
  const loaded = loadScenario(readFileSync(FOLDER + file, 'utf8'), { file, plans });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded;
}

const kept = (request: PlanRequest): Planned | undefined => {
  const answer = readPlans([PLANS], planKey(request));
  return answer && { ok: true, answer };
};

async function makeAll(): Promise<void> {
  rmSync(PLANS, { recursive: true, force: true });
  mkdirSync(PLANS);
  const requests: PlanRequest[] = [];
  for (const file of FILES) load(file, (request) => void requests.push(request));
  const server = await startPglite();
  for (const request of requests) {
    const planned = await ask(server, request);
    if (!planned.ok) throw new Error(JSON.stringify(planned.errors));
    writePlans(PLANS, planKey(request), planned.answer);
  }
  await server.close();
}

if (UPDATE) await makeAll();

test('there are twenty schemas, each with six statements at least', () => {
  expect(FILES).toHaveLength(20);
  const keys = FILES.map((file) => {
    let key = '';
    load(file, (request) => {
      key = planKey(request);
      expect(request.statements.length, file).toBeGreaterThanOrEqual(6);
      return undefined;
    });
    return `${key}.json`;
  });
  expect(readdirSync(PLANS).sort()).toEqual(keys.sort());
});

describe('what applications send is planned, runs, and keeps the laws', () => {
  test.each(FILES)('%s', (file) => {
    const { scenario, runs } = load(file, kept);
    const outcome = simulate(runs[0]!);
    if ('refused' in outcome) throw new Error(outcome.refused.map(formatProblem).join('\n'));
    expect(outcome.lawsBroken).toEqual([]);
    const all = [...scenario.workload.transactions.keys()];
    expect(all.flatMap((name) => errorsOf(outcome, name))).toEqual([]);
    const done = (name: string) => outcome.metrics[`transactions.${name}.latency.count`] ?? 0;
    expect(all.filter((name) => done(name) === 0)).toEqual([]);
  });
});

function errorsOf({ metrics }: RunResult, transaction: string): string[] {
  const names = Object.keys(metrics).filter((name) =>
    name.startsWith(`transactions.${transaction}.errors`),
  );
  return names.filter((name) => (metrics[name] ?? 0) > 0);
}
