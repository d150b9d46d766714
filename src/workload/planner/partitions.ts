/**
 * Partitions: which tables are parts of which, what is in each of them, and where a new row goes
 * (partbounds.c, execPartition.c).
 *
 * A partitioned table's rows are shared out evenly among its partitions without statistics of their
 * own. Rows whose key comes in
 * the order of time go to the last partition of a range, all others to any of them alike: the
 * values themselves are Postgres's, and are not computed here. A default partition has no rows
 * unless its own statistics say so. Where a new row goes is in `routing.ts`.
 */
import { type Catalog, type CatalogTable, tableName } from './catalog.ts';
import { type Facts, NO_FACTS, type TableFacts } from './facts.ts';

/** The partitions of a table, in the order in which they were made. */
export function partitionsOf(catalog: Catalog, table: CatalogTable): readonly CatalogTable[] {
  return treeOf(catalog).parts.get(table) ?? [];
}

/** What a partition is a part of. */
export function parentOf(catalog: Catalog, table: CatalogTable): CatalogTable | undefined {
  return treeOf(catalog).parents.get(table);
}

/** The bound of a default partition. */
const DEFAULT = 'DEFAULT';

interface Tree {
  readonly parents: ReadonlyMap<CatalogTable, CatalogTable>;
  readonly parts: ReadonlyMap<CatalogTable, readonly CatalogTable[]>;
}

const TREES = new WeakMap<Catalog, Tree>();

/** Found once for each catalog: there may be thousands of partitions. */
function treeOf(catalog: Catalog): Tree {
  const known = TREES.get(catalog);
  if (known !== undefined) return known;
  const names = new Map(catalog.tables.map((table) => [tableName(table), table]));
  const parents = new Map<CatalogTable, CatalogTable>();
  const parts = new Map<CatalogTable, CatalogTable[]>();
  for (const table of catalog.tables) {
    const parent = table.parent && names.get(tableName(table.parent));
    if (!parent) continue;
    parents.set(table, parent);
    const siblings = parts.get(parent);
    if (siblings === undefined) parts.set(parent, [table]);
    else siblings.push(table);
  }
  const tree = { parents, parts };
  TREES.set(catalog, tree);
  return tree;
}

/** All tables with rows of their own that are parts of a table. */
export function leavesOf(catalog: Catalog, table: CatalogTable): readonly CatalogTable[] {
  if (table.kind === 'r') return [table];
  return partitionsOf(catalog, table).flatMap((each) => leavesOf(catalog, each));
}

/** The column by which a table is partitioned, if it is one alone. */
export function keyColumnOf({ partitionKey }: CatalogTable): string | null {
  const found = /^(?:RANGE|LIST|HASH) \("?([^",()]+)"?\)$/.exec(partitionKey ?? '');
  return found?.[1] ?? null;
}

/** The bounds of a range of one column, as their texts; null for other bounds. */
export function rangeOf({ bound }: CatalogTable): readonly [from: string, to: string] | null {
  const found = /^FOR VALUES FROM \('?([^',)]+)'?\) TO \('?([^',)]+)'?\)$/.exec(bound ?? '');
  if (found === null || found[1] === 'MINVALUE' || found[2] === 'MAXVALUE') return null;
  return [found[1]!, found[2]!];
}

/** What is known of a table's contents, of a partition also by what it is a part of. */
export function factsFor(
  catalog: Catalog,
  facts: Facts,
  table: CatalogTable,
): TableFacts | undefined {
  const own = facts[tableName(table)];
  const parent = parentOf(catalog, table);
  if (own !== undefined || parent === undefined) return own;
  const whole = factsFor(catalog, facts, parent);
  if (whole === undefined) return undefined;
  const isKnown = (each: CatalogTable) => facts[tableName(each)] !== undefined;
  const siblings = partitionsOf(catalog, parent).filter((each) => {
    return each.bound !== DEFAULT && !isKnown(each);
  });
  const rows = table.bound === DEFAULT ? 0 : Math.round(whole.rows / siblings.length);
  const columns = { ...whole.columns };
  const key = keyColumnOf(parent);
  const range = rangeOf(table);
  if (key !== null && range !== null) {
    const column = columns[key] ?? NO_FACTS;
    if (column.common.length === 0) columns[key] = { ...column, histogram: [...range] };
  }
  return { rows, columns };
}

/**
 * Rows in the partitions before each one: a key that ascends through the whole table begins there.
 */
export function rowsBefore(catalog: Catalog, facts: Facts): ReadonlyMap<CatalogTable, number> {
  const totals = new Map<CatalogTable, number>();
  const before = new Map<CatalogTable, number>();
  for (const table of catalog.tables) {
    if (table.kind !== 'r') continue;
    let root = table;
    for (let up = parentOf(catalog, root); up !== undefined; up = parentOf(catalog, root))
      root = up;
    const total = totals.get(root) ?? 0;
    before.set(table, total);
    totals.set(root, total + (factsFor(catalog, facts, table)?.rows ?? 0));
  }
  return before;
}

/** What is known of a partitioned table as a whole: its key runs over all ranges. */
export function wholeFacts(catalog: Catalog, facts: Facts, table: CatalogTable): TableFacts {
  const own = facts[tableName(table)] ?? { rows: 0, columns: {} };
  const key = keyColumnOf(table);
  const parts = partitionsOf(catalog, table).filter((each) => {
    return each.bound !== DEFAULT && facts[tableName(each)]?.isAbsent !== true;
  });
  const ranges = parts.map(rangeOf);
  if (key === null || ranges.length === 0 || ranges.includes(null)) return own;
  const column = own.columns[key] ?? NO_FACTS;
  if (column.common.length > 0 || column.histogram.length > 0) return own;
  const bounds = [...ranges.map((range) => range![0]), ranges.at(-1)![1]];
  return { ...own, columns: { ...own.columns, [key]: { ...column, histogram: bounds } } };
}
