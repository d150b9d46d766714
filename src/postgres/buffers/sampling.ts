/**
 * Caches too large to simulate page by page, by spatial sampling (SHARDS: Waldspurger, Park,
 * Garthwaite, Ahmad, "Efficient MRC Construction with SHARDS", FAST 2015): of all pages those whose
 * hash falls below a threshold are followed, in a cache that is smaller in the same proportion.
 * What becomes of the others is drawn from what became of the sampled pages of their file.
 *
 * The sample is taken in eight parts that share nothing, each with a cache of its own. The spread
 * between the eight estimates is the error, whatever its causes: which pages were sampled, and how
 * much of the cache they needed. Sampled accesses that are more or fewer than expected are the
 * doing of a few hot pages, in the sample or not, so the difference is put down to hits
 * (section 3.3 there, SHARDS-adj).
 *
 * Left out: thresholds that fall as memory fills (fixed-size SHARDS). Rings of scans shrink with
 * the rate, down to one buffer.
 */
import { blockOf, fileOf, hashOf, type Page } from './page.ts';

/** Parts of a sample. */
export const PARTS = 8;
/** Student's t for seven degrees of freedom: the mean of eight is within it in 99 % of cases. */
const T_99 = 3.4995;
/** Below so many sampled pages the error itself is uncertain (P9.3 wants ten thousand). */
export const ENOUGH_PAGES = 10_000;

/** An access of a cache: the level at which the page was found, 0 the fastest. */
export type CacheAccess = (page: Page) => number;

/** `access` of a page that is not in the sample. */
export const NOT_SAMPLED = -1;

/** A share of all accesses, and how far from the true one it is at most, in 99 of 100 samples. */
export interface Estimate {
  readonly share: number;
  readonly error: number;
}

export interface SamplingSettings {
  /** Sampled pages among all, between 0 and 1. */
  readonly rate: number;
  /** Levels at which an access can end: 2 for a pool alone, 3 with the system's cache. */
  readonly levels: number;
  /** Makes a cache smaller by a factor: `scale(0.01)` of 2,000,000 buffers has 20,000. */
  readonly build: (scale: number) => CacheAccess;
}

/** Sampled accesses of a file after which older ones count half. */
const MEMORY = 16_384;

export class SampledCache {
  readonly rate: number;
  readonly levels: number;
  accesses = 0;
  private readonly parts: readonly CacheAccess[];
  private readonly counts: Float64Array; // by part, then level
  private readonly threshold: number;
  private readonly files = new Map<number, Float64Array>(); // by level, then their sum

  constructor(settings: SamplingSettings) {
    const { rate, levels, build } = settings;
    if (!(rate > 0 && rate <= 1)) throw new Error('a sampling rate is above 0 and at most 1');
    this.rate = rate;
    this.levels = levels;
    this.parts = Array.from({ length: PARTS }, () => build(rate / PARTS));
    this.counts = new Float64Array(PARTS * levels);
    this.threshold = rate * 0x1_0000_0000;
  }

  /** The level at which a sampled page was found, or NOT_SAMPLED; all accesses must come by. */
  access(page: Page): number {
    this.accesses++;
    const file = fileOf(page);
    const place = placeOf(file, blockOf(page));
    if (place >= this.threshold) return NOT_SAMPLED;
    const part = Math.floor((place / this.threshold) * PARTS);
    const level = this.parts[part]!(page);
    this.counts[part * this.levels + level]!++;
    this.remember(file, level);
    return level;
  }

  /** The level of any page: of one outside the sample as `uniform` (0 to 1) draws it. */
  levelOf(page: Page, uniform: number): number {
    const level = this.access(page);
    return level === NOT_SAMPLED ? this.draw(fileOf(page), uniform) : level;
  }

  /** The share of all accesses that end at a level. */
  estimate(level: number): Estimate {
    const shares = this.parts.map((_, part) => this.shareIn(part, level));
    const mean = shares.reduce((sum, share) => sum + share, 0) / PARTS;
    const squares = shares.reduce((sum, share) => sum + (share - mean) * (share - mean), 0);
    return { share: mean, error: T_99 * Math.sqrt(squares / (PARTS - 1) / PARTS) };
  }

  private shareIn(part: number, level: number): number {
    const expected = (this.accesses * this.rate) / PARTS;
    if (expected === 0) return 0;
    if (level > 0) return this.counts[part * this.levels + level]! / expected;
    let slower = 0;
    for (let other = 1; other < this.levels; other++) slower += this.shareIn(part, other);
    return 1 - slower;
  }

  private remember(file: number, level: number): void {
    const seen = this.files.get(file) ?? new Float64Array(this.levels + 1);
    if (seen[this.levels] === 0) this.files.set(file, seen);
    seen[level]!++;
    if (++seen[this.levels]! < MEMORY) return;
    for (let i = 0; i <= this.levels; i++) seen[i]! /= 2;
  }

  /** As the file's sampled accesses of late; the slowest level if there were none yet. */
  private draw(file: number, uniform: number): number {
    const seen = this.files.get(file);
    if (!seen) return this.levels - 1;
    let left = uniform * seen[this.levels]!;
    for (let level = 0; level < this.levels; level++) {
      left -= seen[level]!;
      if (left < 0) return level;
    }
    return this.levels - 1;
  }
}

/** From 0 to 2^32, unrelated to the hash by which a page is found in a pool. */
function placeOf(file: number, block: number): number {
  return hashOf(block ^ 0x2545f491, file) >>> 0;
}
