/**
 * The archiver: it hands finished segments, one after the other, to archive_command (pgarch.c).
 *
 * Kept: one file at a time, oldest first; three attempts a second apart, then a rest until the next
 * segment is finished or a minute has passed; a segment that is not archived stays in pg_wal
 * without limit; archive_timeout, which ends a segment early if something was written to it since
 * the last switch; archiving on a primary, and on a standby that is given `always`. Without a
 * command nothing is archived and everything kept, as Postgres does and warns about.
 * What the command does is a latency and a throughput, and times at which it fails. Left out: the
 * network that it shares with others, history and backup files, the last cycle at a shutdown.
 */
import { MILLISECOND, type Nanoseconds, type Process, SECOND, Signal } from '../../kernel/index.ts';
import type { ServerContext } from '../context.ts';
import { type Lsn, WAL_SEGMENT_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import { segmentOf } from './retention.ts';

/** pgarch.c: NUM_ARCHIVE_RETRIES, the pause between them, PGARCH_AUTOWAKE_INTERVAL. */
const ATTEMPTS = 3;
const PAUSE = SECOND;
const REST = 60 * SECOND;

/** Where segments go, and how long that takes. */
export interface ArchiveTarget {
  /** Starting the command, connecting, confirming. */
  readonly latency: Nanoseconds;
  readonly bytesPerSecond: number;
  /** From when to when every attempt fails, after its latency. */
  readonly failures: readonly { readonly from: Nanoseconds; readonly until: Nanoseconds }[];
}

/**
 * What a command does of which nothing is known: a tool that compresses on one core and sends the
 * result to an object store over a connection that is open already.
 */
export const ORDINARY_ARCHIVE: ArchiveTarget = {
  latency: 100 * MILLISECOND,
  bytesPerSecond: 100e6,
  failures: [],
};

export class Archiver {
  /** pg_stat_archiver: files archived, attempts that failed. */
  archived = 0;
  failed = 0;
  /** The last segment that is in the archive, or need not be. */
  archivedSegment: number;
  /** The last one that is finished. */
  private finishedSegment: number;
  /** Called after each file. */
  onProgress: () => void = () => {};
  private readonly isOn: boolean;
  private readonly always: boolean;
  private readonly target: ArchiveTarget | null;
  private readonly context: ServerContext;
  private latched = false;
  private latch: Signal;

  constructor(
    context: ServerContext,
    settings: PostgresSettings,
    target: ArchiveTarget | null,
    at: Lsn,
  ) {
    this.context = context;
    this.target = target;
    this.isOn = settings.archive_mode !== 'off';
    this.always = settings.archive_mode === 'always';
    this.archivedSegment = this.finishedSegment = segmentOf(at) - 1;
    this.latch = new Signal(context.sim);
  }

  /** Segments that are finished and not in the archive. */
  get backlog(): number {
    return this.isOn ? this.finishedSegment - this.archivedSegment : 0;
  }

  /** Segments up to this one may go, as far as the archive is concerned. */
  get removable(): number {
    return this.isOn ? this.archivedSegment : Number.POSITIVE_INFINITY;
  }

  /** A segment is complete (XLogArchiveNotifySeg); on a standby it came from the upstream. */
  finished(segment: number, onStandby: boolean): void {
    if (onStandby && !this.always) {
      if (this.backlog === 0) this.archivedSegment = Math.max(this.archivedSegment, segment);
    }
    this.finishedSegment = Math.max(this.finishedSegment, segment);
    this.latched = true;
    this.latch.fire();
  }

  /** The log ends here: after a rewind, a copy, or a crash that took what was not on disk. */
  beginAt(lsn: Lsn): void {
    const last = segmentOf(lsn) - 1;
    this.finishedSegment = Math.min(Math.max(this.finishedSegment, last), last);
    this.archivedSegment = Math.min(this.archivedSegment, last);
    this.latch = new Signal(this.context.sim);
    this.latched = false;
  }

  /** The data directory is another's: what was finished there is archived there. */
  replaceAt(lsn: Lsn): void {
    this.archivedSegment = segmentOf(lsn) - 1;
    this.beginAt(lsn);
  }

  /** Whether the postmaster starts it; on a standby without `always` it finds nothing to do. */
  get runs(): boolean {
    return this.isOn && this.target !== null;
  }

  *run(): Process {
    const { sim } = this.context;
    for (;;) {
      this.latched = false;
      yield* this.copyAll();
      if (!this.latched) yield this.latch.wait(sim.now + REST);
    }
  }

  /** pgarch_ArchiverCopyLoop: until nothing is left, or one file has failed too often. */
  private *copyAll(): Generator<undefined, void, undefined> {
    const { sim } = this.context;
    while (this.archivedSegment < this.finishedSegment) {
      for (let attempt = 1; ; attempt++) {
        const succeeds = !this.failsAt(sim.now);
        yield sim.hold(this.duration(succeeds));
        if (succeeds) break;
        this.failed++;
        if (attempt === ATTEMPTS) return;
        yield sim.hold(PAUSE);
      }
      this.archived++;
      this.archivedSegment++;
      this.onProgress();
    }
  }

  private failsAt(at: Nanoseconds): boolean {
    return this.target!.failures.some(({ from, until }) => from <= at && at < until);
  }

  private duration(succeeds: boolean): Nanoseconds {
    const { latency, bytesPerSecond } = this.target!;
    return Math.round(latency + (succeeds ? (WAL_SEGMENT_BYTES / bytesPerSecond) * SECOND : 0));
  }
}
