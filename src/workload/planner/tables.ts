/**
 * The tables of a schema as the simulator makes them: rows, widths, indexes, and in which order the
 * keys of an index come in. Keys ascend where a sequence, an identity or the time makes them, or
 * where the statistics say that the order of values is that of the rows; everything else (uuids,
 * hashes, references to other tables) is spread over the whole index.
 *
 * Left out: correlations between none and full, partial indexes' share of the rows, and access
 * methods other than b-trees.
 */
import type { TableDefinition, TableIndexDefinition } from '../../postgres/heap/relation.ts';
import { tableOptions } from '../../postgres/heap/table-options.ts';
import {
  type Catalog,
  type CatalogColumn,
  type CatalogIndex,
  type CatalogTable,
  tableName,
} from './catalog.ts';
import type { Facts, TableFacts } from './facts.ts';
import { factsFor, keyColumnOf, parentOf, partitionsOf } from './partitions.ts';
import { keyBytes, tupleBytes } from './widths.ts';

/** What depends on the server. */
export interface TableOptions {
  readonly version: number;
  readonly isLogical: boolean;
}

const HEAP_FILLFACTOR = 100;
const INDEX_FILLFACTOR = 90;
/** From here on values are taken to be in the order of the rows, below to be in none. */
const ORDERED = 0.9;
/** selfuncs.h: DEFAULT_NUM_DISTINCT. */
const DEFAULT_DISTINCT = 200;

const ASCENDING = new RegExp(
  '^(nextval|now|statement_timestamp|clock_timestamp|transaction_timestamp|uuidv7)\\(' +
    '|^(CURRENT_TIMESTAMP|CURRENT_DATE|LOCALTIMESTAMP)',
);
const RANDOM = /(gen_random_uuid|uuidv4|uuid_generate_v4|random|md5)\(/;

/** The tables with rows of their own, numbered as their relations are. */
export function storedTables({ tables }: Catalog): readonly CatalogTable[] {
  return tables.filter(({ kind }) => kind === 'r');
}

/** Indexes of a kind that is built, in the order in which the simulator numbers them. */
export function builtIndexes({ indexes }: CatalogTable): readonly CatalogIndex[] {
  return indexes.filter(({ method }) => method === 'btree');
}

export function tableDefinitions(
  catalog: Catalog,
  facts: Facts,
  options: TableOptions,
): TableDefinition[] {
  let relation = 0;
  return storedTables(catalog).map((table) => {
    const own = factsFor(catalog, facts, table);
    const number = ++relation;
    const indexes = builtIndexes(table).map((index) => {
      return indexDefinition(table, index, own, ++relation);
    });
    return {
      name: tableName(table),
      relation: number,
      rows: own?.rows ?? 0,
      tupleBytes: tupleBytes(table, own),
      fillfactor: table.fillfactor ?? HEAP_FILLFACTOR,
      options: tableOptions(table.options ?? {}),
      ...options,
      indexes,
      heat: heatOf(catalog, facts, table),
      ...partitionFacts(catalog, facts, table),
    };
  });
}

function partitionFacts(catalog: Catalog, facts: Facts, table: CatalogTable) {
  const parent = parentOf(catalog, table);
  return {
    ...(parent === undefined ? {} : { parent: tableName(parent) }),
    ...(facts[tableName(table)]?.isAbsent ? { isAbsent: true } : {}),
  };
}

/** Of partitions by time the newest is used most, the one before it half as much, and so on. */
function heatOf(catalog: Catalog, facts: Facts, table: CatalogTable): number {
  const parent = parentOf(catalog, table);
  if (parent === undefined || !goesToLast(catalog, facts, parent)) return 1;
  if (facts[tableName(table)]?.isAbsent) return 1;
  const siblings = partitionsOf(catalog, parent).filter((each) => {
    return facts[tableName(each)]?.isAbsent !== true;
  });
  return 1 / (siblings.length - siblings.indexOf(table));
}

/** Whether new rows of a partitioned table all go to its last partition. */
export function goesToLast(catalog: Catalog, facts: Facts, table: CatalogTable): boolean {
  if (!table.partitionKey?.startsWith('RANGE')) return false;
  const column = table.columns.find(({ name }) => name === keyColumnOf(table));
  return (
    column !== undefined && orderOf(table, column, factsFor(catalog, facts, table)) === 'ascending'
  );
}

function indexDefinition(
  table: CatalogTable,
  index: CatalogIndex,
  facts: TableFacts | undefined,
  relation: number,
): TableIndexDefinition {
  const rows = facts?.rows ?? 0;
  const distinct = index.unique ? rows : distinctKeys(table, index.columns, facts);
  return {
    name: index.name,
    relation,
    keyBytes: keyBytes(table, index, facts),
    unique: index.unique,
    fillfactor: index.fillfactor ?? INDEX_FILLFACTOR,
    rowsPerKey: Math.max(1, Math.round(rows / Math.max(1, distinct))),
    correlation: isAscending(table, index, facts) ? 'exact' : 'none',
  };
}

function isAscending(
  table: CatalogTable,
  { columns }: CatalogIndex,
  facts: TableFacts | undefined,
): boolean {
  const column = table.columns[columns[0]! - 1];
  return column !== undefined && orderOf(table, column, facts) === 'ascending';
}

/** The order in which a column's values come. */
export function orderOf(
  table: CatalogTable,
  column: CatalogColumn,
  facts: TableFacts | undefined,
): 'ascending' | 'none' {
  const correlation = facts?.columns[column.name]?.correlation ?? null;
  if (correlation !== null) return correlation >= ORDERED ? 'ascending' : 'none';
  if (column.isIdentity || ASCENDING.test(column.default ?? '')) return 'ascending';
  if (column.default !== null) return 'none';
  const isNumber = /^(smallint|integer|bigint)$/.test(column.type);
  return isNumber && isKeyAlone(table, column) ? 'ascending' : 'none';
}

/** A whole number that is the primary key by itself is loaded in its order. */
function isKeyAlone(table: CatalogTable, column: CatalogColumn): boolean {
  const place = table.columns.indexOf(column) + 1;
  return table.indexes.some(({ primary, columns }) => {
    return primary && columns.length === 1 && columns[0] === place;
  });
}

/** Different values of a column, as far as something tells; else as many as Postgres assumes. */
export function distinctValues(
  table: CatalogTable,
  column: CatalogColumn,
  facts: TableFacts | undefined,
): number {
  const rows = facts?.rows ?? 0;
  return Math.min(rows, knownDistinct(table, column, facts) ?? DEFAULT_DISTINCT);
}

/** The same where it is known: said, unique, drawn without repetition, or two by its type. */
export function knownDistinct(
  table: CatalogTable,
  column: CatalogColumn,
  facts: TableFacts | undefined,
): number | null {
  const said = facts?.columns[column.name]?.distinct ?? null;
  if (said !== null) return said;
  const place = table.columns.indexOf(column) + 1;
  const isUnique = table.indexes.some(({ unique, columns, predicate }) => {
    return unique && predicate === null && columns.length === 1 && columns[0] === place;
  });
  const isOwn = column.isIdentity || /^nextval\(/.test(column.default ?? '');
  const isDrawn = RANDOM.test(column.default ?? '') || ASCENDING.test(column.default ?? '');
  if (isUnique || isOwn || isDrawn) return facts?.rows ?? 0;
  return column.type === 'boolean' ? 2 : null;
}

/** Different combinations of the first columns of an index, taken to be independent. */
export function distinctKeys(
  table: CatalogTable,
  columns: readonly number[],
  facts: TableFacts | undefined,
): number {
  const rows = facts?.rows ?? 0;
  let product = 1;
  for (const place of columns) {
    const column = table.columns[place - 1];
    product *= column === undefined ? DEFAULT_DISTINCT : distinctValues(table, column, facts);
  }
  return Math.min(rows, product);
}
