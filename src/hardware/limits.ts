import { type Nanoseconds, SECOND } from '../kernel/index.ts';

/**
 * A token bucket by arithmetic. Tokens come in at a steady rate up to a capacity; a request takes
 * its tokens at once or waits, first come first served, until they are there. Nothing runs while
 * nobody asks: the bucket is one instant, that at which it would be full again (virtual
 * scheduling, the form in which ITU-T I.371 annex A states the generic cell rate algorithm).
 *
 * A request for more than the capacity waits for a full bucket and leaves a debt behind it.
 */
export class TokenBucket {
  readonly perSecond: number;
  readonly capacity: number;
  private fullAt: Nanoseconds;
  private rest = 0; // of a nanosecond after `fullAt`, times `perSecond`: nothing is ever rounded

  /** Starts with the given share of its capacity. Rate and capacity must be positive. */
  constructor(perSecond: number, capacity: number, at: Nanoseconds = 0, share = 1) {
    if (!(perSecond > 0 && capacity > 0)) throw new Error('a bucket needs a rate and a capacity');
    this.perSecond = perSecond;
    this.capacity = capacity;
    this.fullAt = at;
    if (share < 1) this.take((1 - share) * capacity, at);
  }

  /** The first instant, not before the given one, at which the tokens for a request are there. */
  earliest(tokens: number, notBefore: Nanoseconds): Nanoseconds {
    if (this.fullAt < notBefore) return notBefore;
    const spare = tokens < this.capacity ? (this.capacity - tokens) * SECOND : 0;
    const instant = this.fullAt + Math.ceil((this.rest - spare) / this.perSecond);
    return instant > notBefore ? instant : notBefore;
  }

  /** Takes tokens at an instant that `earliest` has allowed; instants never go back. */
  take(tokens: number, at: Nanoseconds): void {
    if (this.fullAt < at) {
      this.fullAt = at;
      this.rest = 0;
    }
    const time = tokens * SECOND + this.rest; // in nanoseconds times `perSecond`, like `rest`
    const whole = Math.floor(time / this.perSecond);
    this.fullAt += whole;
    this.rest = time - whole * this.perSecond;
  }

  /** Cancels a debt: the bucket is empty at worst. */
  forgive(at: Nanoseconds): void {
    if (this.balance(at) >= 0) return;
    this.fullAt = at;
    this.rest = 0;
    this.take(this.capacity, at);
  }

  /** Tokens in the bucket at an instant; negative while there is a debt. */
  balance(at: Nanoseconds): number {
    if (this.fullAt < at) return this.capacity;
    return this.capacity - ((this.fullAt - at) * this.perSecond + this.rest) / SECOND;
  }
}
