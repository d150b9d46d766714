/** Plans in EXPLAIN's text form (explain.c: ExplainNode), as psql shows them. */
import type { NodeUsage } from '../postgres/plan/node-usage.ts';
import type { PlanNode } from '../workload/planner/plan.ts';
import { ActualUsage } from './plan-usage.ts';

/** The lines of a plan, without a trailing line break; what VERBOSE adds is left out. */
export function renderPlan(plan: PlanNode, usage: readonly NodeUsage[] = []): string {
  const actual = usage.length > 0 ? new ActualUsage(plan, usage) : null;
  return linesOf(plan, '', 2, actual).join('\n');
}

/** `inner`: how far a node's properties are indented, and the arrows of those below it. */
function linesOf(
  node: PlanNode,
  arrow: string,
  inner: number,
  actual: ActualUsage | null,
): string[] {
  const blank = ' '.repeat(inner);
  const properties = PROPERTIES.flatMap((name) => {
    const text = propertyOf(node, name);
    return text === null ? [] : [`${blank}${name}: ${text}`];
  });
  const below = (node.Plans ?? []).flatMap((each) => {
    const { 'Subplan Name': name } = each;
    if (name === undefined) return linesOf(each, `${blank}->  `, inner + 6, actual);
    return [`${blank}${name}`, ...linesOf(each, `${blank}  ->  `, inner + 8, actual)];
  });
  const first = `${arrow}${titleOf(node)}  ${costOf(node)}${actual?.timesOf(node) ?? ''}`;
  const used = (actual?.linesOf(node) ?? []).map((line) => blank + line);
  return [first, ...properties, ...used, ...below];
}

const PROPERTIES = [
  'Workers Planned',
  'Sort Key',
  'Presorted Key',
  'Group Key',
  'Hash Cond',
  'Merge Cond',
  'Index Cond',
  'Recheck Cond',
  'Join Filter',
  'Filter',
  'One-Time Filter',
  'Subplans Removed',
];

function propertyOf(node: PlanNode, name: string): string | null {
  const value = node[name];
  if (Array.isArray(value)) return value.join(', ');
  if (value === undefined || value === 0) return null;
  return String(value);
}

function costOf(node: PlanNode): string {
  const { 'Startup Cost': start, 'Total Cost': total } = node;
  const { 'Plan Rows': rows, 'Plan Width': width } = node;
  return `(cost=${start.toFixed(2)}..${total.toFixed(2)} rows=${rows.toFixed(0)} width=${width})`;
}

function titleOf(node: PlanNode): string {
  const parallel = node['Parallel Aware'] ? 'Parallel ' : '';
  const { 'Index Name': index } = node;
  if (node['Node Type'] === 'Bitmap Index Scan') return `${parallel}Bitmap Index Scan on ${index}`;
  const backward = node['Scan Direction'] === 'Backward' ? ' Backward' : '';
  const using = index === undefined ? '' : `${backward} using ${index}`;
  return `${parallel}${kindOf(node)}${using}${targetOf(node)}`;
}

const AGGREGATES: Readonly<Record<string, string>> = {
  Sorted: 'GroupAggregate',
  Hashed: 'HashAggregate',
  Mixed: 'MixedAggregate',
};

function kindOf(node: PlanNode): string {
  const { 'Node Type': kind, Operation: operation, Strategy: strategy = '' } = node;
  if (kind === 'ModifyTable') return operation ?? kind;
  if (kind === 'Aggregate') return AGGREGATES[strategy] ?? kind;
  const join = node['Join Type'];
  if (join === undefined || join === 'Inner') return kind;
  return kind === 'Nested Loop' ? `${kind} ${join} Join` : kind.replace('Join', `${join} Join`);
}

function targetOf(node: PlanNode): string {
  const { 'Relation Name': name, Schema: schema, Alias: alias } = node;
  if (name === undefined) return alias === undefined ? '' : ` on "${alias}"`;
  const qualified = schema === undefined || schema === 'public' ? name : `${schema}.${name}`;
  return alias === undefined || alias === name ? ` on ${qualified}` : ` on ${qualified} ${alias}`;
}
