/**
 * WAL records of heap operations, with the sizes of access/heapam_xlog.h. All figures for version
 * 15 were compared with pg_waldump; 16 and 17 follow their headers.
 */

import { align, TUPLE_HEADER_BYTES } from './page-layout.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

/** xl_heap_header: the part of a tuple's header that cannot be derived. */
const HEADER_IN_RECORD = 5;
/** xl_multi_insert_tuple. */
const HEADER_IN_MULTI_INSERT = 7;
const XL_HEAP_INSERT = 3;
const XL_HEAP_UPDATE = 14;
const XL_HEAP_DELETE = 8;
const XL_HEAP_LOCK = 8;
const XL_HEAP_MULTI_INSERT = 4;
const XL_HEAP_CONFIRM = 2;
const XL_HEAP_VISIBLE = 5;
const FREEZE_TUPLE = 12;

/** A heap page as a record registers it. */
export interface PageImage {
  readonly relation: number;
  readonly block: number;
  /** The page after the change, without its hole. */
  readonly pageBytes: number;
  /** The record initialises the page. */
  readonly isNew: boolean;
}

function block(page: PageImage, dataBytes: number): RegisteredBlock {
  const { relation, pageBytes, isNew } = page;
  return {
    relation,
    fork: 'main',
    block: page.block,
    dataBytes,
    pageBytes,
    neverImaged: isNew,
  };
}

function tupleInRecord(tupleBytes: number): number {
  return HEADER_IN_RECORD + tupleBytes - TUPLE_HEADER_BYTES;
}

export function insertRecord(page: PageImage, tupleBytes: number): WalRecord {
  const kind = page.isNew ? 'Heap/INSERT+INIT' : 'Heap/INSERT';
  const blocks = [block(page, tupleInRecord(tupleBytes))];
  return { kind, mainBytes: XL_HEAP_INSERT, blocks };
}

/** One page of a COPY; without initialising the page, the offsets of the tuples are listed too. */
export function multiInsertRecord(page: PageImage, tupleBytes: number, rows: number): WalRecord {
  const body = HEADER_IN_MULTI_INSERT + tupleBytes - TUPLE_HEADER_BYTES;
  const padded = body + (body & 1);
  const dataBytes = padded * (rows - 1) + body;
  const mainBytes = XL_HEAP_MULTI_INSERT + (page.isNew ? 0 : 2 * rows);
  const kind = page.isNew ? 'Heap2/MULTI_INSERT+INIT' : 'Heap2/MULTI_INSERT';
  return { kind, mainBytes, blocks: [block(page, dataBytes)] };
}

/**
 * An update whose new version is on the same page. At `wal_level` below logical what both versions
 * begin and end with is left out, and two lengths of 2 bytes tell how much; `changedBytes` is the
 * span from the first to the last byte that differs, without the tuple's header.
 */
export function samePageUpdateRecord(
  page: PageImage,
  update: { hot: boolean; tupleBytes: number; changedBytes: number; logical: boolean },
): WalRecord {
  const kind = update.hot ? 'Heap/HOT_UPDATE' : 'Heap/UPDATE';
  const whole = tupleInRecord(update.tupleBytes);
  const elided = HEADER_IN_RECORD + 4 + update.changedBytes + 1;
  const dataBytes = update.logical ? whole : Math.min(whole, elided);
  return { kind, mainBytes: XL_HEAP_UPDATE, blocks: [block(page, dataBytes)] };
}

/** An update to another page: the whole new version, and a reference to the old page. */
export function movingUpdateRecord(
  newPage: PageImage,
  oldPage: PageImage,
  tupleBytes: number,
): WalRecord {
  const kind = newPage.isNew ? 'Heap/UPDATE+INIT' : 'Heap/UPDATE';
  const blocks = [block(newPage, tupleInRecord(tupleBytes)), block(oldPage, 0)];
  return { kind, mainBytes: XL_HEAP_UPDATE, blocks };
}

/** What ends a speculative insertion (INSERT ... ON CONFLICT): the offset of the tuple. */
export function confirmRecord(page: PageImage): WalRecord {
  return { kind: 'Heap/HEAP_CONFIRM', mainBytes: XL_HEAP_CONFIRM, blocks: [block(page, 0)] };
}

export function deleteRecord(page: PageImage): WalRecord {
  return { kind: 'Heap/DELETE', mainBytes: XL_HEAP_DELETE, blocks: [block(page, 0)] };
}

/** SELECT FOR UPDATE, and what an update logs before it leaves the page to find room elsewhere. */
export function lockRecord(page: PageImage): WalRecord {
  return { kind: 'Heap/LOCK', mainBytes: XL_HEAP_LOCK, blocks: [block(page, 0)] };
}

/** What pruning did to a page's line pointers. */
export interface PrunedPointers {
  readonly redirected: number;
  readonly dead: number;
  readonly unused: number;
  /** The newest transaction whose versions go; 0 if none do. */
  readonly conflictXid?: number;
}

const sublist = (items: number, itemBytes: number) => (items > 0 ? 2 + items * itemBytes : 0);

/**
 * Pruning of one page. Up to 15 the main data is 8 bytes, in 16 it is 9; since 17 it is 2, and 4
 * for the conflict horizon, and each list has its length. `frozen` tuples are part of it since 17,
 * `frozenBefore` the newest snapshot that could still tell.
 */
export function pruneRecord(
  page: PageImage,
  pruned: PrunedPointers,
  version: number,
  frozen = 0,
  frozenBefore = 0,
): WalRecord {
  const { redirected, dead, unused, conflictXid = 0 } = pruned;
  const snapshotConflictHorizon = Math.max(conflictXid, frozenBefore);
  if (version < 17) {
    const dataBytes = 4 * redirected + 2 * dead + 2 * unused;
    const mainBytes = version < 16 ? 8 : 9;
    const blocks = [block(page, dataBytes)];
    const needsCleanupLock = true;
    return { kind: 'Heap2/PRUNE', mainBytes, blocks, snapshotConflictHorizon, needsCleanupLock };
  }
  const needsCleanupLock = redirected + dead + unused > 0;
  const plans = frozen > 0 ? 4 + FREEZE_TUPLE + 2 * frozen : 0;
  const dataBytes = plans + sublist(redirected, 4) + sublist(dead, 2) + sublist(unused, 2);
  const blocks = [block(page, dataBytes)];
  return { kind: 'Heap2/PRUNE', mainBytes: 6, blocks, snapshotConflictHorizon, needsCleanupLock };
}

/** The second pass over a page: its dead line pointers become unused. */
export function vacuumRecord(page: PageImage, unused: number, version: number): WalRecord {
  const dataBytes = 2 * unused + (version < 17 ? 0 : 2);
  return { kind: 'Heap2/VACUUM', mainBytes: 2, blocks: [block(page, dataBytes)] };
}

/** Freezing up to 15: 12 bytes a tuple; in 16 one plan of 12 for all, and 2 a tuple. */
export function freezeRecord(
  page: PageImage,
  tuples: number,
  version: number,
  snapshotConflictHorizon = 0,
): WalRecord {
  const dataBytes = version < 16 ? FREEZE_TUPLE * tuples : FREEZE_TUPLE + 2 * tuples;
  const mainBytes = version < 16 ? 6 : 8;
  const blocks = [block(page, dataBytes)];
  return { kind: 'Heap2/FREEZE_PAGE', mainBytes, blocks, snapshotConflictHorizon };
}

/**
 * Bits set in the visibility map; the heap page gets no image of its own unless checksums are on,
 * as its only change is a hint.
 */
export function visibleRecord(
  page: PageImage,
  mapBlock: number,
  hasChecksums: boolean,
  snapshotConflictHorizon = 0,
): WalRecord {
  const { relation } = page;
  const map: RegisteredBlock = {
    relation,
    fork: 'visibility map',
    block: mapBlock,
    dataBytes: 0,
    pageBytes: align(8192),
    neverImaged: false,
  };
  const heap = { ...block(page, 0), neverImaged: !hasChecksums };
  const blocks = [map, heap];
  return { kind: 'Heap2/VISIBLE', mainBytes: XL_HEAP_VISIBLE, blocks, snapshotConflictHorizon };
}

/** The end of the file after vacuum cut it (catalog/storage_xlog.h:xl_smgr_truncate). */
export function truncateRecord(): WalRecord {
  return { kind: 'Storage/TRUNCATE', mainBytes: 20, blocks: [] };
}
