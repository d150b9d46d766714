import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../../src/kernel/index.ts';
import {
  BackgroundWriter,
  type CleaningCycle,
  LOG_SNAPSHOT_INTERVAL,
} from '../../../src/postgres/buffers/bgwriter.ts';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import { sweepOf, sweptPool } from './sweep.ts';

const DEFAULTS = {
  bgwriter_delay: 200 * MILLISECOND,
  bgwriter_lru_maxpages: 100,
  bgwriter_lru_multiplier: 2,
};
const SIZE = 16_384;

interface Swept {
  hand: number;
  passes: number;
  allocations: number;
  reusable: (buffer: number) => boolean;
  dirty: (buffer: number) => boolean;
}

/** A pool of which only what the cycle looks at is there. */
function poolLike(size: number, start: Partial<Swept> = {}) {
  const state: Swept = {
    hand: 0,
    passes: 0,
    allocations: 0,
    reusable: () => true,
    dirty: () => false,
    ...start,
  };
  const sweep = {
    get hand() {
      return state.hand;
    },
    get passes() {
      return state.passes;
    },
    takeAllocations: () => state.allocations,
  };
  const isReusable = (buffer: number) => state.reusable(buffer);
  return { state, pool: { size, sweep, isReusable, isDirty: (b: number) => state.dirty(b) } };
}

const counts = ({ scanned, reusable, writes }: CleaningCycle) => [scanned, reusable, writes.length];

describe('1.4 background writer', () => {
  test('the first two cycles of an empty pool, by hand', () => {
    const { pool } = poolLike(SIZE);
    const writer = new BackgroundWriter();
    // needed = 16384 / (120000 / 200) = 27, none ahead; density 10 + (1 - 10) / 16
    expect(counts(writer.cycle(pool, DEFAULTS))).toEqual([27, 27, 0]);
    expect(writer.density).toBe(9.4375);
    // 27 ahead, of which 27 / 9.4375 = 2 count: needed 27 + 2
    expect(counts(writer.cycle(pool, DEFAULTS))).toEqual([27, 27, 0]);
    expect(writer.density).toBe(8.91015625);
  });

  test('density follows hand movement per allocation by a sixteenth, then the own scan', () => {
    const { pool, state } = poolLike(SIZE, { reusable: (buffer) => buffer % 4 === 0 });
    const writer = new BackgroundWriter();
    writer.cycle(pool, { ...DEFAULTS, bgwriter_lru_multiplier: 0 });
    // 27 reusable found in 26 x 4 + 1 = 105: 10 + (105 / 27 - 10) / 16
    const first = 10 + (105 / 27 - 10) / 16;
    expect(writer.density).toBeCloseTo(first, 6);
    state.hand = 3000;
    state.allocations = 100;
    const cycle = writer.cycle(pool, DEFAULTS);
    const second = first + (30 - first) / 16;
    expect(cycle.scanned).toBe(797); // from the hand: 200 wanted, one in four
    expect(writer.density).toBeCloseTo(second + (797 / 200 - second) / 16, 5);
  });

  test('smoothed allocations: up at once, down by a sixteenth, 0 when the estimate is 0', () => {
    const { pool, state } = poolLike(SIZE);
    const writer = new BackgroundWriter();
    const seen = [160, 0, 0, 200].map((allocations) => {
      state.allocations = allocations;
      writer.cycle(pool, DEFAULTS);
      return writer.smoothedAllocations;
    });
    expect(seen).toEqual([160, 150, 140.625, 200]);
    state.allocations = 0;
    for (let i = 0; i < 100; i++) writer.cycle(pool, DEFAULTS);
    expect(writer.smoothedAllocations).toBe(0); // below one half, times 2 is no whole buffer
  });

  test('it scans for twice the allocations that it expects, less what is ahead already', () => {
    const { pool, state } = poolLike(SIZE, { allocations: 300 });
    const writer = new BackgroundWriter();
    expect(counts(writer.cycle(pool, DEFAULTS))).toEqual([600, 600, 0]);
    state.hand = 300;
    // density 10 - 9/16 = 9.4375, then - 8.4375/16 = 8.91015625; 300 ahead count as 33
    expect(counts(writer.cycle(pool, DEFAULTS))).toEqual([567, 567, 0]);
  });

  test('ceiling with defaults: 100 pages in 200 ms are 500 pages/s, 4 MB/s', () => {
    const { pool, state } = poolLike(SIZE, { allocations: 1000, dirty: () => true });
    const writer = new BackgroundWriter();
    let written = 0;
    let slept = 0;
    for (let i = 0; i < 50; i++) {
      const cycle = writer.cycle(pool, DEFAULTS);
      expect(cycle.stoppedAtMaximum).toBe(true);
      written += cycle.writes.length;
      slept += cycle.delay;
      state.hand += 300;
    }
    expect(written / (slept / SECOND)).toBe(500);
    expect((written * 8192) / (slept / SECOND)).toBe(4_096_000);
  });

  test('pinned or used buffers are skipped, clean ones counted, dirty ones written', () => {
    const pool = new BufferPool(1000);
    for (let block = 0; block < 1000; block++) pool.load(pageOf(1, block));
    for (let block = 1000; block < 1010; block++) pool.load(pageOf(1, block)); // counts are 0 now
    for (let block = 12; block < 40; block += 2) pool.markDirty(block, 1);
    pool.access(pageOf(1, 14)); // used
    pool.pin(16);
    pool.pin(17);
    const writer = new BackgroundWriter();
    const cycle = writer.cycle(sweptPool(pool), { ...DEFAULTS, bgwriter_lru_maxpages: 5 });
    expect(cycle.allocations).toBe(1010);
    expect(cycle.writes).toEqual([12, 18, 20, 22, 24]);
    expect([cycle.scanned, cycle.reusable]).toEqual([15, 12]); // 10 to 24 less 14, 16, 17
    expect([pool.usageCount(14), pool.usageCount(16)]).toEqual([1, 1]); // never lowered
  });

  test('overtaken by the hand, the scan restarts at the hand', () => {
    const { pool, state } = poolLike(SIZE, { dirty: () => true });
    const writer = new BackgroundWriter();
    expect(writer.cycle(pool, DEFAULTS).writes[0]).toBe(0);
    state.hand = 5000;
    state.allocations = 50;
    expect(writer.cycle(pool, DEFAULTS).writes[0]).toBe(5000);
    state.hand = 4000;
    state.passes = 1; // once round and nearly once more
    expect(writer.cycle(pool, DEFAULTS).writes[0]).toBe(4000);
  });

  test('an idle pool is scanned once in two minutes; then, after two cycles, hibernation', () => {
    const { pool } = poolLike(SIZE);
    const writer = new BackgroundWriter();
    const cycles: CleaningCycle[] = [];
    while (cycles.length < 700 && !cycles.at(-1)?.hibernation) {
      cycles.push(writer.cycle(pool, DEFAULTS));
    }
    // 27 a cycle: 606 full ones and one of 22; then one that may hibernate, and one that does
    expect(cycles.map(({ scanned }) => scanned)).toEqual([...Array(606).fill(27), 22, 0, 0]);
    expect(607 * 0.2).toBeCloseTo(121.4, 5);
    expect(cycles.at(-1)).toMatchObject({ delay: 200 * MILLISECOND, hibernation: 10 * SECOND });
    expect(cycles.slice(0, -1).every(({ hibernation }) => hibernation === 0)).toBe(true);
  });

  test('one allocation is enough to end the row of idle cycles', () => {
    const { pool, state } = poolLike(SIZE, { reusable: () => false });
    const writer = new BackgroundWriter();
    expect(writer.cycle(pool, DEFAULTS).scanned).toBe(SIZE); // nothing reusable: the whole pool
    const hibernations = [0, 0, 1, 0, 0].map((allocations) => {
      state.allocations = allocations;
      return writer.cycle(pool, DEFAULTS).hibernation;
    });
    expect(hibernations).toEqual([0, 10 * SECOND, 0, 0, 10 * SECOND]);
  });

  test('the next allocation wakes it, once; the reuse of a ring does not', () => {
    const pool = new BufferPool(16);
    let woken = 0;
    pool.sweep.onAllocation = () => woken++;
    pool.load(pageOf(1, 0));
    pool.load(pageOf(1, 1));
    expect(woken).toBe(1);
    expect(sweepOf(pool).takeAllocations()).toBe(2);
    expect(sweepOf(pool).takeAllocations()).toBe(0);
  });

  test('bgwriter_lru_maxpages 0: it writes nothing, hibernates, and later starts afresh', () => {
    const { pool, state } = poolLike(SIZE, { dirty: () => true });
    const writer = new BackgroundWriter();
    const off = { ...DEFAULTS, bgwriter_lru_maxpages: 0 };
    expect(writer.cycle(pool, off)).toMatchObject({ writes: [], hibernation: 0 });
    expect(writer.cycle(pool, off)).toMatchObject({ writes: [], hibernation: 10 * SECOND });
    state.hand = 77;
    expect(writer.cycle(pool, DEFAULTS).writes[0]).toBe(77);
  });

  test('running transactions are logged every 15 s', () => {
    expect(LOG_SNAPSHOT_INTERVAL).toBe(15 * SECOND);
  });

  test('with it, victims of a moderate load are clean; above its ceiling backends write', () => {
    const dirtyVictims = (perCycle: number) => {
      const pool = new BufferPool(4096);
      const writer = new BackgroundWriter();
      let dirty = 0;
      let block = 0;
      for (let cycle = 0; cycle < 400; cycle++) {
        for (let i = 0; i < perCycle; i++) {
          const buffer = pool.allocate(pageOf(1, block++));
          if (pool.victimDirty && cycle >= 200) dirty++;
          pool.finishRead(buffer);
          pool.markDirty(buffer, block);
          pool.unpin(buffer);
        }
        for (const buffer of writer.cycle(sweptPool(pool), DEFAULTS).writes) pool.clean(buffer);
      }
      return dirty / (200 * perCycle);
    };
    expect(dirtyVictims(40)).toBeLessThan(0.05);
    expect(dirtyVictims(400)).toBeGreaterThan(0.7);
  });
});
