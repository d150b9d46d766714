/**
 * The pages of a server whose memory is sampled (`../buffers/sampling.ts`): those in the sample go
 * the real way, through a pool and a page cache that are as much smaller; of the others it is drawn
 * where they are found, and whoever needs one spends the same time on it.
 *
 * Kept for pages outside the sample: a hit takes no time, a copy its time, a read of the disk its
 * wait and its load on the disk; a victim is as often dirty as those of the sample, is written by
 * whoever needs its buffer, and waits while too much of the page cache is dirty. Left out: that two
 * who want the same such page wait for one read; that its victim may wait for WAL. Who dirties such
 * a page leaves no trace of it: those in the sample are written for it as well.
 */

import type { Nanoseconds, Random } from '../../kernel/index.ts';
import { type BufferPool, MISS } from '../buffers/buffer-pool.ts';
import { blockOf, NO_PAGE, PAGE_BYTES, type Page } from '../buffers/page.ts';
import type { BufferRing } from '../buffers/rings.ts';
import { type Estimate, NOT_SAMPLED, PageSample } from '../buffers/sampling.ts';
import { CPU, DATA_FILE_READ, DATA_FILE_WRITE, type WaitState } from '../waits.ts';
import type { StorageOwner, StorageStart } from './owner.ts';
import type { PageCache } from './page-cache.ts';

/** Where an access finds its page. */
export const IN_BUFFERS = 0;
export const IN_PAGE_CACHE = 1;
export const ON_DISK = 2;

/** What a read asks for at once: a sample has all of so many neighbouring blocks or none. */
const STRETCH = 16;
/** Victims after which older ones count half. */
const VICTIMS = 1024;

/** Neighbours outside the sample: whether they are in shared buffers, or when they will be. */
export interface OutsideRun {
  readonly pages: number;
  readonly isHit: boolean;
  readonly readyAt: Nanoseconds;
}

export class SampledPages {
  readonly sample: PageSample;
  private readonly random: Random;
  private readonly cache: PageCache;
  private readonly owner: StorageOwner;
  private pool!: BufferPool;
  /** A page outside the sample that was not found in shared buffers, and is about to be read. */
  private missed: Page = NO_PAGE;
  private missedLevel = IN_BUFFERS;
  /** Of the sample: buffers that were needed for other pages, and how many of them were dirty. */
  private victims = 0;
  private dirtyVictims = 0;

  constructor(cache: PageCache, owner: StorageOwner, random: Random, start: StorageStart) {
    const { buffers, osCache } = start;
    const first = buffers === 'warm' ? IN_BUFFERS : osCache === 'warm' ? IN_PAGE_CACHE : ON_DISK;
    this.sample = new PageSample({ oneOf: cache.oneOf, levels: 3, stretch: STRETCH, first });
    this.cache = cache;
    this.owner = owner;
    this.random = random;
  }

  of(pool: BufferPool): void {
    this.pool = pool;
  }

  isOutside(page: Page): boolean {
    return this.sample.partOf(page) === NOT_SAMPLED;
  }

  /** Share of accesses that found their page in shared buffers, and how well that is known. */
  hitRatio(since: Float64Array): Estimate {
    return this.sample.estimate(IN_BUFFERS, since);
  }

  /** A short look at any page, if it is in shared buffers. */
  touch(page: Page): boolean {
    if (this.isOutside(page)) return this.isHit(page);
    const isIn = this.pool.touch(page);
    if (isIn) this.sample.found(page, IN_BUFFERS);
    return isIn;
  }

  /** The same for a scan that has a ring, and counts no more than one use. */
  use(page: Page, ring: BufferRing | null): boolean {
    if (this.isOutside(page)) return this.isHit(page);
    const { pool } = this;
    const buffer = pool.find(page);
    if (buffer === MISS || pool.ioInProgress(buffer)) return false;
    pool.hit(buffer, ring);
    this.sample.found(page, IN_BUFFERS);
    return true;
  }

  /** Asked twice about a miss before the page is read, the answer is the same. */
  private isHit(page: Page): boolean {
    if (page === this.missed) return false;
    const level = this.sample.draw(page, this.random.uniform());
    if (level === IN_BUFFERS) {
      this.pool.hits++;
      return true;
    }
    this.missed = page;
    this.missedLevel = level;
    return false;
  }

  /**
   * ReadBuffer of a page outside the sample. Returns the processor time that the caller owes for
   * copies.
   */
  *read(page: Page, wait: WaitState) {
    if (this.isHit(page)) return 0;
    const { host, costs } = this.owner;
    const level = this.missedLevel;
    this.missed = NO_PAGE;
    this.pool.reads++;
    wait.buffers.reads++;
    const copies = costs.pageRead + (yield* this.evict(wait));
    if (level === ON_DISK) {
      wait.now(DATA_FILE_READ);
      yield host.disk.read(PAGE_BYTES);
      wait.now(CPU);
    }
    return copies;
  }

  /**
   * A scan reads up to so many neighbours from a page outside the sample on: those of its stretch,
   * all found where the first is.
   */
  startRun(page: Page, most: number): OutsideRun {
    const { host } = this.owner;
    const pages = Math.min(most, STRETCH - (blockOf(page) % STRETCH));
    const level = this.sample.draw(page, this.random.uniform(), pages);
    if (level === IN_BUFFERS) {
      this.pool.hits += pages;
      return { pages, isHit: true, readyAt: 0 };
    }
    this.pool.reads += pages;
    const isOnDisk = level === ON_DISK;
    const readyAt = isOnDisk ? host.disk.submit('read', pages * PAGE_BYTES) : 0;
    return { pages, isHit: false, readyAt };
  }

  /** A page outside the sample that is new to its file. */
  *extend(wait: WaitState) {
    this.pool.extensions++;
    return yield* this.evict(wait);
  }

  /** A buffer of the sample is needed for another page. */
  noteVictim(isDirty: boolean): void {
    this.victims++;
    if (isDirty) this.dirtyVictims++;
    if (this.victims < VICTIMS) return;
    this.victims /= 2;
    this.dirtyVictims /= 2;
  }

  private *evict(wait: WaitState) {
    const { cache, owner } = this;
    if (!this.random.chance(this.dirtyVictims / Math.max(1, this.victims))) return 0;
    while (cache.holdsUp) {
      wait.now(DATA_FILE_WRITE);
      yield cache.waitForRoom();
      wait.now(CPU);
    }
    return owner.costs.pageRead;
  }
}
