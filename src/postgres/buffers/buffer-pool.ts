/**
 * Shared buffers: which pages are in memory, and which one goes when another is needed.
 *
 * The real pool is an array of buffers with a descriptor each, a hash from page to buffer, and a
 * clock hand that goes round the descriptors (bufmgr.c, freelist.c). Kept, buffer by buffer: usage
 * counts up to 5, pins, the sweep with its free list, rings and the pages that they reject, dirty
 * flags with page LSNs, a checkpoint's mark on what was dirty when it began, the I/O flag. Nothing
 * here takes time: who waits for a read or a flush does so in his own story.
 *
 * Left out: page contents and their locks, local buffers of temporary tables, several tablespaces.
 *
 * A backend that needs a page calls `access`. On a miss it calls `victim` until it has one that it
 * may write (`reject`, or a content lock refused and `unpin`), flushes WAL up to `lsnOf` and writes
 * the page if it `isDirty` (`startWrite`, `finishWrite`), calls `replace`, reads, `finishRead`,
 * and `unpin`s when done. `allocate` does all of that but the read in one instant.
 */
import type { Lsn } from '../lsn.ts';
import { BufferHeaders } from './buffer-headers.ts';
import {
  CHECKPOINT_NEEDED,
  DIRTY,
  HAS_LSN,
  IO_IN_PROGRESS,
  MAX_USAGE_COUNT,
  ONE_PIN,
  PERMANENT,
  PINS,
} from './buffer-state.ts';
import { ClockSweep } from './clock-sweep.ts';
import { EvictedLsns } from './evicted-lsns.ts';
import { fileOf, NO_PAGE, type Page, pageOf } from './page.ts';
import { PageTable } from './page-table.ts';
import type { BufferRing } from './rings.ts';
import { SampledSweep, type SweptRange } from './sampled-sweep.ts';
import { PARTS, type PageSample } from './sampling.ts';
import { coprimeNear } from './scattered.ts';

/** `access`: the page is not in the pool. */
export const MISS = -1;
/** `victim` and `allocate`: all are pinned; Postgres's error "no unpinned buffers available". */
export const NO_UNPINNED_BUFFERS = -1;
/** `replace`: somebody pinned or dirtied the victim in the meantime; it is unpinned, try again. */
export const VICTIM_TAKEN = -1;

const FIRST_CAPACITY = 1024;

export class BufferPool extends BufferHeaders {
  readonly size: number;
  /** Who chooses what goes; the bgwriter watches its hand. */
  readonly sweep: ClockSweep | SampledSweep;
  /** LSNs of pages out of the pool; tell it when the redo pointer moves. */
  readonly evictedLsns = new EvictedLsns();
  /** Accesses that found their page, and pages brought in by a read: together all accesses. */
  hits = 0;
  reads = 0;
  /** Pages that are new to their file, for which nothing is read. */
  extensions = 0;
  /** Pages that made room for others. */
  evictions = 0;
  /** What `allocate` last put out: a page or NO_PAGE, whether it had to be written, its LSN. */
  victimPage: Page = NO_PAGE;
  victimDirty = false;
  victimLsn: Lsn = 0;
  private readonly table: PageTable;

  /**
   * A pool of so many buffers, at least 16 in Postgres; all of them free. Memory that no page has
   * been put in is not touched here, so a pool larger than its database costs no more than that.
   * With a sample it holds the pages of that only, and the buffers are so many for all its parts.
   */
  constructor(size: number, sample: PageSample | null = null) {
    const all = sample ? PARTS * Math.max(1, Math.round(size / PARTS)) : size;
    super(sample ? all : Math.min(all, FIRST_CAPACITY));
    this.size = all;
    this.table = new PageTable();
    this.sweep = sample
      ? new SampledSweep(this.states, this.uses, sample)
      : new ClockSweep(this.states, this.uses, size);
    this.clear();
  }

  /** The memory that the model of the pool takes, in bytes. */
  get bytes(): number {
    return this.headerBytes + this.table.bytes + this.sweep.bytes;
  }

  /** A crash or a restart: shared memory is made anew. Counters of a run go on. */
  clear(): void {
    this.table.clear();
    this.pages.fill(0, 0, this.sweep.everUsed);
    this.states.fill(0, 0, this.sweep.everUsed);
    this.uses.fill(0, 0, this.sweep.everUsed);
    this.dirty = 0;
    this.sweep.reset(0);
  }

  /** The buffer that holds a page, or MISS; no use is counted. */
  find(page: Page): number {
    return this.table.find(page);
  }

  /** A short look at a page: its buffer, or MISS. */
  access(page: Page, ring: BufferRing | null = null): number {
    const buffer = this.table.find(page);
    if (buffer !== MISS) this.hit(buffer, ring);
    return buffer;
  }

  /** A short look at a page, if it is in the pool and not being read or written. */
  touch(page: Page): boolean {
    const buffer = this.table.find(page);
    if (buffer === MISS) return false;
    const uses = this.uses[buffer]!;
    if (uses >= IO_IN_PROGRESS) return false;
    this.hits++;
    if (uses < MAX_USAGE_COUNT) this.uses[buffer] = uses + 1;
    return true;
  }

  hit(buffer: number, ring: BufferRing | null = null): void {
    this.hits++;
    this.use(buffer, ring);
  }

  /**
   * A buffer to put another page in, pinned for the caller: from the ring's slot, the free list or
   * the sweep (StrategyGetBuffer). NO_UNPINNED_BUFFERS after a round without any change.
   */
  victim(ring: BufferRing | null = null, page = NO_PAGE): number {
    if (this.sweep.everUsed === this.states.length) this.grow(this.states.length + 1);
    const buffer = this.sweep.victim(ring, page);
    if (buffer >= 0) this.states[buffer]! += ONE_PIN;
    return buffer;
  }

  /**
   * A victim that cannot be written before WAL is flushed: a bulk read lets it go, out of its ring
   * too, if it came from there (StrategyRejectBuffer). True if so, and then it is unpinned.
   */
  reject(ring: BufferRing | null, buffer: number): boolean {
    if (ring === null || ring.kind !== 'bulk read') return false;
    if (!this.sweep.reject(ring, buffer)) return false;
    this.unpin(buffer);
    return true;
  }

  /**
   * Puts a page in a victim, with a usage count of 1 and the I/O flag up. Returns the buffer, still
   * pinned; another one, pinned, if somebody brought the page in meanwhile (a hit then); or
   * VICTIM_TAKEN. An extension is a new page at the end of its file: nothing will be read.
   */
  replace(
    buffer: number,
    page: Page,
    ring: BufferRing | null = null,
    permanent = true,
    extension = false,
  ): number {
    const other = this.find(page);
    if (other !== MISS) {
      this.unpin(buffer);
      this.hits++;
      this.pin(other, ring);
      return other;
    }
    if ((this.states[buffer]! & (PINS | DIRTY)) !== ONE_PIN) {
      this.unpin(buffer);
      return VICTIM_TAKEN;
    }
    const former = this.pageIn(buffer);
    if (former !== NO_PAGE) {
      if (this.lsnOf(buffer) > 0) this.evictedLsns.remember(former, this.lsnOf(buffer));
      this.table.remove(former);
      this.evictions++;
    }
    if (extension) this.extensions++;
    else this.reads++;
    this.enter(buffer, page, ONE_PIN | (permanent ? PERMANENT : 0), 1 | IO_IN_PROGRESS);
    return buffer;
  }

  /**
   * Room for a page in one instant, as if writing out a dirty victim took no time: its buffer,
   * pinned, or NO_UNPINNED_BUFFERS. `victimPage`, `victimDirty` and `victimLsn` tell what the
   * caller has to flush and write. `flushed` is up to where WAL is on disk.
   */
  allocate(
    page: Page,
    ring: BufferRing | null = null,
    flushed: Lsn = Number.POSITIVE_INFINITY,
    permanent = true,
  ): number {
    for (;;) {
      const buffer = this.victim(ring, page);
      if (buffer === NO_UNPINNED_BUFFERS) return NO_UNPINNED_BUFFERS;
      const dirty = this.isDirty(buffer);
      if (dirty && this.lsnOf(buffer) > flushed && this.reject(ring, buffer)) continue;
      this.victimPage = this.pageIn(buffer);
      this.victimDirty = dirty;
      this.victimLsn = this.lsnOf(buffer);
      if (dirty) this.clean(buffer);
      return this.replace(buffer, page, ring, permanent);
    }
  }

  /** An access with everything that follows from it, in no time: true if the page was there. */
  load(page: Page, ring: BufferRing | null = null): boolean {
    if (this.access(page, ring) !== MISS) return true;
    const buffer = this.allocate(page, ring);
    if (buffer === NO_UNPINNED_BUFFERS) throw new Error('no unpinned buffers available');
    this.finishRead(buffer);
    this.unpin(buffer);
    return false;
  }

  /**
   * A relation is dropped, or truncated to `blocks` blocks: its pages go, dirty or not, and their
   * buffers to the head of the free list, in the order of the pool. Returns how many are still
   * pinned and stay; Postgres waits for those, which only a writer of pages can be holding.
   */
  drop(file: number, blocks = 0): number {
    this.evictedLsns.drop(file, blocks);
    const [from, to] = [pageOf(file, blocks), pageOf(file + 1, 0)];
    let pinned = 0;
    for (let buffer = 0; buffer < this.sweep.everUsed; buffer++) {
      const page = this.pageIn(buffer);
      if (page < from || page >= to) continue;
      if ((this.states[buffer]! & PINS) !== 0) pinned++;
      else this.invalidate(buffer);
    }
    return pinned;
  }

  /** How many pages of each file are in the pool (pg_buffercache). */
  pagesByFile(): Map<number, number> {
    const files = new Map<number, number>();
    for (let buffer = 0; buffer < this.sweep.everUsed; buffer++) {
      const page = this.pageIn(buffer);
      if (page >= 0) files.set(fileOf(page), (files.get(fileOf(page)) ?? 0) + 1);
    }
    return files;
  }

  /**
   * What a checkpoint must write: all dirty buffers, by file and block, each with the mark
   * CHECKPOINT_NEEDED (BufferSync). Unlogged pages are written at shutdown only.
   */
  markForCheckpoint(shutdown = false): Int32Array {
    const wanted = shutdown ? DIRTY : DIRTY | PERMANENT;
    const pages = new Float64Array(this.dirty);
    let count = 0;
    for (let buffer = 0; buffer < this.sweep.everUsed; buffer++) {
      if ((this.states[buffer]! & wanted) !== wanted) continue;
      this.states[buffer]! |= CHECKPOINT_NEEDED;
      pages[count++] = this.pageIn(buffer);
    }
    return Int32Array.from(pages.subarray(0, count).sort(), (page) => this.find(page));
  }

  /**
   * A pool in service: the hottest pages that fit, hottest first. They are scattered over the pool,
   * and their counts fall from 5 to 0 by sixths of its size; what they would be exactly depends on
   * the load, and the first rounds of the hand see to that. Only when new.
   */
  warm(pages: ArrayLike<Page>): void {
    const { sweep } = this;
    const count = Math.min(this.size, pages.length);
    this.clear();
    this.table.reserve(count);
    this.grow(count);
    const shares = sweep instanceof ClockSweep ? [pages] : sweep.share(pages);
    for (const [part, range] of sweep.ranges.entries()) this.warmRange(range, shares[part]!);
  }

  private warmRange({ from, size, sweep }: SweptRange, pages: ArrayLike<Page>): void {
    const count = Math.min(size, pages.length);
    const step = coprimeNear(count);
    for (let rank = 0, buffer = 0; rank < count; rank++, buffer = (buffer + step) % count) {
      const uses = MAX_USAGE_COUNT - Math.floor(((MAX_USAGE_COUNT + 1) * rank) / size);
      this.enter(from + buffer, pages[rank]!, PERMANENT, uses);
    }
    sweep.reset(count);
  }

  /** Memory for so many buffers; the others cost nothing until they are used. */
  private grow(buffers: number): void {
    const { length } = this.states;
    if (buffers <= length || length === this.size) return;
    this.makeRoom(Math.min(this.size, Math.max(buffers, 2 * length)));
    this.sweep.moveTo(this.states, this.uses);
  }

  private enter(buffer: number, page: Page, state: number, uses: number): void {
    this.uses[buffer] = uses;
    const lsn = this.evictedLsns.recall(page);
    if (lsn > 0) this.lsns[buffer] = lsn;
    this.pages[buffer] = page + 1;
    this.states[buffer] = lsn > 0 ? state | HAS_LSN : state;
    this.table.insert(page, buffer);
  }

  private invalidate(buffer: number): void {
    if (this.isDirty(buffer)) this.dirty--;
    this.table.remove(this.pageIn(buffer));
    this.pages[buffer] = 0;
    this.states[buffer] = this.uses[buffer] = 0;
    this.sweep.free(buffer);
  }
}
