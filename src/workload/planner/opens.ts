/**
 * Which relations a plan on partitions opens, by the ids of their locks: tables have the numbers of
 * their relations, partitioned tables and indexes those behind.
 */
import type { OpenedRelations } from '../../postgres/partitioning/opening.ts';
import type { CatalogTable } from './catalog.ts';
import { leavesOf, parentOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

const NOBODY = -1;

/** What a plan opens that finds, or changes, rows of these partitions; null: there are none. */
export function openedBy(
  world: PlannedWorld,
  plan: PlanNode,
  tables: readonly PlannedTable[],
  isKept: boolean,
): OpenedRelations | null {
  const { catalog, lockIds } = world;
  const [first] = tables;
  if (first === undefined) return null;
  const parents = ancestorsOf(world, first.catalog);
  if (parents.length === 0) return null;
  const isInsert = plan.Operation === 'Insert';
  const rest = isKept && removesSubplans(plan) ? leavesOf(catalog, parents[0]!) : [];
  const leaves = inOrder(new Set([...tables.map((each) => each.catalog), ...rest]), lockIds);
  const used = isKept ? indexesOf(plan) : null;
  return { ...relationsOf(world, parents, isInsert ? [] : leaves, used), isKept };
}

/** What a plan made for its values opens: these of a table's partitions with their indexes. */
export function openedForValues(
  world: PlannedWorld,
  leaves: readonly CatalogTable[],
  parents = ancestorsOf(world, leaves[0]!),
): OpenedRelations {
  return { ...relationsOf(world, parents, leaves, null), isKept: false };
}

/** `used`: of indexes only these. */
function relationsOf(
  { lockIds }: PlannedWorld,
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
  return { locks, owners, tables: parents.length + leaves.length };
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
