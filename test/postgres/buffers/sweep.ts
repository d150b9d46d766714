import type { SweptPool } from '../../../src/postgres/buffers/bgwriter.ts';
import type { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import type { ClockSweep } from '../../../src/postgres/buffers/clock-sweep.ts';

/** The one hand of a pool that is followed page by page. */
export function sweepOf(pool: BufferPool): ClockSweep {
  return pool.sweep.ranges[0]!.sweep;
}

export function sweptPool(pool: BufferPool): SweptPool {
  return {
    size: pool.size,
    sweep: sweepOf(pool),
    isReusable: (buffer) => pool.isReusable(buffer),
    isDirty: (buffer) => pool.isDirty(buffer),
  };
}
