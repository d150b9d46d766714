/**
 * The checkpointer: it moves the redo pointer from which a crash recovery starts. A checkpoint
 * comes `checkpoint_timeout` after the last one's start, if WAL was written since, or when the WAL
 * since the redo pointer reaches CheckPointSegments (xlog.c:CalculateCheckpointSegments,
 * XLogCheckpointNeeded).
 *
 * Kept: both triggers. Left out until issue 3: writing pages, pacing, the fsync phase; a checkpoint
 * is over at once, so the redo distance of a recovery is that of a server with few dirty pages.
 */
import { type Process, Signal } from '../kernel/index.ts';
import type { Lsn } from './lsn.ts';
import type { Server } from './server.ts';
import { checkpointSegments, segmentOf } from './wal/retention.ts';

export const CHECKPOINT_RECORD_BYTES = 114;

export class Checkpointer {
  /** The redo pointer in the control file: of the last checkpoint whose record is on disk. */
  private completedRedoLsn: Lsn;
  private lastStartAt = 0;
  timed = 0;
  requested = 0;
  private readonly server: Server;
  private readonly volume: Signal;

  constructor(server: Server, redoLsn: Lsn) {
    this.server = server;
    this.completedRedoLsn = redoLsn;
    this.redoLsn = redoLsn;
    this.volume = new Signal(server.context.sim);
  }

  /** Where redo begins that the last checkpoint, finished or not, has fixed. */
  get redoLsn(): Lsn {
    return this.server.wal.redoLsn;
  }

  private set redoLsn(lsn: Lsn) {
    this.server.wal.redoLsn = lsn;
  }

  /** Called after each flush, where Postgres counts finished segments. */
  walGrew(lsn: Lsn): void {
    if (lsn >= this.redoLsn && this.completedRedoLsn !== this.redoLsn) this.complete(this.redoLsn);
    if (segmentOf(lsn) > segmentOf(this.redoLsn) + this.segments - 1) this.volume.fire();
  }

  /** Takes a checkpoint now: CHECKPOINT, shutdown, the end of a recovery. */
  request(): void {
    this.requested++;
    this.moveRedo(true);
  }

  /** The redo pointer becomes another's: of a primary's checkpoint, of a copy's source. */
  follow(redoLsn: Lsn): void {
    if (redoLsn === this.completedRedoLsn && redoLsn === this.redoLsn) return;
    this.redoLsn = redoLsn;
    this.complete(redoLsn);
  }

  /** The control file has the checkpoint: WAL before it may go. */
  private complete(redoLsn: Lsn): void {
    const prior = this.completedRedoLsn;
    this.completedRedoLsn = redoLsn;
    this.server.wal.checkpointed(prior, redoLsn);
  }

  /** A crash: recovery will begin where the control file says. */
  crash(): void {
    this.redoLsn = this.completedRedoLsn;
  }

  *run(): Process {
    const { sim } = this.server.context;
    const timeout = this.server.settings.checkpoint_timeout;
    this.lastStartAt = sim.now;
    for (;;) {
      yield this.volume.wait(this.lastStartAt + timeout);
      if (!sim.timedOut) this.requested++;
      else if (sim.now < this.lastStartAt + timeout)
        continue; // one by request came between
      else if (this.server.wal.insertLsn === this.redoLsn) {
        this.lastStartAt = sim.now;
        continue;
      } else this.timed++;
      this.moveRedo(!sim.timedOut);
    }
  }

  private get segments(): number {
    return checkpointSegments(this.server.settings);
  }

  private moveRedo(requested: boolean): void {
    const { wal, context, index } = this.server;
    this.lastStartAt = context.sim.now;
    this.redoLsn = wal.insert(CHECKPOINT_RECORD_BYTES, 'XLOG/CHECKPOINT_ONLINE');
    wal.requestFlush(this.redoLsn);
    context.events.checkpoint.emit(index, this.redoLsn, requested ? 1 : 0);
  }
}
