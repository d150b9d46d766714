/**
 * Partitions: which tables are parts of which, what is in each of them, and where a new row goes
 * (partbounds.c, execPartition.c).
 *
 * A partitioned table's rows are shared out evenly among its partitions. Rows whose key comes in
 * the order of time go to the last partition of a range, all others to any of them alike: the
 * values themselves are Postgres's, and are not computed here. Left out: a default partition takes
 * as many as any other; rows that no partition takes.
 */
import { type Catalog, type CatalogTable, tableName } from './catalog.ts';
import { type Facts, NO_FACTS, type TableFacts } from './facts.ts';

/** The partitions of a table, in the order in which they were made. */
export function partitionsOf(
  { tables }: Catalog,
  { schema, name }: Pick<CatalogTable, 'schema' | 'name'>,
): readonly CatalogTable[] {
  return tables.filter(({ parent }) => parent?.schema === schema && parent.name === name);
}

/** All tables with rows of their own that are parts of a table. */
export function leavesOf(catalog: Catalog, table: CatalogTable): readonly CatalogTable[] {
  if (table.kind === 'r') return [table];
  return partitionsOf(catalog, table).flatMap((each) => leavesOf(catalog, each));
}

/** What a partition is a part of. */
export function parentOf({ tables }: Catalog, { parent }: CatalogTable): CatalogTable | undefined {
  if (parent === null) return undefined;
  return tables.find(({ schema, name }) => schema === parent.schema && name === parent.name);
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
  const rows = Math.round(whole.rows / partitionsOf(catalog, parent).length);
  const columns = { ...whole.columns };
  const key = keyColumnOf(parent);
  const range = rangeOf(table);
  if (key !== null && range !== null) {
    const column = columns[key] ?? NO_FACTS;
    if (column.common.length === 0) columns[key] = { ...column, histogram: [...range] };
  }
  return { rows, columns };
}

/** What is known of a partitioned table as a whole: its key runs over all ranges. */
export function wholeFacts(catalog: Catalog, facts: Facts, table: CatalogTable): TableFacts {
  const own = facts[tableName(table)] ?? { rows: 0, columns: {} };
  const key = keyColumnOf(table);
  const ranges = partitionsOf(catalog, table).map(rangeOf);
  if (key === null || ranges.length === 0 || ranges.includes(null)) return own;
  const column = own.columns[key] ?? NO_FACTS;
  if (column.common.length > 0 || column.histogram.length > 0) return own;
  const bounds = [...ranges.map((range) => range![0]), ranges.at(-1)![1]];
  return { ...own, columns: { ...own.columns, [key]: { ...column, histogram: bounds } } };
}
