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
  private readonly lastAt = [0, 0, 0];

  /** WAL up to here was sent, or stood ready to be, at this instant. */
  note(lsn: Lsn, now: Nanoseconds): void {
    if (this.head > 0 && this.lsn[(this.head - 1) % SAMPLES] === lsn) return;
    if (this.head - Math.min(...this.read) >= SAMPLES) return; // full: Postgres drops it too
    this.lsn[this.head % SAMPLES] = lsn;
    this.at[this.head % SAMPLES] = now;
    this.head++;
  }

  /** The lag of a reported position; null if it passed no note that has not been reported yet. */
  lagOf(kind: LagKind, lsn: Lsn, now: Nanoseconds): Nanoseconds | null {
    let passed = false;
    while (this.read[kind]! < this.head && this.lsn[this.read[kind]! % SAMPLES]! <= lsn) {
      const place = this.read[kind]! % SAMPLES;
      this.lastLsn[kind] = this.lsn[place]!;
      this.lastAt[kind] = this.at[place]!;
      this.read[kind]!++;
      passed = true;
    }
    if (passed) return now - this.lastAt[kind]!;
    if (this.read[kind] === this.head || this.lastAt[kind] === 0) return null;
    const next = this.read[kind]! % SAMPLES;
    const share = (lsn - this.lastLsn[kind]!) / Math.max(1, this.lsn[next]! - this.lastLsn[kind]!);
    const at = this.lastAt[kind]! + share * (this.at[next]! - this.lastAt[kind]!);
    return Math.max(0, Math.round(now - at));
  }
}
