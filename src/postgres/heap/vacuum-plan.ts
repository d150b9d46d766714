/**
 * One lazy VACUUM of a table (vacuumlazy.c), as steps that a worker process carries out page by
 * page under its cost limit: the heap is scanned, its dead row pointers are collected; when memory
 * for them is full, or at the end, every index is read in full, and the pages that have them are
 * visited a second time; at last the empty tail of the file may be cut off.
 *
 * `next()` returns one step and applies its changes: how many pages to read from where, whether
 * they become dirty, and the WAL of it. Runs of pages that are all alike are one step. Between two
 * steps the table may change. Left out: parallel index passes, and tables whose lock is lost
 * halfway (the worker just stops asking; what it did stays done).
 */

import type { BTree } from '../btree/btree.ts';
import { leavesToVacuum, vacuumLeaf } from '../btree/btree-vacuum.ts';
import type { Heap } from './heap.ts';
import { truncateRecord } from './heap-records.ts';
import { type PageCutoffs, reclaimPage, scanLoaded, scanPage } from './vacuum-page.ts';
import { ChangedBlocks, SKIP_PAGES_THRESHOLD } from './vacuum-skip.ts';
import type { RegisteredBlock, WalRecord } from './wal-record.ts';

export type VacuumPhase = 'heap scan' | 'index pass' | 'heap second pass' | 'truncation';

export interface VacuumStep {
  readonly phase: VacuumPhase;
  readonly relation: number;
  /** The first page, and how many from there on are read in this order. */
  readonly block: number;
  readonly pages: number;
  /** Pages that the visibility map spared right before. */
  readonly skipped: number;
  /** The pages become dirty. */
  readonly dirties: boolean;
  readonly tuplesRemoved: number;
  readonly tuplesFrozen: number;
  /** Index entries, or dead line pointers in the second pass. */
  readonly entriesRemoved: number;
  /** To be inserted for each of the pages; their blocks are those of the first. */
  readonly records: readonly WalRecord[];
}

export interface VacuumOptions {
  /** OldestXmin when it begins, and versions made before this are frozen. */
  readonly horizon: number;
  readonly freezeLimit: number;
  readonly isAggressive: boolean;
  /** No page is skipped. */
  readonly readsAll?: boolean;
  /** maintenance_work_mem or autovacuum_work_mem. */
  readonly memoryBytes: number;
  /** No index passes, no truncation. */
  readonly isFailsafe?: boolean;
  readonly indexCleanup?: 'auto' | 'on' | 'off';
  readonly hasChecksums?: boolean;
  /** Somebody else's pin keeps the cleanup lock from vacuum now. */
  readonly isPinned?: (block: number) => boolean;
  /**
   * Whether a change of the block is logged as an image (needed since version 16, for freezing).
   */
  readonly isImaged?: (block: RegisteredBlock) => boolean;
}

export interface VacuumSummary {
  scannedPages: number;
  skippedPages: number;
  tuplesRemoved: number;
  tuplesFrozen: number;
  /** On the pages that were read: live versions, and dead ones that somebody may still need. */
  liveTuples: number;
  recentlyDead: number;
  deadPointersRemoved: number;
  indexPasses: number;
  isIndexBypassed: boolean;
  pagesCut: number;
  /** What relfrozenxid becomes; null if it stays. */
  relfrozenxid: number | null;
}

const LONGEST_RUN = 64;
const POINTER_BYTES = 6;
/** Since 17 a radix tree of bitmaps, one for each page: about this much for a pointer. */
const COMPACT_POINTER_BYTES = 2;
const MOST_POINTER_BYTES = 1 << 30;
/** vacuumlazy.c: BYPASS_THRESHOLD_PAGES and the limit beside it. */
const BYPASS_PAGES = 0.02;
const BYPASS_BYTES = 32 * 1024 * 1024;
/** vacuumlazy.c: REL_TRUNCATE_MINIMUM, REL_TRUNCATE_FRACTION. */
const TRUNCATE_PAGES = 1000;
const TRUNCATE_FRACTION = 16;

export class Vacuum {
  readonly summary: VacuumSummary = {
    scannedPages: 0,
    skippedPages: 0,
    tuplesRemoved: 0,
    tuplesFrozen: 0,
    liveTuples: 0,
    recentlyDead: 0,
    deadPointersRemoved: 0,
    indexPasses: 0,
    isIndexBypassed: false,
    pagesCut: 0,
    relfrozenxid: null,
  };
  private readonly heap: Heap;
  private readonly indexes: readonly BTree[];
  private readonly options: VacuumOptions;
  private readonly cutoffs: PageCutoffs;
  private readonly end: number;
  private readonly changed: ChangedBlocks;
  private readonly work: Iterator<VacuumStep>;
  private deadPages: number[] = [];
  private deadPointers = 0;
  private oldestLeft: number;
  private hasSkippedUnfrozen = false;

  constructor(heap: Heap, indexes: readonly BTree[], options: VacuumOptions) {
    this.heap = heap;
    this.indexes = indexes;
    this.options = options;
    this.end = heap.pages;
    this.changed = new ChangedBlocks(heap.changed);
    this.oldestLeft = options.horizon;
    this.cutoffs = {
      horizon: options.horizon,
      freezeLimit: options.freezeLimit,
      hasChecksums: options.hasChecksums ?? false,
      isImaged: options.isImaged ?? (() => false),
    };
    this.work = this.steps();
  }

  /** The next step, applied; null when the vacuum is done. */
  next(): VacuumStep | null {
    const { done, value } = this.work.next();
    return done ? null : value;
  }

  /**
   * The step of truncation has got its AccessExclusiveLock (polled every 50 ms for at most 5 s,
   * given up if somebody waits): the file ends here now.
   */
  truncate(step: VacuumStep): void {
    const { heap } = this;
    for (let block = step.block; block < heap.pages; block++) {
      const entry = heap.changed.find(block);
      if (entry >= 0) heap.changed.forget(entry);
    }
    this.summary.pagesCut += heap.pages - step.block;
    heap.pages = step.block;
    heap.freeSpace.truncate(step.block);
  }

  private *steps(): Generator<VacuumStep> {
    yield* this.scan();
    yield* this.finishIndexes();
    this.summary.relfrozenxid = this.newFrozenXid();
    const first = this.firstEmptyPage();
    if (this.isWorthCutting(first)) {
      const pages = this.heap.pages - first;
      yield this.step('truncation', first, pages, { records: [truncateRecord()] });
    }
  }

  private *scan(): Generator<VacuumStep> {
    const { isAggressive, readsAll = false } = this.options;
    let skipped = 0;
    for (let block = 0; block < this.end; ) {
      const last = this.end - 1;
      const wanted = readsAll ? last : this.changed.nextUnskippable(block, last, isAggressive);
      if (!readsAll && wanted - block >= SKIP_PAGES_THRESHOLD) {
        skipped = wanted - block;
        this.skip(block, wanted);
        block = wanted;
      }
      for (const limit = Math.min(wanted, last) + 1; block < limit; skipped = 0) {
        if (this.isMemoryFull()) yield* this.clean(false);
        const step = this.scanFrom(block, limit, skipped);
        yield step;
        block += step.pages;
      }
    }
  }

  private skip(from: number, to: number): void {
    this.summary.skippedPages += to - from;
    if (this.changed.nextUnskippable(from, to, true) < to) this.hasSkippedUnfrozen = true;
  }

  /** One changed page, or a run of loaded ones that all have the same bits. */
  private scanFrom(block: number, limit: number, skipped: number): VacuumStep {
    const { heap, summary } = this;
    const next = this.changed.nextFrom(block);
    const entry = heap.changed.find(block);
    if (entry >= 0) return this.scanChanged(block, entry, skipped);
    const { visibleBelow, frozenBelow } = heap.changed;
    let end = Math.min(limit, next, block + LONGEST_RUN);
    for (const edge of [visibleBelow, frozenBelow, heap.changed.loaded.pages - 1]) {
      if (edge > block && edge < end) end = edge;
    }
    const pages = end - block;
    const { frozen, visible, records } = scanLoaded(heap, block, this.cutoffs);
    if (visible && visibleBelow === block) heap.changed.visibleBelow = end;
    if (frozen > 0 && frozenBelow === block) heap.changed.frozenBelow = end;
    if (frozen === 0 && heap.changed.frozenBelow < end) this.leave(heap.changed.loaded.xid);
    summary.scannedPages += pages;
    for (let i = 0; i < pages; i++) summary.liveTuples += heap.changed.loadedRows(block + i);
    summary.tuplesFrozen += frozen * pages;
    return this.step('heap scan', block, pages, { skipped, records, frozen: frozen * pages });
  }

  private scanChanged(block: number, entry: number, skipped: number): VacuumStep {
    const { heap, options, summary } = this;
    summary.scannedPages++;
    const pages = heap.changed;
    if (pages.visibleBelow === block) pages.visibleBelow++;
    if (pages.frozenBelow === block) pages.frozenBelow++;
    if (!options.isAggressive && options.isPinned?.(block)) {
      this.countTuples(entry);
      this.leave(pages.oldestXid[entry]!);
      return this.step('heap scan', block, 1, { skipped });
    }
    const visit = scanPage(heap, entry, this.cutoffs);
    this.countTuples(entry);
    const list = [...visit.records];
    this.leave(pages.oldestXid[entry]!);
    summary.tuplesRemoved += visit.removed;
    summary.tuplesFrozen += visit.frozen;
    if (visit.stubs > 0 && this.indexes.length === 0) list.push(...this.reclaim(entry).records);
    else if (visit.stubs > 0) {
      this.deadPages.push(block);
      this.deadPointers += visit.stubs;
    }
    if (pages.stubs[entry] === 0) heap.freeSpace.record(block, heap.freeBytesOf(block));
    const { removed, frozen } = visit;
    return this.step('heap scan', block, 1, { skipped, records: list, removed, frozen });
  }

  private countTuples(entry: number): void {
    this.summary.liveTuples += this.heap.changed.live[entry]!;
    this.summary.recentlyDead += this.heap.changed.dead[entry]!;
  }

  private reclaim(entry: number) {
    const visit = reclaimPage(this.heap, entry, this.cutoffs);
    this.summary.deadPointersRemoved += visit.stubs;
    return visit;
  }

  private isMemoryFull(): boolean {
    const { version } = this.heap.definition;
    if (version >= 17) return this.deadPointers * COMPACT_POINTER_BYTES > this.options.memoryBytes;
    const room = Math.min(this.options.memoryBytes, MOST_POINTER_BYTES);
    return (this.deadPointers + 291) * POINTER_BYTES > room;
  }

  private *finishIndexes(): Generator<VacuumStep> {
    const { indexes, heap, options, summary } = this;
    const isFirst = summary.indexPasses === 0;
    if (indexes.length > 0 && this.deadPointers > 0) {
      const few = this.deadPages.length < this.end * BYPASS_PAGES;
      const small = this.deadPointers * POINTER_BYTES < BYPASS_BYTES;
      const isAuto = (options.indexCleanup ?? 'auto') === 'auto' && heap.definition.version >= 14;
      summary.isIndexBypassed = isFirst && isAuto && few && small;
      const isOff = options.indexCleanup === 'off' || options.isFailsafe === true;
      if (summary.isIndexBypassed || isOff) return;
      yield* this.clean(true);
    }
    if (!options.isPinned) heap.indexesCleanBelow = options.horizon;
  }

  /** All indexes, then the pages with dead pointers. */
  private *clean(isLast: boolean): Generator<VacuumStep> {
    if (this.options.isFailsafe || this.options.indexCleanup === 'off') return;
    this.summary.indexPasses++;
    const most = isLast ? Number.POSITIVE_INFINITY : this.deadPointers;
    for (const index of this.indexes) yield* this.indexPass(index, most);
    const { heap } = this;
    for (const block of this.deadPages) {
      const visit = this.reclaim(heap.changed.touch(block));
      heap.freeSpace.record(block, heap.freeBytesOf(block));
      const { records, stubs } = visit;
      yield this.step('heap second pass', block, 1, { records, entries: stubs });
    }
    this.deadPages = [];
    this.deadPointers = 0;
  }

  private *indexPass(index: BTree, most: number): Generator<VacuumStep> {
    const { relation } = index.definition;
    const end = index.pages;
    let left = most;
    let block = 1;
    for (const leaf of leavesToVacuum(index, this.options.horizon)) {
      const at = index.leaves!.block[leaf]!;
      yield* this.readIndex(relation, block, at);
      const { removed, records } = vacuumLeaf(index, leaf, this.options.horizon, left);
      left -= removed;
      yield this.step('index pass', at, 1, { relation, records, entries: removed });
      block = at + 1;
    }
    yield* this.readIndex(relation, block, end);
  }

  private *readIndex(relation: number, from: number, to: number): Generator<VacuumStep> {
    for (let block = from; block < to; block += LONGEST_RUN) {
      const pages = Math.min(LONGEST_RUN, to - block);
      yield this.step('index pass', block, pages, { relation });
    }
  }

  /** A version that stays unfrozen keeps relfrozenxid back. */
  private leave(oldestXid: number): void {
    if (oldestXid > 0 && oldestXid < this.oldestLeft) this.oldestLeft = oldestXid;
  }

  /**
   * Since version 15 the oldest xid left, if no page was skipped that is not all-frozen; before,
   * the freeze limit, if every page was read or is all-frozen.
   */
  private newFrozenXid(): number | null {
    if (this.hasSkippedUnfrozen) return null;
    return this.heap.definition.version >= 15 ? this.oldestLeft : this.options.freezeLimit;
  }

  private firstEmptyPage(): number {
    const { changed, pages } = this.heap;
    let first = pages;
    while (first > 0) {
      const entry = changed.find(first - 1);
      if (entry < 0) break;
      if (changed.live[entry]! + changed.dead[entry]! + changed.stubs[entry]! > 0) break;
      first--;
    }
    return first;
  }

  private isWorthCutting(first: number): boolean {
    const pages = this.heap.pages - first;
    if (pages === 0 || this.options.isFailsafe) return false;
    return pages >= TRUNCATE_PAGES || pages >= this.heap.pages / TRUNCATE_FRACTION;
  }

  private step(
    phase: VacuumPhase,
    block: number,
    pages: number,
    what: {
      readonly relation?: number;
      readonly skipped?: number;
      readonly records?: readonly WalRecord[];
      readonly removed?: number;
      readonly frozen?: number;
      readonly entries?: number;
    },
  ): VacuumStep {
    const records = what.records ?? [];
    return {
      phase,
      relation: what.relation ?? this.heap.definition.relation,
      block,
      pages,
      skipped: what.skipped ?? 0,
      dirties: records.length > 0 && phase !== 'truncation',
      tuplesRemoved: what.removed ?? 0,
      tuplesFrozen: what.frozen ?? 0,
      entriesRemoved: what.entries ?? 0,
      records,
    };
  }
}
