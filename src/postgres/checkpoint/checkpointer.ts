/**
 * The checkpointer process: when a checkpoint comes, its steps, and on a standby restartpoints
 * (checkpointer.c:CheckpointerMain, xlog.c:CreateCheckPoint, CreateRestartPoint).
 *
 * A checkpoint comes `checkpoint_timeout` after the last one's start, if WAL that matters was
 * written since; when the WAL since the redo pointer reaches CheckPointSegments
 * (xlog.c:CalculateCheckpointSegments, XLogCheckpointNeeded); and on request. It fixes the redo
 * pointer, waits for commits that are under way, writes and fsyncs (`phases.ts`), inserts its
 * record, and when that is on disk the control file points to it: a crash before goes back to the
 * checkpoint before. A restartpoint does the same at a checkpoint record that was replayed.
 *
 * What replay has made dirty on a standby a restartpoint writes. Left out: `checkpoint_warning`.
 */
import { type Nanoseconds, type Process, SECOND, Signal } from '../../kernel/index.ts';
import type { Lsn } from '../lsn.ts';
import { CHECKPOINT_BYTES, CHECKPOINT_REDO_BYTES } from '../record-sizes.ts';
import type { Server } from '../server.ts';
import { checkpointSegments, segmentOf } from '../wal/retention.ts';
import type { SegmentChanges } from '../wal/segments.ts';
import { CheckpointPhases, type Pace } from './phases.ts';
import { logStandbySnapshot } from './running-transactions.ts';

/** A commit that has its record and not yet its place in the commit log is polled so often. */
const COMMIT_POLL: Nanoseconds = SECOND / 100;
/** A restartpoint that finds no new checkpoint record is tried again. */
const RESTARTPOINT_RETRY: Nanoseconds = 15 * SECOND;

/** `spread` follows the schedule; `shutdown` is immediate and writes unlogged pages too. */
export type CheckpointKind = 'spread' | 'immediate' | 'shutdown';

/** What a checkpoint record tells those who replay it. */
export interface CheckpointRecord {
  /** Its end. */
  readonly lsn: Lsn;
  readonly redoLsn: Lsn;
}

interface Request {
  readonly immediate: boolean;
  readonly shutdown: boolean;
  /** It takes place even if nothing was written since the last. */
  readonly force: boolean;
}

const BY_VOLUME: Request = { immediate: false, shutdown: false, force: false };

export class Checkpointer {
  timed = 0;
  requested = 0;
  /** Pages written by its checkpoints, and how long their phases took. */
  buffers = 0;
  writeTime: Nanoseconds = 0;
  syncTime: Nanoseconds = 0;
  /** The last checkpoint record of this server's WAL, inserted or received. */
  lastRecord: CheckpointRecord | null = null;
  /** The redo pointer in the control file. */
  private completedRedoLsn: Lsn;
  /** The end of the last checkpoint's record, or where the run began. */
  private lastRecordEnd: Lsn;
  private lastStartAt: Nanoseconds = 0;
  private runs = false;
  private incarnation = 0;
  private started = 0;
  private done = 0;
  private wanted: Request | null = null;
  private current: Request | null = null;
  private segmentSeen = 0;
  /** On a standby: up to where WAL is replayed, and the last checkpoint record in it. */
  private replayedLsn: Lsn = 0;
  private replayedRecord: CheckpointRecord | null = null;
  private latch: Signal;
  private completed: Signal;
  private readonly server: Server;

  constructor(server: Server, redoLsn: Lsn) {
    this.server = server;
    this.completedRedoLsn = this.lastRecordEnd = redoLsn;
    this.redoLsn = redoLsn;
    this.latch = new Signal(server.context.sim);
    this.completed = new Signal(server.context.sim);
  }

  /** Where redo begins that the last checkpoint, finished or not, has fixed. */
  get redoLsn(): Lsn {
    return this.server.wal.redoLsn;
  }

  private set redoLsn(lsn: Lsn) {
    this.server.wal.redoLsn = lsn;
  }

  /** Starts the process, unless it runs. */
  start(): void {
    if (this.runs) return;
    this.runs = true;
    this.server.host.spawn(this.run(), this.server.group);
  }

  /** Called with each flush or, on a standby, replay: the last segment may be finished. */
  walGrew(lsn: Lsn): void {
    const segment = segmentOf(lsn);
    if (segment === this.segmentSeen) return;
    this.segmentSeen = segment;
    const { settings } = this.server;
    if (segment > segmentOf(this.redoLsn) + checkpointSegments(settings) - 1) this.want(BY_VOLUME);
  }

  /**
   * Asks for a checkpoint: CHECKPOINT, shutdown, the end of a recovery, a promotion. One that is
   * under way does not count, but it hurries if this is immediate. Returns its number for
   * `yield* finished(number)`.
   */
  request(kind: CheckpointKind = 'immediate'): number {
    const shutdown = kind === 'shutdown';
    this.want({ immediate: kind !== 'spread', shutdown, force: true });
    return this.started + 1;
  }

  /** Waits until a checkpoint that was asked for is over, or lost in a crash. */
  *finished(number: number): Generator<undefined, void, undefined> {
    const { incarnation } = this;
    while (this.done < number && this.incarnation === incarnation) yield this.completed.wait();
  }

  /** WAL is replayed up to here, `record` the last checkpoint record that was received. */
  replayed(lsn: Lsn, record: CheckpointRecord | null): void {
    this.replayedLsn = lsn;
    if (record && record !== this.replayedRecord && record.lsn <= lsn) {
      this.replayedRecord = record;
    }
    this.walGrew(lsn);
  }

  /** The redo pointer becomes another's: a copy's source's, or that of a clean end. */
  follow(redoLsn: Lsn): void {
    if (redoLsn === this.completedRedoLsn && redoLsn === this.redoLsn) return;
    this.redoLsn = redoLsn;
    this.complete(redoLsn);
    this.lastRecord = this.replayedRecord = null;
  }

  /** All processes have ended: the next recovery begins where the control file says. */
  crash(): void {
    this.redoLsn = this.completedRedoLsn;
    this.runs = false;
    this.wanted = this.current = null;
    this.segmentSeen = 0;
    this.incarnation++;
    this.completed.fire();
    this.latch = new Signal(this.server.context.sim);
    this.completed = new Signal(this.server.context.sim);
  }

  private want(request: Request): void {
    const { wanted } = this;
    this.wanted = {
      immediate: request.immediate || wanted?.immediate === true,
      shutdown: request.shutdown || wanted?.shutdown === true,
      force: request.force || wanted?.force === true,
    };
    this.latch.fire();
  }

  private *run(): Process {
    const { sim } = this.server.context;
    const timeout = this.server.settings.checkpoint_timeout;
    this.lastStartAt = sim.now;
    for (;;) {
      const due = this.lastStartAt + timeout;
      if (this.wanted === null && sim.now < due) {
        yield this.latch.wait(due);
        continue;
      }
      this.lastStartAt = sim.now;
      this.current = this.wanted;
      this.wanted = null;
      const number = ++this.started;
      if (this.server.inRecovery) yield* this.restartpoint();
      else yield* this.checkpoint();
      this.done = number;
      this.completed.fire();
    }
  }

  private *checkpoint(): Generator<undefined, void, undefined> {
    const { server, current } = this;
    const { wal, storage, settings } = server;
    if (!current?.force && wal.lastImportantLsn <= this.lastRecordEnd) return this.count();
    const shutdown = current?.shutdown === true;
    const redoLsn = wal.insertLsn;
    this.begin(redoLsn);
    const hasRedoRecord = settings['summarize_wal'] !== undefined; // 17 and later
    if (hasRedoRecord && !shutdown) wal.insert(CHECKPOINT_REDO_BYTES, 'XLOG/CHECKPOINT_REDO');
    yield* this.commitsUnderWay();
    const phases = new CheckpointPhases(server, this.pace());
    yield* phases.run(storage.pool.markForCheckpoint(shutdown));
    if (!shutdown) logStandbySnapshot(server);
    if (shutdown) this.redoLsn = wal.insertLsn;
    const kind = shutdown ? 'XLOG/CHECKPOINT_SHUTDOWN' : 'XLOG/CHECKPOINT_ONLINE';
    const end = wal.insert(CHECKPOINT_BYTES, kind);
    this.lastRecord = { lsn: end, redoLsn: this.redoLsn };
    this.lastRecordEnd = end;
    wal.requestFlush(end);
    if (wal.flushed.below(end)) yield;
    yield* this.end(this.redoLsn, phases);
  }

  private *restartpoint(): Generator<undefined, void, undefined> {
    const { server, replayedRecord: record } = this;
    if (record === null || record.redoLsn <= this.completedRedoLsn) {
      const { checkpoint_timeout: timeout } = server.settings;
      this.lastStartAt = server.context.sim.now - timeout + RESTARTPOINT_RETRY;
      return;
    }
    this.begin(record.redoLsn);
    const phases = new CheckpointPhases(server, this.pace());
    yield* phases.run(server.storage.pool.markForCheckpoint());
    yield* this.end(record.redoLsn, phases);
  }

  /** As pg_stat_checkpointer has it: one that is skipped for want of WAL counts, too. */
  private count(): void {
    if (this.current === null) this.timed++;
    else this.requested++;
  }

  private begin(redoLsn: Lsn): void {
    const { context, index } = this.server;
    this.count();
    this.redoLsn = redoLsn;
    context.events.checkpoint.emit(index, redoLsn, this.current === null ? 0 : 1);
  }

  /** The control file has it: redo would begin here, and WAL before may go. */
  private *end(redoLsn: Lsn, phases: CheckpointPhases): Generator<undefined, void, undefined> {
    const { host, settings, context, index } = this.server;
    const { buffers, writeTime, syncTime } = phases;
    if (settings.fsync) yield host.disk.fsync();
    this.buffers += buffers;
    this.writeTime += writeTime;
    this.syncTime += syncTime;
    const files = this.complete(redoLsn);
    yield* this.settle(files);
    context.events.checkpointCompleted.emit(index, buffers, writeTime, syncTime);
  }

  /** Each file of WAL that was renamed, removed or made is durable before the next goes. */
  private *settle(files: SegmentChanges): Generator<undefined, void, undefined> {
    const { host, settings } = this.server;
    if (!settings.fsync) return;
    for (let i = 0; i < files.retired; i++) yield host.disk.fsync();
    if (files.filled > 0) yield host.disk.fsync(files.filled);
  }

  private complete(redoLsn: Lsn): SegmentChanges {
    const { wal, storage } = this.server;
    const prior = this.completedRedoLsn;
    this.completedRedoLsn = redoLsn;
    storage.pool.evictedLsns.moveRedo(redoLsn);
    return wal.checkpointed(prior, redoLsn);
  }

  /** Transactions that have inserted their commit record and wait for its flush (delayChkpt). */
  private *commitsUnderWay(): Generator<undefined, void, undefined> {
    const { wal, context } = this.server;
    const upTo = Math.min(wal.requested, this.redoLsn);
    while (wal.flushed.value < upTo) yield context.sim.hold(COMMIT_POLL);
  }

  private pace(): Pace {
    const { server, latch } = this;
    return {
      position: () => (server.inRecovery ? this.replayedLsn : server.wal.insertLsn),
      hurries: () => this.current?.immediate === true || this.wanted?.immediate === true,
      latch,
    };
  }
}
