/**
 * What is compressed of a chunk: rows in batches of up to a thousand of one segment, in a table of
 * its own beside the chunk's, whose own table has what came later. A batch is some tuples next to
 * each other, those of its TOAST table included, and each has an entry in one index in the order of
 * segments; in Timescale it is one of the batches and one of TOAST.
 */
import type { Access } from '../access.ts';

/** The tuples of a batch of so many rows, and how long they are in the mean. */
export interface BatchSize {
  readonly tuples: number;
  readonly tupleBytes: number;
}

/** How a chunk is compressed. */
export interface ColumnarDefinition {
  /** The number of the table that the batches are in. */
  readonly batches: number;
  /** Different values of the segment-by columns. */
  readonly segments: number;
  /** Columns that are compressed. */
  readonly columns: number;
  /** What the first column of each of the chunk's indexes is. */
  readonly indexes: readonly ('segment' | 'order' | 'other')[];
  /** Rows that entries of the chunk's own indexes are counted among. */
  readonly loadedRows?: number;
  /** `segmentRows`: rows of a segment in the chunk. */
  readonly sizeOf: (rows: number, segmentRows: number) => BatchSize;
}

/** A batch is full (compression.h: TARGET_COMPRESSED_BATCH_SIZE). */
export const BATCH_ROWS = 1_000;

/** A chunk as it is compressed. */
export interface CompressedChunk {
  /** Rows in batches. */
  readonly rows: number;
  readonly segments: number;
  readonly batchesOfSegment: number;
  readonly tuplesOfBatch: number;
}

export function batchCount({ segments, batchesOfSegment }: CompressedChunk): number {
  return segments * batchesOfSegment;
}

export function rowsOfBatch(chunk: CompressedChunk): number {
  return chunk.rows / Math.max(1, batchCount(chunk));
}

/** So many rows, shared out evenly among their segments, each filling one batch after the other. */
export function compressedChunk(
  { segments: most, sizeOf }: ColumnarDefinition,
  rows: number,
): { readonly chunk: CompressedChunk; readonly tupleBytes: number } {
  const segments = Math.max(1, Math.min(most, rows));
  const batchesOfSegment = Math.max(1, Math.ceil(rows / segments / BATCH_ROWS));
  const ofBatch = Math.max(1, Math.round(rows / segments / batchesOfSegment));
  const { tuples, tupleBytes } = sizeOf(ofBatch, rows / segments);
  return { chunk: { rows, segments, batchesOfSegment, tuplesOfBatch: tuples }, tupleBytes };
}

/** Batches that a scan has to decompress: so many, from one on. */
export interface WantedBatches {
  readonly first: number;
  readonly count: number;
}

/**
 * Which batches a scan of the chunk's own table would have been about. An index that begins with
 * the segment leads to its batches, of which the least and greatest value of the order-by column
 * leave those of the range; a range of the order-by column alone to such batches in every segment;
 * anything else to all. `loaded`: rows that the entries are counted among.
 */
export function wantedBatches(
  chunk: CompressedChunk,
  { indexes }: ColumnarDefinition,
  access: Access | null,
  loaded: number,
): WantedBatches {
  const all = { first: 0, count: batchCount(chunk) };
  if (access === null || loaded === 0 || access.index < 0) return all;
  const share = Math.min(1, access.entries / loaded);
  const kind = indexes[access.index] ?? 'other';
  const { segments, batchesOfSegment } = chunk;
  if (kind === 'other') return all;
  const of = (portion: number) =>
    Math.min(batchesOfSegment, 1 + Math.floor(portion * batchesOfSegment));
  if (kind === 'order') return { first: 0, count: segments * of(share) };
  const segment = Math.min(segments - 1, Math.floor((access.from / loaded) * segments));
  const wanted = Math.max(1, Math.round(share * segments));
  const each = share * segments >= 1 ? batchesOfSegment : of(share * segments);
  return { first: segment * batchesOfSegment, count: Math.min(all.count, wanted * each) };
}
