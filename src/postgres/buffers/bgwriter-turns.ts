/**
 * The background writer's cycles over a pool that has one hand, or that is sampled (`sampling.ts`)
 * and has one in each part of the sample. The parts share nothing, so each has a hand of its own to
 * be kept ahead of: a cycle is about one of them, in turn, and may write the sample's share of
 * bgwriter_lru_maxpages, for each page stands for many. A part's turn comes as many delays after
 * its last as there are parts, and its arithmetic reckons with that.
 */
import {
  BackgroundWriter,
  type BackgroundWriterSettings,
  type CleaningCycle,
  type SweptPool,
} from './bgwriter.ts';
import type { SweptRange } from './sampled-sweep.ts';

/** What the cycles need to know of a pool; a BufferPool is one. */
export interface CleanedPool extends Pick<SweptPool, 'isReusable' | 'isDirty'> {
  readonly sweep: { readonly ranges: readonly SweptRange[] };
}

const NOTHING = { scanned: 0, reusable: 0, allocations: 0, stoppedAtMaximum: false };

export class BackgroundWriterTurns {
  private readonly pool: CleanedPool;
  private readonly oneOf: number;
  private readonly parts: readonly SweptPool[];
  private readonly cycles: readonly BackgroundWriter[];
  /** How long each part would hibernate since its last cycle. */
  private readonly hibernations: number[];
  private turn = 0;
  /** What of a page may be written beyond the last cycle's allowance. */
  private fraction = 0;

  /** Of a pool in which one of so many pages is followed; 1: all. */
  constructor(pool: CleanedPool, oneOf: number) {
    const { ranges } = pool.sweep;
    this.pool = pool;
    this.oneOf = oneOf;
    this.parts = ranges.map((range) => this.partOf(range));
    this.cycles = ranges.map(() => new BackgroundWriter());
    this.hibernations = ranges.map(() => 0);
  }

  /** One cycle, about the part whose turn it is. */
  next(settings: BackgroundWriterSettings): CleaningCycle {
    const { bgwriter_delay: delay, bgwriter_lru_maxpages: maxpages } = settings;
    const allowed = maxpages > 0 ? this.allow(maxpages) : 0;
    if (maxpages > 0 && allowed === 0) return { ...NOTHING, writes: [], delay, hibernation: 0 };
    const { turn, parts } = this;
    this.turn = (turn + 1) % parts.length;
    const found = this.cycles[turn]!.cycle(parts[turn]!, {
      bgwriter_delay: delay * parts.length,
      bgwriter_lru_maxpages: allowed,
      bgwriter_lru_multiplier: settings.bgwriter_lru_multiplier,
    });
    this.hibernations[turn] = found.hibernation / parts.length;
    const { from } = this.pool.sweep.ranges[turn]!;
    const writes = from === 0 ? found.writes : found.writes.map((buffer) => from + buffer);
    return { ...found, writes, delay, hibernation: Math.min(...this.hibernations) };
  }

  private allow(maxpages: number): number {
    const exact = this.fraction + maxpages / this.oneOf;
    const allowed = Math.floor(exact);
    this.fraction = exact - allowed;
    return allowed;
  }

  private partOf({ from, size, sweep }: SweptRange): SweptPool {
    const { pool } = this;
    return {
      size,
      sweep,
      isReusable: (buffer) => pool.isReusable(from + buffer),
      isDirty: (buffer) => pool.isDirty(from + buffer),
    };
  }
}
