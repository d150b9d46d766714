import { MISS } from '../buffers/buffer-pool.ts';
import type { TablePage } from '../heap/relation.ts';
import type { Lsn } from '../lsn.ts';
import type { Storage } from './storage.ts';

/**
 * Replays a change of a page (xlogutils.c: XLogReadBufferForRedoExtended): it is in shared buffers
 * then, and dirty; `isWhole`: WAL has all of it, so that nothing is read. False: it has to be read
 * first. A page outside a sample is drawn to be there or not, as for any reader.
 */
export function replayChange(
  storage: Storage,
  changed: TablePage,
  lsn: Lsn,
  isWhole: boolean,
): boolean {
  const { pool, sampled } = storage;
  const page = storage.pageOf(changed);
  if (sampled?.isOutside(page)) return isWhole || sampled.use(page, null);
  let buffer = pool.find(page);
  if (buffer === MISS) {
    if (!isWhole) return false;
    buffer = storage.makeRoom(page);
  } else if (pool.ioInProgress(buffer)) return false;
  else pool.hit(buffer, null);
  pool.markDirty(buffer, lsn);
  return true;
}
