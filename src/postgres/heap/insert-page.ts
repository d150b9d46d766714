/**
 * Which page a new tuple goes to (hio.c:RelationGetBufferForTuple): where this backend inserted
 * last, else what the free space map offers, else the last page, else a new one. A page that turns
 * out to be too full gets its entry in the map corrected, and the map is asked again.
 *
 * Left out: several pages at once when backends queue to extend the file (before 16 by
 * RelationAddExtraBlocks, since 16 always in bulk).
 */

import type { FreeSpaceMap } from './free-space-map.ts';

/** What one backend remembers of a table; -1 before its first insert and after a truncation. */
export interface InsertTarget {
  block: number;
}

export interface HeapSpace {
  readonly pages: number;
  freeBytesOf(block: number): number;
}

export interface FoundPage {
  readonly block: number;
  /** The file grows by this page. */
  readonly extends: boolean;
  /** Pages that were read and found too full, in this order. */
  readonly tried: readonly number[];
}

export function findPage(
  heap: HeapSpace,
  map: FreeSpaceMap,
  target: InsertTarget,
  wantedBytes: number,
): FoundPage {
  const tried: number[] = [];
  let block = target.block < heap.pages ? target.block : -1;
  if (block < 0) block = map.find(wantedBytes);
  if (block < 0) block = heap.pages - 1;
  while (block >= 0) {
    const free = heap.freeBytesOf(block);
    if (free >= wantedBytes) {
      target.block = block;
      return { block, extends: false, tried };
    }
    tried.push(block);
    block = map.recordAndFind(block, free, wantedBytes);
  }
  target.block = heap.pages;
  return { block: heap.pages, extends: true, tried };
}
