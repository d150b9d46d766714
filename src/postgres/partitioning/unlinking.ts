/**
 * The files of a table that goes, or gets new ones, at the commit: one look through the whole
 * buffer pool (bufmgr.c: DropRelationsAllBuffers), and the kernel's time for giving the pages back.
 */
import { MICROSECOND, MILLISECOND, type Nanoseconds } from '../../kernel/index.ts';
import { tablePage } from '../heap/relation.ts';
import type { Server } from '../server.ts';
import { TRUNCATED } from '../wal/contents.ts';

/**
 * One look at a buffer's tag: the commit of a DROP took 0.8 ms longer than another one with 2 GB of
 * shared buffers and fsync off.
 */
const BUFFER_LOOKED_AT = 3;
/**
 * A file is cut to nothing and unlinked (md.c:mdunlink). On ext4, with its blocks on the disk, the
 * commit of a DROP took 3.7 ms longer with two indexes and a TOAST table than without, most of it
 * spent in the file system; with fsync off 0.3. A file of 32 MB took 10 ms.
 */
const FILE_UNLINKED = 1.2 * MILLISECOND;
const PAGE_UNLINKED = 2.5 * MICROSECOND;

/** What it takes behind the commit, and how to do it: its pages go, wherever they are. */
export function unlinkFiles(
  { storage, wal }: Server,
  index: number,
  hasToast = false,
): { readonly time: Nanoseconds; readonly remove: () => void } {
  const { pages, indexes } = storage.tables[index]!;
  const files = 1 + indexes.length + (hasToast ? 1 : 0);
  const ofFiles = files * FILE_UNLINKED + pages * PAGE_UNLINKED;
  const time = storage.buffers * BUFFER_LOOKED_AT + ofFiles;
  const remove = () => {
    const { definition } = storage.tables[index]!;
    for (const { relation } of [definition, ...definition.indexes]) {
      const file = storage.fileOf(relation);
      wal.note(TRUNCATED, tablePage(relation, 0));
      storage.pool.drop(file);
      storage.cache.pages.drop(file);
      storage.unsynced.delete(file);
    }
  };
  return { time, remove };
}
