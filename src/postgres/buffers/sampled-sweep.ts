/**
 * Who chooses what goes from a sampled pool (`sampling.ts`): eight clock sweeps, each over the
 * buffers of one part of the sample, so that the parts share nothing. A ring of a scan has one
 * buffer in each part.
 */
import { ClockSweep } from './clock-sweep.ts';
import type { Page } from './page.ts';
import type { BufferRing } from './rings.ts';
import { NOT_SAMPLED, PARTS, type PageSample } from './sampling.ts';

/** Buffers that one hand goes over. */
export interface SweptRange {
  readonly from: number;
  readonly size: number;
  readonly sweep: ClockSweep;
}

export class SampledSweep {
  readonly ranges: readonly SweptRange[];
  private readonly sample: PageSample;
  private readonly perPart: number;

  /** Over the states of PARTS times as many buffers as each part has. */
  constructor(states: Int32Array, uses: Uint8Array, sample: PageSample) {
    const size = states.length / PARTS;
    this.sample = sample;
    this.perPart = size;
    this.ranges = Array.from({ length: PARTS }, (_, part) => {
      const from = part * size;
      const to = from + size;
      const sweep = new ClockSweep(states.subarray(from, to), uses.subarray(from, to));
      return { from, size, sweep };
    });
  }

  /** Which range a page of the sample is in. */
  private rangeOf(page: Page): number {
    const part = this.sample.partOf(page);
    if (part === NOT_SAMPLED) throw new Error(`page ${page} is not in the sample`);
    return part;
  }

  set onAllocation(wake: (() => void) | null) {
    for (const { sweep } of this.ranges) sweep.onAllocation = wake;
  }

  get bytes(): number {
    return this.ranges.reduce((sum, { sweep }) => sum + sweep.bytes, 0);
  }

  /** Buffers that may hold a page: all up to here have memory of their own. */
  get everUsed(): number {
    return this.perPart * PARTS;
  }

  reset(used: number): void {
    for (const { sweep } of this.ranges) sweep.reset(used);
  }

  /** A buffer for this page, or -1. */
  victim(ring: BufferRing | null, page: Page): number {
    const part = this.rangeOf(page);
    const { from, sweep } = this.ranges[part]!;
    const buffer = sweep.victim(ring === null ? null : ring.inPart(part), page);
    return buffer < 0 ? buffer : from + buffer;
  }

  /** StrategyRejectBuffer. */
  reject(ring: BufferRing, buffer: number): boolean {
    const part = Math.floor(buffer / this.perPart);
    const { from, sweep } = this.ranges[part]!;
    return sweep.reject(ring.inPart(part), buffer - from);
  }

  free(buffer: number): void {
    const { from, sweep } = this.ranges[Math.floor(buffer / this.perPart)]!;
    sweep.free(buffer - from);
  }

  /** Which pages of all go into each range, as many as it has buffers. */
  share(pages: ArrayLike<Page>): Page[][] {
    const shares = this.ranges.map((): Page[] => []);
    for (let rank = 0; rank < pages.length; rank++) {
      const share = shares[this.rangeOf(pages[rank]!)]!;
      if (share.length < this.perPart) share.push(pages[rank]!);
    }
    return shares;
  }

  /** All memory is there from the beginning. */
  moveTo(): void {
    throw new Error('a sampled pool does not grow');
  }
}
