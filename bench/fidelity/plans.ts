/**
 * Postgres's plans for the experiments on tables of their own, made once and kept beside the data:
 * `UPDATE=1 npx vitest run test/bench/fidelity-plans.test.ts` makes them anew.
 */
import { fileURLToPath } from 'node:url';
import { planKey, readPlans } from '../../src/cli/plans/cache.ts';
import type { Scenario } from '../../src/scenario/model.ts';
import type { Planned, PlanRequest } from '../../src/workload/planner/request.ts';

export const PLANS = fileURLToPath(new URL('data/plans', import.meta.url));

export function keptPlans(request: PlanRequest): Planned | undefined {
  const answer = readPlans([PLANS], planKey(request));
  return answer && { ok: true, answer };
}

export function lacksPlans({ workload }: Scenario): boolean {
  return workload.schema !== null && workload.plans === null;
}
