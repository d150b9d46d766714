import { type Nanoseconds, SECOND } from '../kernel/index.ts';

/**
 * A token bucket by arithmetic. Tokens come in at a steady rate up to a capacity; a request takes
 * its tokens at once or waits, first come first served, until they are there. Nothing runs while
 * nobody asks: the bucket is one number, the instant at which it would be full again (virtual
 * scheduling, the form in which ITU-T I.371 annex A states the generic cell rate algorithm).
 *
 * A request for more than the capacity waits for a full bucket and leaves a debt behind it.
 */
export class TokenBucket {
  readonly perSecond: number;
  readonly capacity: number;
  private readonly interval: number; // nanoseconds between two tokens
  private fullAt: number; // not rounded, so that nothing is lost or gained over a long run

  /** Starts with the given share of its capacity. Rate and capacity must be positive. */
  constructor(perSecond: number, capacity: number, at: Nanoseconds = 0, share = 1) {
    if (!(perSecond > 0 && capacity > 0)) throw new Error('a bucket needs a rate and a capacity');
    this.perSecond = perSecond;
    this.capacity = capacity;
    this.interval = SECOND / perSecond;
    this.fullAt = at + (1 - share) * capacity * this.interval;
  }

  /** The first instant, not before the given one, at which the tokens for a request are there. */
  earliest(tokens: number, notBefore: Nanoseconds): Nanoseconds {
    const spare = tokens < this.capacity ? (this.capacity - tokens) * this.interval : 0;
    const instant = Math.ceil(this.fullAt - spare);
    return instant > notBefore ? instant : notBefore;
  }

  /** Takes tokens at an instant that `earliest` has allowed; instants never go back. */
  take(tokens: number, at: Nanoseconds): void {
    this.fullAt = (this.fullAt > at ? this.fullAt : at) + tokens * this.interval;
  }

  /** Cancels a debt: the bucket is empty at worst. */
  forgive(at: Nanoseconds): void {
    this.fullAt = Math.min(this.fullAt, at + this.capacity * this.interval);
  }

  /** Tokens in the bucket at an instant; negative while there is a debt. */
  balance(at: Nanoseconds): number {
    return this.capacity - Math.max(0, this.fullAt - at) / this.interval;
  }
}
