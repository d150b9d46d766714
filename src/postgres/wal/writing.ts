/**
 * Writing WAL to its files and making it durable, by whoever holds WALWriteLock (xlog.c:XLogWrite).
 *
 * A committing backend needs the WAL up to its commit record on disk. Postgres lets the first of
 * those who wait take WALWriteLock, write and fsync everything inserted so far, and wake the rest
 * (xlog.c:XLogFlush): a batch is everyone whose record was inserted before the leader took the
 * lock, so group commit needs no setting. Here one process plays all leaders' parts, which costs a
 * waiting backend a single wake-up. A leader who comes next begins at the instant of the release.
 *
 * Kept: the one lock, held through write and fsync; commit_delay and commit_siblings; the fsync of
 * each segment at its end, and the new file that the next one may need; whole pages, the last one
 * again with each flush; wal_buffers, of which an inserter that finds them full writes out what it
 * needs to reuse; wal_sync_method's open_ words, with which each write is durable; fsync = off.
 *
 * Time: the leader's own (`costs.flush`: the system calls), for which it does not queue, for it is
 * on a core already; then the device's, a disk's `fsync` law, in which the kernel's threads that
 * send the requests to the device have a core for a while (`costs.flushInKernel`). What a flush has
 * beyond one page, the disk streams. At the release the leader wakes all who wait, one system call
 * for each, those too whose records the flush did not cover (lwlock.c: LWLockWakeup,
 * LW_WAIT_UNTIL_FREE): the last to come is the first in that queue and leads next, the others sleep
 * again.
 *
 * Left out: `fsync` as wal_sync_method (it also writes the file's times: taken as fdatasync), the
 * write that ends at the end of the buffers' ring, WALInsertLock (see README).
 */
import type { Host } from '../../hardware/host.ts';
import { type Nanoseconds, type Process, type ProcessGroup, Signal } from '../../kernel/index.ts';
import type { ServerContext } from '../context.ts';
import type { Costs } from '../costs.ts';
import { type Lsn, WAL_PAGE_BYTES, WAL_SEGMENT_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import { CPU, WAL_SYNC, WAL_WRITE, WAL_WRITE_LOCK, type WaitState } from '../waits.ts';
import type { ArchiveTarget } from './archiver.ts';
import { segmentOf, walBufferPages } from './retention.ts';
import type { WalSegments } from './segments.ts';
import type { Wal } from './wal.ts';

export interface WalOwner {
  readonly index: number;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly settings: PostgresSettings;
  readonly costs: Costs;
  /** Transactions in progress, for commit_siblings. */
  readonly activeTransactions: number;
  /** Where finished segments are archived; null: nowhere. */
  readonly archive: ArchiveTarget | null;
  /** A PANIC: the server crashes at this instant. */
  panic(reason: string): void;
}

/** The two words of wal_sync_method that make a write itself synchronous. */
const SYNCHRONOUS_WRITES: readonly string[] = ['open_sync', 'open_datasync'];

export class WalWriting {
  /** The end of the last write that is over (LogwrtResult.Write). */
  written: Lsn;
  /** Times that an inserter had to write out a page itself: pg_stat_wal's wal_buffers_full. */
  buffersFull = 0;
  /** Each write is durable when it returns. */
  readonly writesAreSynchronous: boolean;
  /** How far backends want it on disk, and how far the walwriter does. */
  requested: Lsn;
  private background: Lsn;
  /** The backend that asked for the most: it came last, and leads next if it has to wait. */
  private last: WaitState | null = null;
  /** Somebody holds WALWriteLock. */
  private held = false;
  private work: Signal;
  private released: Signal;
  /** The end of the segment whose file is open. */
  private openEnd: Lsn;
  /** Up to here the buffers have room: pages that have not been written are not overwritten. */
  private roomEnd: Lsn;
  private readonly bufferBytes: number;
  private owedTime: Nanoseconds = 0;
  private readonly wal: Wal;
  private readonly segments: WalSegments;
  private readonly owner: WalOwner;
  private readonly context: ServerContext;

  constructor(context: ServerContext, owner: WalOwner, wal: Wal, segments: WalSegments) {
    const { settings } = owner;
    this.context = context;
    this.owner = owner;
    this.wal = wal;
    this.segments = segments;
    this.writesAreSynchronous =
      settings.fsync && SYNCHRONOUS_WRITES.includes(settings.wal_sync_method);
    this.bufferBytes = walBufferPages(settings) * WAL_PAGE_BYTES;
    this.work = new Signal(context.sim);
    this.released = new Signal(context.sim);
    this.requested = this.background = this.written = this.roomEnd = this.openEnd = 0;
    this.beginAt(wal.insertLsn);
  }

  /** Nothing is in memory, all is written up to here: a start, a new timeline, another history. */
  beginAt(lsn: Lsn): void {
    this.requested = this.background = lsn;
    this.openEnd = (segmentOf(lsn) + 1) * WAL_SEGMENT_BYTES;
    if (lsn % WAL_SEGMENT_BYTES === 0) this.openEnd = lsn; // its file is opened by the next write
    this.published(lsn);
    this.work = new Signal(this.context.sim);
    this.released = new Signal(this.context.sim);
    this.held = false;
    this.last = null;
  }

  /** The WAL up to here shall be on disk; true if the caller is the one who leads the flush. */
  request(lsn: Lsn, wait: WaitState | null = null): boolean {
    if (lsn > this.requested) {
      this.requested = lsn;
      this.last = wait;
    }
    return this.lead();
  }

  /** The walwriter wants it on disk up to here. */
  requestBehind(lsn: Lsn): void {
    this.background = lsn;
    this.lead();
  }

  private lead(): boolean {
    if (this.held) return false;
    this.held = true;
    this.work.fire();
    return true;
  }

  /**
   * The insertion that was just made needs buffers whose old pages are not written yet, or had
   * pages to compress.
   */
  mustWait(): boolean {
    return this.wal.insertLsn > this.roomEnd || this.owedTime > 0;
  }

  /** Processor time that the running backend has still to spend. */
  owe(time: Nanoseconds): void {
    this.owedTime += time;
  }

  /** What a switch of segments has left empty needs no room. */
  skipTo(lsn: Lsn): void {
    if (lsn > this.roomEnd) this.roomEnd = lsn;
  }

  /** xlog.c:AdvanceXLInsertBuffer: an inserter waits for the lock, or writes what is in its way. */
  *makeRoom(wait: WaitState | null): Generator<undefined, void, undefined> {
    const end = this.wal.insertLsn;
    const owed = Math.round(this.owedTime);
    this.owedTime = 0;
    if (owed > 0) yield this.owner.host.cpu.serve(owed, this.owner.group);
    while (end > this.roomEnd) {
      if (this.held) {
        wait?.now(WAL_WRITE_LOCK);
        yield this.released.wait();
      } else {
        wait?.now(WAL_WRITE);
        this.held = true;
        yield* this.writeForRoom(end);
        this.release();
      }
    }
    wait?.now(CPU);
  }

  /** Writes up to a position, and makes durable only the segments that it completes. */
  *write(upTo: Lsn): Generator<undefined, void, undefined> {
    while (this.held) yield this.released.wait();
    this.held = true;
    yield* this.writeHeld(Math.min(upTo, this.roomEnd));
    this.release();
  }

  /** The pages whose buffers an insertion up to a position needs, as many as there are. */
  private *writeForRoom(end: Lsn): Generator<undefined, void, undefined> {
    const needed = wholePages(end - 1) + WAL_PAGE_BYTES - this.bufferBytes;
    const to = Math.min(needed, this.roomEnd);
    this.buffersFull += (to - wholePages(this.written)) / WAL_PAGE_BYTES;
    yield* this.writeHeld(to);
  }

  private *writeHeld(upTo: Lsn): Generator<undefined, void, undefined> {
    const { host, costs } = this.owner;
    if (upTo <= this.written) return;
    if (upTo >= this.openEnd) yield* this.finishSegments(upTo);
    const bytes = wholePages(upTo + WAL_PAGE_BYTES - 1) - wholePages(this.written);
    if (upTo > this.wal.written) this.wal.written = upTo;
    if (this.writesAreSynchronous) yield host.disk.fsync(bytes);
    else {
      const pages = bytes / WAL_PAGE_BYTES;
      yield host.cpu.serve(pages * (costs.walWrite + costs.walPageWrite), this.owner.group);
    }
    this.published(upTo);
  }

  private release(): void {
    this.held = false;
    if (this.isWanted()) this.lead();
    this.released.fire();
  }

  private isWanted(): boolean {
    const flushed = this.wal.flushed.value;
    return this.requested > flushed || this.background > flushed;
  }

  /** Plays the leaders' parts, one after the other. */
  *flusher(): Process {
    const { sim } = this.context;
    const { settings } = this.owner;
    const { commit_delay: delay, commit_siblings: enough, fsync } = settings;
    for (;;) {
      if (!this.isWanted()) {
        this.held = false;
        this.released.fire();
        yield this.work.wait();
        continue;
      }
      this.held = true;
      const forBackends = this.requested > this.wal.flushed.value;
      const siblings = this.owner.activeTransactions - 1;
      if (forBackends && delay > 0 && fsync && siblings >= enough) yield sim.hold(delay);
      const upTo = forBackends ? this.wal.insertLsn : this.background;
      while (upTo > this.roomEnd) yield* this.writeForRoom(upTo); // the inserters' part
      if (upTo >= this.openEnd) yield* this.finishSegments(upTo);
      if (upTo > this.wal.flushed.value) {
        if (this.beginSync(upTo)) {
          yield;
          yield this.owner.host.cpu.serve(this.owner.costs.sleep, this.owner.group);
        }
        this.synced(upTo);
        if (this.handsOver()) {
          yield;
          if (sim.timedOut && this.held)
            yield this.work.wait(); // somebody was faster
          else if (sim.timedOut) this.last?.now(WAL_SYNC);
        }
      }
      this.released.fire();
    }
  }

  /** Completes segments, each made durable at once, and opens the one in which the rest goes. */
  private *finishSegments(upTo: Lsn): Generator<undefined, void, undefined> {
    for (;;) {
      const end = this.openEnd;
      if (end > this.wal.flushed.value) {
        if (this.beginSync(end)) yield;
        this.synced(end);
      }
      if (upTo <= end) return;
      yield* this.open(segmentOf(end));
      if (upTo < this.openEnd) return;
    }
  }

  /** A file for the next segment: one that is ready, or a new one of zeros (XLogFileInit). */
  private *open(segment: number): Generator<undefined, void, undefined> {
    const { host, settings } = this.owner;
    if (segment > this.segments.last) {
      if (!this.segments.create()) {
        this.owner.panic(`could not write to file "pg_wal/xlogtemp": No space left on device`);
        yield;
      }
      if (settings.wal_init_zero) {
        if (settings.fsync) yield host.disk.fsync(WAL_SEGMENT_BYTES);
        else host.disk.submit('write', WAL_SEGMENT_BYTES);
      }
    }
    this.openEnd = (segment + 1) * WAL_SEGMENT_BYTES;
  }

  /** Writes up to a position and begins to make it durable; true if that takes time. */
  private beginSync(upTo: Lsn): boolean {
    const { host, settings, costs } = this.owner;
    const { wal } = this;
    const from = this.writesAreSynchronous ? this.written : wal.flushed.value;
    const bytes = wholePages(upTo + WAL_PAGE_BYTES - 1) - wholePages(from);
    if (upTo > wal.written) wal.written = upTo;
    // what an inserter or the walwriter has written is not copied again
    const further = wholePages(upTo - 1) - wholePages(this.written);
    const pagesCost = further > 0 ? (further / WAL_PAGE_BYTES) * costs.walPageWrite : 0;
    const calls = Math.round(costs.flush + pagesCost);
    host.cpu.occupy(calls);
    if (!settings.fsync) return false;
    if (costs.flushInKernel > 0) host.cpu.occupy(costs.flushInKernel);
    this.context.sim.holdUntil(host.disk.submit('fsync', bytes) + calls);
    return true;
  }

  private synced(upTo: Lsn): void {
    const { flushed } = this.wal;
    const sleeping = flushed.waiters - 1; // the leader is the one who does not sleep
    this.wal.flushes++;
    this.published(upTo);
    this.wal.advanceFlushed(upTo);
    if (sleeping <= 0) return;
    const { host, costs } = this.owner;
    host.cpu.occupy(sleeping * costs.wake + flushed.waiters * costs.sleep);
  }

  /**
   * The lock is free: the first of those who were woken leads next, as soon as it has a core, if
   * nobody is faster who is on one already. True if that takes time.
   */
  private handsOver(): boolean {
    const { host, costs } = this.owner;
    if (this.wal.flushed.waiters === 0) return false;
    this.held = false;
    this.released.fire();
    this.work.wait(host.cpu.visit(costs.wake + costs.sleep));
    return true;
  }

  private published(upTo: Lsn): void {
    this.written = upTo;
    const room = wholePages(upTo) + this.bufferBytes;
    this.roomEnd = room;
  }
}

export function wholePages(lsn: Lsn): Lsn {
  return lsn - (lsn % WAL_PAGE_BYTES);
}
