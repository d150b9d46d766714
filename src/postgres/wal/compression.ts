import type { PostgresSettings } from '../settings.ts';

/** What compressing a full-page image does. */
export interface Compression {
  /** Bytes left of each byte of a table's page, and of an index's page. */
  readonly heapRatio: number;
  readonly indexRatio: number;
  /** The processor's time for each byte of the page. */
  readonly nanosecondsPerByte: number;
}

/**
 * wal_compression by method, measured with pg_waldump on PostgreSQL 15.18: images of
 * pgbench_accounts (6623 bytes without compression, mostly blanks) and of a b-tree on consecutive
 * integers; time as the backend's CPU time for 33 MB of the former, in ticks of 10 ms. Contents
 * decide: of rows that are mostly random hexadecimal digits pglz left 0.98, for three times as
 * much time.
 */
export const COMPRESSIONS = {
  pglz: { heapRatio: 0.1, indexRatio: 0.51, nanosecondsPerByte: 4.5 },
  lz4: { heapRatio: 0.11, indexRatio: 0.57, nanosecondsPerByte: 0.5 },
  zstd: { heapRatio: 0.06, indexRatio: 0.31, nanosecondsPerByte: 3 },
} as const satisfies Record<string, Compression>;

/** The method with which a server compresses its images, or null; `on` is pglz. */
export function compressionOf(settings: PostgresSettings): Compression | null {
  const { wal_compression: method } = settings;
  const known: Readonly<Record<string, Compression>> = COMPRESSIONS;
  return known[method === 'on' ? 'pglz' : method] ?? null;
}
