/**
 * What a heap is made of, what its operations are told, and what they tell their caller to do.
 */

import type { Lsn } from '../lsn.ts';
import type { FoundPage, InsertTarget } from './insert-page.ts';
import type { WalRecord } from './wal-record.ts';

export interface HeapDefinition {
  /** The relation's number in WAL records. */
  readonly relation: number;
  /** Rows that loading puts into it. */
  readonly rows: number;
  /** One tuple with its header, not aligned (t_len). */
  readonly tupleBytes: number;
  readonly fillfactor: number;
  readonly version: number;
  /** Without an index nobody looks a row up: inserted rows' places are not remembered. */
  readonly isIndexed: boolean;
  readonly isLogical?: boolean;
  readonly loadedXid?: number;
  readonly loadedLsn?: Lsn;
  /** VACUUM, or COPY FREEZE, ran after loading. */
  readonly isVacuumed?: boolean;
  readonly isFrozen?: boolean;
}

/** Who acts: its xid, and the horizon below which versions can be removed. */
export interface Actor {
  readonly xid: number;
  readonly horizon: number;
}

export interface UpdateHow extends Actor {
  readonly changesIndexedColumn: boolean;
  /** From the first to the last byte of the row that changes. */
  readonly changedBytes: number;
  readonly target: InsertTarget;
}

/** What one operation did, and what its caller has to do. */
export interface HeapChange {
  readonly kind: 'insert' | 'update' | 'delete' | 'lock';
  readonly row: number;
  readonly xid: number;
  /** The page of the version that was there; of the new one for an insert. */
  readonly block: number;
  /** The page of the new version; the same for a delete or a lock. */
  readonly newBlock: number;
  readonly hot: boolean;
  readonly extends: boolean;
  /** Pages that an index scan of the key visited before, for versions left behind. */
  readonly visited: readonly number[];
  /** Index entries that the scan marked dead (LP_DEAD). */
  readonly marked: number;
  /** Pages read in the search for room. */
  readonly tried: readonly number[];
  readonly records: readonly WalRecord[];
  /** For undoing: the old version was heap-only. */
  readonly wasHeapOnly: boolean;
}

/** A row found, on its page; -1 if it does not live. */
export interface Found {
  readonly block: number;
  /** Pages that an index scan of the key visited before, for versions left behind. */
  readonly visited: readonly number[];
  /** Index entries that the scan marked dead (LP_DEAD). */
  readonly marked: number;
  /** Records of pruning. */
  readonly records: readonly WalRecord[];
  /** The reader sets hint bits on the row's page, which becomes dirty. */
  readonly setsHints: boolean;
}

/** What reading one page led to. */
export interface Fetch {
  readonly record: WalRecord | null;
  /** The reader sets hint bits, and the page becomes dirty. */
  readonly setsHints: boolean;
}

export const NOTHING: readonly number[] = [];

/** What an insert did. */
export function inserted(
  row: number,
  xid: number,
  found: FoundPage,
  record: WalRecord,
): HeapChange {
  const { block, tried } = found;
  return {
    kind: 'insert',
    row,
    xid,
    block,
    newBlock: block,
    hot: false,
    extends: found.extends,
    visited: NOTHING,
    marked: 0,
    tried,
    records: [record],
    wasHeapOnly: false,
  };
}

/** What a change did that leaves the row where it is. */
export function inPlace(
  kind: 'delete' | 'lock',
  row: number,
  xid: number,
  found: Pick<Found, 'block' | 'visited' | 'marked'>,
  list: readonly WalRecord[],
  wasHeapOnly: boolean,
): HeapChange {
  const { block, visited, marked } = found;
  return {
    kind,
    row,
    xid,
    block,
    newBlock: block,
    hot: false,
    extends: false,
    visited,
    marked,
    tried: NOTHING,
    records: list,
    wasHeapOnly,
  };
}
