/**
 * Replication lag as the primary shows it in pg_stat_replication (walsender.c:LagTrackerWrite,
 * LagTrackerRead): at each send the flush position is noted with the time; a reply that reaches a
 * noted position took as long as has passed since. Between two notes the time is interpolated. The
 * lag includes the way back.
 */
import type { Nanoseconds } from '../kernel/index.ts';
import type { Lsn } from '../postgres/lsn.ts';

const SAMPLES = 8192; // LAG_TRACKER_BUFFER_SIZE

export type LagKind = 0 | 1 | 2; // write, flush, apply

export class LagTracker {
  private readonly lsn = new Float64Array(SAMPLES);
  private readonly at = new Float64Array(SAMPLES);
  private head = 0; // counts up; a sample's place is its number modulo SAMPLES
  private readonly read = [0, 0, 0];
  private readonly lastLsn = [0, 0, 0];
  private readonly lastAt = [-1, -1, -1]; // -1: everything noted has been reached

  /** WAL up to here was sent, or stood ready to be, at this instant. */
  note(lsn: Lsn, now: Nanoseconds): void {
    if (this.head > 0 && this.lsn[(this.head - 1) % SAMPLES] === lsn) return;
    if (this.head - this.oldest >= SAMPLES - 1) this.head--; // full: over the last one
    this.lsn[this.head % SAMPLES] = lsn;
    this.at[this.head % SAMPLES] = now;
    this.head++;
  }

  private get oldest(): number {
    return Math.min(this.read[0]!, this.read[1]!, this.read[2]!);
  }

  /** The lag of a reported position; null if nothing is known that the standby has not reached. */
  lagOf(kind: LagKind, lsn: Lsn, now: Nanoseconds): Nanoseconds | null {
    let at = -1;
    while (this.read[kind]! < this.head && this.lsn[this.read[kind]! % SAMPLES]! <= lsn) {
      const place = this.read[kind]! % SAMPLES;
      this.lastLsn[kind] = this.lsn[place]!;
      at = this.lastAt[kind] = this.at[place]!;
      this.read[kind]!++;
    }
    const caughtUp = this.read[kind] === this.head;
    if (caughtUp) this.lastAt[kind] = -1; // old samples say nothing about the next burst
    if (at >= 0) return now - at;
    return caughtUp ? null : this.between(kind, lsn, now);
  }

  /** No sample was passed: interpolated between the last one and the next. */
  private between(kind: LagKind, lsn: Lsn, now: Nanoseconds): Nanoseconds | null {
    const next = this.read[kind]! % SAMPLES;
    const last = this.lastLsn[kind]!;
    const since = this.lastAt[kind]!;
    if (since < 0) return now - this.at[next]!; // as if the next one were reached now
    if (lsn < last) return null;
    const share = (lsn - last) / (this.lsn[next]! - last);
    return now - Math.round(since + share * (this.at[next]! - since));
  }
}
