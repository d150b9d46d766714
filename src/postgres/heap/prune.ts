/**
 * Pruning: removing the versions of a page that nobody can see any more (pruneheap.c). It happens
 * when a query reads a page that is short of space, and when vacuum visits it.
 *
 * A version in the middle of a chain goes with its tuple and, if it was heap-only, with its line
 * pointer; the root's pointer becomes a redirect to what is left. At the end of a chain the root's
 * pointer must stay as a dead stub of 4 bytes, as index entries point to it; vacuum takes it later.
 */

import { CHAIN_END, type DeadVersions, HEAP_ONLY, ROOT } from './dead-versions.ts';
import { PAGE_BYTES, reservedBytes } from './page-layout.ts';
import { PAGE_FULL, type PagePopulation } from './page-population.ts';

export interface Pruning {
  /** Versions removed. */
  readonly removed: number;
  /** What happened to line pointers, as the WAL record lists it. */
  readonly redirected: number;
  readonly dead: number;
  readonly unused: number;
  /** The newest transaction whose end this made invisible: standbys' snapshots must be newer. */
  readonly conflictXid: number;
}

/**
 * Whether a query that reads the page prunes it (pruneheap.c:heap_page_prune_opt): its hint (0 for
 * none) is older than the horizon, and an update found it full or it has less room than the
 * fillfactor's reserve or a tenth of the page. The cleanup lock that it also needs is the caller's
 * matter.
 */
export function prunesOnAccess(
  pruneXid: number,
  horizon: number,
  isFull: boolean,
  freeBytes: number,
  fillfactor: number,
): boolean {
  if (pruneXid === 0 || pruneXid >= horizon) return false;
  return isFull || freeBytes < Math.max(reservedBytes(fillfactor), Math.floor(PAGE_BYTES / 10));
}

/** Prunes a changed page; null if there was nothing to remove, which still renews its hint. */
export function prunePage(
  pages: PagePopulation,
  versions: DeadVersions,
  entry: number,
  horizon: number,
): Pruning | null {
  pages.deadHead[entry] = versions.removeBelow(pages.deadHead[entry]!, horizon);
  const roots = versions.removed[ROOT]!;
  const lastRoots = versions.removed[ROOT | CHAIN_END]!;
  const heapOnly = versions.removed[HEAP_ONLY]!;
  const lastHeapOnly = versions.removed[HEAP_ONLY | CHAIN_END]!;
  const removed = roots + lastRoots + heapOnly + lastHeapOnly;
  const unused = heapOnly + lastHeapOnly;
  const ends = lastRoots + lastHeapOnly;
  pages.pruneXid[entry] = versions.oldest(pages.deadHead[entry]!);
  pages.flags[entry] = pages.flags[entry]! & ~PAGE_FULL;
  if (removed === 0) return null;
  pages.dead[entry] = pages.dead[entry]! - removed;
  pages.unused[entry] = pages.unused[entry]! + unused;
  pages.stubs[entry] = pages.stubs[entry]! + ends;
  const redirects = pages.redirects[entry]! + roots - lastHeapOnly;
  pages.redirects[entry] = redirects;
  const redirected = Math.min(roots + heapOnly, redirects);
  const conflictXid = versions.newestRemovedXid;
  return { removed, redirected, dead: ends, unused, conflictXid };
}

/**
 * The second pass of vacuum over a page: its stubs become unused pointers. Since version 14 those
 * at the end of the array are given back, all but one (bufpage.c:PageTruncateLinePointerArray); as
 * the order of pointers is not kept, their number is the mean run at the end of a random order.
 * Returns how many stubs there were.
 */
export function reclaimStubs(pages: PagePopulation, entry: number, version: number): number {
  const stubs = pages.stubs[entry]!;
  pages.stubs[entry] = 0;
  const unused = pages.unused[entry]! + stubs;
  const inUse = pages.pointers[entry]! - unused;
  let returned = 0;
  if (version >= 14 && stubs > 0) {
    returned = inUse === 0 ? unused - 1 : Math.floor(unused / (inUse + 1));
  }
  pages.unused[entry] = unused - returned;
  pages.pointers[entry] = pages.pointers[entry]! - returned;
  return stubs;
}
