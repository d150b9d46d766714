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
  private write: Watermark;
  private flush: Watermark;
  private apply: Watermark;
  private readonly sim: Simulation;
  private readonly standbys: () => readonly Candidate[];

  constructor(sim: Simulation, standbys: () => readonly Candidate[]) {
    this.sim = sim;
    this.write = new Watermark(sim);
    this.flush = new Watermark(sim);
    this.apply = new Watermark(sim);
    this.standbys = standbys;
  }

  /**
   * The server's shared memory is gone, and with it what was released: after a rewind its WAL goes
   * on from a lower position, and commits there must wait anew.
   */
  forget(): void {
    this.write = new Watermark(this.sim);
    this.flush = new Watermark(this.sim);
    this.apply = new Watermark(this.sim);
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
    return this.queueOf(level)?.below(lsn) ?? false;
  }

  reached(level: string, lsn: Lsn): boolean {
    const queue = this.queueOf(level);
    return !queue || lsn <= queue.value;
  }

  private queueOf(level: string): Watermark | null {
    switch (level) {
      case 'remote_write':
        return this.write;
      case 'on':
        return this.flush;
      case 'remote_apply':
        return this.apply;
      default:
        return null;
    }
  }

  /**
   * A standby has replied: those who have waited long enough go on. Nobody calls this when a
   * standby goes: whom its successor could release waits for the successor's next reply.
   */
  release(): void {
    if (!this.names) return;
    const released = releasedPositions(this.names, this.standbys());
    if (!released) return;
    this.write.advance(released.write);
    this.flush.advance(released.flush);
    this.apply.advance(released.apply);
  }
}
