/**
 * Which partitions a statement reads for the values of each execution (partprune.c). Postgres is
 * asked for the plan of one sample; its conditions on the partition key, with parameters in place
 * of the sample's values, say which partitions other values lead to, and there the same is done
 * with the index of the same columns.
 *
 * Kept: a key that is one whole number, compared with numbers, or a moment (`moments.ts`). Left
 * out: keys of text that are parameters, for which the sample's partitions stand; partitions below
 * a join.
 */
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import type { Value } from '../sql/values.ts';
import { takesNumber } from './bounds.ts';
import type { CatalogIndex, CatalogTable } from './catalog.ts';
import { type Condition, conditionsOf, operandOf } from './conditions.ts';
import { momentOf, secondsOf } from './moments.ts';
import { ancestorsOf } from './opens.ts';
import { keyColumnOf, leavesOf, rangeOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { builtIndexes } from './tables.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

/** Partitions of one table, a plan for each of them, and which of them an execution reads. */
export interface Pruning {
  readonly leaves: readonly PlannedTable[];
  readonly plans: readonly PlanNode[];
  /** The column. */
  readonly key: string;
  /** By their places; undefined: a parameter has no value. */
  readonly choose: (environment: Environment) => readonly number[] | undefined;
}

/** A condition on the key that depends on the values of an execution. */
interface KeyCondition {
  readonly operator: string;
  readonly value: (environment: Environment) => Value;
}

/** Null: whatever the values, the plan's partitions are those that are read. */
export function pruningOf(
  world: PlannedWorld,
  plan: PlanNode,
  parameters: readonly Expression[],
  generalised: (condition: Condition) => Condition,
): Pruning | null {
  const scans = nodesOf(plan).filter((node) => node['Relation Name'] !== undefined);
  const [first] = scans;
  const table = first && world.tableOf(first);
  const root = table && ancestorsOf(world, table.catalog)[0];
  const key = root === undefined ? null : keyColumnOf(root);
  if (first === undefined || root === undefined || key === null) return null;
  const texts = nodesOf(first).flatMap((node) => [node['Index Cond'], node.Filter]);
  const conditions = texts
    .flatMap((text) => conditionsOf(text))
    .filter(({ column }) => column === key)
    .map(generalised);
  const known = keyConditions(conditions, parameters);
  const leaves = leavesOf(world.catalog, root).map((leaf) => world.plannedOf(leaf)!);
  const tests = known === null ? null : leaves.map(({ catalog }) => testOf(catalog, known));
  const plans = leaves.map((leaf) => planFor(plan, scans, leaf.catalog, table!.catalog));
  if (tests === null || !areAll(tests) || !areAll(plans)) return null;
  const rest = leaves.findIndex(({ catalog }) => catalog.bound === 'DEFAULT');
  return { leaves, plans, key, choose: chooser(tests, known!, rest < 0 ? [] : [rest]) };
}

function areAll<Item>(items: readonly (Item | null)[]): items is readonly Item[] {
  return items.every((each) => each !== null);
}

/** Null: none has a parameter, or one is no number. */
function keyConditions(
  conditions: readonly Condition[],
  parameters: readonly Expression[],
): KeyCondition[] | null {
  if (!conditions.some(({ text }) => text.includes('$'))) return null;
  const known = conditions.map(({ operator, text }): KeyCondition | null => {
    const operand = operandOf(text, parameters);
    if (!/^([<>]=?|=)$/.test(operator)) return null;
    const moment = momentOf(text, parameters);
    if (moment !== null) return { operator, value: moment };
    if (operand.kind !== 'number') return null;
    return { operator, value: (environment) => operand.expression.value(environment) };
  });
  return areAll(known) ? [...known] : null;
}

/** Whether a partition may have rows for these values of the conditions. */
type Test = (values: readonly number[]) => boolean;

function testOf(leaf: CatalogTable, conditions: readonly KeyCondition[]): Test | null {
  if (leaf.bound === 'DEFAULT') return () => false; // only where no other is, see chooser
  const [from, to] = (rangeOf(leaf) ?? []).map(edgeOf);
  const isRange = from !== undefined && Number.isFinite(from);
  const takes = takesNumber(leaf.bound ?? '');
  const areEqual = conditions.every(({ operator }) => operator === '=');
  if (areEqual && !isRange) return (values) => values.every(takes);
  if (from === undefined || !Number.isFinite(from) || !Number.isFinite(to)) return null;
  return (values) => values.every((value, i) => meets(conditions[i]!.operator, value, from, to!));
}

/** A number of a bound, or the seconds of a moment. */
function edgeOf(text: string): number {
  const number = Number(text);
  return Number.isNaN(number) ? secondsOf(text) : number;
}

/** Whether something from one bound up to another may compare so; that it is whole is not used. */
function meets(operator: string, value: number, from: number, to: number): boolean {
  switch (operator) {
    case '<':
      return from < value;
    case '<=':
      return from <= value;
    case '>':
    case '>=':
      return to > value;
    default:
      return from <= value && value < to;
  }
}

/** `rest`: the default partition, which is read where no other has the values. */
function chooser(
  tests: readonly Test[],
  conditions: readonly KeyCondition[],
  rest: readonly number[],
): Pruning['choose'] {
  return (environment) => {
    const values = conditions.map(({ value }) => value(environment));
    if (values.includes(undefined)) return undefined;
    if (values.includes(null)) return [];
    const numbers = values.map(Number);
    const found = tests.flatMap((test, place) => (test(numbers) ? [place] : []));
    return found.length > 0 ? found : rest;
  };
}

/** The plan with one partition alone: its own scan if it is in the plan, else as the first one. */
function planFor(
  plan: PlanNode,
  scans: readonly PlanNode[],
  leaf: CatalogTable,
  sample: CatalogTable,
): PlanNode | null {
  const own = scans.find(
    (node) => node['Relation Name'] === leaf.name && (node.Schema ?? 'public') === leaf.schema,
  );
  const scan = own ?? renamed(scans[0]!, leaf, sample);
  return scan === null ? null : withScan(plan, scan);
}

/** The node for another partition; null: it has no such index. */
function renamed(node: PlanNode, leaf: CatalogTable, sample: CatalogTable): PlanNode | null {
  const below = (node.Plans ?? []).map((each) => renamed(each, leaf, sample));
  if (!areAll(below)) return null;
  const name = node['Index Name'];
  const index = name === undefined ? null : counterpart(name, leaf, sample);
  if (name !== undefined && index === null) return null;
  return {
    ...node,
    ...(node['Relation Name'] !== undefined && { 'Relation Name': leaf.name, Schema: leaf.schema }),
    ...(index !== null && { 'Index Name': index.name }),
    ...(node.Plans !== undefined && { Plans: [...below] }),
  };
}

function counterpart(name: string, leaf: CatalogTable, sample: CatalogTable): CatalogIndex | null {
  const index = sample.indexes.find((each) => each.name === name);
  const same = ({ columns, unique, predicate }: CatalogIndex) =>
    String(columns) === String(index?.columns) &&
    unique === index?.unique &&
    predicate === index.predicate;
  return builtIndexes(leaf).find(same) ?? null;
}

/** The Append with its scans, or the one scan there is, replaced by one scan. */
function withScan(plan: PlanNode, scan: PlanNode): PlanNode {
  if (plan['Relation Name'] !== undefined && plan['Node Type'] !== 'ModifyTable') return scan;
  // what is left out when it is executed was planned all the same
  const isPlanned = plan['Subplans Removed'] !== undefined;
  if (plan['Node Type'] === 'Append') return isPlanned ? { ...plan, Plans: [scan] } : scan;
  const [first] = plan.Plans ?? [];
  return first === undefined ? plan : { ...plan, Plans: [withScan(first, scan)] };
}
