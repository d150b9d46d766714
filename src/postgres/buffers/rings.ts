/**
 * Buffer rings: a scan that will not come back, a bulk write and a vacuum reuse a few buffers of
 * their own over and over instead of pushing everything else out of the pool
 * (freelist.c:GetAccessStrategy).
 *
 * Kept: what uses which ring, the sizes by version, the slots. When a slot may be reused, and what
 * a bulk read does with a dirty page, stands in buffer-pool.ts. Left out: the joint position of
 * concurrent scans of one table (synchronize_seqscans).
 */
import { PAGE_BYTES } from './page.ts';

export type RingKind = 'bulk read' | 'bulk write' | 'vacuum';

/** What passes through a ring, whatever the size of the relation. */
export const RING_OF_OPERATION = {
  copyIn: 'bulk write',
  createTableAs: 'bulk write',
  refreshMaterializedView: 'bulk write',
  rewritingAlterTable: 'bulk write',
  vacuum: 'vacuum',
  analyze: 'vacuum',
} as const satisfies Record<string, RingKind>;

/** What the size of a ring depends on; sizes in bytes, as settings.ts resolves them. */
export interface RingSettings {
  readonly version: number;
  readonly sharedBuffersBytes: number;
  /** vacuum_buffer_usage_limit (v16 and later): 0 is no ring at all. */
  readonly vacuumBufferUsageLimitBytes: number;
  /** io_combine_limit and effective_io_concurrency: a part of the bulk-read ring from v18. */
  readonly ioCombineLimitBytes: number;
  readonly effectiveIoConcurrency: number;
  /** MaxBackends plus NUM_AUXILIARY_PROCS: in v18 a process may pin its share of the pool. */
  readonly processes: number;
}

const KIB = 1024;

/** Buffers in a ring; 0 when the operation uses the pool like everyone else. */
export function ringBuffers(kind: RingKind, settings: RingSettings): number {
  const pool = Math.floor(settings.sharedBuffersBytes / PAGE_BYTES);
  const wanted = Math.floor(ringBytes(kind, settings, pool) / PAGE_BYTES);
  return Math.min(Math.floor(pool / 8), wanted);
}

function ringBytes(kind: RingKind, settings: RingSettings, pool: number): number {
  const { version } = settings;
  if (kind === 'bulk write') return 16 * KIB * KIB;
  if (kind === 'vacuum') return version < 16 ? 256 * KIB : settings.vacuumBufferUsageLimitBytes;
  if (version < 18) return 256 * KIB;
  const pinLimit = Math.max(1, Math.floor(pool / settings.processes)) * PAGE_BYTES;
  const concurrent = settings.ioCombineLimitBytes * settings.effectiveIoConcurrency;
  return Math.min(256 * KIB + concurrent, Math.max(256 * KIB, pinLimit));
}

/** Whether a sequential scan takes a bulk-read ring: if the relation is over a quarter of the pool
 * (heapam.c:initscan). A smaller one does displace others. */
export function scansThroughRing(relationPages: number, poolBuffers: number): boolean {
  return relationPages > Math.floor(poolBuffers / 4);
}

/** A vacuum against wraparound gives its ring back when the failsafe trips, from version 16. */
export function failsafeDropsRing(version: number): boolean {
  return version >= 16;
}

/** One scan's ring: BufferAccessStrategyData. Slots hold buffers, or -1 until they are filled. */
export class BufferRing {
  readonly kind: RingKind;
  readonly buffers: Int32Array;
  current = 0;
  /** Whether the last victim came out of the slot, and not from the sweep. */
  currentWasInRing = false;
  private readonly parts: BufferRing[] = [];

  constructor(kind: RingKind, buffers: number) {
    if (!(buffers > 0)) throw new Error('a ring has at least one buffer');
    this.kind = kind;
    this.buffers = new Int32Array(buffers).fill(-1);
  }

  /** Goes on to the next slot and tells which buffer is in it. */
  advance(): number {
    if (++this.current >= this.buffers.length) this.current = 0;
    return this.buffers[this.current]!;
  }

  /** In a sampled pool: the one buffer that the ring has in a part of the sample. */
  inPart(part: number): BufferRing {
    this.parts[part] ??= new BufferRing(this.kind, 1);
    return this.parts[part];
  }
}
