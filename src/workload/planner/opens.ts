/**
 * Which relations a plan on partitions opens, by the ids of their locks: tables have the numbers of
 * their relations, partitioned tables and indexes those behind.
 */
import type { OpenedRelations, PlannedRelations } from '../../postgres/partitioning/opening.ts';
import type { CatalogTable } from './catalog.ts';
import { conditionsOf } from './conditions.ts';
import { leavesOf, parentOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { planFor } from './pruning.ts';
import type { PlannedWorld } from './world.ts';

/** What a plan on partitions opens, or has to compare on a plain table; null: neither. */
export function openedBy(
  world: PlannedWorld,
  plan: PlanNode,
  isKept: boolean,
): OpenedRelations | null {
  const leaves = plan.Operation === 'Insert' ? [] : leavesIn(world, plan);
  const parents = parentsOf(world, plan, leaves);
  return parents.length === 0
    ? compared(world, plan, isKept)
    : opened(world, plan, parents, leaves, isKept);
}

/** What the same plan opens if it is for these partitions of a table; there may be none. */
export function opensFor(
  world: PlannedWorld,
  plan: PlanNode,
  root: CatalogTable,
  leaves: readonly CatalogTable[],
  isKept: boolean,
): OpenedRelations {
  const [first] = leaves;
  const own = first === undefined ? plan : planFor(plan, world, root, first)!;
  const all = removesSubplans(plan) ? leavesOf(world.catalog, root) : leaves;
  return opened(world, own, [root], inOrder(new Set(all), world.lockIds), isKept);
}

function opened(
  world: PlannedWorld,
  plan: PlanNode,
  parents: readonly CatalogTable[],
  leaves: readonly CatalogTable[],
  isKept: boolean,
): OpenedRelations {
  const { lockIds } = world;
  const used = isKept ? indexesOf(plan) : null;
  const locks = parents.map((each) => lockIds.get(each)!);
  for (const leaf of leaves) {
    locks.push(lockIds.get(leaf)!);
    for (const index of leaf.indexes) {
      if (used === null || used.has(index.name)) locks.push(lockIds.get(index)!);
    }
  }
  return {
    locks,
    firstIndex: world.catalog.tables.length,
    withoutRows: world.tables.length,
    tables: parents.length + leaves.length,
    planned: isKept ? null : plannedOf(plan, parents, leaves),
  };
}

/** On plain tables nothing more is locked, but what bounds a range is looked up. */
function compared(world: PlannedWorld, plan: PlanNode, isKept: boolean): OpenedRelations | null {
  const scan = nodesOf(plan).find((node) => world.tableOf(node) !== undefined);
  const table = scan && world.tableOf(scan)?.catalog;
  if (table === undefined || isKept) return null;
  const planned = { ...plannedOf(plan, [], [table]), indexes: 0, paths: 0 };
  const nothing = { locks: [], firstIndex: 0, withoutRows: 0, tables: 0 };
  return planned.ranges === 0 ? null : { ...nothing, planned };
}

/** The partitions of a plan, those too that it leaves out when it is executed. */
function leavesIn(world: PlannedWorld, plan: PlanNode): readonly CatalogTable[] {
  const found = nodesOf(plan).flatMap((node) => {
    if (node['Relation Name'] === undefined || node['Node Type'] === 'ModifyTable') return [];
    const table = world.tableOf(node)?.catalog;
    return table === undefined || world.parentOf(table) === undefined ? [] : [table];
  });
  const rest = removesSubplans(plan)
    ? [...new Set(found.map((leaf) => ancestorsOf(world, leaf)[0]!))].flatMap((root) =>
        leavesOf(world.catalog, root),
      )
    : [];
  return inOrder(new Set([...found, ...rest]), world.lockIds);
}

/** The partitioned tables that a plan names, or that are above its partitions. */
function parentsOf(
  world: PlannedWorld,
  plan: PlanNode,
  leaves: readonly CatalogTable[],
): readonly CatalogTable[] {
  const above = new Set<CatalogTable>();
  for (const leaf of leaves) for (const each of ancestorsOf(world, leaf)) above.add(each);
  const named = plan['Node Type'] === 'ModifyTable' ? world.namedIn(plan) : undefined;
  if (named?.kind === 'p') above.add(named);
  return [...above];
}

/** What of it has to be planned: partitions are alike, so that the first scan tells for all. */
function plannedOf(
  plan: PlanNode,
  parents: readonly CatalogTable[],
  leaves: readonly CatalogTable[],
): PlannedRelations {
  const scan = nodesOf(plan).find(({ 'Relation Name': name }) =>
    leaves.some((l) => l.name === name),
  );
  const conditions = [
    ...conditionsOf(scan?.['Index Cond']),
    ...conditionsOf(scan?.Filter),
    ...(scan?.Plans ?? []).flatMap((below) => conditionsOf(below['Index Cond'])),
  ];
  const named = new Set(conditions.map(({ column }) => column));
  const ranged = new Set(
    conditions.flatMap(({ column, operator }) => (/^[<>]=?$/.test(operator) ? [column] : [])),
  );
  const first = (leaf: CatalogTable, columns: ReadonlySet<string>) =>
    leaf.indexes.filter(({ columns: key }) => columns.has(leaf.columns[key[0]! - 1]?.name ?? ''));
  const sum = (of: (leaf: CatalogTable) => number) =>
    leaves.reduce((total, leaf) => total + of(leaf), 0);
  return {
    partitionedTables: parents.length,
    partitions: leaves.length,
    indexes: sum((leaf) => leaf.indexes.length),
    paths: sum((leaf) => first(leaf, named).length),
    ranges: ranged.size > 0 ? leaves.length : 0,
    extremes: sum((leaf) => (first(leaf, ranged).length > 0 ? 1 : 0)),
  };
}

/** The partitioned tables above a partition, the topmost first. */
export function ancestorsOf({ catalog }: PlannedWorld, leaf: CatalogTable): CatalogTable[] {
  const above: CatalogTable[] = [];
  for (let up = parentOf(catalog, leaf); up !== undefined; up = parentOf(catalog, up))
    above.unshift(up);
  return above;
}

/** Whether partitions of the plan are left out when it is executed. */
function removesSubplans(plan: PlanNode): boolean {
  return nodesOf(plan).some((each) => Number(each['Subplans Removed'] ?? 0) > 0);
}

function indexesOf(plan: PlanNode): ReadonlySet<string> {
  return new Set(nodesOf(plan).flatMap(({ 'Index Name': name }) => (name ? [name] : [])));
}

function inOrder(
  leaves: ReadonlySet<CatalogTable>,
  ids: ReadonlyMap<object, number>,
): readonly CatalogTable[] {
  return [...leaves].sort((a, b) => ids.get(a)! - ids.get(b)!);
}

/** The ids of locks: tables first, then what has no rows, and the indexes of all. */
export function lockIdsOf(
  stored: readonly CatalogTable[],
  all: readonly CatalogTable[],
): ReadonlyMap<object, number> {
  const ids = new Map<object, number>(stored.map((table, id) => [table, id]));
  for (const table of all) if (!ids.has(table)) ids.set(table, ids.size);
  for (const { indexes } of all) for (const index of indexes) ids.set(index, ids.size);
  return ids;
}
