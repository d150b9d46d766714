/** Plans as EXPLAIN (VERBOSE, FORMAT JSON) writes them: what is read of each node, and the rest. */
import { z } from 'zod';

const own = z.looseObject({
  'Node Type': z.string(),
  'Parallel Aware': z.boolean(),
  'Startup Cost': z.number(),
  'Total Cost': z.number(),
  'Plan Rows': z.number(),
  'Plan Width': z.number(),
  Operation: z.string().optional(),
  Strategy: z.string().optional(),
  'Relation Name': z.string().optional(),
  Schema: z.string().optional(),
  Alias: z.string().optional(),
  'Index Name': z.string().optional(),
  'Scan Direction': z.string().optional(),
  'Index Cond': z.string().optional(),
  Filter: z.string().optional(),
  'Join Type': z.string().optional(),
  'Join Filter': z.string().optional(),
  'Inner Unique': z.boolean().optional(),
  'Cache Key': z.string().optional(),
  'Hash Cond': z.string().optional(),
  'Merge Cond': z.string().optional(),
  'TID Cond': z.string().optional(),
  'Workers Planned': z.number().optional(),
  'Parent Relationship': z.string().optional(),
  'Subplan Name': z.string().optional(),
  'CTE Name': z.string().optional(),
  'Conflict Resolution': z.string().optional(),
  'Conflict Arbiter Indexes': z.array(z.string()).optional(),
  Output: z.array(z.string()).optional(),
});

type Own = z.output<typeof own>;

/** A node of a plan, with Postgres's own names. */
export interface PlanNode extends Own {
  Plans?: PlanNode[] | undefined;
}

const node: z.ZodType<PlanNode> = own.extend({
  get Plans() {
    return z.array(node).optional();
  },
}) as z.ZodType<PlanNode>;

/** What one EXPLAIN answers: a list with one plan, unless a rule has made more of the query. */
export const explainSchema = z.array(z.looseObject({ Plan: node })).length(1);

export const planSchema = node;

/** All nodes, each before those below it. */
export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** The nodes whose rows a node takes, subplans left out. */
export function childrenOf({ Plans: plans = [] }: PlanNode): readonly PlanNode[] {
  return plans.filter(
    (each) => !['InitPlan', 'SubPlan'].includes(each['Parent Relationship'] ?? ''),
  );
}

/**
 * What makes two plans the same but for values and estimates: kinds of nodes, tables, indexes.
 */
export function shapeOf(plan: PlanNode): string {
  const { 'Node Type': kind, Operation, 'Index Name': index, Alias } = plan;
  const below = (plan.Plans ?? []).map(shapeOf).join(' ');
  const named = [kind, Operation, index, Alias].filter((each) => each !== undefined).join('/');
  return `(${named}${below === '' ? '' : ` ${below}`})`;
}
