/**
 * What vacuum does to one heap page: the first pass prunes it, freezes old versions and sets its
 * bits in the visibility map (vacuumlazy.c:lazy_scan_prune); the second, after the indexes, frees
 * its dead line pointers (lazy_vacuum_heap_page).
 */

import { versionsToFreeze } from './freezing.ts';
import type { Heap } from './heap.ts';
import * as records from './heap-records.ts';
import { ALL_FROZEN, ALL_VISIBLE } from './page-population.ts';
import { reclaimStubs } from './prune.ts';
import { mapBlockOf } from './visibility-map.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

export interface PageCutoffs {
  readonly horizon: number;
  readonly freezeLimit: number;
  readonly hasChecksums: boolean;
  /** Whether a record's change of this page is logged as an image now. */
  readonly isImaged: (block: RegisteredBlock) => boolean;
}

export interface PageVisit {
  readonly removed: number;
  readonly frozen: number;
  /** Dead line pointers that wait for the indexes. */
  readonly stubs: number;
  readonly records: readonly WalRecord[];
}

/** The first pass over a changed page, with its cleanup lock. */
export function scanPage(heap: Heap, entry: number, cutoffs: PageCutoffs): PageVisit {
  const { version } = heap.definition;
  const pages = heap.changed;
  const block = pages.block[entry]!;
  const list: WalRecord[] = [];
  const pruning = heap.prune(entry, cutoffs.horizon);
  const pruned = pruning ? heap.pruneRecord(block, pruning) : null;
  const wasImaged = pruned !== null && cutoffs.isImaged(pruned.blocks[0]!);
  const frozen = freezePage(heap, entry, cutoffs, version >= 16 && wasImaged);
  const frozenBefore = frozen > 0 ? freezeHorizon(heap, entry, cutoffs) : 0;
  if (version >= 17 && (pruning || frozen > 0)) {
    list.push(heap.pruneRecord(block, pruning ?? NO_POINTERS, frozen, frozenBefore));
  } else {
    if (pruned) list.push(pruned);
    if (frozen > 0) {
      list.push(records.freezeRecord(heap.image(block), frozen, version, frozenBefore));
    }
  }
  const stubs = pages.stubs[entry]!;
  if (stubs === 0) markVisible(heap, entry, cutoffs, list);
  return { removed: pruning?.removed ?? 0, frozen, stubs, records: list };
}

/** The second pass: stubs become unused pointers, and the page may now be all-visible. */
export function reclaimPage(heap: Heap, entry: number, cutoffs: PageCutoffs): PageVisit {
  const block = heap.changed.block[entry]!;
  const stubs = reclaimStubs(heap.changed, entry, heap.definition.version);
  heap.stubs -= stubs;
  if (stubs === 0) return { removed: 0, frozen: 0, stubs, records: [] };
  const list = [records.vacuumRecord(heap.image(block), stubs, heap.definition.version)];
  markVisible(heap, entry, cutoffs, list);
  return { removed: 0, frozen: 0, stubs, records: list };
}

/** Rows that were loaded before the run bear this id, which no snapshot has seen running. */
const LOADED_BEFORE = 3;
const NO_POINTERS = { removed: 0, redirected: 0, dead: 0, unused: 0, conflictXid: 0 };

/**
 * What snapshots conflict with the freezing of a page: up to 15 all older than FreezeLimit; then
 * those that do not see all of it, if it is frozen as a whole, else all older than the horizon
 * (vacuumlazy.c: lazy_scan_prune).
 */
function freezeHorizon(heap: Heap, entry: number, cutoffs: PageCutoffs): number {
  if (heap.definition.version < 16) return cutoffs.freezeLimit - 1;
  const pages = heap.changed;
  const isWhole = pages.dead[entry] === 0 && pages.oldestXid[entry] === 0;
  return isWhole ? pages.newestXid[entry]! : cutoffs.horizon - 1;
}

/** `eagerly`: all versions at any age, if all of them can be frozen (since version 16). */
function freezePage(heap: Heap, entry: number, cutoffs: PageCutoffs, eagerly: boolean): number {
  const pages = heap.changed;
  const newestXid = pages.newestXid[entry]!;
  const isSettled = pages.dead[entry] === 0 && newestXid < cutoffs.horizon;
  const limit = eagerly && isSettled ? cutoffs.horizon : cutoffs.freezeLimit;
  const versions = {
    live: pages.live[entry]!,
    unfrozen: pages.unfrozen[entry]!,
    oldestXid: pages.oldestXid[entry]!,
    newestXid,
  };
  const frozen = versionsToFreeze(versions, limit);
  if (frozen === 0) return 0;
  const isAll = newestXid < limit;
  pages.unfrozen[entry] = isAll ? 0 : pages.unfrozen[entry]! - frozen;
  pages.oldestXid[entry] = isAll ? 0 : limit;
  return frozen;
}

function markVisible(heap: Heap, entry: number, cutoffs: PageCutoffs, list: WalRecord[]): void {
  const pages = heap.changed;
  if (pages.dead[entry] !== 0 || pages.newestXid[entry]! >= cutoffs.horizon) return;
  const isFrozen = pages.oldestXid[entry] === 0 || pages.live[entry] === 0;
  const bits = ALL_VISIBLE | (isFrozen ? ALL_FROZEN : 0);
  const flags = pages.flags[entry]!;
  if ((flags & (ALL_VISIBLE | ALL_FROZEN)) >= bits) return;
  heap.visibility.set(entry, isFrozen);
  const block = pages.block[entry]!;
  const { hasChecksums } = cutoffs;
  const newest = pages.newestXid[entry]!;
  list.push(records.visibleRecord(heap.image(block), mapBlockOf(block), hasChecksums, newest));
}

/**
 * What the first pass does to every page of a run that is as loading left it: the records of one.
 */
export function scanLoaded(
  heap: Heap,
  block: number,
  cutoffs: PageCutoffs,
): { frozen: number; visible: boolean; records: readonly WalRecord[] } {
  const pages = heap.changed;
  const { xid } = pages.loaded;
  const flags = pages.flagsOf(block);
  const rows = pages.loadedRows(block);
  const isFrozen = (flags & ALL_FROZEN) !== 0;
  const frozen = !isFrozen && xid < cutoffs.freezeLimit ? rows : 0;
  const image = heap.image(block);
  const list: WalRecord[] = [];
  const { version } = heap.definition;
  const newest = xid > LOADED_BEFORE ? xid : 0;
  if (frozen > 0 && version >= 17) {
    list.push(heap.pruneRecord(block, NO_POINTERS, frozen, newest));
  } else if (frozen > 0) list.push(records.freezeRecord(image, frozen, version, newest));
  const visible = xid < cutoffs.horizon;
  const gainsBit = (visible && (flags & ALL_VISIBLE) === 0) || frozen > 0;
  if (gainsBit) {
    list.push(records.visibleRecord(image, mapBlockOf(block), cutoffs.hasChecksums, newest));
  }
  return { frozen, visible, records: list };
}
