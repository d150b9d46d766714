/**
 * The dirty pages of the operating system's cache, by file of the file system (1 GB segments).
 *
 * The kernel's flusher wakes every 5 s. It writes files that became dirty more than 30 s ago, and,
 * while over a tenth of the cache is dirty, others, those first that have been dirty longest; in a
 * file, all that is dirty. Over half-way from there to a fifth of the cache, those who write are
 * held up (fs/fs-writeback.c, mm/page-writeback.c; the defaults of vm.dirty_*).
 *
 * Kept: those rules. Left out: limits for each device, bandwidth estimates, and the slices in which
 * the flusher takes turns between files.
 */
import { type Nanoseconds, SECOND } from '../../kernel/index.ts';
import { fileOf, type Page, SEGMENT_BLOCKS } from './page.ts';

/** vm.dirty_writeback_centisecs, vm.dirty_expire_centisecs. */
export const WRITEBACK_INTERVAL: Nanoseconds = 5 * SECOND;
export const DIRTY_EXPIRE: Nanoseconds = 30 * SECOND;
/** vm.dirty_background_ratio, vm.dirty_ratio: shares of the memory that could be dirty. */
export const DIRTY_BACKGROUND_RATIO = 0.1;
export const DIRTY_RATIO = 0.2;

/** What a write-back gives to the disk. */
export interface WriteBack {
  /** In the order of writing: by file, then by block. */
  readonly pages: readonly Page[];
  /** Stretches of neighbouring blocks, each of which the disk sees as one request. */
  readonly runs: number;
}

interface DirtyFile {
  readonly since: Nanoseconds;
  /** Slots of the cache, one perhaps twice; some may have been written since. */
  readonly slots: number[];
  dirty: number;
}

export class DirtyPages {
  /** Pages that are dirty now. */
  count = 0;
  private readonly pages: Float64Array; // by slot of the cache, plus 1; 0 if it is clean
  /** By number of the first page of the segment, in the order in which they became dirty. */
  private readonly files = new Map<Page, DirtyFile>();

  constructor(capacity: number) {
    this.pages = new Float64Array(capacity);
  }

  get bytes(): number {
    return this.pages.byteLength;
  }

  clear(): void {
    for (const { slots } of this.files.values()) for (const slot of slots) this.pages[slot] = 0;
    this.files.clear();
    this.count = 0;
  }

  has(slot: number): boolean {
    return this.pages[slot] !== 0;
  }

  add(slot: number, page: Page, now: Nanoseconds): void {
    if (this.has(slot)) return;
    this.pages[slot] = page + 1;
    this.count++;
    const segment = segmentOf(page);
    const file = this.files.get(segment) ?? { since: now, slots: [], dirty: 0 };
    if (file.dirty === 0) this.files.set(segment, file);
    file.slots.push(slot);
    file.dirty++;
  }

  /** A page is written by itself; true if it was dirty. A file without dirty pages is clean. */
  take(slot: number): boolean {
    const page = this.pages[slot]! - 1;
    if (page < 0) return false;
    const segment = segmentOf(page);
    this.pages[slot] = 0;
    this.count--;
    if (--this.files.get(segment)!.dirty === 0) this.files.delete(segment);
    return true;
  }

  /** All that is dirty of a relation file, whatever its segment; clean from now on. */
  takeFile(file: number): WriteBack {
    const taken: Page[] = [];
    for (const segment of [...this.files.keys()]) {
      if (fileOf(segment) === file) this.takeSegment(segment, taken);
    }
    return inOrder(taken);
  }

  /** What the flusher writes when it wakes, of a cache that holds so many pages. */
  takeDue(now: Nanoseconds, cached: number): WriteBack {
    const taken: Page[] = [];
    for (const [segment, { since }] of [...this.files]) {
      const tooMuch = this.count > cached * DIRTY_BACKGROUND_RATIO;
      if (!tooMuch && now - since < DIRTY_EXPIRE) break; // the others became dirty later
      this.takeSegment(segment, taken);
    }
    return inOrder(taken);
  }

  throttles(cached: number): boolean {
    return this.count > (cached * (DIRTY_BACKGROUND_RATIO + DIRTY_RATIO)) / 2;
  }

  private takeSegment(segment: Page, taken: Page[]): void {
    for (const slot of this.files.get(segment)!.slots) {
      const page = this.pages[slot]! - 1;
      if (page >= 0 && segmentOf(page) === segment && this.take(slot)) taken.push(page);
    }
  }
}

/** The number of the first page of the file that a page is in. */
function segmentOf(page: Page): Page {
  return page - (page % SEGMENT_BLOCKS);
}

/** By file and block, with the stretches counted. */
export function inOrder(taken: readonly Page[]): WriteBack {
  const pages = [...taken].sort((a, b) => a - b);
  const runs = pages.filter((page, i) => i === 0 || page !== pages[i - 1]! + 1).length;
  return { pages, runs };
}
