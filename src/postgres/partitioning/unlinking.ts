/**
 * The files of a table that goes, or gets new ones, at the commit: one look through the whole
 * buffer pool (bufmgr.c: DropRelationsAllBuffers), and the kernel's time for giving the pages back.
 */
import { MICROSECOND, type Nanoseconds } from '../../kernel/index.ts';
import { tablePage } from '../heap/relation.ts';
import type { Server } from '../server.ts';
import { TRUNCATED } from '../wal/contents.ts';

/** One look at a buffer's tag (bufmgr.c: DropRelationsAllBuffers): assumed, not measured. */
const BUFFER_LOOKED_AT = 5;
/** The kernel gives back a page of a file: about 10 ms for some 32 MB in its cache. */
const PAGE_UNLINKED = 2.5 * MICROSECOND;

/** What it takes behind the commit, and how to do it: its pages go, wherever they are. */
export function unlinkFiles(
  { storage, wal }: Server,
  index: number,
): { readonly time: Nanoseconds; readonly remove: () => void } {
  const { pages } = storage.tables[index]!;
  const time = storage.buffers * BUFFER_LOOKED_AT + pages * PAGE_UNLINKED;
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
