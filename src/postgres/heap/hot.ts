/**
 * HOT, heap-only tuples: an update that changes no indexed column and finds room on the page of the
 * old version needs no index entries; the chain of versions is followed within the page (heapam.c:
 * heap_update, access/heap/README.HOT).
 */

export type Placement =
  /** Same page, no index entries. */
  | 'hot'
  /** Same page, but every index gets an entry. */
  | 'same page'
  /** Another page, and every index gets an entry. */
  | 'other page';

/**
 * Where an update's new version, of so many aligned bytes, goes. The fillfactor's reserve on the
 * page of the old version counts as room: it is there for this. Since version 16 columns that only
 * summarising indexes (BRIN) have do not count as indexed.
 */
export function placementOf(
  tupleBytes: number,
  freeBytes: number,
  changesIndexedColumn: boolean,
): Placement {
  if (tupleBytes > freeBytes) return 'other page';
  return changesIndexedColumn ? 'same page' : 'hot';
}
