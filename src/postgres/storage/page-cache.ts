/**
 * A host's page cache with the process that writes it back: all servers of the host share it.
 *
 * What Postgres writes waits here for its file's fsync or for the kernel's flusher, which wakes
 * every 5 s, or at once when a tenth of the cache is dirty; beyond 15 % those who write wait for it
 * (`../buffers/dirty-pages.ts`). A stretch of neighbouring pages is one request. As many requests
 * as the device works on at a time are under way, so that reads pass between them.
 *
 * On a host whose memory is sampled (`../buffers/sampling.ts`) it is as much smaller as the sample,
 * and each page in it stands for as many: what is written back are that many requests.
 */
import type { Host } from '../../hardware/host.ts';
import { type Nanoseconds, type Process, Signal, type Simulation } from '../../kernel/index.ts';
import {
  DIRTY_BACKGROUND_RATIO,
  WRITEBACK_INTERVAL,
  type WriteBack,
} from '../buffers/dirty-pages.ts';
import { OperatingSystemCache, pageCacheBytes } from '../buffers/operating-system-cache.ts';
import { PAGE_BYTES, type Page } from '../buffers/page.ts';

/** Files of sorts and hashes have numbers beyond those of all relations. */
const FIRST_TEMPORARY = 1 << 20;
/** Pages in one request at most: max_sectors_kb of a common block device, 1,280 kB. */
const REQUEST_PAGES = 160;

export interface PageCacheOptions {
  /** Of all servers of the host together. */
  readonly sharedBuffersBytes: number;
  readonly connections: number;
  /** One of so many pages is followed on this host; 1: all. */
  readonly oneOf?: number;
}

export class PageCache {
  /** In pages that are followed. */
  capacity: number;
  /** One of so many pages is followed, in shared buffers too. */
  readonly oneOf: number;
  private made: OperatingSystemCache | null = null;
  /** What is in the cache at the beginning, as each server says when somebody looks. */
  private warm: (() => readonly Page[])[] = [];
  private readonly sim: Simulation;
  private readonly host: Host;
  private temporaryFiles = 0;
  /** The flusher is wanted before its time; and it has made room. */
  private wanted: Signal;
  private room: Signal;

  constructor(sim: Simulation, host: Host, options: PageCacheOptions) {
    const { sharedBuffersBytes, connections, oneOf = 1 } = options;
    const capacity = () => {
      const { memoryBytes } = host;
      const bytes = pageCacheBytes({ memoryBytes, sharedBuffersBytes, connections });
      return Math.floor(bytes / PAGE_BYTES / oneOf);
    };
    this.sim = sim;
    this.host = host;
    this.oneOf = oneOf;
    this.capacity = capacity();
    this.wanted = new Signal(sim);
    this.room = new Signal(sim);
    host.spawn(this.flusher());
    host.onPowerOff(() => {
      this.warm = [];
      this.made?.powerOff();
    });
    host.onPowerOn(() => {
      if (this.capacity !== capacity()) this.made = null; // the machine has another size
      this.capacity = capacity();
      this.wanted = new Signal(sim);
      this.room = new Signal(sim);
      host.spawn(this.flusher());
    });
  }

  get pages(): OperatingSystemCache {
    this.made ??= new OperatingSystemCache(this.capacity);
    if (this.warm.length > 0) this.begin(this.made);
    return this.made;
  }

  /** Pages of one more server of this host, that are here at the beginning: hottest first. */
  add(hottest: () => readonly Page[]): void {
    this.warm.push(hottest);
  }

  private begin(cache: OperatingSystemCache): void {
    const lists = this.warm.map((hottest) => hottest());
    this.warm = [];
    const longest = Math.max(...lists.map(({ length }) => length));
    const all: Page[] = [];
    for (let rank = 0; rank < longest; rank++) {
      for (const list of lists) if (rank < list.length) all.push(list[rank]!);
    }
    cache.warm(all);
  }

  /** The number of a file that nobody else has. */
  newTemporaryFile(): number {
    return FIRST_TEMPORARY + (this.temporaryFiles++ % FIRST_TEMPORARY);
  }

  /** pwrite of a page: it is dirty here from now on. */
  write(page: Page): void {
    const { pages } = this;
    pages.write(page, this.sim.now);
    if (pages.dirty.count > DIRTY_BACKGROUND_RATIO * pages.capacity) this.wanted.fire();
  }

  /** Whether a writer is held up: `while (cache.holdsUp) yield cache.waitForRoom();` */
  get holdsUp(): boolean {
    return this.made?.throttlesWriters ?? false;
  }

  waitForRoom(): undefined {
    this.wanted.fire();
    this.room.wait();
  }

  /** fsync of a relation's file: what is dirty of it is written, and the device made to keep it. */
  *fsync(file: number) {
    const { pages } = this.pages.fsync(file);
    yield* this.writeBack(pages);
    yield this.host.disk.fsync();
  }

  /** sync_file_range: these begin to be written. Returns the instant at which the last will be. */
  startWriteBack(pages: readonly Page[]): Nanoseconds {
    let done = this.sim.now;
    for (const request of this.requestsOf(this.pages.startWriteBack(pages).pages)) {
      done = Math.max(done, this.host.disk.submit('write', request * PAGE_BYTES));
    }
    return done;
  }

  private *writeBack(pages: WriteBack['pages']) {
    const { disk } = this.host;
    const { queueDepth } = disk.spec;
    let underWay = 0;
    let done = 0;
    for (const request of this.requestsOf(pages)) {
      done = Math.max(done, disk.submit('write', request * PAGE_BYTES));
      if (++underWay < queueDepth) continue;
      yield this.sim.holdUntil(done);
      underWay = 0;
    }
    if (underWay > 0) yield this.sim.holdUntil(done);
  }

  private *flusher(): Process {
    for (;;) {
      yield this.wanted.wait(this.sim.now + WRITEBACK_INTERVAL);
      if (this.made && this.made.dirty.count > 0) {
        yield* this.writeBack(this.made.flush(this.sim.now).pages);
      }
      this.room.fire();
    }
  }

  /** How many pages each request has: stretches of neighbours, cut where they are too long. */
  private requestsOf(pages: readonly Page[]): number[] {
    const requests: number[] = [];
    for (let i = 0, length = 0; i < pages.length; i++) {
      length++;
      if (pages[i + 1] === pages[i]! + 1 && length < REQUEST_PAGES) continue;
      for (let times = this.oneOf; times > 0; times--) requests.push(length);
      length = 0;
    }
    return requests;
  }
}
