/**
 * What a sort takes (tuplesort.c): memory up to work_mem, and processor time.
 *
 * A row in memory is a minimal tuple (a header of 16 bytes and the sorted columns' data) in a chunk
 * of a power of two with a header of 16 (up to version 15), and 24 bytes in an array that doubles
 * as it fills. PostgreSQL 15.18 tells of 100,000 rows of pgbench_accounts 17,135 kB, of 10,000
 * 1,791 kB, and of two of its columns 7,760 kB. Beyond work_mem a sort goes to temporary files and
 * keeps work_mem. Left out: what those files cost, the sort's pass over them, and parallel workers.
 */
import { ln, type Nanoseconds } from '../kernel/index.ts';
import type { Statement } from './statement.ts';

const TUPLE_HEADER_BYTES = 16;
const CHUNK_HEADER_BYTES = 16;
/** sizeof(SortTuple) */
const SORT_TUPLE_BYTES = 24;
/** Entries that the array of a sort begins with (tuplesort.c: INITIAL_MEMTUPSIZE). */
const FIRST_ENTRIES = 1024;
/** Some 90 ms for 100,000 accounts on that machine: n log2 n comparisons. */
const COMPARISON: Nanoseconds = 55;

/** Memory that sorting so many rows takes, if it may take what it needs. */
export function sortBytes(rows: number, dataBytes: number): number {
  const chunk = powerOfTwo(TUPLE_HEADER_BYTES + dataBytes) + CHUNK_HEADER_BYTES;
  let entries = FIRST_ENTRIES;
  while (entries < rows) entries *= 2;
  return rows * chunk + entries * SORT_TUPLE_BYTES;
}

/** Processor time of the comparisons. */
export function sortTime(rows: number): Nanoseconds {
  return rows < 2 ? 0 : Math.round((COMPARISON * rows * ln(rows)) / Math.LN2);
}

/** How many rows a statement on a table of so many rows sorts. */
export function sortedRows({ details }: Statement, tableRows: number): number {
  const rows = details?.rows ?? null;
  if (rows === 'all') return tableRows;
  if (rows === 'entries') return details!.access!.entries;
  if (rows === 'parts') {
    return details!.parts.reduce((sum, part) => sum + sortedRows(part, tableRows), 0);
  }
  if (rows === null || rows === 'plan') return 1;
  if (rows.kind === 'copy') return 0;
  if (rows.kind === 'list') return rows.list.length;
  return Math.max(0, Math.min(rows.last, tableRows) - Math.max(rows.first, 1) + 1);
}

function powerOfTwo(bytes: number): number {
  let size = 8;
  while (size < bytes) size *= 2;
  return size;
}
