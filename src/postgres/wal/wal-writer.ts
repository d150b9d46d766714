/**
 * The walwriter: it writes whole pages behind the inserters, and makes asynchronous commits durable
 * (walwriter.c:WalWriterMain, xlog.c:XLogBackgroundFlush).
 *
 * Kept: its rhythm, hibernation and what ends that; whole pages first and the last asynchronous
 * commit only if those are flushed, hence at most three times wal_writer_delay until a commit is
 * durable; writing without a flush below wal_writer_flush_after; who wakes it, by version. Left
 * out: pages of buffers that it initialises ahead.
 */
import { type Process, Signal } from '../../kernel/index.ts';
import type { ServerContext } from '../context.ts';
import { type Lsn, WAL_PAGE_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import type { Wal } from './wal.ts';
import { type WalWriting, wholePages } from './writing.ts';

/** walwriter.c: LOOPS_UNTIL_HIBERNATE, HIBERNATE_FACTOR. */
const CYCLES_UNTIL_HIBERNATION = 50;
const HIBERNATION_FACTOR = 25;

export class WalWriter {
  private asyncCommitLsn: Lsn;
  private lastFlushAt = 0;
  private hibernating = true;
  /** Its latch: set while it is at work, it does not sleep afterwards. */
  private latched = false;
  private latch: Signal;
  private readonly wal: Wal;
  private readonly writing: WalWriting;
  private readonly settings: PostgresSettings;
  private readonly context: ServerContext;

  constructor(context: ServerContext, settings: PostgresSettings, wal: Wal, writing: WalWriting) {
    this.context = context;
    this.settings = settings;
    this.wal = wal;
    this.writing = writing;
    this.asyncCommitLsn = wal.insertLsn;
    this.latch = new Signal(context.sim);
  }

  beginAt(lsn: Lsn): void {
    this.asyncCommitLsn = lsn;
    this.latch = new Signal(this.context.sim);
    this.latched = false;
  }

  /**
   * An asynchronous commit (xlog.c:XLogSetAsyncXactLSN). It wakes the walwriter if that hibernates
   * or has enough to do: a whole page up to version 16, wal_writer_flush_after from 17 on, and if
   * that is 0, anything.
   */
  commitAsynchronously(lsn: Lsn): void {
    this.asyncCommitLsn = lsn;
    const { wal_writer_flush_after, summarize_wal } = this.settings;
    const isEager = summarize_wal === undefined; // 16 and before
    const pending = wholePages(lsn) - wholePages(this.wal.flushed.value);
    const enough = isEager ? WAL_PAGE_BYTES : wal_writer_flush_after;
    if (this.hibernating || pending >= enough) {
      this.latched = true;
      this.latch.fire();
    }
  }

  *run(): Process {
    const { sim } = this.context;
    const { wal_writer_delay: delay } = this.settings;
    let cyclesLeft = 0; // as if it had been idle for long
    for (;;) {
      this.hibernating = cyclesLeft <= 1;
      this.latched = false;
      if (this.nothingToDo()) {
        if (cyclesLeft > 0) cyclesLeft--;
      } else {
        cyclesLeft = CYCLES_UNTIL_HIBERNATION;
        const target = this.target();
        if (!this.isFlushDue(target)) yield* this.writing.write(target);
        else {
          this.writing.requestBehind(target);
          if (this.wal.flushed.below(target)) yield;
        }
      }
      if (this.latched) continue;
      yield this.latch.wait(sim.now + delay * (cyclesLeft > 0 ? 1 : HIBERNATION_FACTOR));
    }
  }

  private nothingToDo(): boolean {
    return this.target() <= this.wal.flushed.value;
  }

  /** Whole pages; if all of those are flushed, the last asynchronous commit. */
  private target(): Lsn {
    const pages = wholePages(this.wal.insertLsn);
    return pages > this.wal.flushed.value ? pages : this.asyncCommitLsn;
  }

  /** After wal_writer_delay, or for much; otherwise the operating system may have it. */
  private isFlushDue(target: Lsn): boolean {
    const { now } = this.context.sim;
    const { wal_writer_delay: delay, wal_writer_flush_after: flushAfter } = this.settings;
    const pending = wholePages(target) - wholePages(this.wal.flushed.value);
    const isDue = now - this.lastFlushAt >= delay || pending >= flushAfter; // 0: always
    if (isDue) this.lastFlushAt = now;
    return isDue;
  }
}
