/**
 * How a scan gets the pages of a heap (heapam.c, nodeBitmapHeapscan.c, read_stream.c), by
 * `../buffers/prefetch.ts`.
 *
 * Up to version 16 a sequential scan asks for one page after the other, and the kernel recognises
 * the sequence and reads ahead, up to 128 KiB. From 17 on a read stream asks for io_combine_limit
 * of neighbours at once, those of them that are not in shared buffers. In 18 such reads are on
 * order while the scan works: io workers do them, copies included, or the kernel does (io_uring);
 * the scan waits for the one that it needs next.
 *
 * A bitmap scan knows its blocks beforehand. Up to 17 it advises the kernel of those that come next
 * (posix_fadvise), effective_io_concurrency of them beyond the one at hand, and then reads one
 * after the other; in 18 it has a read stream, in which neighbours are one read.
 *
 * A page that is being read is pinned, up to the scan's share of the pool and to the buffers of its
 * ring; somebody else who wants it waits for that read. Left out: how a stream's distance grows
 * with misses and falls with hits (it is that of its steady state); pins between the end of a read
 * and the scan's look at the page; that all scans share the io workers.
 */
import type { Nanoseconds, Process } from '../../kernel/index.ts';
import { MISS } from '../buffers/buffer-pool.ts';
import { PAGE_BYTES } from '../buffers/page.ts';
import { type Prefetch, prefetchOf, type ScanKind } from '../buffers/prefetch.ts';
import { ReadAhead } from '../buffers/read-ahead.ts';
import { BufferRing, ringBuffers, scansThroughRing } from '../buffers/rings.ts';
import { type TablePage, tablePage } from '../heap/relation.ts';
import type { PostgresSettings } from '../settings.ts';
import { CPU, DATA_FILE_READ, type WaitState } from '../waits.ts';
import type { Storage } from './storage.ts';

/** NUM_AUXILIARY_PROCS (proc.h): of 18, six and MAX_IO_WORKERS. */
const AUXILIARY_PROCESSES = 38;
/** What the kernel reads ahead at most, in pages: `../buffers/read-ahead.ts`. */
const KERNEL_WINDOW = 16;

/** Neighbouring blocks that are read together. */
interface Order {
  readonly from: number;
  readonly to: number;
  /** They are in shared buffers. */
  isDone: boolean;
}

/** A table's heap, as far as a scan of its pages goes. */
interface Scanned {
  readonly definition: { readonly relation: number; readonly version: number };
  readonly pages: number;
}

export class HeapReads {
  private readonly storage: Storage;
  private readonly wait: WaitState;
  private readonly relation: number;
  /** The blocks to look at, where those are not all. */
  private readonly bitmap: readonly number[] | null;
  private end: number;
  /** When pages that the kernel was advised of are in its cache, by their place. */
  private readonly advised: Nanoseconds[] = [];
  private readonly how: Prefetch;
  private readonly ring: BufferRing | null;
  /** Pages that it may have pinned at a time, for reads on order. */
  private readonly mostPinned: number;
  private readonly readAhead: ReadAhead | null;
  /** Whether io workers copy the pages, and the scan need not. */
  private readonly isCopiedByOthers: boolean;
  /** The first block that has not been asked for; what is on order before it; how many reads. */
  private next = 0;
  private readonly orders: Order[] = [];
  private onOrder = 0;

  /** Of a heap that has so many pages now: all of them, or the blocks of a bitmap in order. */
  constructor(storage: Storage, heap: Scanned, wait: WaitState, bitmap?: readonly number[]) {
    const { settings } = storage.owner;
    const { relation, version } = heap.definition;
    const pages = bitmap ? bitmap.length : heap.pages;
    this.storage = storage;
    this.wait = wait;
    this.relation = relation;
    this.bitmap = bitmap ?? null;
    this.end = pages;
    const isStretched = !bitmap && storage.sampled !== null;
    this.how = howIn(bitmap ? 'bitmap heap' : 'sequential', settings, version, isStretched);
    this.isCopiedByOthers = this.how.asynchronous && settings['io_method'] === 'worker';
    const share = Math.max(1, Math.floor(storage.buffers / processesOf(settings)));
    const isRinged = !bitmap && scansThroughRing(pages, storage.buffers);
    this.ring = isRinged ? ringOf(settings, version) : null;
    this.mostPinned = Math.min(share, this.ring?.buffers.length ?? share);
    this.readAhead = this.how.method === 'none' ? new ReadAhead(pages) : null;
  }

  /** Goes on with other blocks, when it has looked at all that it had on order. */
  moveTo(from: number, end: number): void {
    this.next = from;
    this.end = end;
  }

  /** Pages in one read at most. */
  private get most(): number {
    return Math.min(this.how.combine, this.mostPinned);
  }

  private pageAt(place: number): TablePage {
    return tablePage(this.relation, this.bitmap === null ? place : this.bitmap[place]!);
  }

  /**
   * The scan looks at the next block, or the next of its bitmap. Returns the processor time that it
   * owes for copies.
   */
  *page(block: number) {
    const { storage, wait, how, readAhead } = this;
    wait.buffers.accesses++;
    if (readAhead) return yield* storage.read(this.pageAt(block), wait, this.ring, readAhead);
    if (how.method === 'advice') return yield* this.readAdvised(block);
    const ahead = how.asynchronous ? Math.min(how.concurrency * how.combine, this.mostPinned) : 1;
    const last = Math.min(this.end, block + ahead);
    let owed = 0;
    while (this.next <= block || (this.next < last && this.onOrder < how.concurrency)) {
      owed += yield* this.order();
    }
    const order = this.orders[0];
    if (order === undefined || block < order.from) return owed;
    while (!order.isDone) {
      wait.now(DATA_FILE_READ);
      yield storage.waitForRead();
    }
    wait.now(CPU);
    if (block + 1 >= order.to) this.orders.shift();
    return owed;
  }

  /** The kernel reads on while the scan waits for the page at hand. */
  private *readAdvised(place: number) {
    const { storage, wait, advised } = this;
    const { sim, cache, owner } = storage;
    const last = Math.min(this.end, place + this.how.concurrency);
    for (let next = Math.max(advised.length, place + 1); next < last; next++) {
      const page = this.pageAt(next);
      const missing = storage.isKnown(page) ? 0 : cache.pages.read(storage.pageOf(page));
      const bytes = missing * PAGE_BYTES;
      advised[next] = missing > 0 ? owner.host.disk.submit('read', bytes) : 0;
    }
    const readyAt = advised[place] ?? 0;
    if (readyAt > sim.now) {
      wait.now(DATA_FILE_READ);
      yield sim.holdUntil(readyAt);
      wait.now(CPU);
    }
    return yield* storage.read(this.pageAt(place), wait);
  }

  /** Asks for what comes next: a page that is in shared buffers, or a read of neighbours. */
  private *order() {
    const { storage, wait } = this;
    const from = this.next;
    const first = this.pageAt(from);
    if (storage.isOutside(first)) return yield* this.orderOutside(from);
    if (storage.use(first, this.ring)) {
      this.next++;
      return 0;
    }
    const buffers: number[] = [];
    let owed = 0;
    for (let to = from; to < Math.min(this.end, from + this.most); to++) {
      const page = this.pageAt(to);
      if (page !== first + (to - from) || storage.isKnown(page)) break;
      const buffer = yield* storage.claim(page, wait, this.ring);
      owed += storage.claimCost;
      if (buffer === MISS) break;
      buffers.push(buffer);
    }
    if (buffers.length === 0) {
      this.next++; // somebody else reads it at this moment
      return owed + (yield* storage.read(first, wait, this.ring));
    }
    return owed + (yield* this.read(from, buffers.length, storage.startRead(buffers), buffers));
  }

  /** Neighbours of a stretch that is not in the sample fare alike. */
  private *orderOutside(from: number) {
    const { storage } = this;
    const first = this.pageAt(from);
    let pages = 1;
    while (pages < this.most && from + pages < this.end) {
      if (this.pageAt(from + pages) !== first + pages) break;
      pages++;
    }
    const run = storage.sampled!.startRun(storage.pageOf(first), pages);
    if (run.isHit) {
      this.next = from + run.pages;
      return 0;
    }
    return yield* this.read(from, run.pages, run.readyAt, []);
  }

  /** A read that will be over at an instant: waited for, or left on order. */
  private *read(from: number, pages: number, readyAt: Nanoseconds, buffers: readonly number[]) {
    const { storage, wait } = this;
    const { sim, owner } = storage;
    const { pageRead } = owner.costs;
    wait.buffers.reads += pages;
    this.next = from + pages;
    if (this.how.asynchronous) {
      const order = { from, to: this.next, isDone: false };
      this.orders.push(order);
      this.onOrder++;
      owner.host.spawn(this.complete(order, readyAt, buffers), owner.group);
      return this.isCopiedByOthers ? 0 : pages * pageRead;
    }
    if (readyAt > sim.now) {
      wait.now(DATA_FILE_READ);
      yield sim.holdUntil(readyAt);
      wait.now(CPU);
    }
    storage.finishReads(buffers);
    return pages * pageRead;
  }

  private *complete(order: Order, readyAt: Nanoseconds, buffers: readonly number[]): Process {
    const { storage } = this;
    const { host, costs, group } = storage.owner;
    if (readyAt > storage.sim.now) yield storage.sim.holdUntil(readyAt);
    const copies = Math.round((order.to - order.from) * costs.pageRead);
    if (this.isCopiedByOthers) yield host.cpu.serve(copies, group);
    order.isDone = true;
    this.onOrder--;
    storage.finishReads(buffers);
  }
}

/** Of a sampled relation the kernel's window is read as a stretch at a time, from the first on. */
function howIn(
  scan: ScanKind,
  settings: PostgresSettings,
  version: number,
  isStretched: boolean,
): Prefetch {
  const how = prefetchOf(scan, {
    version,
    effective_io_concurrency: settings.effective_io_concurrency,
    maintenance_io_concurrency: settings.maintenance_io_concurrency,
    io_combine_limit: Number(settings['io_combine_limit'] ?? 0), // from 17 on
  });
  if (how.method === 'none') {
    return isStretched ? { ...how, method: 'read stream', combine: KERNEL_WINDOW } : how;
  }
  const method = settings['io_method']; // from 18 on
  if (method === 'sync') return { ...how, asynchronous: false, concurrency: 1 };
  if (method !== 'worker') return how;
  return { ...how, concurrency: Math.min(how.concurrency, Number(settings['io_workers'])) };
}

/** MaxBackends and the auxiliary processes: each may pin its share of the pool. */
function processesOf(settings: PostgresSettings): number {
  const { max_connections, autovacuum_max_workers, max_worker_processes } = settings;
  const backends = max_connections + autovacuum_max_workers + 1 + max_worker_processes;
  return backends + settings.max_wal_senders + AUXILIARY_PROCESSES;
}

function ringOf(settings: PostgresSettings, version: number): BufferRing | null {
  const buffers = ringBuffers('bulk read', {
    version,
    sharedBuffersBytes: settings.shared_buffers,
    vacuumBufferUsageLimitBytes: 0,
    ioCombineLimitBytes: Number(settings['io_combine_limit'] ?? 0),
    effectiveIoConcurrency: settings.effective_io_concurrency,
    processes: processesOf(settings),
  });
  return buffers > 0 ? new BufferRing('bulk read', buffers) : null;
}
