/**
 * Hint bits: the first reader of a row after its transaction has ended looks that up in the commit
 * log and notes the outcome in the row, so that a SELECT can dirty pages
 * (bufmgr.c:MarkBufferDirtyHint, heapam_visibility.c:SetHintBits).
 *
 * Kept: whether a hint may be set, whether it dirties the page, whether it costs a full page image.
 * Left out: the contents of rows; who reads which row first is for the caller to know.
 */
import type { Lsn } from '../lsn.ts';
import type { BufferPool } from './buffer-pool.ts';

export interface HintSettings {
  /** Checksums or wal_log_hints: a torn page must not lose what a hint changed. */
  readonly hintsAreLogged: boolean;
  readonly inRecovery: boolean;
  /** full_page_writes, or a running backup. */
  readonly fullPageWrites: boolean;
  readonly redoLsn: Lsn;
}

export type HintOutcome = 'nothing' | 'dirtied' | 'dirtied with a full page image';

/** Whether initdb turns checksums on, by major version. */
export function checksumsByDefault(version: number): boolean {
  return version >= 18;
}

/**
 * Whether the outcome of a commit may be noted on a page: not before the commit record is on disk,
 * unless the page's own LSN makes it wait for that anyway, or nobody will read it after a crash.
 */
export function mayHintCommit(
  pool: BufferPool,
  buffer: number,
  commitLsn: Lsn,
  flushedLsn: Lsn,
): boolean {
  if (!pool.isPermanent(buffer)) return true;
  return commitLsn <= flushedLsn || pool.lsnOf(buffer) >= commitLsn;
}

/** What noting a hint on a page brings about; the caller does it. */
export function hintOutcome(pool: BufferPool, buffer: number, settings: HintSettings): HintOutcome {
  if (pool.isDirty(buffer)) return 'nothing';
  if (!settings.hintsAreLogged || !pool.isPermanent(buffer)) return 'dirtied';
  if (settings.inRecovery) return 'nothing';
  const image = settings.fullPageWrites && pool.lsnOf(buffer) <= settings.redoLsn;
  return image ? 'dirtied with a full page image' : 'dirtied';
}
