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
import { blockOf, fileOf, PAGE_BYTES, type Page, pageOf } from './page.ts';
import { PageLists } from './page-lists.ts';
import { BLOCK, FILE, PageTable, RECORD_SHIFT } from './page-table.ts';
import type { ReadAhead } from './read-ahead.ts';

const STATE = 2;
const ACTIVE = 1;
const REFERENCED = 2;
/** Met by reclaim while dirty: to be the first to go once it is written. */
const RECLAIM = 4;

const AGE = 2; // of a shadow

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
  private free: number[] = [];
  private age = 0; // nonresident_age: evictions and activations so far
  private nextShadow = 0;
  private readonly words: Int32Array;
  private readonly table: PageTable;
  private readonly lists: PageLists;
  private readonly shadows: Int32Array; // file, block, age at eviction: a ring, oldest overwritten
  private readonly shadowTable: PageTable;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.words = new Int32Array(capacity << RECORD_SHIFT);
    this.table = new PageTable(this.words, capacity);
    this.lists = new PageLists(capacity, 2);
    this.shadows = new Int32Array(capacity << RECORD_SHIFT);
    this.shadowTable = new PageTable(this.shadows, capacity);
    this.dirty = new DirtyPages(capacity);
    this.forgetAll();
  }

  static ofBytes(bytes: number): OperatingSystemCache {
    return new OperatingSystemCache(Math.floor(bytes / PAGE_BYTES));
  }

  /** The memory that the model of the cache takes, in bytes. */
  get bytes(): number {
    const arrays = this.words.byteLength + this.shadows.byteLength;
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
    const file = fileOf(page);
    const block = blockOf(page);
    const at = this.table.find(file, block);
    if (at >= 0) {
      this.hits++;
      this.markAccessed(at);
      readAhead?.hit(block);
      return 0;
    }
    this.misses++;
    const pages = readAhead?.miss(block) ?? 1;
    this.markAccessed(this.bringIn(file, block));
    for (let i = 1; i < pages; i++) {
      if (this.table.find(file, block + i) < 0) this.bringIn(file, block + i);
    }
    return pages;
  }

  /** pwrite of a whole page: nothing need be read for it. Writing is no use of a page. */
  write(page: Page, now: number): void {
    const file = fileOf(page);
    const block = blockOf(page);
    let at = this.table.find(file, block);
    if (at < 0) at = this.bringIn(file, block);
    this.dirty.add(at, page, now);
  }

  /** Whether a read would be a hit; nothing changes. */
  has(page: Page): boolean {
    return this.table.find(fileOf(page), blockOf(page)) >= 0;
  }

  /** fsync of a relation file: all its segments. What the disk must be given. */
  fsync(file: number): WriteBack {
    return this.written(this.dirty.takeFile(file));
  }

  /** sync_file_range: a writer's hint to begin writing these; what of them was still dirty. */
  startWriteBack(pages: readonly Page[]): WriteBack {
    const dirty = pages.filter((page) => {
      const at = this.table.find(fileOf(page), blockOf(page));
      return at >= 0 && this.dirty.take(at);
    });
    return this.written(inOrder(dirty));
  }

  /** The kernel's flusher, every `dirty_writeback_centisecs`: what it writes at this instant. */
  flush(now: number): WriteBack {
    return this.written(this.dirty.takeDue(now, this.used));
  }

  /** A writer is held up (balance_dirty_pages): half-way between the two dirty limits. */
  get throttlesWriters(): boolean {
    return this.dirty.throttles(this.used);
  }

  /** A relation file is unlinked: its pages go, dirty or not. */
  drop(file: number): void {
    this.dirty.takeFile(file);
    for (let at = 0; at < this.capacity; at++) {
      if (this.words[(at << RECORD_SHIFT) + FILE] === file) this.remove(at);
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
    const ratio = inactiveRatio(count);
    const active = Math.floor((count * ratio) / (1 + ratio));
    for (let rank = count - 1; rank >= 0; rank--) {
      const page = pages[rank]!;
      const at = this.bringIn(fileOf(page), blockOf(page));
      if (rank < active) this.activate(at);
    }
  }

  private forgetAll(): void {
    this.table.clear();
    this.shadowTable.clear();
    this.words.fill(-1);
    this.shadows.fill(-1);
    this.lists.clear();
    this.dirty.clear();
    this.used = this.age = this.nextShadow = 0;
    this.free = [];
  }

  /** mark_page_accessed: the second read of an inactive page activates it. */
  private markAccessed(at: number): void {
    const where = (at << RECORD_SHIFT) + STATE;
    const state = this.words[where]!;
    if ((state & REFERENCED) === 0) this.words[where] = state | REFERENCED;
    else if ((state & ACTIVE) === 0) {
      this.activate(at);
      this.age++;
    }
  }

  /** To the head of the active list, not referenced. */
  private activate(at: number): void {
    this.words[(at << RECORD_SHIFT) + STATE] = ACTIVE;
    this.lists.move(at, ACTIVE_LIST);
  }

  private bringIn(file: number, block: number): number {
    const at = this.free.pop() ?? (this.used < this.capacity ? this.used : this.reclaim());
    const where = at << RECORD_SHIFT;
    this.words[where + FILE] = file;
    this.words[where + BLOCK] = block;
    this.words[where + STATE] = 0;
    this.table.insert(at);
    this.used++;
    const soon = this.refaultsSoon(file, block);
    this.lists.add(at, soon ? ACTIVE_LIST : INACTIVE_LIST);
    if (soon) {
      this.words[where + STATE] = ACTIVE;
      this.refaults++;
      this.age++;
    }
    return at;
  }

  /** Whether a page was evicted so lately that a longer inactive list would have kept it. */
  private refaultsSoon(file: number, block: number): boolean {
    const shadow = this.shadowTable.find(file, block);
    if (shadow < 0) return false;
    const evictedAt = this.shadows[(shadow << RECORD_SHIFT) + AGE]!;
    this.forgetShadow(shadow);
    return ((this.age - evictedAt) | 0) <= this.active;
  }

  /** Room for one page: the tail of the inactive list, once that is long enough. */
  private reclaim(): number {
    for (let left = this.capacity; left > 0; left--) {
      while (this.inactiveIsLow()) this.deactivate(this.lists.tail(ACTIVE_LIST));
      const at = this.lists.tail(INACTIVE_LIST);
      if (!this.dirty.has(at)) return this.evict(at);
      this.words[(at << RECORD_SHIFT) + STATE] = ACTIVE | RECLAIM;
      this.lists.move(at, ACTIVE_LIST);
    }
    throw new Error('every page of the cache is dirty: who writes must heed throttlesWriters');
  }

  /** inactive_is_low. */
  private inactiveIsLow(): boolean {
    return this.lists.length(INACTIVE_LIST) * inactiveRatio(this.used) < this.active;
  }

  /** The referenced flag stays, so the next read takes the page back. */
  private deactivate(at: number): void {
    this.words[(at << RECORD_SHIFT) + STATE]! &= ~ACTIVE;
    this.lists.move(at, INACTIVE_LIST);
  }

  private evict(at: number): number {
    const shadow = this.nextShadow;
    const where = shadow << RECORD_SHIFT;
    if (this.shadows[where + FILE] !== -1) this.forgetShadow(shadow);
    this.nextShadow = (shadow + 1) % this.capacity;
    this.shadows[where + FILE] = this.words[(at << RECORD_SHIFT) + FILE]!;
    this.shadows[where + BLOCK] = this.words[(at << RECORD_SHIFT) + BLOCK]!;
    this.shadows[where + AGE] = this.age++ | 0;
    this.shadowTable.insert(shadow);
    this.evictions++;
    this.remove(at);
    this.free.pop();
    return at;
  }

  private forgetShadow(shadow: number): void {
    this.shadowTable.remove(shadow);
    this.shadows[(shadow << RECORD_SHIFT) + FILE] = -1;
  }

  private remove(at: number): void {
    this.table.remove(at);
    this.words[(at << RECORD_SHIFT) + FILE] = -1;
    this.lists.remove(at);
    this.free.push(at);
    this.used--;
  }

  /** What has reached the disk and was waited for by reclaim is the next to go. */
  private written(what: WriteBack): WriteBack {
    for (const page of what.pages) {
      const at = this.table.find(fileOf(page), blockOf(page));
      const where = (at << RECORD_SHIFT) + STATE;
      if (at < 0 || (this.words[where]! & RECLAIM) === 0) continue;
      this.words[where] = 0;
      this.lists.moveToTail(at, INACTIVE_LIST);
    }
    return what;
  }

  /** The pages of a list from head to tail, for tests. */
  pagesOf(list: 'active' | 'inactive'): Page[] {
    return this.lists.members(list === 'active' ? ACTIVE_LIST : INACTIVE_LIST).map((at) => {
      const where = at << RECORD_SHIFT;
      return pageOf(this.words[where + FILE]!, this.words[where + BLOCK]! >>> 0);
    });
  }
}

/** How many times as long as the inactive list the active one may be: above 1 GB sqrt(10 x GB). */
function inactiveRatio(pages: number): number {
  const gigabytes = Math.floor(pages / GIB_PAGES);
  return gigabytes > 0 ? Math.floor(Math.sqrt(10 * gigabytes)) : 1;
}
