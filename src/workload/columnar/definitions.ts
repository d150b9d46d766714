/** The tables of a hypertable's batches, one beside each chunk, from what the schema tells. */
import type { ColumnarDefinition } from '../../postgres/columnar/chunk.ts';
import type { TableDefinition } from '../../postgres/heap/relation.ts';
import { type Moment, parseMoment } from '../calendar.ts';
import { type Catalog, type CatalogTable, tableName } from '../planner/catalog.ts';
import type { Facts } from '../planner/facts.ts';
import type { Compression, PartitionManagers } from '../planner/managers.ts';
import { factsFor, keyColumnOf, parentOf, partitionsOf, rangeOf } from '../planner/partitions.ts';
import { builtIndexes, knownDistinct, orderOf, storedTables } from '../planner/tables.ts';
import { averageWidth } from '../planner/widths.ts';
import { type BatchColumn, type BatchLayout, batchSize } from './batches.ts';

/** The chunks of hypertables that are compressed, and their batches' tables behind all others. */
export function withBatches(
  definitions: readonly TableDefinition[],
  catalog: Catalog,
  facts: Facts,
  managers: PartitionManagers,
): TableDefinition[] {
  const stored = storedTables(catalog);
  const all = [...definitions];
  let relation = Math.max(
    0,
    ...definitions.flatMap(({ relation: own, indexes }) => {
      return [own, ...indexes.map((index) => index.relation)];
    }),
  );
  stored.forEach((table, at) => {
    const root = parentOf(catalog, table);
    const manager = root === undefined ? undefined : managers.get(tableName(root));
    if (manager?.kind !== 'hypertable' || manager.compression === null) return;
    const definition = definitions[at]!;
    const columnar = columnarOf(catalog, facts, table, manager.compression, all.length);
    all[at] = { ...definition, columnar: { ...columnar, loadedRows: definition.rows } };
    all.push(batchesTable(definition, relation + 1));
    relation += 2;
  });
  return all;
}

/** Without rows, until the chunk is compressed; then its tuples are as long as they have to be. */
function batchesTable(chunk: TableDefinition, relation: number): TableDefinition {
  const index = {
    name: `${chunk.name}_batches_idx`,
    relation: relation + 1,
    keyBytes: INDEX_KEY,
    unique: true,
    fillfactor: 90,
    rowsPerKey: 1,
    correlation: 'exact',
  } as const;
  const { isAbsent: _, columnar: __, heat: ___, ...own } = chunk;
  return {
    ...own,
    name: `${chunk.name}_compressed`,
    relation,
    rows: 0,
    fillfactor: 100,
    isColumnar: true,
    indexes: [index],
  };
}

/** A segment and a time, or TOAST's id and number. */
const INDEX_KEY = 16;

/** Postgres assumes so many where nothing is known. */
const DEFAULT_DISTINCT = 200;

function columnarOf(
  catalog: Catalog,
  facts: Facts,
  table: CatalogTable,
  { segmentBy, orderBy: given }: Compression,
  batches: number,
): ColumnarDefinition {
  const root = parentOf(catalog, table)!;
  const orderBy = given === '' ? (keyColumnOf(root) ?? '') : given;
  const layout = layoutOf(catalog, facts, table, { segmentBy, orderBy });
  const segments = segmentBy.reduce((product, name) => {
    return product * (distinctOf(catalog, facts, root, name) ?? DEFAULT_DISTINCT);
  }, 1);
  return {
    batches,
    segments,
    columns: layout.columns.length,
    indexes: builtIndexes(table).map(({ columns: [first] }) => {
      const { name = '' } = table.columns[first! - 1] ?? {};
      if (segmentBy.includes(name)) return 'segment';
      return name === orderBy ? 'order' : 'other';
    }),
    sizeOf: (rows, segmentRows) => batchSize(layout, rows, segmentRows),
  };
}

function layoutOf(
  catalog: Catalog,
  facts: Facts,
  table: CatalogTable,
  { segmentBy, orderBy }: Compression,
): BatchLayout {
  const root = parentOf(catalog, table)!;
  const own = factsFor(catalog, facts, root);
  const span = spanOf(table);
  const share = span / partitionsOf(catalog, root).filter(isLoaded(facts)).reduce(addSpan, 0);
  const columns = root.columns
    .filter(({ name }) => !segmentBy.includes(name))
    .map((column): BatchColumn => {
      const { name } = column;
      const distinct = distinctOf(catalog, facts, root, name);
      const ofChunk = name === orderBy && distinct !== null ? distinct * share : distinct;
      return {
        name,
        kind: kindOf(column.type),
        width: averageWidth(column, own?.columns[column.name]),
        distinct: ofChunk,
        ascends: name !== orderBy && orderOf(root, column, own) === 'ascending',
      };
    });
  const segments = root.columns.filter(({ name }) => segmentBy.includes(name));
  const segmentBytes = segments.reduce(
    (sum, column) => sum + averageWidth(column, own?.columns[column.name]),
    0,
  );
  return { segmentBytes, columns, orderBy, span };
}

const isLoaded = (facts: Facts) => (table: CatalogTable) =>
  facts[tableName(table)]?.isAbsent !== true;

const addSpan = (sum: number, table: CatalogTable) => sum + spanOf(table);

function kindOf(type: string): BatchColumn['kind'] {
  if (/^(smallint|integer|bigint|date|boolean|timestamp)/.test(type)) return 'whole';
  return /^(real|double precision)/.test(type) ? 'floating' : 'other';
}

function distinctOf(
  catalog: Catalog,
  facts: Facts,
  root: CatalogTable,
  name: string,
): number | null {
  const column = root.columns.find((each) => each.name === name);
  const own = factsFor(catalog, facts, root);
  return column === undefined ? null : knownDistinct(root, column, own);
}

/** From the beginning of a chunk to its end, in microseconds. */
function spanOf(table: CatalogTable): number {
  const range = rangeOf(table);
  if (range === null) return 0;
  const [from, to] = range.map(parseMoment);
  return from!.ok && to!.ok ? microseconds(to!.value) - microseconds(from!.value) : 0;
}

function microseconds({ days, seconds }: Moment): number {
  return (days * 86_400 + seconds) * 1e6;
}
