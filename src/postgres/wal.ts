/**
 * The write-ahead log of one server: positions, insertion, and the one flush at a time.
 *
 * A committing backend needs the WAL up to its commit record on disk. Postgres lets the first of
 * those who wait take WALWriteLock, write and fsync everything inserted so far, and wake the rest
 * (xlog.c:XLogFlush): a batch is everyone whose record was inserted before the leader took the
 * lock, so group commit needs no setting. Here one process plays all leaders' parts, which costs a
 * waiting backend a single wake-up.
 *
 * Kept: one flush at a time, what is written but not yet flushed survives a crash of the process
 * and not of the host, commit_delay and commit_siblings, the walwriter for asynchronous commits.
 * Left out until issue 3: insertion locks, wal_buffers, segment switches, recycling and archiving.
 */

import type { Host } from '../hardware/host.ts';
import { type Process, type ProcessGroup, Signal, Watermark } from '../kernel/index.ts';
import type { ServerContext } from './context.ts';
import { FLUSH_COST } from './costs.ts';
import { advance, type Lsn, WAL_PAGE_BYTES } from './lsn.ts';
import { COMMIT_BYTES } from './record-sizes.ts';
import type { PostgresSettings } from './settings.ts';
import type { Branch } from './timeline.ts';

export interface WalOwner {
  readonly index: number;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly settings: PostgresSettings;
  /** Transactions in progress, for commit_siblings. */
  readonly activeTransactions: number;
}

export class Wal {
  branch: Branch;
  /** The end of what is inserted (on a standby: received). */
  insertLsn: Lsn;
  /** The end of what the operating system has; a crash of the server does not take it away. */
  written: Lsn;
  /** The end of what is on disk. */
  flushed: Watermark;
  records = 0;
  bytes = 0;
  flushes = 0;
  /** The last commit that waits for standbys to replay it: they report when they have. */
  applyFeedbackLsn: Lsn = 0;
  /** Called after each flush. */
  onFlush: () => void = () => {};
  private readonly owner: WalOwner;
  private readonly context: ServerContext;
  private requested: Lsn;
  private asyncCommitLsn: Lsn;
  private lastFlushAt = 0;
  private flushing = false;
  private work: Signal;
  private asyncWork: Signal;

  constructor(context: ServerContext, owner: WalOwner, branch: Branch, lsn: Lsn) {
    this.context = context;
    this.owner = owner;
    this.branch = branch;
    this.insertLsn = this.written = this.requested = this.asyncCommitLsn = lsn;
    this.flushed = new Watermark(context.sim, lsn);
    this.work = new Signal(context.sim);
    this.asyncWork = new Signal(context.sim);
  }

  /** Starts the processes of a running server: whoever flushes, and the walwriter. */
  start(): void {
    this.flushing = false;
    this.owner.host.spawn(this.flusher(), this.owner.group);
    this.owner.host.spawn(this.walWriter(), this.owner.group);
  }

  /** Appends a record; returns the position of its end. */
  insert(bytes: number): Lsn {
    const before = this.insertLsn;
    this.insertLsn = advance(before, bytes);
    this.records++;
    this.bytes += this.insertLsn - before;
    return this.insertLsn;
  }

  insertCommit(): Lsn {
    return this.insert(COMMIT_BYTES);
  }

  /** The WAL up to here shall be on disk; true if the caller is the one who leads the flush. */
  requestFlush(lsn: Lsn): boolean {
    if (lsn > this.requested) this.requested = lsn;
    if (this.flushing) return false;
    this.work.fire();
    return true;
  }

  /** An asynchronous commit: the walwriter flushes it within three times wal_writer_delay. */
  commitAsynchronously(lsn: Lsn): void {
    this.asyncCommitLsn = lsn;
    this.asyncWork.fire();
  }

  /** WAL that came from another server and is written to a file here. */
  receive(lsn: Lsn): void {
    this.insertLsn = this.written = lsn;
  }

  /** A crash: all is gone beyond what the operating system, or only the disk, has. */
  crash(survives: 'written' | 'flushed'): void {
    const end = survives === 'written' ? this.written : this.flushed.value;
    this.cutTo(end, this.branch);
  }

  /** A promoted standby goes on from the end of what it has, on a branch of its own. */
  fork(branch: Branch): void {
    this.branch = branch;
    this.written = this.requested = this.asyncCommitLsn = this.insertLsn;
    this.flushed.advance(this.insertLsn);
  }

  /** The log ends here, on this branch: after a crash, a rewind or a copy. */
  cutTo(lsn: Lsn, branch: Branch): void {
    this.branch = branch;
    this.insertLsn = this.written = this.requested = this.asyncCommitLsn = lsn;
    this.flushed = new Watermark(this.context.sim, lsn);
    this.work = new Signal(this.context.sim);
    this.asyncWork = new Signal(this.context.sim);
  }

  private *flusher(): Process {
    const { sim, events } = this.context;
    const { host, settings, index } = this.owner;
    for (;;) {
      if (this.flushed.value >= this.requested) {
        this.flushing = false;
        yield this.work.wait();
        continue;
      }
      this.flushing = true;
      const siblings = this.owner.activeTransactions - 1;
      if (settings.commit_delay > 0 && settings.fsync && siblings >= settings.commit_siblings) {
        yield sim.hold(settings.commit_delay);
      }
      const upTo = this.insertLsn;
      this.written = upTo;
      host.cpu.occupy(FLUSH_COST);
      if (settings.fsync) yield host.disk.fsync();
      this.flushes++;
      this.lastFlushAt = sim.now;
      this.flushed.advance(upTo);
      events.flushed.emit(index, upTo);
      this.onFlush();
    }
  }

  /** xlog.c:XLogBackgroundFlush, for asynchronous commits. It sleeps while there are none. */
  private *walWriter(): Process {
    const { sim } = this.context;
    const { wal_writer_delay: delay, wal_writer_flush_after: flushAfter } = this.owner.settings;
    for (;;) {
      if (this.asyncCommitLsn <= this.flushed.value) yield this.asyncWork.wait();
      yield sim.hold(delay);
      let target = this.insertLsn - (this.insertLsn % WAL_PAGE_BYTES);
      if (target <= this.written) target = this.asyncCommitLsn;
      if (target <= this.flushed.value) continue;
      const due = sim.now - this.lastFlushAt >= delay;
      if (!due && target - this.flushed.value < flushAfter) {
        if (target > this.written) this.written = target;
        continue;
      }
      this.requestFlush(target);
      if (this.flushed.below(target)) yield;
    }
  }
}
