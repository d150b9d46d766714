/**
 * What replay does with the pages, snapshots and locks of its standby, record by record
 * (xlogrecovery.c: PerformWalRecovery; the redo routines of each resource manager).
 *
 * Kept: pages of which WAL has no image are read into the standby's shared buffers, all are dirty
 * there afterwards; from version 15 on (recovery_prefetch) those that come next are asked for
 * beforehand, as many at a time as maintenance_io_concurrency says, within wal_decode_buffer_size
 * (xlogprefetcher.c); removals of row versions, locks and cleaned pages wait for queries;
 * recovery_min_apply_delay holds commits up; ends of transactions make the standby's snapshots.
 * Left out: reading the WAL itself, whose pages have just been written; which bytes change.
 */
import { type Nanoseconds, Signal } from '../kernel/index.ts';
import { PAGE_BYTES } from '../postgres/buffers/page.ts';
import type { TablePage } from '../postgres/heap/relation.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { Server } from '../postgres/server.ts';
import { replayChange } from '../postgres/storage/replay-change.ts';
import { CPU, WaitTimes } from '../postgres/waits.ts';
import * as wal from '../postgres/wal/contents.ts';
import type { Receipt } from './receipt.ts';
import { RecoveryConflicts } from './recovery-conflicts.ts';

/** xlogprefetcher.c: it looks ahead for so many pages for each read that may be on order. */
const PREFETCH_DISTANCE = 4;
const BLOCKS = 0x1_0000_0000;

type Waiting = Generator<undefined, void, undefined>;

export class Redo {
  readonly conflicts: RecoveryConflicts;
  readonly reader: wal.WalContentsReader;
  /** Pages that were read for replay, and those of them that had been asked for beforehand. */
  reads = 0;
  prefetched = 0;
  /** A promotion does not wait for recovery_min_apply_delay. */
  private readonly hurried: Signal;
  private hurries = false;
  private readonly server: Server;
  private readonly wait;
  /** Reads on order, and when each page is in the system's cache. */
  private readonly ordered = new Map<TablePage, Nanoseconds>();
  private readonly concurrency: number;
  private commitTime: Nanoseconds = 0;
  /** A page outside of a sample that has just been read; -1: none. */
  private brought: TablePage = -1;

  constructor(server: Server, receipt: Receipt) {
    const { settings, context } = server;
    this.server = server;
    this.conflicts = new RecoveryConflicts(server, receipt);
    this.reader = new wal.WalContentsReader(server.wal.branch);
    context.history.readers.push(this.reader);
    if (settings.recovery_min_apply_delay > 0) server.wal.branch.contents.hasTimes = true;
    this.hurried = new Signal(context.sim);
    this.wait = new WaitTimes(context.sim).enter(CPU);
    const prefetches = (settings['recovery_prefetch'] || 'off') !== 'off'; // 15 and later
    this.concurrency = prefetches ? settings.maintenance_io_concurrency : 0;
  }

  /** A start: what has been replayed up to here is known, and needs no pages any more. */
  beginAt(position: Lsn): void {
    const { reader, server } = this;
    this.hurries = true;
    this.ordered.clear();
    reader.follow(server.wal.branch);
    for (; reader.next(position); reader.advance()) {
      if (reader.kind > wal.CONFLICT_HORIZON) this.learn();
    }
    this.hurries = false;
  }

  /** Recovery ends: delays do not count any more. */
  hurry(): void {
    this.hurries = true;
    this.hurried.fire();
  }

  /** The server is a primary from now on. */
  end(): void {
    this.reader.rest();
    this.conflicts.releaseAll();
  }

  /** Replays up to a position, as long as nothing has to be waited for; true: all of it. */
  apply(to: Lsn): boolean {
    const { reader, server } = this;
    reader.follow(server.wal.branch);
    if (!reader.next(to)) return true;
    server.storage.begin();
    do {
      if (reader.kind <= wal.CLEANED_IMAGE ? !this.change() : !this.learn()) return false;
      reader.advance();
    } while (reader.next(to));
    return true;
  }

  /** What stands before `apply`: a page, a query, a delay. Ends when it is out of the way. */
  *clear(to: Lsn): Waiting {
    const { kind, value } = this.reader;
    if (kind === wal.CONFLICT_HORIZON) yield* this.conflicts.snapshots(value);
    else if (kind === wal.LOCKED) yield* this.conflicts.lock(value);
    else if (kind === wal.COMMITTED) yield* this.delay();
    else if (kind === wal.CHANGED || kind === wal.IMAGE) yield* this.bring(value, to);
    else {
      const buffer = this.bufferOf(value);
      if (buffer >= 0) yield* this.conflicts.pins(buffer);
      yield* this.bring(value, to);
    }
  }

  /** Up to where all is replayed, when the entry at hand is not. */
  get before(): Lsn {
    return this.reader.lsn - 1;
  }

  /** A page; false: it is not there, or somebody has it pinned. */
  private change(): boolean {
    const { kind, value, lsn } = this.reader;
    const { storage } = this.server;
    if (value === this.brought) {
      this.brought = -1;
      return true;
    }
    if (kind >= wal.CLEANED) {
      const buffer = this.bufferOf(value);
      if (buffer >= 0 && storage.pool.pinCount(buffer) > 0) return false;
    }
    return replayChange(storage, value, lsn, (kind & wal.IMAGE) !== 0);
  }

  /** Everything else; false: it has to wait. */
  private learn(): boolean {
    const { kind, value } = this.reader;
    const { array } = this.server.procArray;
    switch (kind) {
      case wal.CONFLICT_HORIZON:
        return !this.conflicts.conflictsWith(value);
      case wal.COMMIT_TIME:
        this.commitTime = value;
        return true;
      case wal.COMMITTED:
        if (this.appliesAt() > this.server.context.sim.now) return false;
        array.learnEnd(value);
        return true;
      case wal.ABORTED:
        array.learnEnd(value);
        return true;
      case wal.RUNNING:
        array.learnOldestRunning(value);
        return true;
      case wal.LOCKED:
        return this.conflicts.locksAtOnce(value);
      case wal.UNLOCKED:
        this.conflicts.unlock(value);
        return true;
      default:
        this.truncate(value);
        return true;
    }
  }

  /** When a commit may be replayed (recoveryApplyDelay); clocks are those of the simulation. */
  private appliesAt(): Nanoseconds {
    const { recovery_min_apply_delay: delay } = this.server.settings;
    return delay > 0 && !this.hurries ? this.commitTime + delay : 0;
  }

  private *delay(): Waiting {
    const at = this.appliesAt();
    if (at > this.server.context.sim.now) yield this.hurried.wait(at);
  }

  private truncate(page: TablePage): void {
    const { storage } = this.server;
    const relation = Math.floor(page / BLOCKS);
    storage.pool.drop(storage.fileOf(relation), page % BLOCKS);
  }

  private bufferOf(page: TablePage): number {
    const { storage } = this.server;
    return storage.isOutside(page) ? -1 : storage.pool.find(storage.pageOf(page));
  }

  /** The page comes into shared buffers, and those that will be needed next are on order. */
  private *bring(page: TablePage, to: Lsn): Waiting {
    const { storage, host, group, context } = this.server;
    const { sim } = context;
    if (this.concurrency > 0) this.prefetch(to);
    const readyAt = this.ordered.get(page);
    if (readyAt !== undefined) {
      this.ordered.delete(page);
      this.prefetched++;
      if (readyAt > sim.now) yield sim.holdUntil(readyAt);
    }
    if (storage.isOutside(page)) this.brought = page;
    else if (storage.use(page, null)) return;
    this.reads++;
    const owed = yield* storage.read(page, this.wait);
    if (owed > 0) yield host.cpu.serve(Math.round(owed), group);
  }

  /** Asks the kernel for pages that come next, as long as some more may be on order. */
  private prefetch(to: Lsn): void {
    const { reader, concurrency, ordered, server } = this;
    const { storage, host, context, settings } = server;
    const { now } = context.sim;
    let underWay = 0;
    for (const readyAt of ordered.values()) if (readyAt > now) underWay++;
    const end = Math.min(to, reader.lsn + settings.wal_decode_buffer_size);
    const distance = PREFETCH_DISTANCE * concurrency;
    for (let i = 1, pages = 0; pages < distance && underWay < concurrency; i++) {
      if (!reader.ahead(i, end)) break;
      if (reader.aheadKind > wal.CLEANED_IMAGE) continue;
      pages++;
      const page = reader.aheadValue;
      if ((reader.aheadKind & wal.IMAGE) !== 0 || ordered.has(page)) continue;
      if (storage.isKnown(page)) continue;
      const missing = storage.cache.pages.read(storage.pageOf(page));
      if (missing === 0) continue;
      ordered.set(page, host.disk.submit('read', missing * PAGE_BYTES));
      underWay++;
    }
  }
}
