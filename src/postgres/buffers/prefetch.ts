/**
 * How many pages a scan has on order beyond the one that it is looking at, and how many blocks go
 * into one read.
 *
 * Up to version 16 most scans read a page at a time and leave reading ahead to the operating
 * system; a bitmap heap scan gives it advice (posix_fadvise). From 17 on a read stream looks ahead
 * and combines neighbouring blocks into one read; in 18 its reads are asynchronous, by workers or
 * io_uring, and the submitter waits only for the page that it needs next (read_stream.c, aio.h).
 *
 * Kept: who prefetches in which version, defaults, distances. Left out: how a stream's distance
 * grows and shrinks with hits and misses.
 */
import { PAGE_BYTES } from './page.ts';

export type ScanKind =
  | 'sequential'
  | 'bitmap heap'
  | 'index'
  | 'analyze'
  | 'vacuum heap'
  | 'vacuum index'
  | 'recovery';

/** `advice`: posix_fadvise a page at a time; `read stream`: looks ahead and combines blocks. */
export type PrefetchMethod = 'none' | 'advice' | 'read stream';

/** From which version on a scan prefetches, and how; each entry holds until the next. */
const METHODS: Record<ScanKind, readonly (readonly [since: number, PrefetchMethod])[]> = {
  sequential: [[17, 'read stream']],
  'bitmap heap': [
    [13, 'advice'],
    [18, 'read stream'],
  ],
  index: [],
  analyze: [
    [14, 'advice'],
    [17, 'read stream'],
  ],
  'vacuum heap': [[18, 'read stream']],
  'vacuum index': [[18, 'read stream']],
  recovery: [[15, 'advice']],
};

/** Which setting bounds the reads on order. */
const MAINTENANCE: readonly ScanKind[] = ['analyze', 'vacuum heap', 'vacuum index', 'recovery'];

export interface PrefetchSettings {
  readonly version: number;
  readonly effective_io_concurrency: number;
  readonly maintenance_io_concurrency: number;
  /** Bytes; version 17 and later. */
  readonly io_combine_limit: number;
}

export interface Prefetch {
  readonly method: PrefetchMethod;
  /** Reads that may be on order at a time, the one that is waited for included; at least 1. */
  readonly concurrency: number;
  /** Blocks in one read at most. */
  readonly combine: number;
  /** Whether reads run while the backend works (18), or are only announced to the system. */
  readonly asynchronous: boolean;
}

const ONE_BY_ONE: Prefetch = { method: 'none', concurrency: 1, combine: 1, asynchronous: false };

export function prefetchMethod(scan: ScanKind, version: number): PrefetchMethod {
  let method: PrefetchMethod = 'none';
  for (const [since, later] of METHODS[scan]) if (version >= since) method = later;
  return method;
}

/** What a scan does in a version; a sequential read by advice would only disturb read-ahead. */
export function prefetchOf(scan: ScanKind, settings: PrefetchSettings): Prefetch {
  const { version } = settings;
  const method = prefetchMethod(scan, version);
  if (method === 'none') return ONE_BY_ONE;
  const maintenance = MAINTENANCE.includes(scan);
  const limit = maintenance
    ? settings.maintenance_io_concurrency
    : settings.effective_io_concurrency;
  if (method === 'advice') return { ...ONE_BY_ONE, method, concurrency: 1 + limit };
  const asynchronous = version >= 18;
  const combine = Math.max(1, Math.floor(settings.io_combine_limit / PAGE_BYTES));
  const ahead = scan === 'sequential' && !asynchronous ? 0 : limit;
  return { method, concurrency: Math.max(1, ahead), combine, asynchronous };
}

/** Pages after which a writer tells the system to begin writing them (pg_config_manual.h, Linux);
 * 0 is never. */
export const FLUSH_AFTER_PAGES = { checkpointer: 32, bgwriter: 64, backend: 0 } as const;

/** Defaults by version: reads on order at a time (bufmgr.h). */
export function defaultConcurrency(version: number): { effective: number; maintenance: number } {
  return version >= 18 ? { effective: 16, maintenance: 16 } : { effective: 1, maintenance: 10 };
}

/** io_method=worker of version 18: processes that do the reads of all backends. */
export const DEFAULT_IO_WORKERS = 3;
