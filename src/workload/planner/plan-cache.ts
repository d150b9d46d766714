/** Which of a prepared statement's plans is kept (plancache.c). */
import { nodesOf, type PlanNode } from './plan.ts';
import type { StatementPlans } from './request.ts';

/** What of the server decides between a generic plan and custom ones. */
export interface PlanCacheSettings {
  readonly mode: string;
  readonly cpuOperatorCost: number;
  /** Every SELECT as a tree, whose nodes can be looked at one by one. */
  readonly asTrees?: boolean;
  /** enable_partition_pruning. */
  readonly prunes?: boolean;
}

/** plancache.c: what planning is taken to cost beside executing, for each relation and once. */
const PLANNING = 1000;

/** plancache.c:choose_custom_plan, for a session that has executed the statement often. */
export function keptPlan(
  { generic, custom }: StatementPlans,
  hasParameters: boolean,
  { mode, cpuOperatorCost }: PlanCacheSettings,
): PlanNode {
  if (!hasParameters || mode === 'force_generic_plan' || custom.length === 0) return generic;
  if (mode === 'force_custom_plan') return custom[0]!;
  const costs = custom.map((plan) => {
    const relations = new Set(nodesOf(plan).flatMap(({ Alias }) => (Alias ? [Alias] : []))).size;
    return plan['Total Cost'] + PLANNING * cpuOperatorCost * (relations + 1);
  });
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  return generic['Total Cost'] < mean ? generic : custom[0]!;
}
