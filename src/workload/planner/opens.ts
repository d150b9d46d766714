/**
 * Which relations a plan on partitions opens, by the ids of their locks: tables have the numbers of
 * their relations, partitioned tables and indexes those behind.
 */
import type { OpenedRelations, PlannedRelations } from '../../postgres/partitioning/opening.ts';
import type { CatalogTable } from './catalog.ts';
import { conditionsOf } from './conditions.ts';
import { leavesOf, parentOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

const NOBODY = -1;

/** Of a plan on a plain table that was kept. */
export const NOTHING_OPENED: OpenedRelations = {
  ...{ locks: [], owners: [], firstIndex: 0, withoutRows: 0, tables: 0 },
  planned: null,
};

/** What a plan on partitions opens, or has to compare on a plain table; null: neither. */
export function openedBy(
  world: PlannedWorld,
  plan: PlanNode,
  tables: readonly PlannedTable[],
  isKept: boolean,
): OpenedRelations | null {
  const { catalog, lockIds } = world;
  const isInsert = plan.Operation === 'Insert';
  const found = isInsert ? tables : [...tables, ...scannedBy(world, plan)];
  const parts = found.filter(({ catalog: table }) => world.parentOf(table) !== undefined);
  const parents = [...new Set(parts.flatMap((each) => ancestorsOf(world, each.catalog)))];
  if (parents.length === 0) return compared(world, plan, isKept);
  const rest = removesSubplans(plan) ? leavesOf(catalog, parents[0]!) : [];
  const all = new Set([...parts.map((each) => each.catalog), ...rest]);
  const leaves = isInsert ? [] : inOrder(all, lockIds);
  const used = isKept ? indexesOf(plan) : null;
  const planned = isKept ? null : plannedOf(plan, parents, leaves);
  return { ...relationsOf(world, parents, leaves, used), planned };
}

function scannedBy(world: PlannedWorld, plan: PlanNode): PlannedTable[] {
  return nodesOf(plan).flatMap((node) => {
    const isScan = node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable';
    return (isScan && world.tableOf(node)) || [];
  });
}

/** What a plan made for its values opens: these of a table's partitions with their indexes. */
export function openedForValues(
  world: PlannedWorld,
  plan: PlanNode | null,
  leaves: readonly CatalogTable[],
  parents = ancestorsOf(world, leaves[0]!),
): OpenedRelations {
  const all =
    plan !== null && removesSubplans(plan) ? leavesOf(world.catalog, parents[0]!) : leaves;
  const planned = plannedOf(plan, parents, all);
  return { ...relationsOf(world, parents, all, null), planned };
}

/** On plain tables nothing more is locked, but what bounds a range is looked up. */
function compared(world: PlannedWorld, plan: PlanNode, isKept: boolean): OpenedRelations | null {
  const scan = nodesOf(plan).find((node) => world.tableOf(node) !== undefined);
  const table = scan && world.tableOf(scan)?.catalog;
  if (table === undefined || isKept) return null;
  const planned = { ...plannedOf(plan, [], [table]), indexes: 0, paths: 0 };
  const nothing = { locks: [], owners: [], firstIndex: 0, withoutRows: 0, tables: 0 };
  return planned.ranges === 0 ? null : { ...nothing, planned };
}

/** What of it has to be planned: partitions are alike, so that the first scan tells for all. */
function plannedOf(
  plan: PlanNode | null,
  parents: readonly CatalogTable[],
  leaves: readonly CatalogTable[],
): PlannedRelations {
  const scan = (plan === null ? [] : nodesOf(plan)).find(({ 'Relation Name': name }) =>
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

/** `used`: of indexes only these. */
function relationsOf(
  { lockIds, catalog, tables }: PlannedWorld,
  parents: readonly CatalogTable[],
  leaves: readonly CatalogTable[],
  used: ReadonlySet<string> | null,
) {
  const locks = parents.map((each) => lockIds.get(each)!);
  const owners = parents.map(() => NOBODY);
  for (const leaf of leaves) {
    const owner = lockIds.get(leaf)!;
    const indexes = leaf.indexes.filter(({ name }) => used === null || used.has(name));
    const own = [owner, ...indexes.map((index) => lockIds.get(index)!)];
    for (const each of own) {
      locks.push(each);
      owners.push(owner);
    }
  }
  const kinds = { firstIndex: catalog.tables.length, withoutRows: tables.length };
  return { locks, owners, ...kinds, tables: parents.length + leaves.length };
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
