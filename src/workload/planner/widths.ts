/**
 * How wide rows and index entries are (heaptuple.c: heap_compute_data_size; lsyscache.c:
 * get_typavgwidth; format_type.c: type_maximum_size). A value of a fixed length has it; of others
 * the mean is what the statistics say, else what Postgres assumes without any.
 *
 * Kept: alignment, the null bitmap, one byte of length for values up to 126 bytes. Left out: values
 * that are compressed or moved out (TOAST).
 */
import type { CatalogColumn, CatalogIndex, CatalogTable } from './catalog.ts';
import type { ColumnFacts, TableFacts } from './facts.ts';

const ALIGNMENTS = { c: 1, s: 2, i: 4, d: 8 } as const;
const TUPLE_HEADER_BYTES = 23;
/** lsyscache.c: what a value takes of which nothing is known, and beyond which it is less full. */
const UNKNOWN_WIDTH = 32;
const VARLENA_HEADER_BYTES = 4;
/** Up to here the length of a value takes one byte, and the value is not aligned. */
const LONGEST_SHORT = 127;

type Stored = Pick<CatalogColumn, 'type' | 'length' | 'align' | 'modifier'>;

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/** The mean width of a value with its length word, in bytes (pg_stats.avg_width). */
export function averageWidth(column: Stored, facts: ColumnFacts | undefined): number {
  if (column.length > 0) return column.length;
  if (facts?.width != null) return facts.width;
  const most = maximumSize(column);
  if (most <= 0) return UNKNOWN_WIDTH;
  if (column.type.startsWith('character(') || most <= UNKNOWN_WIDTH) return most;
  return Math.floor(UNKNOWN_WIDTH + (Math.min(most, 1_000) - UNKNOWN_WIDTH) / 2);
}

/** type_maximum_size: of char(n) and varchar(n) in an encoding of four bytes a character. */
function maximumSize({ type, modifier }: Stored): number {
  if (modifier < 0) return -1;
  if (type.startsWith('numeric')) return numericSize((modifier - 4) >> 16);
  const characters = modifier - VARLENA_HEADER_BYTES;
  return type.startsWith('character') ? 4 * characters + VARLENA_HEADER_BYTES : -1;
}

/** numeric.c: numeric_maximum_size: digits of base 10,000, of which the first may be cut. */
function numericSize(precision: number): number {
  return 8 + 2 * Math.floor((precision + 6) / 4);
}

/** What a value takes in a row: char(n) a byte a character, not the four that it may have. */
function storedWidth(column: Stored, facts: ColumnFacts | undefined): number {
  if (column.length > 0 || facts?.width != null || !column.type.startsWith('character(')) {
    return averageWidth(column, facts);
  }
  const characters = column.modifier - VARLENA_HEADER_BYTES;
  return characters + (characters < LONGEST_SHORT ? 1 : VARLENA_HEADER_BYTES);
}

/** Where a column's bytes are in a row, behind the tuple's header; `end` excluded. */
export interface ColumnPlace {
  readonly start: number;
  readonly end: number;
}

function places(columns: readonly Stored[], factsOf: (at: number) => ColumnFacts | undefined) {
  let end = 0;
  return columns.map((column, at): ColumnPlace => {
    const facts = factsOf(at);
    const width = storedWidth(column, facts) * (1 - (facts?.nullFraction ?? 0));
    const isShort = column.length < 0 && width < LONGEST_SHORT;
    const start = isShort ? end : aligned(end, ALIGNMENTS[column.align]);
    end = start + width;
    return { start, end };
  });
}

/** Where a table's columns are in a mean row. */
export function columnPlaces(table: CatalogTable, facts: TableFacts | undefined): ColumnPlace[] {
  return places(table.columns, (at) => facts?.columns[table.columns[at]!.name]);
}

/** A mean row with its header, not aligned at its end (t_len), in whole bytes. */
export function tupleBytes(table: CatalogTable, facts: TableFacts | undefined): number {
  const hasNulls = table.columns.some(({ name }) => (facts?.columns[name]?.nullFraction ?? 0) > 0);
  const bitmap = hasNulls ? Math.ceil(table.columns.length / 8) : 0;
  const header = aligned(TUPLE_HEADER_BYTES + bitmap, 8);
  return header + Math.round(columnPlaces(table, facts).at(-1)?.end ?? 0);
}

/** The key of a mean index entry, columns of INCLUDE with it, in whole bytes. */
export function keyBytes(
  table: CatalogTable,
  index: CatalogIndex,
  facts: TableFacts | undefined,
): number {
  const factsOf = (at: number) => {
    const place = index.columns[at] ?? 0;
    return place > 0 ? facts?.columns[table.columns[place - 1]!.name] : undefined;
  };
  return Math.round(places(index.stored, factsOf).at(-1)?.end ?? 0);
}
