/**
 * The pages of one server: its tables and indexes, the shared buffers in which backends see them,
 * and what lies below, the operating system's cache and the disk (bufmgr.c: ReadBuffer,
 * GetVictimBuffer, FlushBuffer).
 *
 * A page that is in shared buffers costs no simulated event. One that is not takes the real path:
 * a victim, whose change goes to the system's cache once its WAL is on disk, then a copy from the
 * system's cache or a read from the disk; who wants the same page meanwhile waits for that read.
 *
 * The contents are those of the cluster's history, shared by its servers; buffers are each
 * server's own. Left out: see README.
 */
import { type Nanoseconds, Signal, type Simulation } from '../../kernel/index.ts';
import { BufferPool, MISS, NO_UNPINNED_BUFFERS, VICTIM_TAKEN } from '../buffers/buffer-pool.ts';
import { fileOf, PAGE_BYTES, type Page, pageOf } from '../buffers/page.ts';
import type { ReadAhead } from '../buffers/read-ahead.ts';
import type { BufferRing } from '../buffers/rings.ts';
import type { Table, TablePage } from '../heap/relation.ts';
import type { Fork, RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import {
  BUFFER_IO,
  CPU,
  DATA_FILE_READ,
  DATA_FILE_WRITE,
  WAL_SYNC,
  WAL_WRITE_LOCK,
  type WaitState,
} from '../waits.ts';
import { MAP_RELATIONS } from '../wal/contents.ts';
import type { Database } from './database.ts';
import { hottestPages } from './hottest-pages.ts';
import type { PageWriter, StorageOwner, StorageStart } from './owner.ts';
import type { PageCache } from './page-cache.ts';
import { IN_BUFFERS, IN_PAGE_CACHE, ON_DISK, SampledPages } from './sampled-pages.ts';
import { TableFiles } from './table-files.ts';

/** Relation files of one server, forks included. */
const FILES_PER_SERVER = 16_384;
const RELATIONS = MAP_RELATIONS;

export class Storage {
  readonly database: Database;
  readonly tables: readonly Table[];
  /** shared_buffers in pages, and those of them that are followed. */
  readonly buffers: number;
  readonly pool: BufferPool;
  readonly cache: PageCache;
  readonly files: TableFiles;
  /** Which pages are followed, where not all are. */
  readonly sampled: SampledPages | null;
  /** Pages written out of shared buffers since the beginning of the run. */
  readonly written: Record<PageWriter, number> = { checkpointer: 0, bgwriter: 0, backend: 0 };
  /** Files written to since the last fsync of each: the checkpointer's pending fsync requests. */
  readonly unsynced = new Set<number>();
  readonly sim: Simulation;
  readonly owner: StorageOwner;
  /** What the last `claim` owes. */
  claimCost = 0;
  /** A page's read, or the write of a victim, is over. */
  private done: Signal;
  private start: StorageStart | null;
  /** What turns a table's page into this server's. */
  private readonly firstPage: Page;

  constructor(
    sim: Simulation,
    owner: StorageOwner,
    database: Database,
    cache: PageCache,
    sharedBuffersBytes: number,
    start: StorageStart,
  ) {
    this.sim = sim;
    this.owner = owner;
    this.database = database;
    this.firstPage = pageOf(owner.index * FILES_PER_SERVER, 0);
    this.tables = database.tables;
    this.cache = cache;
    this.files = new TableFiles(owner.host.disk, this.tables);
    this.buffers = Math.floor(sharedBuffersBytes / PAGE_BYTES);
    const { oneOf } = cache;
    const random = () => sim.random(`servers/${owner.name}/pages`);
    this.sampled = oneOf > 1 ? new SampledPages(cache, owner, random(), start) : null;
    this.pool = new BufferPool(Math.round(this.buffers / oneOf), this.sampled?.sample);
    this.sampled?.of(this.pool);
    this.done = new Signal(sim);
    this.start = start;
  }

  /** The number of a relation's file, among those of all servers that share a host's cache. */
  fileOf(relation: number, fork: Fork = 'main'): number {
    const own = fork === 'main' ? relation : RELATIONS + relation;
    return this.owner.index * FILES_PER_SERVER + own;
  }

  /** Whether a page is of a relation's main fork, and of no map. */
  isMainFork(page: Page): boolean {
    return fileOf(page) % FILES_PER_SERVER < RELATIONS;
  }

  /** A table's page as this server's. */
  pageOf(page: TablePage): Page {
    return this.firstPage + page;
  }

  /**
   * At the beginning of a run the pages used most are in memory. It is done when the first process
   * looks: a standby that nobody reads from needs no buffers.
   */
  begin(): void {
    if (this.start === null) return;
    const { buffers, osCache } = this.start;
    this.start = null;
    const { pool, cache, sampled } = this;
    const isFollowed = sampled ? (page: Page) => !sampled.isOutside(page) : null;
    const hottest = (limit: number) =>
      hottestPages(this.tables, limit, (relation) => this.fileOf(relation), isFollowed);
    if (buffers === 'warm') pool.warm(hottest(pool.size));
    if (osCache === 'cold') return;
    const inPool = buffers === 'warm' ? pool.size : 0;
    cache.add(() => {
      const all = hottest(inPool + cache.capacity);
      return [...all.slice(inPool), ...all.slice(0, inPool)];
    });
  }

  /** Shared memory is gone. Which pages redo will have to change is not: WAL tells. */
  crash(): void {
    this.begin();
    this.pool.evictedLsns.rememberAll(this.pool);
    this.pool.clear();
    this.done = new Signal(this.sim);
  }

  /**
   * Uses pages in their order as long as they are in shared buffers. Returns how many there were;
   * fewer than all: `yield* read(...)` the next one, and go on behind it.
   */
  touch(pages: readonly TablePage[], from = 0): number {
    const pool = this.sampled ?? this.pool;
    for (let i = from; i < pages.length; i++) if (!pool.touch(this.pageOf(pages[i]!))) return i;
    return pages.length;
  }

  /** Uses one page as a scan through a ring does, if it is in shared buffers. */
  use(wanted: TablePage, ring: BufferRing | null): boolean {
    const { pool, sampled } = this;
    const page = this.pageOf(wanted);
    if (sampled) return sampled.use(page, ring);
    const buffer = pool.find(page);
    if (buffer === MISS || pool.ioInProgress(buffer)) return false;
    pool.hit(buffer, ring);
    return true;
  }

  /**
   * ReadBuffer for a page that is not in shared buffers, or is being read. Returns the processor
   * time that the caller owes for copies; a victim of another's change is written out first.
   */
  *read(wanted: TablePage, wait: WaitState, ring: BufferRing | null = null, readAhead?: ReadAhead) {
    const { pool, sampled } = this;
    const page = this.pageOf(wanted);
    if (sampled?.isOutside(page)) return yield* sampled.read(page, wait);
    for (;;) {
      if (this.use(wanted, ring)) return 0;
      if (pool.find(page) === MISS) break;
      wait.now(BUFFER_IO);
      yield this.done.wait();
    }
    const buffer = yield* this.claim(wanted, wait, ring);
    const copies = this.claimCost;
    if (buffer === MISS) return copies;
    wait.buffers.reads++;
    const copy = yield* this.fetch(page, wait, readAhead);
    this.finishReads([buffer]);
    return copies + copy;
  }

  /**
   * A buffer for a page that is about to be read, pinned and marked so; MISS if somebody else has
   * brought it in or is about to, which is a hit. `claimCost` is the processor time owed for the
   * copy of a victim that had to be written out.
   */
  *claim(wanted: TablePage, wait: WaitState, ring: BufferRing | null) {
    const { pool, sampled } = this;
    const page = this.pageOf(wanted);
    let cost = 0;
    for (;;) {
      const victim = pool.victim(ring, page);
      if (victim === NO_UNPINNED_BUFFERS) throw new Error('no unpinned buffers available');
      sampled?.noteVictim(pool.isDirty(victim));
      if (pool.isDirty(victim)) {
        if (this.mustWaitForWal(victim) && pool.reject(ring, victim)) continue;
        cost += yield* this.writeOut(victim, 'backend', wait);
      }
      const buffer = pool.replace(victim, page, ring);
      if (buffer === VICTIM_TAKEN) continue;
      this.claimCost = cost;
      if (buffer === victim) return buffer;
      pool.unpin(buffer);
      sampled?.sample.found(page, IN_BUFFERS);
      return MISS;
    }
  }

  /** Neighbours that were claimed are read in one request; the instant at which they are here. */
  startRead(buffers: readonly number[]): Nanoseconds {
    const { pool, cache, owner } = this;
    let missing = 0;
    for (let i = 0; i < buffers.length; i++) {
      const page = pool.pageIn(buffers[i]!);
      const fromDisk = cache.pages.read(page);
      this.sampled?.sample.found(page, fromDisk > 0 ? ON_DISK : IN_PAGE_CACHE);
      missing += fromDisk;
    }
    if (missing === 0) return this.sim.now;
    return owner.host.disk.submit('read', missing * PAGE_BYTES);
  }

  finishReads(buffers: readonly number[]): void {
    for (let i = 0; i < buffers.length; i++) {
      this.pool.finishRead(buffers[i]!);
      this.pool.unpin(buffers[i]!);
    }
    this.done.fire();
  }

  /** Until some page has been read or written. */
  waitForRead(): undefined {
    this.done.wait();
  }

  /** Whether a page has a buffer, be it read or being read, or is not in the sample. */
  isKnown(wanted: TablePage): boolean {
    return this.isOutside(wanted) || this.pool.find(this.pageOf(wanted)) !== MISS;
  }

  isOutside(wanted: TablePage): boolean {
    return this.sampled?.isOutside(this.pageOf(wanted)) ?? false;
  }

  /** The page is new to its file: nothing is read for it. */
  *extend(added: TablePage, wait: WaitState) {
    const { pool, sampled } = this;
    const page = this.pageOf(added);
    if (sampled?.isOutside(page)) return yield* sampled.extend(wait);
    let copies = 0;
    while (pool.find(page) === MISS) {
      const victim = pool.victim(null, page);
      if (victim === NO_UNPINNED_BUFFERS) throw new Error('no unpinned buffers available');
      if (pool.isDirty(victim)) copies += yield* this.writeOut(victim, 'backend', wait);
      const buffer = pool.replace(victim, page, null, true, true);
      if (buffer === VICTIM_TAKEN) continue;
      pool.finishRead(buffer);
      pool.unpin(buffer);
    }
    return copies;
  }

  /**
   * FlushBuffer: WAL up to the page's LSN first, then the page goes to the system's cache. Returns
   * the processor time of the copy.
   */
  *writeOut(buffer: number, writer: PageWriter, wait: WaitState | null) {
    const { pool, cache } = this;
    const { wal, costs } = this.owner;
    pool.startWrite(buffer);
    const lsn = pool.lsnOf(buffer);
    if (lsn > wal.flushed.value) {
      const leads = wal.requestFlush(lsn, wait);
      wait?.now(leads ? WAL_SYNC : WAL_WRITE_LOCK);
      if (wal.flushed.below(lsn)) yield;
    }
    while (cache.holdsUp) {
      wait?.now(DATA_FILE_WRITE);
      yield cache.waitForRoom();
    }
    wait?.now(CPU);
    this.give(pool.pageIn(buffer), writer);
    pool.finishWrite(buffer);
    this.done.fire();
    return costs.pageWrite;
  }

  /**
   * A page as the checkpointer or the bgwriter writes it, whose WAL was flushed a moment ago; one
   * that was changed in that moment goes as it was, and is dirty still. Returns the page.
   */
  handOver(buffer: number, writer: PageWriter): Page {
    const { pool } = this;
    const page = pool.pageIn(buffer);
    this.give(page, writer);
    if (!this.mustWaitForWal(buffer) && !pool.ioInProgress(buffer)) pool.clean(buffer);
    return page;
  }

  private give(page: Page, writer: PageWriter): void {
    this.cache.write(page);
    this.unsynced.add(fileOf(page));
    this.written[writer] += this.cache.oneOf;
  }

  /**
   * Inserts the records of a change of a table; their pages bear its LSN and are dirty. All of them
   * are in shared buffers: whoever changes them has used them, or made them.
   */
  log(table: Table, records: readonly WalRecord[]): void {
    const { wal } = this.owner;
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      const lsn = wal.insertRecord(record, table);
      table.stamp(record, lsn);
      this.dirty(record, lsn);
    }
  }

  /** Whether a change of a table's page would find it dirty already (bufmgr.c:MarkBufferDirty). */
  isDirty(table: Table, block: RegisteredBlock): boolean {
    const page = pageOf(this.fileOf(block.relation, block.fork), block.block);
    if (this.sampled?.isOutside(page)) return table.lsnOf(block) > this.owner.wal.redoLsn;
    const buffer = this.pool.find(page);
    return buffer !== MISS && this.pool.isDirty(buffer);
  }

  private dirty({ blocks }: WalRecord, lsn: number): void {
    const { pool, sampled } = this;
    for (let i = 0; i < blocks.length; i++) {
      const { relation, block, fork } = blocks[i]!;
      const page = pageOf(this.fileOf(relation, fork), block);
      if (sampled?.isOutside(page)) continue;
      let buffer = pool.find(page);
      if (buffer === MISS) buffer = this.makeRoom(page);
      pool.markDirty(buffer, lsn);
    }
  }

  /**
   * A page that a change reached without reading it by name: a new one at a file's end, the other
   * half of a split, the visibility map. It comes in at once.
   */
  makeRoom(page: Page): number {
    const { pool } = this;
    const buffer = pool.allocate(page, null, Number.POSITIVE_INFINITY);
    if (buffer === NO_UNPINNED_BUFFERS) throw new Error('no unpinned buffers available');
    if (pool.victimDirty) this.give(pool.victimPage, 'backend');
    pool.finishRead(buffer);
    pool.unpin(buffer);
    return buffer;
  }

  private mustWaitForWal(buffer: number): boolean {
    return this.pool.lsnOf(buffer) > this.owner.wal.flushed.value;
  }

  /** The page is copied from the system's cache, or read from the disk first. */
  private *fetch(page: Page, wait: WaitState, readAhead?: ReadAhead) {
    const { host, costs } = this.owner;
    const pages = this.cache.pages.read(page, readAhead);
    this.sampled?.sample.found(page, pages > 0 ? ON_DISK : IN_PAGE_CACHE);
    if (pages === 0) return costs.pageRead;
    wait.now(DATA_FILE_READ);
    yield host.disk.read(pages * PAGE_BYTES);
    wait.now(CPU);
    return costs.pageRead + costs.diskRead;
  }
}
