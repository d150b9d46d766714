/**
 * The operating system's page cache: what lies between shared buffers and the disk. A page that
 * Postgres reads and that is here costs a copy of some microseconds; a page that it writes stays
 * here until an fsync or the kernel's own write-back.
 *
 * Linux keeps file pages in two lists (mm/swap.c, mm/vmscan.c, mm/workingset.c). A page enters the
 * inactive list; a second read moves it to the active one; reclaim takes from the tail of the
 * inactive list, and refills that from the active one when the active one is too long for it. A
 * page that comes back sooner after its eviction than the active list is long goes there at once.
 *
 * Kept: both lists, the referenced flag (set by reads only), the ratio between the lists, refault
 * distances, dirty pages that reclaim passes over. Pages are of 8 KiB: both halves of a Postgres
 * page always come and go together. Left out: anonymous memory and swap, several nodes and control
 * groups, batches of reclaim, mapped files, multi-generational LRU (off unless asked for).
 */
import { DirtyPages, inOrder, type WriteBack } from './dirty-pages.ts';
import { fileOf, PAGE_BYTES, type Page } from './page.ts';
import { PageLists } from './page-lists.ts';
import { PageTable } from './page-table.ts';
import type { ReadAhead } from './read-ahead.ts';

const ACTIVE = 1;
const REFERENCED = 2;
/** Met by reclaim while dirty: to be the first to go once it is written. */
const RECLAIM = 4;

const ACTIVE_LIST = 0;
const INACTIVE_LIST = 1;

const GIB_PAGES = 131_072;

/** Bytes left for the page cache on a host. */
export function pageCacheBytes(host: {
  readonly memoryBytes: number;
  readonly sharedBuffersBytes: number;
  readonly connections: number;
}): number {
  const { memoryBytes, sharedBuffersBytes, connections } = host;
  const left =
    memoryBytes * (1 - KERNEL_SHARE) - sharedBuffersBytes - connections * BACKEND_PRIVATE_BYTES;
  return Math.max(MINIMUM_BYTES, left);
}

/** Kernel, its tables and the programs that are not Postgres: an assumption. */
const KERNEL_SHARE = 0.04;
/** Anonymous memory and page tables of an idle backend that has run a query: measured, 15.18. */
const BACKEND_PRIVATE_BYTES = 1_500_000;
const MINIMUM_BYTES = 16 * 1024 * 1024;

export class OperatingSystemCache {
  /** In pages of 8 KiB. */
  readonly capacity: number;
  hits = 0;
  misses = 0;
  evictions = 0;
  /** Evicted pages that came back soon enough to be taken as part of the working set. */
  refaults = 0;
  readonly dirty: DirtyPages;
  private used = 0;
  private highest = 0; // slots from here on have never been used
  private free: number[] = [];
  private age = 0; // nonresident_age: evictions and activations so far
  private nextShadow = 0;
  private readonly pages: Float64Array; // by slot, plus 1; 0 if it is free
  private readonly states: Uint8Array;
  private readonly table: PageTable;
  private readonly lists: PageLists;
  private readonly shadows: Float64Array; // evicted pages, plus 1: a ring, the oldest overwritten
  private readonly agesAtEviction: Float64Array;
  private readonly shadowTable: PageTable;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.pages = new Float64Array(capacity);
    this.states = new Uint8Array(capacity);
    this.table = new PageTable();
    this.lists = new PageLists(capacity, 2);
    this.shadows = new Float64Array(capacity);
    this.agesAtEviction = new Float64Array(capacity);
    this.shadowTable = new PageTable();
    this.dirty = new DirtyPages(capacity);
    this.forgetAll();
  }

  static ofBytes(bytes: number): OperatingSystemCache {
    return new OperatingSystemCache(Math.floor(bytes / PAGE_BYTES));
  }

  /** The memory that the model of the cache takes, in bytes. */
  get bytes(): number {
    const arrays = 3 * this.pages.byteLength + this.states.byteLength;
    return arrays + this.table.bytes + this.shadowTable.bytes + this.lists.bytes + this.dirty.bytes;
  }

  /** How many pages are on the active list; the others are on the inactive one. */
  get active(): number {
    return this.lists.length(ACTIVE_LIST);
  }

  /**
   * pread of a page: 0 if the cache has it, otherwise how many pages the disk is asked for in one
   * request: 1, or what the reader's read-ahead adds. They are in the cache from now on.
   */
  read(page: Page, readAhead?: ReadAhead): number {
    const slot = this.table.find(page);
    if (slot >= 0) {
      this.hits++;
      this.markAccessed(slot);
      readAhead?.hit(page);
      return 0;
    }
    this.misses++;
    const pages = readAhead?.miss(page) ?? 1;
    this.markAccessed(this.bringIn(page));
    for (let i = 1; i < pages; i++) if (!this.has(page + i)) this.bringIn(page + i);
    return pages;
  }

  /** pwrite of a whole page: nothing need be read for it. Writing is no use of a page. */
  write(page: Page, now: number): void {
    const slot = this.table.find(page);
    this.dirty.add(slot >= 0 ? slot : this.bringIn(page), page, now);
  }

  /** Whether a read would be a hit; nothing changes. */
  has(page: Page): boolean {
    return this.table.find(page) >= 0;
  }

  /** fsync of a relation file: all its segments. What the disk must be given. */
  fsync(file: number): WriteBack {
    return this.written(this.dirty.takeFile(file));
  }

  /** sync_file_range: a writer's hint to begin writing these; what of them was still dirty. */
  startWriteBack(pages: readonly Page[]): WriteBack {
    const dirty = pages.filter((page) => {
      const slot = this.table.find(page);
      return slot >= 0 && this.dirty.take(slot);
    });
    return this.written(inOrder(dirty));
  }

  /** The kernel's flusher, every `dirty_writeback_centisecs`: what it writes at this instant. */
  flush(now: number): WriteBack {
    return this.written(this.dirty.takeDue(now, this.capacity));
  }

  /** A writer is held up (balance_dirty_pages): half-way between the two dirty limits. */
  get throttlesWriters(): boolean {
    return this.dirty.throttles(this.capacity);
  }

  /** A relation file is unlinked: its pages go, dirty or not. */
  drop(file: number): void {
    this.dirty.takeFile(file);
    for (let slot = 0; slot < this.capacity; slot++) {
      const page = this.pages[slot]! - 1;
      if (page >= 0 && fileOf(page) === file) this.remove(slot);
    }
  }

  /** Power off: pages that were not written back are lost. Returns how many. */
  powerOff(): number {
    const lost = this.dirty.count;
    this.forgetAll();
    return lost;
  }

  /**
   * A cache in service: the hottest pages that fit, hottest first, as much of them active as the
   * lists' ratio allows. Pages that stay in shared buffers are not read here, so they are cold.
   */
  warm(pages: ArrayLike<Page>): void {
    this.forgetAll();
    const count = Math.min(this.capacity, pages.length);
    this.table.reserve(count);
    const ratio = inactiveRatio(count);
    const active = Math.floor((count * ratio) / (1 + ratio));
    for (let rank = count - 1; rank >= 0; rank--) {
      const slot = this.bringIn(pages[rank]!);
      if (rank < active) this.activate(slot);
    }
  }

  private forgetAll(): void {
    this.table.clear();
    this.shadowTable.clear();
    if (this.highest > 0) this.pages.fill(0, 0, this.highest);
    if (this.evictions > 0) this.shadows.fill(0);
    this.lists.clear();
    this.dirty.clear();
    this.used = this.age = this.nextShadow = this.highest = 0;
    this.free = [];
  }

  /** mark_page_accessed: the second read of an inactive page activates it. */
  private markAccessed(slot: number): void {
    const state = this.states[slot]!;
    if ((state & REFERENCED) === 0) this.states[slot] = state | REFERENCED;
    else if ((state & ACTIVE) === 0) {
      this.activate(slot);
      this.age++;
    }
  }

  /** To the head of the active list, not referenced. */
  private activate(slot: number): void {
    this.states[slot] = ACTIVE;
    this.lists.move(slot, ACTIVE_LIST);
  }

  private bringIn(page: Page): number {
    const slot = this.free.pop() ?? (this.used < this.capacity ? this.used : this.reclaim());
    const soon = this.refaultsSoon(page);
    this.pages[slot] = page + 1;
    if (slot >= this.highest) this.highest = slot + 1;
    this.states[slot] = soon ? ACTIVE : 0;
    this.table.insert(page, slot);
    this.lists.add(slot, soon ? ACTIVE_LIST : INACTIVE_LIST);
    this.used++;
    if (soon) {
      this.refaults++;
      this.age++;
    }
    return slot;
  }

  /** Whether a page was evicted so lately that a longer inactive list would have kept it. */
  private refaultsSoon(page: Page): boolean {
    const shadow = this.shadowTable.find(page);
    if (shadow < 0) return false;
    this.forgetShadow(shadow);
    return this.age - this.agesAtEviction[shadow]! <= this.active;
  }

  /** Room for one page: the tail of the inactive list, once that is long enough. */
  private reclaim(): number {
    for (let left = this.capacity; left > 0; left--) {
      while (this.inactiveIsLow()) this.deactivate(this.lists.tail(ACTIVE_LIST));
      const slot = this.lists.tail(INACTIVE_LIST);
      if (!this.dirty.has(slot)) return this.evict(slot);
      this.states[slot] = ACTIVE | RECLAIM;
      this.lists.move(slot, ACTIVE_LIST);
    }
    throw new Error('every page of the cache is dirty: who writes must heed throttlesWriters');
  }

  /** inactive_is_low. */
  private inactiveIsLow(): boolean {
    return this.lists.length(INACTIVE_LIST) * inactiveRatio(this.used) < this.active;
  }

  /** The referenced flag stays, so the next read takes the page back. */
  private deactivate(slot: number): void {
    this.states[slot]! &= ~ACTIVE;
    this.lists.move(slot, INACTIVE_LIST);
  }

  private evict(slot: number): number {
    const shadow = this.nextShadow;
    if (this.shadows[shadow] !== 0) this.forgetShadow(shadow);
    this.nextShadow = (shadow + 1) % this.capacity;
    this.shadows[shadow] = this.pages[slot]!;
    this.agesAtEviction[shadow] = this.age++;
    this.shadowTable.insert(this.pages[slot]! - 1, shadow);
    this.evictions++;
    this.remove(slot);
    this.free.pop();
    return slot;
  }

  private forgetShadow(shadow: number): void {
    this.shadowTable.remove(this.shadows[shadow]! - 1);
    this.shadows[shadow] = 0;
  }

  private remove(slot: number): void {
    this.table.remove(this.pages[slot]! - 1);
    this.pages[slot] = 0;
    this.lists.remove(slot);
    this.free.push(slot);
    this.used--;
  }

  /** What has reached the disk and was waited for by reclaim is the next to go. */
  private written(what: WriteBack): WriteBack {
    for (const page of what.pages) {
      const slot = this.table.find(page);
      if (slot < 0 || (this.states[slot]! & RECLAIM) === 0) continue;
      this.states[slot] = 0;
      this.lists.moveToTail(slot, INACTIVE_LIST);
    }
    return what;
  }

  /** The pages of a list from head to tail, for tests. */
  pagesOf(list: 'active' | 'inactive'): Page[] {
    const members = this.lists.members(list === 'active' ? ACTIVE_LIST : INACTIVE_LIST);
    return members.map((slot) => this.pages[slot]! - 1);
  }
}

/** How many times as long as the inactive list the active one may be: above 1 GB sqrt(10 x GB). */
function inactiveRatio(pages: number): number {
  const gigabytes = Math.floor(pages / GIB_PAGES);
  return gigabytes > 0 ? Math.floor(Math.sqrt(10 * gigabytes)) : 1;
}
