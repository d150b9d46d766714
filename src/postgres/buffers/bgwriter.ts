/**
 * The background writer's cycle: how far ahead of the clock hand it looks for buffers that are
 * about to be reused, and which of them it writes (bufmgr.c:BgBufferSync, bgwriter.c).
 *
 * It follows how many buffers are allocated between its cycles and how many the hand passes for
 * each, and keeps as many clean reusable buffers ahead of the hand as the next cycle should need.
 * It never lowers a usage count, so hot dirty pages are left to the checkpointer.
 *
 * Kept: the arithmetic, in the single precision of the C code; hibernation. Left out: that the
 * pool changes while the cycle writes; what to write is chosen in one instant, and whoever writes
 * has to look again. The record of running transactions every 15 s belongs to who keeps those.
 */
import { MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/index.ts';
import type { ClockSweep } from './clock-sweep.ts';

/** The settings `bgwriter_delay` (nanoseconds), `..._lru_maxpages` and `..._lru_multiplier`. */
export interface BackgroundWriterSettings {
  readonly bgwriter_delay: Nanoseconds;
  readonly bgwriter_lru_maxpages: number;
  readonly bgwriter_lru_multiplier: number;
}

/** What the cycle needs to know of a pool; a BufferPool is one. */
export interface SweptPool {
  readonly size: number;
  readonly sweep: Pick<ClockSweep, 'hand' | 'passes' | 'takeAllocations'>;
  isReusable(buffer: number): boolean;
  isDirty(buffer: number): boolean;
}

/** What one cycle found and decided. */
export interface CleaningCycle {
  /** Buffers to write, in the order of the scan. */
  readonly writes: readonly number[];
  /** Buffers looked at, and how many of them the hand would take. */
  readonly scanned: number;
  readonly reusable: number;
  readonly allocations: number;
  /** It stopped at bgwriter_lru_maxpages: `maxwritten_clean` in pg_stat_bgwriter. */
  readonly stoppedAtMaximum: boolean;
  /** How long to sleep after the writes. */
  readonly delay: Nanoseconds;
  /** Then, unless woken meanwhile: sleep so long again, but wake at the next allocation; or 0. */
  readonly hibernation: Nanoseconds;
}

/** HIBERNATE_FACTOR. */
const HIBERNATE_FACTOR = 50;
const SMOOTHING_SAMPLES = 16;
const SCAN_WHOLE_POOL_MILLISECONDS = 120_000;
const INITIAL_DENSITY = 10;
/** LOG_SNAPSHOT_INTERVAL_MS: running transactions are logged so often if WAL was written. */
export const LOG_SNAPSHOT_INTERVAL: Nanoseconds = 15 * SECOND;

const { fround } = Math;

export class BackgroundWriter {
  /** Moving average of buffers passed for each that is reusable. */
  density = INITIAL_DENSITY;
  /** Allocations a cycle: follows a rise at once and a fall slowly. */
  smoothedAllocations = 0;
  private started = false;
  private previousHand = 0;
  private previousPasses = 0;
  private nextToClean = 0;
  private nextPasses = 0;
  private couldHibernate = false;

  /** One cycle. */
  cycle(pool: SweptPool, settings: BackgroundWriterSettings): CleaningCycle {
    const allocations = pool.sweep.takeAllocations();
    if (settings.bgwriter_lru_maxpages <= 0) {
      this.started = false;
      return this.rest(settings, true, { ...NOTHING, allocations });
    }
    const handMoved = this.handMoved(pool);
    const toLap = this.buffersToLap(pool);
    this.started = true;
    this.previousHand = pool.sweep.hand;
    this.previousPasses = pool.sweep.passes;
    this.observeDensity(handMoved, allocations);
    const ahead = Math.trunc(fround(fround(pool.size - toLap) / this.density));
    const needed = this.needed(pool.size, allocations, ahead, settings);
    const scan = this.scan(pool, toLap, needed - ahead, settings.bgwriter_lru_maxpages);
    this.observeDensity(scan.scanned, scan.reusable);
    const mayHibernate = toLap === 0 && allocations === 0;
    return this.rest(settings, mayHibernate, { ...scan, allocations });
  }

  /** Buffers that the hand has passed since the last cycle. */
  private handMoved(pool: SweptPool): number {
    if (!this.started) return 0;
    const { hand, passes } = pool.sweep;
    return hand - this.previousHand + (passes - this.previousPasses) * pool.size;
  }

  /** How far the scan can go before it has lapped the hand; overtaken, it starts at the hand. */
  private buffersToLap(pool: SweptPool): number {
    const { hand, passes } = pool.sweep;
    if (this.started && this.nextPasses > passes) return hand - this.nextToClean;
    if (this.started && this.nextPasses === passes && this.nextToClean >= hand) {
      return pool.size - (this.nextToClean - hand);
    }
    this.nextToClean = hand;
    this.nextPasses = passes;
    return pool.size;
  }

  /** Both the hand and the scan itself say how many buffers it takes to find a reusable one. */
  private observeDensity(passed: number, found: number): void {
    if (passed <= 0 || found <= 0) return;
    const sample = fround(passed / found);
    const step = fround(fround(sample - this.density) / SMOOTHING_SAMPLES);
    this.density = fround(this.density + step);
  }

  /** Reusable buffers wanted ahead of the hand, those that are there already (`ahead`) included. */
  private needed(
    size: number,
    allocations: number,
    ahead: number,
    settings: BackgroundWriterSettings,
  ): number {
    if (this.smoothedAllocations <= allocations) this.smoothedAllocations = fround(allocations);
    else {
      const fall = fround(allocations - this.smoothedAllocations);
      this.smoothedAllocations = fround(
        this.smoothedAllocations + fround(fall / SMOOTHING_SAMPLES),
      );
    }
    const upcoming = Math.trunc(this.smoothedAllocations * settings.bgwriter_lru_multiplier);
    if (upcoming === 0) this.smoothedAllocations = 0;
    const delay = settings.bgwriter_delay / MILLISECOND;
    const least = Math.trunc(fround(fround(size) / fround(SCAN_WHOLE_POOL_MILLISECONDS / delay)));
    return Math.max(upcoming, least + ahead);
  }

  /** Forward from where it stopped, for so many reusable buffers that are not there yet. */
  private scan(pool: SweptPool, toLap: number, missing: number, maximum: number): Scan {
    const writes: number[] = [];
    let scanned = 0;
    let reusable = 0;
    while (scanned < toLap && reusable < missing && writes.length < maximum) {
      const buffer = this.nextToClean;
      if (++this.nextToClean >= pool.size) {
        this.nextToClean = 0;
        this.nextPasses++;
      }
      scanned++;
      if (!pool.isReusable(buffer)) continue;
      reusable++;
      if (pool.isDirty(buffer)) writes.push(buffer);
    }
    return { writes, scanned, reusable, stoppedAtMaximum: writes.length >= maximum };
  }

  private rest(
    settings: BackgroundWriterSettings,
    mayHibernate: boolean,
    found: Scan & { readonly allocations: number },
  ): CleaningCycle {
    const delay = settings.bgwriter_delay;
    const hibernation = mayHibernate && this.couldHibernate ? delay * HIBERNATE_FACTOR : 0;
    this.couldHibernate = mayHibernate;
    return { ...found, delay, hibernation };
  }
}

type Scan = Pick<CleaningCycle, 'writes' | 'scanned' | 'reusable' | 'stoppedAtMaximum'>;

const NOTHING: Scan = { writes: [], scanned: 0, reusable: 0, stoppedAtMaximum: false };
