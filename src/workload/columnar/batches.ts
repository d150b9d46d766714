/**
 * What a batch of a compressed chunk looks like: a row with the values of the segment-by columns,
 * the number of rows, the least and greatest value of the order-by column, and each other column
 * compressed. Columns are moved out to TOAST, the longest first, until the row is as short as
 * `toast_tuple_target` says, which TimescaleDB sets to 128 (tsl/src/compression/create.c).
 *
 * How long the columns are is found out, not assumed: a batch of the rows that the statistics tell
 * of is made and compressed by the codecs. Values are as the planner has them: `distinct` of them,
 * each as frequent as any other; floating point in tenths; those that ascend do so in irregular
 * steps; times are regular where there are no more different ones than rows of a segment, else they
 * come as accidents do. Left out: values that follow from those before them, which compress better.
 */
import { Random } from '../../kernel/index.ts';
import { deltaDeltaBytes, dictionaryBytes, gorillaBytes } from './codecs.ts';

/** A column as its values are told. */
export interface BatchColumn {
  readonly name: string;
  readonly kind: 'whole' | 'floating' | 'other';
  /** Bytes of a value that is not compressed. */
  readonly width: number;
  /** Different values among the rows of a chunk; null: as many as rows. */
  readonly distinct: number | null;
  readonly ascends: boolean;
}

/** How the rows of a chunk are put into batches. */
export interface BatchLayout {
  /** Bytes of the segment-by values. */
  readonly segmentBytes: number;
  readonly columns: readonly BatchColumn[];
  /** Of those the one in whose order the rows are. */
  readonly orderBy: string;
  /** From the first to the last time in a chunk, in microseconds. */
  readonly span: number;
}

/** The tuples of a batch, TOAST's included, and how long they are in the mean. */
export interface BatchSize {
  readonly tuples: number;
  readonly tupleBytes: number;
}

/** A batch is full (compression.h: TARGET_COMPRESSED_BATCH_SIZE). */
export const BATCH_ROWS = 1_000;

const TUPLE_HEAD = 24;
const COUNT_AND_EDGES = 4 + 8 + 8;
const TOAST_TARGET = 128;
const TOAST_POINTER = 18;
/** heaptoast.h: TOAST_MAX_CHUNK_SIZE, and a chunk's head with its id, number and length. */
const TOAST_CHUNK = 1_996;
const TOAST_CHUNK_HEAD = 24 + 4 + 4 + 4;

/** `segmentRows`: rows of one segment in the whole chunk. */
export function batchSize(layout: BatchLayout, rows: number, segmentRows: number): BatchSize {
  const random = new Random('columnar/batch');
  const sizes = layout.columns.map((column) =>
    columnBytes(column, layout, { rows, segmentRows, random }),
  );
  sizes.sort((a, b) => b - a);
  const fixed = TUPLE_HEAD + layout.segmentBytes + COUNT_AND_EDGES;
  let own = fixed + sizes.reduce((sum, each) => sum + each, 0);
  let [toasted, tuples] = [0, 1];
  for (const size of sizes) {
    if (own <= TOAST_TARGET || size <= TOAST_POINTER) break;
    const chunks = Math.ceil(size / TOAST_CHUNK);
    own += TOAST_POINTER - size;
    toasted += size + chunks * TOAST_CHUNK_HEAD;
    tuples += chunks;
  }
  return { tuples, tupleBytes: Math.ceil((own + toasted) / tuples) };
}

interface Batch {
  readonly rows: number;
  readonly segmentRows: number;
  readonly random: Random;
}

/** One column of a batch, compressed. */
export function columnBytes(column: BatchColumn, layout: BatchLayout, batch: Batch): number {
  const values = valuesOf(column, layout, batch);
  switch (column.kind) {
    case 'whole':
      return deltaDeltaBytes(values);
    case 'floating':
      return gorillaBytes(values);
    case 'other':
      return dictionaryBytes(values, column.width);
  }
}

function valuesOf(
  { name, kind, distinct, ascends }: BatchColumn,
  { orderBy, span }: BatchLayout,
  { rows, segmentRows, random }: Batch,
): number[] {
  if (name === orderBy) return timesOf(rows, span / segmentRows, distinct, segmentRows, random);
  if (ascends) return steps(rows, () => Math.max(1, Math.round(random.exponential(SOME))));
  const draw = () => (distinct === null ? random.uniform() * MANY : random.integer(1, distinct));
  return Array.from({ length: rows }, () => {
    if (kind === 'floating') return distinct === null ? random.uniform() : draw() / 10;
    return Math.floor(draw());
  });
}

/** Rows of others between two of a segment, and values of a column of which nothing is known. */
const SOME = 100;
const MANY = 1e9;

/** In microseconds, `gap` apart in the mean. */
function timesOf(
  rows: number,
  gap: number,
  distinct: number | null,
  segmentRows: number,
  random: Random,
): number[] {
  const isRegular = distinct !== null && distinct <= segmentRows;
  return steps(rows, () => Math.round(isRegular ? gap : random.exponential(gap)));
}

function steps(count: number, step: () => number): number[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    at += step();
    return at;
  });
}
