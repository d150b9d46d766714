/**
 * What a checkpoint does to the disk (bufmgr.c:BufferSync, sync.c:ProcessSyncRequests): it writes
 * the pages that were dirty when it began, by file and block, at the pace of its schedule; then it
 * fsyncs each file that was written to since the checkpoint before, by whomever, without pause.
 *
 * Kept: both; a page that somebody else has written meanwhile is passed over and counts as done;
 * writes that come during the fsyncs are the next checkpoint's. Left out: the commit log and its
 * like (a page or two), balancing over tablespaces, a queue of fsync requests that is full; a
 * relation of several gigabytes is one file.
 */
import type { Nanoseconds, Signal } from '../../kernel/index.ts';
import type { Lsn } from '../lsn.ts';
import type { Server } from '../server.ts';
import { CheckpointSchedule, NAP } from './pacing.ts';
import { PageWrites } from './page-writes.ts';

/** Who paces a checkpoint: how far the WAL is, whether it hurries, and what ends a nap. */
export interface Pace {
  position(): Lsn;
  hurries(): boolean;
  readonly latch: Signal;
}

export class CheckpointPhases {
  /** Pages written. */
  buffers = 0;
  /** Files made durable. */
  files = 0;
  writeTime: Nanoseconds = 0;
  syncTime: Nanoseconds = 0;
  private readonly server: Server;
  private readonly pace: Pace;
  private readonly schedule: CheckpointSchedule;
  private readonly writes: PageWrites;

  constructor(server: Server, pace: Pace) {
    const { settings, context } = server;
    this.server = server;
    this.pace = pace;
    this.schedule = new CheckpointSchedule(settings, context.sim.now, pace.position());
    this.writes = new PageWrites(server, 'checkpointer', settings.checkpoint_flush_after);
  }

  *run(buffers: ArrayLike<number>) {
    const { sim, events } = this.server.context;
    const startAt = sim.now;
    yield* this.write(buffers);
    this.writeTime = sim.now - startAt;
    this.buffers = this.writes.written;
    events.checkpointWritten.emit(this.server.index, this.buffers);
    yield* this.sync();
    this.syncTime = sim.now - startAt - this.writeTime;
  }

  private *write(buffers: ArrayLike<number>) {
    const { pace, schedule, writes } = this;
    const { sim } = this.server.context;
    const { pool } = this.server.storage;
    const wants = (buffer: number) => pool.needsCheckpoint(buffer);
    const total = buffers.length;
    for (let done = 0; done < total; ) {
      const to = done + this.next(done, total);
      yield* writes.write(buffers, done, to, wants);
      done = to;
      if (pace.hurries() || !schedule.isAhead(done, total, sim.now, pace.position())) continue;
      yield pace.latch.wait(sim.now + NAP);
    }
    yield* writes.hint();
  }

  /** Pages until the next nap, or until the group is full. */
  private next(done: number, total: number): number {
    const { pace, schedule, writes } = this;
    const most = Math.min(total - done, writes.groupPages);
    if (pace.hurries()) return most;
    const { now } = this.server.context.sim;
    return Math.min(most, schedule.pagesUntilAhead(done, total, now, pace.position()));
  }

  private *sync() {
    const { storage, settings } = this.server;
    const files = [...storage.unsynced];
    this.files = files.length;
    for (const file of files) {
      storage.unsynced.delete(file);
      if (settings.fsync) yield* storage.cache.fsync(file);
    }
  }
}
