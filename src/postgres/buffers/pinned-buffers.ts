import type { BufferPool } from './buffer-pool.ts';
import type { BufferRing } from './rings.ts';

/**
 * The buffers that one backend holds, with how often (PrivateRefCount in bufmgr.c). A page that it
 * pins again while it still holds it is not counted again, neither as a pin of the pool nor as a
 * use. A backend holds a handful at a time, so the list is searched from its end.
 */
export class PinnedBuffers {
  private readonly pool: BufferPool;
  private readonly buffers: number[] = [];
  private readonly counts: number[] = [];

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /** Pins a buffer that holds its page, from `find` say. */
  pin(buffer: number, ring: BufferRing | null = null): void {
    const at = this.buffers.lastIndexOf(buffer);
    if (at >= 0) {
      this.counts[at]!++;
      return;
    }
    this.pool.pin(buffer, ring);
    this.adopt(buffer);
  }

  /** Takes over a pin that the pool has counted already: of `victim`, `replace` and `allocate`. */
  adopt(buffer: number): void {
    this.buffers.push(buffer);
    this.counts.push(1);
  }

  unpin(buffer: number): void {
    const at = this.buffers.lastIndexOf(buffer);
    if (at < 0) throw new Error(`buffer ${buffer} is not pinned by this backend`);
    if (--this.counts[at]! > 0) return;
    this.buffers.splice(at, 1);
    this.counts.splice(at, 1);
    this.pool.unpin(buffer);
  }

  /** The end of a transaction or of the backend. */
  releaseAll(): void {
    for (const buffer of this.buffers) this.pool.unpin(buffer);
    this.buffers.length = this.counts.length = 0;
  }

  holds(buffer: number): boolean {
    return this.buffers.includes(buffer);
  }
}
