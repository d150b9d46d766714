/**
 * How much memory hash tables and sorts take, and what of their rows goes to temporary files
 * (nodeHash.c: ExecChooseHashTableSize; nodeAgg.c: hash_agg_set_limits; tuplesort.c: mergeruns).
 */

/** HJTUPLE_OVERHEAD and the header of a minimal tuple. */
const HASH_TUPLE_BYTES = 16 + 16;
/** A bucket is a pointer, and there are at least this many. */
const BUCKET_BYTES = 8;
const FIRST_BUCKETS = 1024;
/** Entries of a hash aggregate: the tuple, its hash and the states of its aggregates. */
const GROUP_BYTES = 16 + 24 + 64;
/** BLCKSZ for each tape that a merge reads from (tuplesort.c: MERGE_BUFFER_SIZE, 32 blocks). */
const MERGE_BUFFER_BYTES = 32 * 8192;
const TAPE_OVERHEAD_BYTES = 8192;
/** tuplesort.c: MINORDER and MAXORDER. */
const LEAST_ORDER = 6;
const MOST_ORDER = 500;

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

export function hashTableBytes(rows: number, bytes: number): number {
  return rows * (HASH_TUPLE_BYTES + aligned(bytes)) + bucketsOf(rows) * BUCKET_BYTES;
}

function bucketsOf(rows: number): number {
  let buckets = FIRST_BUCKETS;
  while (buckets < rows) buckets *= 2;
  return buckets;
}

/** Batches of a hash join whose inner side has so many rows: a power of two, 1 in memory. */
export function batchesOf(rows: number, bytes: number, memoryBytes: number): number {
  let batches = 1;
  while (hashTableBytes(rows / batches, bytes) > memoryBytes && rows / batches > 1) batches *= 2;
  return batches;
}

export function groupBytes(bytes: number): number {
  return GROUP_BYTES + aligned(bytes);
}

/** A tuple on a tape or in a batch file: its length, its hash and the minimal tuple. */
export function storedBytes(bytes: number): number {
  return 8 + 16 + aligned(bytes);
}

/** How often each byte of an external sort is written and read: once for a single merge. */
export function mergePasses(bytes: number, memoryBytes: number): number {
  const order = mergeOrder(memoryBytes);
  let runs = Math.ceil(bytes / memoryBytes);
  let passes = 0;
  while (runs > 1) {
    runs = Math.ceil(runs / order);
    passes++;
  }
  return Math.max(1, passes);
}

/** tuplesort_merge_order: tapes that work_mem has buffers for. */
export function mergeOrder(memoryBytes: number): number {
  const tapes = Math.floor(memoryBytes / (2 * TAPE_OVERHEAD_BYTES + MERGE_BUFFER_BYTES));
  return Math.min(MOST_ORDER, Math.max(LEAST_ORDER, tapes));
}
