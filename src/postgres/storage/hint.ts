import { MISS } from '../buffers/buffer-pool.ts';
import { type HintSettings, hintOutcome } from '../buffers/hint-bits.ts';
import type { Table, TablePage } from '../heap/relation.ts';
import type { Storage } from './storage.ts';

/**
 * A reader sets hint bits on a row's page (MarkBufferDirtyHint): a clean page becomes dirty, and
 * where hints are logged its first change since the redo point is logged with an image.
 */
export function setHints(storage: Storage, table: Table, page: TablePage): void {
  const { pool } = storage;
  const { wal, settings, inRecovery } = storage.owner;
  const how = {
    hintsAreLogged: settings.wal_log_hints || settings.data_checksums,
    inRecovery,
    fullPageWrites: settings.full_page_writes,
    redoLsn: wal.redoLsn,
  };
  if (storage.isOutside(page)) {
    hintOutside(storage, table, page, how);
    return;
  }
  const buffer = pool.find(storage.pageOf(page));
  if (buffer === MISS || pool.isDirty(buffer)) return;
  const outcome = hintOutcome(pool, buffer, how);
  if (outcome === 'dirtied') pool.markDirty(buffer);
  else if (outcome !== 'nothing') storage.log(table, [table.hintRecord(page)]);
}

/** A page outside the sample is taken as clean if it has not changed since the redo pointer. */
function hintOutside(storage: Storage, table: Table, page: TablePage, how: HintSettings): void {
  if (!how.hintsAreLogged || how.inRecovery || !how.fullPageWrites) return;
  const record = table.hintRecord(page);
  if (table.lsnOf(record.blocks[0]!) <= how.redoLsn) storage.log(table, [record]);
}
