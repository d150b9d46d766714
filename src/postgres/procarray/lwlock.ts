import type { Nanoseconds } from '../../kernel/index.ts';

/**
 * A lightweight lock (lwlock.c), by arithmetic.
 *
 * Whoever gets one keeps it for a time that is known beforehand, so the lock needs neither holders
 * nor queue, only the instants until which it is held: shared, and exclusively. Who asks either has
 * it at once, which costs no event, or is told how long to wait before asking again.
 *
 * This is lwlock.c's own protocol: waiters sleep, are woken when the lock falls free, and try
 * again, and somebody may have been faster. Shared requests pass waiting exclusive ones, so that
 * readers who overlap without a gap starve a writer. For a given sequence of requests each instant
 * at which the lock is granted is that of the real lock, with one exception: a writer that woke in
 * vain, as readers were faster, may lose its place to one who came later (one grant in a hundred
 * of a crowded lock; a test holds this against processes that really queue). What is approximate
 * is the time of holding: a holder that loses its core keeps a real lock longer.
 */
export class LWLock {
  sharedUntil: Nanoseconds = 0;
  exclusiveUntil: Nanoseconds = 0;
  private readonly clock: { readonly now: Nanoseconds };
  private readonly wake: Nanoseconds;

  /** `wake`: what passes until a waiter that was woken runs and asks again. */
  constructor(clock: { readonly now: Nanoseconds }, wake: Nanoseconds) {
    this.clock = clock;
    this.wake = wake;
  }

  /** 0: held together with others from now on. Else: not held; ask again after so long. */
  shared(hold: Nanoseconds): Nanoseconds {
    const { now } = this.clock;
    if (this.exclusiveUntil > now) return this.exclusiveUntil - now + this.wake;
    if (now + hold > this.sharedUntil) this.sharedUntil = now + hold;
    return 0;
  }

  /** 0: held by the asker alone from now on. Else: not held; ask again after so long. */
  exclusive(hold: Nanoseconds): Nanoseconds {
    const { now } = this.clock;
    const until = Math.max(this.exclusiveUntil, this.sharedUntil);
    if (until > now) return until - now + this.wake;
    this.exclusiveUntil = now + hold;
    return 0;
  }

  /** An exclusive hold of somebody for whose wait nobody waits: it follows the present ones. */
  occupy(hold: Nanoseconds): void {
    this.exclusiveUntil = Math.max(this.clock.now, this.exclusiveUntil, this.sharedUntil) + hold;
  }
}
