import type { PostgresSettings } from '../settings.ts';
import type { Compression } from './full-page-images.ts';

/**
 * What wal_compression makes of a page of ordinary rows, by method.
 */
export const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  pglz: { ratio: 0.5, nanosecondsPerByte: 8 },
  lz4: { ratio: 0.5, nanosecondsPerByte: 2 },
  zstd: { ratio: 0.4, nanosecondsPerByte: 5 },
};

/** The method that a server compresses its images with, or null; `on` is pglz. */
export function compressionOf(settings: PostgresSettings): Compression | null {
  const word = String(settings.wal_compression);
  return COMPRESSIONS[word === 'on' ? 'pglz' : word] ?? null;
}
