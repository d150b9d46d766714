/**
 * Synchronous replication (syncrep.c): commits wait, per level, until the standbys that
 * `synchronous_standby_names` asks for have written, flushed or replayed their record.
 *
 * A commit joins the queue of its level, ordered by position, after its own local flush. Each reply
 * of a standby moves the released positions: FIRST n, the least position of the n connected
 * candidates with the highest priority; ANY n, the n-th largest of all connected candidates, for
 * each level by itself. With fewer than n candidates nothing is released. There is no time-out.
 */
import { type Simulation, Watermark } from '../kernel/index.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { SynchronousReplication } from '../postgres/server.ts';
import { parseStandbyNames, priorityOf, type StandbyNames } from './standby-names.ts';

/** What the rule needs to know of a connected standby. */
export interface Candidate {
  readonly applicationName: string;
  /** Standbys that are still catching up do not count. */
  readonly streaming: boolean;
  readonly write: Lsn;
  readonly flush: Lsn;
  readonly apply: Lsn;
}

export interface Positions {
  readonly write: Lsn;
  readonly flush: Lsn;
  readonly apply: Lsn;
}

/** The positions up to which commits are released, or null if too few candidates are connected. */
export function releasedPositions(
  names: StandbyNames,
  standbys: readonly Candidate[],
): Positions | null {
  const candidates = standbys
    .map((standby) => ({ standby, priority: priorityOf(names, standby.applicationName) }))
    .filter(({ standby, priority }) => priority > 0 && standby.streaming && standby.flush > 0);
  if (candidates.length < names.count) return null;
  if (names.method === 'first') {
    candidates.sort((a, b) => a.priority - b.priority);
    candidates.length = names.count;
  }
  const nthLargest = (positions: Lsn[]) => positions.sort((a, b) => b - a)[names.count - 1]!;
  return {
    write: nthLargest(candidates.map(({ standby }) => standby.write)),
    flush: nthLargest(candidates.map(({ standby }) => standby.flush)),
    apply: nthLargest(candidates.map(({ standby }) => standby.apply)),
  };
}

/** The three queues of one primary. */
export class SyncRep implements SynchronousReplication {
  names: StandbyNames | null = null;
  /** The setting as it stands, for `SHOW synchronous_standby_names`. */
  setting = '';
  private readonly write: Watermark;
  private readonly flush: Watermark;
  private readonly apply: Watermark;
  private readonly standbys: () => readonly Candidate[];
  /** Told of each commit whose replay has to be reported at once. */
  private readonly onApplyWait: (lsn: Lsn) => void;

  constructor(
    sim: Simulation,
    standbys: () => readonly Candidate[],
    onApplyWait: (lsn: Lsn) => void,
  ) {
    this.write = new Watermark(sim);
    this.flush = new Watermark(sim);
    this.apply = new Watermark(sim);
    this.standbys = standbys;
    this.onApplyWait = onApplyWait;
  }

  /** A reload with a new setting; emptied, it releases all who wait. */
  configure(setting: string): void {
    const parsed = parseStandbyNames(setting);
    if (parsed && 'error' in parsed) throw new Error(`synchronous_standby_names: ${parsed.error}`);
    this.setting = setting;
    this.names = parsed;
    if (parsed) this.release();
    else for (const queue of [this.write, this.flush, this.apply]) queue.abandon();
  }

  below(level: string, lsn: Lsn): boolean {
    if (!this.names) return false;
    switch (level) {
      case 'remote_write':
        return this.write.below(lsn);
      case 'on':
        return this.flush.below(lsn);
      case 'remote_apply':
        this.onApplyWait(lsn);
        return this.apply.below(lsn);
      default:
        return false;
    }
  }

  /** A standby has replied, connected or gone: those who have waited long enough go on. */
  release(): void {
    if (!this.names) return;
    const released = releasedPositions(this.names, this.standbys());
    if (!released) return;
    this.write.advance(released.write);
    this.flush.advance(released.flush);
    this.apply.advance(released.apply);
  }
}
