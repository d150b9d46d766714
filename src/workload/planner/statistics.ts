/**
 * How Postgres is made to believe that an empty schema is full: the sizes of its files, and what
 * ANALYZE would have found (pg_restore_relation_stats, pg_restore_attribute_stats of version 18).
 *
 * Whole numbers with a known count of values are taken to run from 1 to that count, each as common
 * as any other, which is what `random(1, n)` draws; of other types only the count is told, unless
 * the scenario gives common values or a histogram.
 */
import { Table, type TableDefinition } from '../../postgres/heap/relation.ts';
import { type Catalog, type CatalogColumn, type CatalogTable, tableName } from './catalog.ts';
import { type ColumnFacts, type Facts, NO_FACTS, type TableFacts } from './facts.ts';
import { factsFor, wholeFacts } from './partitions.ts';
import { builtIndexes, knownDistinct, orderOf, storedTables } from './tables.ts';
import { averageWidth } from './widths.ts';

/** A file that is to seem so large. */
export interface FileSize {
  /** In the data directory. */
  readonly file: string;
  readonly pages: number;
  /** Levels above the leaves, for a b-tree with entries. */
  readonly height: number | null;
}

/** A command that tells statistics, and of which column of which table they are. */
export interface StatisticsCommand {
  readonly sql: string;
  readonly table: string;
  readonly column: string | null;
}

/** The files of the tables and their indexes, as long as the simulator's own. */
export function fileSizes(catalog: Catalog, definitions: readonly TableDefinition[]): FileSize[] {
  return storedTables(catalog).flatMap((table, at) => {
    const { heap, indexes } = new Table(definitions[at]!);
    const own = { file: table.file ?? '', pages: heap.pages, height: null };
    const trees = builtIndexes(table).map(({ file }, number) => {
      const { pages, height, entries } = indexes[number]!;
      return { file: file ?? '', pages, height: entries > 0 ? height : null };
    });
    return [own, ...trees];
  });
}

/** Everything that has to be told of a schema's contents. */
export function statisticsCommands(
  catalog: Catalog,
  facts: Facts,
  definitions: readonly TableDefinition[],
): StatisticsCommand[] {
  const stored = storedTables(catalog).flatMap((table, at) => {
    const name = tableName(table);
    const own = factsFor(catalog, facts, table) ?? { rows: 0, columns: {} };
    const { heap, indexes } = new Table(definitions[at]!);
    const relation = (of: string, pages: number, isTable: boolean): StatisticsCommand => ({
      sql: relationCommand(table.schema, of, pages, own.rows, isTable),
      table: name,
      column: null,
    });
    return [
      relation(table.name, heap.pages, true),
      ...builtIndexes(table).map((index, i) => relation(index.name, indexes[i]!.pages, false)),
      ...table.columns.flatMap((column) => columnCommand(table, column, own, false)),
    ];
  });
  const partitioned = catalog.tables.filter(({ kind }) => kind === 'p');
  const wholes = partitioned.flatMap((table) => {
    const whole = wholeFacts(catalog, facts, table);
    return table.columns.flatMap((column) => columnCommand(table, column, whole, true));
  });
  return [...stored, ...wholes];
}

function relationCommand(
  schema: string,
  name: string,
  pages: number,
  rows: number,
  isTable: boolean,
): string {
  const visible = isTable ? pages : 0;
  const pairs: Pair[] = [
    ['schemaname', textOf(schema)],
    ['relname', textOf(name)],
    ['relpages', `${pages}::int`],
    ['reltuples', `${rows}::real`],
    ['relallvisible', `${visible}::int`],
    ['relallfrozen', `${visible}::int`],
  ];
  return `SELECT pg_restore_relation_stats(${listed(pairs)}) AS done`;
}

function columnCommand(
  table: CatalogTable,
  column: CatalogColumn,
  facts: TableFacts,
  inherited: boolean,
): StatisticsCommand[] {
  if (facts.rows === 0) return [];
  const said = facts.columns[column.name];
  const distinct = knownDistinct(table, column, facts);
  if (said === undefined && distinct === null) return [];
  const own = said ?? NO_FACTS;
  const count = distinct === null ? 0 : Math.min(distinct, facts.rows);
  const pairs: Pair[] = [
    ['schemaname', textOf(table.schema)],
    ['relname', textOf(table.name)],
    ['attname', textOf(column.name)],
    ['inherited', String(inherited)],
    ['null_frac', `${own.nullFraction ?? 0}::real`],
    ['avg_width', `${Math.round(averageWidth(column, own))}::int`],
    ['n_distinct', `${count > 0 && count >= facts.rows ? -1 : count}::real`],
    ...valuesOf(column, own, count),
  ];
  const order = orderOf(table, column, facts);
  const correlation = own.correlation ?? (order === 'ascending' ? 1 : 0);
  pairs.push(['correlation', `${correlation}::real`]);
  const sql = `SELECT pg_restore_attribute_stats(${listed(pairs)}) AS done`;
  return [{ sql, table: tableName(table), column: column.name }];
}

/** ANALYZE keeps so many common values, and bounds of so many parts (default_statistics_target). */
const TARGET = 100;

function valuesOf(column: CatalogColumn, facts: ColumnFacts, count: number): Pair[] {
  const { common, histogram, nullFraction } = facts;
  const pairs: Pair[] = [];
  const isWhole = /^(smallint|integer|bigint|numeric.*)$/.test(column.type);
  const counts = isWhole && common.length === 0 && histogram.length === 0 && count > 1;
  const isFew = counts && count <= TARGET;
  const listedValues = isFew
    ? Array.from({ length: count }, (_, i) => ({
        value: String(i + 1),
        share: (1 - (nullFraction ?? 0)) / count,
      }))
    : common;
  if (listedValues.length > 0) {
    const shares = listedValues.map(({ share }) => share).join(',');
    pairs.push(['most_common_vals', textOf(array(listedValues.map(({ value }) => value)))]);
    pairs.push(['most_common_freqs', `'{${shares}}'::real[]`]);
  }
  const bounds = counts && !isFew ? evenBounds(count) : histogram;
  if (bounds.length > 1) pairs.push(['histogram_bounds', textOf(array(bounds))]);
  return pairs;
}

/** Bounds of equal parts of the whole numbers from 1 to `count`. */
function evenBounds(count: number): string[] {
  const parts = Math.min(TARGET, Math.floor(count) - 1);
  return Array.from({ length: parts + 1 }, (_, i) => {
    return String(1 + Math.floor(((Math.floor(count) - 1) * i) / parts));
  });
}

type Pair = readonly [name: string, value: string];

function listed(pairs: readonly Pair[]): string {
  return pairs.map(([name, value]) => `'${name}', ${value}`).join(', ');
}

/** A literal of SQL, of no type yet. */
export function quoted(text: string): string {
  const escaped = text.replaceAll("'", "''");
  return text.includes('\\') ? `E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`;
}

function textOf(value: string): string {
  return `${quoted(value)}::text`;
}

/** An array's text, each element in quotes. */
function array(values: readonly string[]): string {
  return `{${values.map((each) => `"${each.replace(/(["\\])/g, '\\$1')}"`).join(',')}}`;
}
