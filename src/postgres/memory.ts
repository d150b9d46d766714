/**
 * What a server uses of its host's memory: shared buffers and the other shared structures once, and
 * for each backend its own memory, its page tables, and what its sorts and hashes ask for.
 *
 * Measured on PostgreSQL 15.18, 500 idle connections after one another: 1.06 MB of anonymous memory
 * each, 0.18 MB of page tables, 0.08 MB of the kernel's (slab, stacks); 0.16 MB more when it had
 * read a few rows. Page tables map the shared buffers that the backend has touched, 8 bytes for
 * 4 KiB, unless they are huge pages. Caches of the catalogs grow with the relations that it has
 * touched and are never trimmed: 29 MB for 1,000 partitions, 106 MB for 3,000 (mechanisms 7.4).
 * Left out: parallel workers, maintenance_work_mem, memory contexts' fragments.
 */
import type { Memory, MemoryAnswer, MemoryUser } from '../hardware/memory.ts';
import { exp } from '../kernel/index.ts';
import type { PostgresSettings } from './settings.ts';

const FRESH_BYTES = 1_058_000 + 68_000 + 15_000;
const FRESH_PAGE_TABLE_BYTES = 176_000;
const FIRST_QUERY_BYTES = 160_000;
/** 8 bytes of page table for each page of 4 KiB. */
const PAGE_TABLE_SHARE = 1 / 512;
const MAPPED_BY_TABLE = 2 << 20;
/** Beyond some hundred relations the catalog caches grow by this for each one touched. */
const CATALOG_BYTES_PER_RELATION = 32_000;
/** Lock table, semaphores, PGPROC: per allowed connection (mechanisms 7.4). */
const SHARED_BYTES_PER_SLOT = 25_000;

/** The memory of one backend. */
export class BackendMemory implements MemoryUser {
  bytes = 0;
  private readonly server: ServerMemory;
  private readonly killed: (bytes: number) => void;
  private mapped = 0;
  private queried = false;
  private working = 0;

  /** `killed`: the kernel has chosen this backend, which had so many bytes. */
  constructor(server: ServerMemory, killed: (bytes: number) => void) {
    this.server = server;
    this.killed = killed;
  }

  /** The fork: `refused` if the kernel does not promise as much (error 53200). */
  start(): MemoryAnswer {
    return this.grow(FRESH_BYTES + FRESH_PAGE_TABLE_BYTES);
  }

  /** The first query fills the caches of the catalogs. */
  query(): MemoryAnswer {
    if (this.queried) return 'granted';
    this.queried = true;
    return this.grow(FIRST_QUERY_BYTES);
  }

  /** It has touched so many bytes of shared buffers since its start, each counted once. */
  touched(bytes: number): MemoryAnswer {
    const { sharedBuffersBytes, hugePages } = this.server;
    const mapped = Math.min(bytes, sharedBuffersBytes);
    if (hugePages || mapped <= this.mapped) return 'granted';
    const more = Math.round((mapped - this.mapped) * PAGE_TABLE_SHARE);
    this.mapped = mapped;
    return this.grow(more);
  }

  /**
   * It has used so many pages since its start, each anywhere in shared buffers, which Postgres
   * fills in no order. A page table is 4 KiB and maps 2 MiB, whatever of it is touched.
   */
  usedPages(count: number): MemoryAnswer {
    const { sharedBuffersBytes } = this.server;
    const share = 1 - exp((-count * MAPPED_BY_TABLE) / sharedBuffersBytes);
    return this.touched(Math.round(share * sharedBuffersBytes));
  }

  /** It has opened so many relations (partitions, indexes) for the first time. */
  openedRelations(count: number): MemoryAnswer {
    return this.grow(count * CATALOG_BYTES_PER_RELATION);
  }

  /** A sort or a hash takes memory, up to work_mem (times hash_mem_multiplier) each. */
  takeWorkMemory(bytes: number): MemoryAnswer {
    const answer = this.grow(bytes);
    if (answer !== 'refused') this.working += bytes;
    return answer;
  }

  /** The statement has ended. */
  freeWorkMemory(): void {
    if (this.working === 0) return;
    this.server.release(this.working);
    this.bytes -= this.working;
    this.working = 0;
  }

  /** Its process is gone. */
  end(): void {
    this.server.release(this.bytes);
    this.bytes = this.working = 0;
  }

  outOfMemory(): void {
    const { bytes } = this;
    this.end();
    this.killed(bytes);
  }

  private grow(bytes: number): MemoryAnswer {
    return this.server.take(this, bytes);
  }
}

export class ServerMemory {
  readonly sharedBuffersBytes: number;
  readonly hugePages: boolean;
  /** Shared memory and all backends. */
  used = 0;
  /** Called when it has changed. */
  onChange: (bytes: number) => void = () => {};
  private readonly memory: Memory;
  private readonly sharedBytes: number;
  private readonly users: () => Iterable<MemoryUser>;
  private running = false;

  /** `users`: the backends, who may be killed for memory, in the order of their start. */
  constructor(memory: Memory, settings: PostgresSettings, users: () => Iterable<MemoryUser>) {
    this.memory = memory;
    this.users = users;
    this.sharedBuffersBytes = settings.shared_buffers;
    this.hugePages = settings['huge_pages'] === 'on';
    const slots = settings.max_connections + settings.max_wal_senders;
    this.sharedBytes = settings.shared_buffers + slots * SHARED_BYTES_PER_SLOT;
  }

  /** What is left on the host for copies of files. */
  get cacheBytes(): number {
    return this.memory.cacheBytes;
  }

  /** The postmaster makes shared memory; false: the kernel refuses, the server cannot start. */
  start(): boolean {
    if (this.running) return true;
    if (this.memory.take(this.sharedBytes, []) === 'refused') return false;
    this.running = true;
    this.change(this.sharedBytes);
    return true;
  }

  /** All processes are gone, the postmaster too. */
  stop(): void {
    this.memory.free(this.used);
    this.running = false;
    this.change(-this.used);
  }

  take(asker: BackendMemory, bytes: number): MemoryAnswer {
    this.change(bytes);
    asker.bytes += bytes;
    const answer = this.memory.take(bytes, this.users());
    if (answer === 'refused') {
      asker.bytes -= bytes;
      this.change(-bytes);
    }
    return answer;
  }

  release(bytes: number): void {
    this.memory.free(bytes);
    this.change(-bytes);
  }

  private change(bytes: number): void {
    this.used += bytes;
    this.onChange(this.used);
  }
}
