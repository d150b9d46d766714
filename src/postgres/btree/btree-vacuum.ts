/**
 * What vacuum does to a b-tree (nbtree.c:btvacuumscan): it reads every page of the file in physical
 * order and takes out the entries of the row pointers that it collected; a leaf that is empty then
 * is unlinked from its parent and its level. The file does not shrink.
 */

import type { WalRecord } from '../heap/wal-record.ts';
import type { BTree } from './btree.ts';
import * as records from './btree-records.ts';

/** Changed leaves with entries that a vacuum at this horizon removes, in the order of blocks. */
export function leavesToVacuum(tree: BTree, horizon: number): number[] {
  const { leaves } = tree;
  if (!leaves) return [];
  const found: number[] = [];
  for (const entry of leaves.entries()) {
    if (tree.dead.countBelow(leaves.deadHead[entry]!, horizon) > 0) found.push(entry);
  }
  return found.sort((a, b) => leaves.block[a]! - leaves.block[b]!);
}

/**
 * Visits a leaf: entries whose versions ended before the horizon go, at most so many. The leaf is
 * unlinked if that empties it, unless it is the rightmost or the root.
 */
export function vacuumLeaf(
  tree: BTree,
  leaf: number,
  horizon: number,
  limit = Number.POSITIVE_INFINITY,
): { removed: number; records: WalRecord[] } {
  const leaves = tree.leaves!;
  const removed = tree.remove(leaf, horizon, limit);
  if (removed === 0) return { removed, records: [] };
  const list = [records.vacuumRecord(tree.pageOf(leaves, leaf), removed)];
  const isDeletable = tree.height > 0 && !leaves.isRightmost(leaf) && leaves.unlinked[leaf] === 0;
  if (leaves.items[leaf] === 0 && isDeletable) list.push(...unlink(tree, leaf));
  return { removed, records: list };
}

function unlink(tree: BTree, leaf: number): WalRecord[] {
  const leaves = tree.leaves!;
  const parents = tree.levels[1]!;
  leaves.unlinked[leaf] = 1;
  const lower = Math.max(0, leaves.lower[leaf]!);
  const left = lower > 0 ? leaves.touch(lower - 1) : -1;
  return records.unlinkRecords(
    tree.pageOf(leaves, leaf),
    tree.pageOf(parents, parents.touch(lower)),
    left >= 0 ? tree.pageOf(leaves, left) : null,
    tree.pageOf(leaves, leaves.touch(leaves.upper[leaf]!)),
  );
}
