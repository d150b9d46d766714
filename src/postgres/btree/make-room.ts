/**
 * What an insert does on a full leaf before it splits it
 * (nbtinsert.c:_bt_delete_or_dedup_one_page): it removes entries that scans have marked dead; since
 * version 14, for a new version of a row whose key did not change, it looks up old versions in the
 * heap and removes the entries of those that nobody can see (bottom-up deletion,
 * nbtdedup.c:_bt_bottomupdel_pass); then it merges duplicates.
 *
 * Counts are exact; which entries share a heap page is not kept, so that bottom-up deletion, which
 * looks at six heap pages, finds one row's versions on each.
 */

import { type DeadVersions, LEAF_ENTRY } from '../heap/dead-versions.ts';
import type { BTreeLevel } from './btree-level.ts';
import { deduplicated } from './deduplication.ts';

/** nbtree.h: BOTTOMUP_MAX_NBLOCKS. */
const BOTTOM_UP_HEAP_PAGES = 6;

/** Takes removable entries off a leaf, at most so many; duplicates go before keys do. */
export function removeEntries(
  leaves: BTreeLevel,
  dead: DeadVersions,
  leaf: number,
  horizon: number,
  limit: number,
): number {
  const most = Math.min(limit, leaves.items[leaf]!);
  leaves.deadHead[leaf] = dead.removeBelow(leaves.deadHead[leaf]!, horizon, most);
  const removed = dead.removed[LEAF_ENTRY]!;
  leaves.known[leaf] = Math.max(0, leaves.known[leaf]! - removed);
  if (removed === 0) return 0;
  const items = leaves.items[leaf]!;
  const used = leaves.usedBytes[leaf]!;
  leaves.usedBytes[leaf] = items === removed ? 0 : used - Math.round((used * removed) / items);
  leaves.items[leaf] = items - removed;
  leaves.keys[leaf] = Math.min(leaves.keys[leaf]!, items - removed);
  return removed;
}

/** The most entries that one bottom-up deletion of a leaf removes. */
export function bottomUpLimit(
  leaves: BTreeLevel,
  dead: DeadVersions,
  leaf: number,
  horizon: number,
): number {
  const removable = dead.countBelow(leaves.deadHead[leaf]!, horizon);
  const duplicates = Math.max(1, leaves.items[leaf]! - leaves.keys[leaf]!);
  const rowsWithVersions = Math.max(1, Math.min(leaves.keys[leaf]!, duplicates));
  return BOTTOM_UP_HEAP_PAGES * Math.max(1, Math.round(removable / rowsWithVersions));
}

/** Merges a leaf's duplicates if that frees anything; returns the posting lists made, or 0. */
export function deduplicate(leaves: BTreeLevel, leaf: number, keyBytes: number): number {
  const merged = deduplicated(leaves.keys[leaf]!, leaves.items[leaf]!, keyBytes);
  if (merged.bytes >= leaves.usedBytes[leaf]!) return 0;
  leaves.usedBytes[leaf] = merged.bytes;
  return Math.max(1, merged.postingLists);
}
