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
 * and not of the host, commit_delay and commit_siblings, the walwriter with its hibernation and
 * what wakes it. A flush that nobody but the walwriter wants goes no further than it asks.
 * Left out until issue 3: insertion locks, wal_buffers, segment switches, recycling and archiving.
 */

import type { Host } from '../hardware/host.ts';
import { type Process, type ProcessGroup, Signal, Watermark } from '../kernel/index.ts';
import type { ServerContext } from './context.ts';
import type { Costs } from './costs.ts';
import { advance, type Lsn, WAL_PAGE_BYTES } from './lsn.ts';
import { COMMIT_BYTES } from './record-sizes.ts';
import type { PostgresSettings } from './settings.ts';
import type { Branch } from './timeline.ts';

/** walwriter.c: LOOPS_UNTIL_HIBERNATE, HIBERNATE_FACTOR. */
const CYCLES_UNTIL_HIBERNATION = 50;
const HIBERNATION_FACTOR = 25;

export interface WalOwner {
  readonly index: number;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly settings: PostgresSettings;
  readonly costs: Costs;
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
  /** How far backends want it on disk, and how far the walwriter does. */
  private requested: Lsn;
  private background: Lsn;
  private asyncCommitLsn: Lsn;
  private backgroundFlushedAt = 0;
  private flushing = false;
  private hibernating = true;
  private work: Signal;
  private asyncWork: Signal;

  constructor(context: ServerContext, owner: WalOwner, branch: Branch, lsn: Lsn) {
    this.context = context;
    this.owner = owner;
    this.branch = branch;
    this.insertLsn = this.written = lsn;
    this.requested = this.background = this.asyncCommitLsn = lsn;
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
    return this.beginFlush();
  }

  private beginFlush(): boolean {
    if (this.flushing) return false;
    this.flushing = true;
    this.work.fire();
    return true;
  }

  /**
   * An asynchronous commit: the walwriter flushes it within three times wal_writer_delay. It is
   * woken if it hibernates or has whole pages to write (xlog.c:XLogSetAsyncXactLSN): one up to
   * version 16, wal_writer_flush_after from 17 on.
   */
  commitAsynchronously(lsn: Lsn): void {
    this.asyncCommitLsn = lsn;
    const { wal_writer_flush_after, summarize_wal } = this.owner.settings;
    const isEager = summarize_wal === undefined; // 16 and before
    const pending = wholePages(lsn) - wholePages(this.flushed.value);
    const enough = isEager ? WAL_PAGE_BYTES : wal_writer_flush_after;
    if (this.hibernating || (pending > 0 && pending >= enough)) this.asyncWork.fire();
  }

  /** WAL that came from another server and is written to a file here. */
  receive(lsn: Lsn): void {
    this.insertLsn = this.written = lsn;
  }

  /** A crash: all is gone beyond what the operating system, or only the disk, has. */
  crash(survives: 'written' | 'flushed'): void {
    const flushed = this.flushed.value;
    this.cutTo(survives === 'written' ? this.written : flushed, this.branch);
    this.flushed = new Watermark(this.context.sim, flushed);
  }

  /** A promoted standby goes on from the end of what it has, on a branch of its own. */
  fork(branch: Branch): void {
    this.branch = branch;
    this.written = this.requested = this.background = this.asyncCommitLsn = this.insertLsn;
    this.flushed.advance(this.insertLsn);
  }

  /** The log ends here, on this branch: after a crash, a rewind or a copy. */
  cutTo(lsn: Lsn, branch: Branch): void {
    this.branch = branch;
    this.insertLsn = this.written = lsn;
    this.requested = this.background = this.asyncCommitLsn = lsn;
    if (this.applyFeedbackLsn > lsn) this.applyFeedbackLsn = lsn;
    this.flushed = new Watermark(this.context.sim, lsn);
    this.work = new Signal(this.context.sim);
    this.asyncWork = new Signal(this.context.sim);
  }

  private *flusher(): Process {
    const { sim, events } = this.context;
    const { host, settings, index, costs } = this.owner;
    for (;;) {
      const forBackends = this.requested > this.flushed.value;
      if (!forBackends && this.background <= this.flushed.value) {
        this.flushing = false;
        yield this.work.wait();
        continue;
      }
      this.flushing = true;
      const siblings = this.owner.activeTransactions - 1;
      const { commit_delay: delay, commit_siblings: enough, fsync } = settings;
      if (forBackends && delay > 0 && fsync && siblings >= enough) yield sim.hold(delay);
      const upTo = forBackends ? this.insertLsn : this.background;
      if (upTo > this.written) this.written = upTo;
      host.cpu.occupy(costs.flush);
      if (fsync) yield host.disk.fsync();
      this.flushes++;
      this.flushed.advance(upTo);
      events.flushed.emit(index, upTo);
      this.onFlush();
    }
  }

  /** walwriter.c:WalWriterMain: every wal_writer_delay, seldom after a long time without work. */
  private *walWriter(): Process {
    const { sim } = this.context;
    const { wal_writer_delay: delay } = this.owner.settings;
    let cyclesLeft = 0;
    for (;;) {
      this.hibernating = cyclesLeft <= 1;
      const target = this.backgroundTarget();
      if (target > this.flushed.value) {
        this.background = target;
        this.beginFlush();
        if (this.flushed.below(target)) yield;
      }
      if (target > 0) cyclesLeft = CYCLES_UNTIL_HIBERNATION;
      else if (cyclesLeft > 0) cyclesLeft--;
      yield this.asyncWork.wait(sim.now + delay * (cyclesLeft > 0 ? 1 : HIBERNATION_FACTOR));
    }
  }

  /**
   * xlog.c:XLogBackgroundFlush: whole pages, or if all of those are flushed the last asynchronous
   * commit. How far to flush; what is flushed already if writing will do for now; 0 for nothing.
   */
  private backgroundTarget(): Lsn {
    const { now } = this.context.sim;
    const { wal_writer_delay: delay, wal_writer_flush_after: flushAfter } = this.owner.settings;
    const flushed = this.flushed.value;
    let target = wholePages(this.insertLsn);
    if (target <= flushed) target = this.asyncCommitLsn;
    if (target <= flushed) return 0;
    const pending = wholePages(target) - wholePages(flushed);
    const isDue = now - this.backgroundFlushedAt >= delay;
    if (!isDue && flushAfter > 0 && pending < flushAfter) {
      if (target > this.written) this.written = target;
      return flushed;
    }
    this.backgroundFlushedAt = now;
    return target;
  }
}

function wholePages(lsn: Lsn): Lsn {
  return lsn - (lsn % WAL_PAGE_BYTES);
}
