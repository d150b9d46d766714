/**
 * Which partitions a statement is about, for the values of each execution (partprune.c:
 * get_matching_partitions): the conditions on the key, with parameters in place as the generic plan
 * has them, against the bounds. Postgres is not asked again: its plan for one partition stands for
 * that of another, with the other's names.
 *
 * Kept: ranges of one column by numbers and by moments, lists and hashes of whole numbers, the
 * default partition. Left out, so that the plan's own partitions stand for all: keys of several
 * columns or expressions, partitions of partitions, lists of keys (IN), OR.
 */
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { type Condition, conditionsOf, operandOf } from './conditions.ts';
import { momentOf, secondsOf } from './moments.ts';
import { keyColumnOf, partitionsOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { rangeTexts, takesNumber } from './routing.ts';
import type { PlannedWorld } from './world.ts';

/** The partitions that values reach, in the order of the plan; undefined: a parameter has none. */
export type Prune = (environment: Environment) => readonly CatalogTable[] | undefined;

export interface Pruning {
  readonly root: CatalogTable;
  readonly prune: Prune;
}

interface Comparison {
  readonly operator: string;
  readonly value: (environment: Environment) => number | null | undefined;
}

/** Null: all that can be known of partitions is in the plan. */
export function pruningOf(
  world: PlannedWorld,
  generic: PlanNode,
  parameters: readonly Expression[],
): Pruning | null {
  if (parameters.length === 0) return null;
  const scans = nodesOf(generic).filter((node) => isScan(node, world));
  const [first] = scans;
  const root = first && world.parentOf(world.namedIn(first)!);
  const key = root && keyColumnOf(root);
  if (root === undefined || key == null) return null;
  const leaves = partitionsOf(world.catalog, root);
  const isOther = (node: PlanNode) => world.parentOf(world.namedIn(node)!) !== root;
  if (scans.some(isOther) || leaves.some(({ kind }) => kind !== 'r')) return null;
  const conditions = conditionsIn(first!).filter(({ column }) => column === key);
  const comparisons = conditions.flatMap((each) => comparisonOf(each, parameters));
  const isDrawn = conditions.some(({ text }) => /\$\d/.test(text));
  if (!isDrawn || comparisons.length < conditions.length) return null;
  const isEqual = comparisons.every(({ operator }) => operator === '=');
  const isRange = root.partitionKey!.startsWith('RANGE');
  if (!isRange && !isEqual) return null;
  const prune = isRange ? byRange(leaves, comparisons) : byValue(leaves, comparisons);
  return prune === null ? null : { root, prune };
}

/** A scan of a table; those of bitmaps have their table above. */
function isScan(node: PlanNode, world: PlannedWorld): boolean {
  const isNamed = node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable';
  return isNamed && world.namedIn(node) !== undefined;
}

function conditionsIn(scan: PlanNode): Condition[] {
  const below = (scan.Plans ?? []).flatMap((each) => conditionsOf(each['Index Cond']));
  return [...conditionsOf(scan['Index Cond']), ...below, ...conditionsOf(scan.Filter)];
}

function comparisonOf(
  { operator, text }: Condition,
  parameters: readonly Expression[],
): Comparison[] {
  if (!['=', '<', '<=', '>', '>='].includes(operator)) return [];
  const operand = operandOf(text, parameters);
  if (operand.kind === 'number') {
    const { expression } = operand;
    const value = (environment: Environment) => {
      const given = expression.value(environment);
      if (given === undefined || given === null) return given;
      return typeof given === 'boolean' ? null : Number(given);
    };
    return [{ operator, value }];
  }
  const moment = momentOf(text, parameters);
  return moment === null ? [] : [{ operator, value: moment }];
}

/** From the least to the greatest value that conditions allow, both included or not. */
interface Interval {
  low: number;
  high: number;
  lowIsOpen: boolean;
  highIsOpen: boolean;
}

/** Undefined: a parameter has no value; null: nothing fits. */
function intervalOf(
  comparisons: readonly Comparison[],
  environment: Environment,
): Interval | null | undefined {
  const all = { low: -Infinity, high: Infinity, lowIsOpen: false, highIsOpen: false };
  for (const { operator, value } of comparisons) {
    const at = value(environment);
    if (at == null) return at;
    const isOpen = !operator.endsWith('=');
    const isLower = operator === '=' || operator.startsWith('>');
    const isUpper = operator === '=' || operator.startsWith('<');
    if (isLower && (at > all.low || (at === all.low && isOpen))) {
      all.low = at;
      all.lowIsOpen = isOpen;
    }
    if (isUpper && (at < all.high || (at === all.high && isOpen))) {
      all.high = at;
      all.highIsOpen = isOpen;
    }
  }
  const isEmpty = all.low > all.high || (all.low === all.high && (all.lowIsOpen || all.highIsOpen));
  return isEmpty ? null : all;
}

function byRange(
  leaves: readonly CatalogTable[],
  comparisons: readonly Comparison[],
): Prune | null {
  const ranges = leaves.flatMap((leaf) => {
    const texts = rangeTexts(leaf.bound ?? '');
    return texts === null ? [] : [{ leaf, from: edgeOf(texts[0]), to: edgeOf(texts[1]) }];
  });
  if (ranges.some(({ from, to }) => Number.isNaN(from) || Number.isNaN(to))) return null;
  ranges.sort((a, b) => a.from - b.from);
  const rest = leaves.find(({ bound }) => bound === 'DEFAULT');
  return (environment) => {
    const wanted = intervalOf(comparisons, environment);
    if (wanted == null) return wanted === null ? [] : undefined;
    const { low, high, highIsOpen } = wanted;
    const found: CatalogTable[] = [];
    let covered = low;
    for (const { leaf, from, to } of ranges) {
      if (to <= low || from > high || (from === high && highIsOpen)) continue;
      found.push(leaf);
      if (from <= covered) covered = to;
    }
    const isCovered = covered > high || (covered === high && highIsOpen);
    if (rest !== undefined && !isCovered) found.push(rest);
    return found;
  };
}

function edgeOf(text: string): number {
  if (text === 'MINVALUE') return Number.NEGATIVE_INFINITY;
  if (text === 'MAXVALUE') return Number.POSITIVE_INFINITY;
  const number = Number(text);
  return Number.isNaN(number) ? secondsOf(text) : number;
}

/** Lists and hashes of whole numbers. */
function byValue(leaves: readonly CatalogTable[], comparisons: readonly Comparison[]): Prune {
  const named = leaves.filter(({ bound }) => bound !== 'DEFAULT');
  const tests = named.map(({ bound }) => takesNumber(bound ?? ''));
  const rest = leaves.filter(({ bound }) => bound === 'DEFAULT');
  return (environment) => {
    const wanted = intervalOf(comparisons, environment);
    if (wanted == null) return wanted === null ? [] : undefined;
    const found = named.filter((_, i) => tests[i]!(wanted.low));
    return found.length > 0 ? found : rest;
  };
}

/** A plan for other partitions than those that it is for; null: it is for none. */
export function planFor(
  plan: PlanNode,
  world: PlannedWorld,
  root: CatalogTable,
  leaf: CatalogTable,
): PlanNode | null {
  const { Plans: below = [] } = plan;
  if (isLeafOf(plan, world, root)) return renamed(plan, world.namedIn(plan)!, leaf);
  const isAppend = plan['Node Type'] === 'Append' || plan['Node Type'] === 'Merge Append';
  if (isAppend && below.every((each) => isLeafOf(each, world, root))) {
    const [first] = below;
    if (first === undefined) return null;
    const one = renamed(first, world.namedIn(first)!, leaf);
    return plan['Subplans Removed'] === undefined ? one : { ...plan, Plans: [one] };
  }
  const plans = below.map((each) => planFor(each, world, root, leaf));
  if (plans.length === 0 || plans.includes(null)) return null;
  return { ...plan, Plans: plans as PlanNode[] };
}

function isLeafOf(node: PlanNode, world: PlannedWorld, root: CatalogTable): boolean {
  if (!isScan(node, world)) return false;
  return world.parentOf(world.namedIn(node)!) === root;
}

function renamed(node: PlanNode, from: CatalogTable, to: CatalogTable): PlanNode {
  const { 'Relation Name': name, 'Index Name': index, Plans: below } = node;
  return {
    ...node,
    ...(name === undefined ? {} : { 'Relation Name': to.name, Schema: to.schema }),
    ...(index === undefined ? {} : { 'Index Name': indexLike(index, from, to) }),
    ...(below === undefined ? {} : { Plans: below.map((each) => renamed(each, from, to)) }),
  };
}

/** The index of a partition that is what another is to its own: on the same columns. */
function indexLike(name: string, from: CatalogTable, to: CatalogTable): string {
  const given = from.indexes.find((each) => each.name === name);
  const keyOf = (table: CatalogTable, columns: readonly number[]) =>
    columns.map((place) => table.columns[place - 1]?.name ?? tableName(table)).join();
  const key = given && keyOf(from, given.columns);
  const like = to.indexes.find(
    (each) => each.unique === given?.unique && keyOf(to, each.columns) === key,
  );
  return like?.name ?? name;
}
