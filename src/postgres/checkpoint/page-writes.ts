/**
 * Writing pages out of shared buffers in bulk, as the checkpointer and the bgwriter do
 * (bufmgr.c:SyncOneBuffer, FlushBuffer, ScheduleBufferTagForWriteback).
 *
 * WAL up to a page's LSN is on disk before the page goes to the system's cache. After so many
 * pages (checkpoint_flush_after, bgwriter_flush_after) the system is told to begin with them; that
 * call blocks once the device's queue of requests is full, which is what holds a checkpoint back
 * on a slow disk.
 *
 * Kept: those rules. Pages between two hints go as a group: one wait for WAL, one turn on a core.
 * A page that is changed during that wait goes as it was before, and stays dirty: its changer
 * would have waited for its lock, and have made it dirty again.
 */
import type { Nanoseconds, ProcessGroup } from '../../kernel/index.ts';
import { PAGE_BYTES, type Page } from '../buffers/page.ts';
import type { Server } from '../server.ts';
import type { PageWriter } from '../storage/owner.ts';

/** Requests that a block device's queue holds (BLKDEV_DEFAULT_RQ). */
export const DEVICE_QUEUE_REQUESTS = 128;
/** Pages in a group where nothing else ends it: about a tenth of a millisecond. */
const GROUP_PAGES = 64;

export class PageWrites {
  /** Pages written since it began. */
  written = 0;
  /** After how many pages a group ends; of those that are followed, each of which is `oneOf`. */
  readonly groupPages: number;
  private pending: Page[] = [];
  /** When the device will be done with the last hint's requests. */
  private hintDoneAt: Nanoseconds = 0;
  private readonly server: Server;
  private readonly writer: Exclude<PageWriter, 'backend'>;
  private readonly group: ProcessGroup;
  private readonly flushAfterPages: number;
  private readonly oneOf: number;

  constructor(server: Server, writer: Exclude<PageWriter, 'backend'>, flushAfterBytes: number) {
    const { oneOf } = server.storage.cache;
    this.server = server;
    this.writer = writer;
    this.group = server.group;
    this.oneOf = oneOf;
    const hintAfter = Math.floor(flushAfterBytes / PAGE_BYTES);
    this.flushAfterPages = hintAfter > 0 ? Math.ceil(hintAfter / oneOf) : 0;
    this.groupPages = this.flushAfterPages || Math.ceil(GROUP_PAGES / oneOf);
  }

  /** Writes those of the buffers that `wants` still names when WAL is flushed. */
  *write(
    buffers: ArrayLike<number>,
    from: number,
    to: number,
    wants: (buffer: number) => boolean,
  ): Generator<undefined, void, undefined> {
    const { wal, storage } = this.server;
    const lsn = this.lastLsn(buffers, from, to, wants);
    if (lsn > wal.flushed.value) {
      wal.requestFlush(lsn);
      if (wal.flushed.below(lsn)) yield;
    }
    while (storage.cache.holdsUp) yield storage.cache.waitForRoom();
    let count = 0;
    for (let i = from; i < to; i++) {
      if (!wants(buffers[i]!)) continue;
      this.pending.push(storage.handOver(buffers[i]!, this.writer));
      count++;
    }
    yield* this.spent(count);
  }

  /** IssuePendingWritebacks: at the end too. */
  *hint(): Generator<undefined, void, undefined> {
    if (this.flushAfterPages === 0) this.pending = [];
    if (this.pending.length === 0) return;
    const done = this.server.storage.cache.startWriteBack(this.pending);
    this.pending = [];
    yield* this.keepQueueShort(done);
  }

  private *spent(followed: number): Generator<undefined, void, undefined> {
    const { host, costs } = this.server;
    const pages = followed * this.oneOf;
    this.written += pages;
    const cost = Math.round(pages * costs.pageWrite);
    if (cost > 0) yield host.cpu.serve(cost, this.group);
    if (this.pending.length >= this.flushAfterPages) yield* this.hint();
  }

  /** Blocks while the device's queue is full, until the requests of the hint before are done. */
  private *keepQueueShort(done: number): Generator<undefined, void, undefined> {
    const { host, context } = this.server;
    const before = this.hintDoneAt;
    this.hintDoneAt = done;
    if (host.disk.outstanding > DEVICE_QUEUE_REQUESTS) yield context.sim.holdUntil(before);
  }

  private lastLsn(
    buffers: ArrayLike<number>,
    from: number,
    to: number,
    wants: (buffer: number) => boolean,
  ): number {
    const { pool } = this.server.storage;
    let last = 0;
    for (let i = from; i < to; i++) {
      if (wants(buffers[i]!)) last = Math.max(last, pool.lsnOf(buffers[i]!));
    }
    return last;
  }
}
