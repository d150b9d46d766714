/**
 * The layout of a heap page, as arithmetic (storage/bufpage.h, access/htup_details.h).
 *
 * A page of 8192 bytes has a header of 24, an array of line pointers of 4 bytes that grows upwards,
 * and tuples that grow downwards, each aligned to 8. What lies between is the hole: free space, and
 * what a full-page image leaves out. Everything here is exact for tuples of one width.
 */

export const PAGE_BYTES = 8192;
export const PAGE_HEADER_BYTES = 24;
export const LINE_POINTER_BYTES = 4;
/** The fixed part of a tuple's header; with a null bitmap or not it is padded to 24 at least. */
export const TUPLE_HEADER_BYTES = 23;
/** bufpage.h:MaxHeapTuplesPerPage. */
export const MAX_LINE_POINTERS = 291;
/** htup_details.h:MaxHeapTupleSize: what one tuple can have on an otherwise empty page. */
const MAX_TUPLE_BYTES = 8160;

/** Rounds up to the machine's alignment of 8 bytes (c.h:MAXALIGN). */
export function align(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Bytes that inserts leave free on a page so that updates find room, by the fillfactor in %. */
export function reservedBytes(fillfactor: number): number {
  return Math.floor((PAGE_BYTES * (100 - fillfactor)) / 100);
}

/** What is in use on a page, header included: 8192 without the hole. */
export function usedBytes(pointers: number, tuples: number, tupleBytes: number): number {
  return PAGE_HEADER_BYTES + pointers * LINE_POINTER_BYTES + tuples * align(tupleBytes);
}

/**
 * Bytes that a new tuple may have (bufpage.c:PageGetHeapFreeSpace): the hole less one line pointer,
 * which is set aside even if an unused one could be taken again, and nothing if all are taken.
 */
export function freeBytes(
  pointers: number,
  unusedPointers: number,
  tuples: number,
  tupleBytes: number,
): number {
  if (pointers >= MAX_LINE_POINTERS && unusedPointers === 0) return 0;
  const hole = PAGE_BYTES - usedBytes(pointers, tuples, tupleBytes);
  return Math.max(0, hole - LINE_POINTER_BYTES);
}

/**
 * How many rows COPY puts on a page (heapam.c:heap_multi_insert): one always, and more as long as
 * the reserve of the fillfactor stays free.
 */
export function loadedRowsPerPage(tupleBytes: number, fillfactor: number): number {
  const need = align(tupleBytes) + reservedBytes(fillfactor);
  let rows = 1;
  while (freeBytes(rows, 0, rows, tupleBytes) >= need) rows++;
  return rows;
}

/**
 * The free space that an insert looks for (hio.c:RelationGetBufferForTuple): the tuple and the
 * reserve; a tuple too large for both wants a page that is empty but for some line pointers.
 */
export function wantedFreeBytes(tupleBytes: number, fillfactor: number): number {
  const nearlyEmpty = MAX_TUPLE_BYTES - Math.floor(MAX_LINE_POINTERS / 8) * LINE_POINTER_BYTES;
  const length = align(tupleBytes);
  const wanted = length + reservedBytes(fillfactor);
  return wanted > nearlyEmpty ? Math.max(length, nearlyEmpty) : wanted;
}
