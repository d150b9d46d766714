/**
 * How fast a checkpoint goes (checkpointer.c:CheckpointWriteDelay, IsCheckpointOnSchedule): after
 * every page it compares how far it is with how much of checkpoint_timeout has passed and how much
 * of the WAL until the next checkpoint has been written, both scaled by
 * checkpoint_completion_target; ahead of both it naps for 100 ms, behind either it goes on.
 *
 * Kept: that, with the start of the time taken in whole seconds, as Postgres does (a checkpoint by
 * volume is over up to a second early). Pages between two naps are counted at once, for the
 * instant at which they begin, so that they cost no event each.
 */
import { MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/index.ts';
import { type Lsn, WAL_SEGMENT_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import { checkpointSegments } from '../wal/retention.ts';

/** How long a checkpoint that is ahead of its schedule sleeps, unless a request wakes it. */
export const NAP: Nanoseconds = 100 * MILLISECOND;

export type PacingSettings = Pick<
  PostgresSettings,
  'checkpoint_timeout' | 'checkpoint_completion_target' | 'max_wal_size'
>;

export class CheckpointSchedule {
  private readonly target: number;
  private readonly timeout: Nanoseconds;
  private readonly walBytes: number;
  private readonly startAt: Nanoseconds;
  private readonly startLsn: Lsn;
  /** How much of the schedule is over, by whatever is further (ckpt_cached_elapsed). */
  private elapsed = 0;

  /** Of a checkpoint that starts now; a restartpoint counts by what is replayed. */
  constructor(settings: PacingSettings, now: Nanoseconds, lsn: Lsn) {
    this.target = settings.checkpoint_completion_target;
    this.timeout = settings.checkpoint_timeout;
    this.walBytes = checkpointSegments(settings) * WAL_SEGMENT_BYTES;
    this.startAt = now - (now % SECOND);
    this.startLsn = lsn;
  }

  /** Whether a checkpoint that has done so many of its pages may sleep. */
  isAhead(done: number, total: number, now: Nanoseconds, lsn: Lsn): boolean {
    this.observe(now, lsn);
    return this.isOnSchedule(done, total);
  }

  /** How many pages more until it is ahead, or until there are no more; at least one. */
  pagesUntilAhead(done: number, total: number, now: Nanoseconds, lsn: Lsn): number {
    this.observe(now, lsn);
    if (this.target === 0) return this.elapsed > 0 ? total - done : 1;
    let upTo = Math.floor((this.elapsed * total) / this.target) - 1; // the rest is exact
    if (upTo <= done) upTo = done + 1;
    while (upTo < total && !this.isOnSchedule(upTo, total)) upTo++;
    return Math.min(upTo, total) - done;
  }

  private isOnSchedule(done: number, total: number): boolean {
    return (done / total) * this.target >= this.elapsed;
  }

  private observe(now: Nanoseconds, lsn: Lsn): void {
    const byWal = (lsn - this.startLsn) / this.walBytes;
    const byTime = (now - this.startAt) / this.timeout;
    this.elapsed = Math.max(this.elapsed, byWal, byTime);
  }
}
