/**
 * Crash recovery (xlog.c:StartupXLOG, xlogrecovery.c): what the system's cache holds is made
 * durable (recovery_init_sync_method), then one process replays WAL from the redo pointer to its
 * end, on one core. The end-of-recovery checkpoint writes what that made dirty; it is whoever
 * starts the server that asks for it.
 *
 * Kept: processor time by the byte; pages that changed since the redo pointer come into shared
 * buffers, dirty, in the order of their last changes. Those of which WAL has no image are read:
 * from the system's cache after a crash of the server, at random from the disk after a loss of
 * power; from version 15 on as many at a time as maintenance_io_concurrency says
 * (recovery_prefetch).
 * Where pages are sampled, each of the sample is read as often as it stands for another.
 * Left out: files that are clean (their fsync takes microseconds), reading the WAL itself.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import { PAGE_BYTES, type Page } from '../buffers/page.ts';
import type { Lsn } from '../lsn.ts';
import type { Server } from '../server.ts';

/** xlogprefetcher.c: it looks ahead for so many pages for each read that may be on order. */
const PREFETCH_DISTANCE = 4;

export function* redo(server: Server): Generator<undefined, void, undefined> {
  yield* syncDataDirectory(server);
  yield* new Redo(server).run();
}

/** Nothing is dirty after a loss of power; otherwise all that was written since is on disk then. */
function* syncDataDirectory(server: Server): Generator<undefined, void, undefined> {
  const { storage, settings, wal, host } = server;
  if (settings.fsync && storage.cache.pages.dirty.count > 0) {
    for (const file of [...storage.unsynced]) yield* storage.cache.fsync(file);
  }
  storage.unsynced.clear();
  const { written, flushed } = wal;
  if (flushed.value >= written) return;
  if (settings.fsync) yield host.disk.fsync();
  flushed.advance(written);
}

class Redo {
  private readonly server: Server;
  private readonly pages: readonly [page: Page, lsn: Lsn][];
  private readonly perPage: Nanoseconds;
  /** Reads on order at a time. */
  private readonly concurrency: number;
  /** When the page at each place of `pages` can be had; 0 if nothing is read from the disk. */
  private readonly readyAt: Nanoseconds[] = [];
  private onOrder = 0;
  private owed: Nanoseconds;

  constructor(server: Server) {
    const { wal, storage, costs, settings } = server;
    const { evictedLsns } = storage.pool;
    this.server = server;
    evictedLsns.cutTo(wal.insertLsn); // the tail of the WAL may be lost
    this.pages = evictedLsns.inOrder().filter(([, lsn]) => lsn > wal.redoLsn);
    const cost = costs.redo(wal.insertLsn - wal.redoLsn);
    this.perPage = cost / Math.max(1, this.pages.length);
    this.owed = this.pages.length === 0 ? cost : 0;
    const prefetches = (settings['recovery_prefetch'] || 'off') !== 'off'; // 15 and later
    this.concurrency = prefetches ? 1 + settings.maintenance_io_concurrency : 1;
  }

  *run(): Generator<undefined, void, undefined> {
    const { context, storage } = this.server;
    for (const [i, [page, lsn]] of this.pages.entries()) {
      this.lookAhead(i);
      const readyAt = this.readyAt[i]!;
      if (readyAt > 0) {
        this.onOrder--;
        if (readyAt > context.sim.now) yield* this.spend();
        if (readyAt > context.sim.now) yield context.sim.holdUntil(readyAt);
      }
      while (storage.cache.holdsUp) yield storage.cache.waitForRoom();
      storage.pool.markDirty(storage.makeRoom(page), lsn);
      this.owed += this.perPage;
    }
    yield* this.spend();
  }

  private *spend(): Generator<undefined, void, undefined> {
    const { host, group } = this.server;
    const owed = Math.round(this.owed);
    this.owed = 0;
    if (owed > 0) yield host.cpu.serve(owed, group);
  }

  /** Orders the pages that come next; without prefetching only the one that is needed now. */
  private lookAhead(from: number): void {
    const { readyAt, pages, concurrency } = this;
    const distance = concurrency === 1 ? 1 : PREFETCH_DISTANCE * concurrency;
    const end = Math.min(pages.length, from + distance);
    while (readyAt.length < end && (this.onOrder < concurrency || readyAt.length === from)) {
      readyAt.push(this.order(pages[readyAt.length]![0]));
    }
  }

  private order(page: Page): Nanoseconds {
    const { storage, host, costs } = this.server;
    if (this.isImaged(page)) return 0;
    const { oneOf, pages } = storage.cache;
    this.owed += oneOf * costs.pageRead;
    const missing = pages.read(page);
    if (missing === 0) return 0;
    this.onOrder++;
    let done = 0;
    for (let i = 0; i < oneOf; i++) done = host.disk.submit('read', missing * PAGE_BYTES);
    return done;
  }

  /** The first change since the redo pointer bears an image, but for pages of maps. */
  private isImaged(page: Page): boolean {
    return this.server.settings.full_page_writes && this.server.storage.isMainFork(page);
  }
}
