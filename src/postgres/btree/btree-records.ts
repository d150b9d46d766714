/**
 * WAL records of b-tree operations, with the sizes of access/nbtxlog.h; compared with pg_waldump of
 * version 15.
 */

import type { RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import { PAGE_OVERHEAD_BYTES } from './btree-layout.ts';

const XL_BTREE_INSERT = 2;
const XL_BTREE_SPLIT = 10;
const XL_BTREE_NEWROOT = 8;
const XL_BTREE_METADATA = 28;
const XL_BTREE_VACUUM = 4;
const XL_BTREE_DEDUP = 2;
const XL_BTREE_MARK_PAGE_HALFDEAD = 20;
const XL_BTREE_UNLINK_PAGE = 36;

/** A page of an index as a record registers it. */
export interface IndexPage {
  readonly relation: number;
  readonly block: number;
  /** Entries and high key, after the change. */
  readonly usedBytes: number;
}

function block(page: IndexPage, dataBytes: number, neverImaged = false): RegisteredBlock {
  const pageBytes = PAGE_OVERHEAD_BYTES + page.usedBytes;
  const { relation } = page;
  return { relation, fork: 'main', block: page.block, dataBytes, pageBytes, neverImaged };
}

export function leafInsertRecord(page: IndexPage, tupleBytes: number): WalRecord {
  const blocks = [block(page, tupleBytes)];
  return { kind: 'Btree/INSERT_LEAF', mainBytes: XL_BTREE_INSERT, blocks };
}

/** The downlink of a new page; its child's flag "split not finished" goes with it. */
export function upperInsertRecord(
  page: IndexPage,
  child: IndexPage,
  tupleBytes: number,
): WalRecord {
  const blocks = [block(page, tupleBytes), block(child, 0)];
  return { kind: 'Btree/INSERT_UPPER', mainBytes: XL_BTREE_INSERT, blocks };
}

/**
 * A split logs the whole new right page, its high key included, and of the left page the new high
 * key and the new entry if it went there.
 */
export function splitRecord(split: {
  readonly left: IndexPage;
  readonly right: IndexPage;
  /** The right sibling, unless the page was the rightmost. */
  readonly sibling: IndexPage | null;
  readonly newEntryIsLeft: boolean;
  readonly tupleBytes: number;
  /** Tuples on the right page, without their line pointers. */
  readonly rightTuplesBytes: number;
}): WalRecord {
  const { left, right, sibling, newEntryIsLeft, tupleBytes, rightTuplesBytes } = split;
  const leftData = tupleBytes * (newEntryIsLeft ? 2 : 1);
  const blocks = [block(left, leftData), block(right, rightTuplesBytes, true)];
  if (sibling) blocks.push(block(sibling, 0));
  const kind = newEntryIsLeft ? 'Btree/SPLIT_L' : 'Btree/SPLIT_R';
  return { kind, mainBytes: XL_BTREE_SPLIT, blocks };
}

/** A new root above the old one (`child`), or the first page of an empty index (null). */
export function newRootRecord(
  root: IndexPage,
  child: IndexPage | null,
  tupleBytes: number,
): WalRecord {
  const meta = { relation: root.relation, block: 0, usedBytes: 56 };
  const minusInfinityBytes = 8;
  const rootData = child ? minusInfinityBytes + tupleBytes : 0;
  const blocks = [block(root, rootData, true)];
  if (child) blocks.push(block(child, 0));
  blocks.push(block(meta, XL_BTREE_METADATA, true));
  return { kind: 'Btree/NEWROOT', mainBytes: XL_BTREE_NEWROOT, blocks };
}

/** Dead entries removed by an insert that needs room; version 16 and later note one byte more. */
export function deleteRecord(
  page: IndexPage,
  entries: number,
  version: number,
  snapshotConflictHorizon = 0,
): WalRecord {
  const mainBytes = version < 14 ? 8 : version < 16 ? 8 : 9;
  const blocks = [block(page, 2 * entries)];
  return { kind: 'Btree/DELETE', mainBytes, blocks, snapshotConflictHorizon };
}

export function vacuumRecord(page: IndexPage, entries: number): WalRecord {
  const blocks = [block(page, 2 * entries)];
  return { kind: 'Btree/VACUUM', mainBytes: XL_BTREE_VACUUM, blocks, needsCleanupLock: true };
}

/** Duplicates merged: 4 bytes for each posting list made. */
export function deduplicateRecord(page: IndexPage, postingLists: number): WalRecord {
  const blocks = [block(page, 4 * postingLists)];
  return { kind: 'Btree/DEDUP', mainBytes: XL_BTREE_DEDUP, blocks };
}

/** Vacuum takes an empty leaf out of the tree: out of its parent, then out of its level. */
export function unlinkRecords(
  leaf: IndexPage,
  parent: IndexPage,
  left: IndexPage | null,
  right: IndexPage,
): WalRecord[] {
  const gone = block(leaf, 0, true);
  const halfDead = [gone, block(parent, 0)];
  const unlinked = left ? [gone, block(left, 0), block(right, 0)] : [gone, block(right, 0)];
  return [
    {
      kind: 'Btree/MARK_PAGE_HALFDEAD',
      mainBytes: XL_BTREE_MARK_PAGE_HALFDEAD,
      blocks: halfDead,
    },
    { kind: 'Btree/UNLINK_PAGE', mainBytes: XL_BTREE_UNLINK_PAGE, blocks: unlinked },
  ];
}
