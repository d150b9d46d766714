import { describe, expect, test } from 'vitest';
import * as pools from '../../../src/postgres/buffers/buffer-pool.ts';
import { mappingPartition, pageOf } from '../../../src/postgres/buffers/page.ts';
import { BufferRing } from '../../../src/postgres/buffers/rings.ts';
import { sweepOf } from './sweep.ts';

const { BufferPool, MISS, NO_UNPINNED_BUFFERS, VICTIM_TAKEN } = pools;
const page = (block: number) => pageOf(1, block);

/** A pool of so many buffers with blocks 0, 1, ... in buffers 0, 1, ..., each with a count of 1. */
function full(size: number): pools.BufferPool {
  const pool = new BufferPool(size);
  for (let block = 0; block < size; block++) pool.load(page(block));
  return pool;
}

function usage(pool: pools.BufferPool): number[] {
  return Array.from({ length: pool.size }, (_, buffer) => pool.usageCount(buffer));
}

/** Sets the count of a buffer that holds a page. */
function use(pool: pools.BufferPool, block: number, count: number): void {
  while (pool.usageCount(pool.find(page(block))) < count) pool.access(page(block));
}

describe('1.1 replacement', () => {
  test('a use counts up to 5 and no further', () => {
    const pool = full(4);
    const counts = [];
    for (let i = 0; i < 7; i++) {
      pool.access(page(2));
      counts.push(pool.usageCount(2));
    }
    expect(counts).toEqual([2, 3, 4, 5, 5, 5, 5]);
    pool.pin(2);
    expect([pool.usageCount(2), pool.pinCount(2)]).toEqual([5, 1]);
  });

  test('through a ring the count becomes 1 if it is 0, and is never raised further', () => {
    const pool = full(4);
    const ring = new BufferRing('vacuum', 2);
    pool.access(page(0), ring);
    expect(pool.usageCount(0)).toBe(1);
    pool.load(page(4)); // all counts fall to 0, block 0 goes
    expect(usage(pool)).toEqual([1, 0, 0, 0]);
    pool.access(page(1), ring);
    pool.access(page(1), ring);
    pool.pin(pool.find(page(1)), ring);
    expect(usage(pool)).toEqual([1, 1, 0, 0]);
  });

  test('the sweep skips a pinned buffer without decrement', () => {
    const pool = full(4);
    pool.pin(1); // its count becomes 2
    for (let block = 4; block < 10; block++) pool.load(page(block));
    expect(pool.find(page(1))).toBe(1);
    expect(pool.usageCount(1)).toBe(2);
  });

  test('an unpinned buffer above 0 is decremented, the hand goes on; at 0 it is the victim', () => {
    const pool = full(4);
    use(pool, 0, 3);
    use(pool, 2, 2);
    pool.load(page(4)); // ticks: 3->2 1->0 2->1 1->0 | 2->1, buffer 1
    expect(pool.find(page(4))).toBe(1);
    expect(usage(pool)).toEqual([1, 1, 1, 0]);
    expect([sweepOf(pool).hand, sweepOf(pool).passes]).toEqual([2, 1]);
  });

  test('NBuffers ticks in a row without a change: "no unpinned buffers available"', () => {
    const pool = full(4);
    for (let buffer = 0; buffer < 4; buffer++) pool.pin(buffer);
    expect(pool.victim()).toBe(NO_UNPINNED_BUFFERS);
    expect(pool.allocate(page(9))).toBe(NO_UNPINNED_BUFFERS);
    expect(() => pool.load(page(9))).toThrow('no unpinned buffers available');
    pool.unpin(3);
    expect(pool.victim()).toBe(3);
  });

  test('cold start: the free list is drained, in order, before the sweep starts', () => {
    const pool = new BufferPool(8);
    const buffers = [];
    for (let block = 0; block < 8; block++) {
      pool.load(page(block));
      buffers.push(pool.find(page(block)));
    }
    expect(buffers).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([sweepOf(pool).hand, pool.evictions]).toEqual([0, 0]);
    pool.load(page(8));
    expect([sweepOf(pool).hand, pool.evictions]).toEqual([1, 1]);
  });

  test('only pages of dropped or truncated relations come back to the free list', () => {
    const pool = full(6);
    pool.load(pageOf(2, 0)); // buffer 0, by the sweep; counts of the others are 0
    pool.markDirty(pool.find(page(5)), 77);
    expect(pool.drop(1, 4)).toBe(0); // truncated to four blocks: buffers 4 and 5
    expect([pool.find(page(4)), pool.find(page(5)), pool.dirty]).toEqual([MISS, MISS, 0]);
    expect(pool.find(page(3))).toBe(3);
    const taken = [10, 11, 12].map((block) => {
      pool.load(page(block));
      return pool.find(page(block));
    });
    expect(taken).toEqual([5, 4, 1]); // last in, first out; then the sweep
  });

  test('dropped pages that somebody has pinned stay until he lets go', () => {
    const pool = full(4);
    pool.pin(2);
    expect(pool.drop(1)).toBe(1);
    expect([0, 1, 2, 3].map((block) => pool.find(page(block)))).toEqual([MISS, MISS, 2, MISS]);
    pool.unpin(2);
    expect(pool.drop(1)).toBe(0);
    expect(pool.find(page(2))).toBe(MISS);
  });

  test('there are 128 mapping partitions, over which pages spread evenly', () => {
    const counts = new Array<number>(128).fill(0);
    for (let block = 0; block < 128_000; block++) counts[mappingPartition(page(block))]!++;
    expect(counts).toHaveLength(128);
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(190); // 127 degrees of freedom, p = 0.0002
  });

  test('(a) a page hit 5 times survives 5 full passes of the hand', () => {
    const pool = full(8);
    use(pool, 7, 5);
    let allocations = 0;
    for (let block = 8; pool.find(page(7)) !== MISS; block++, allocations++) {
      pool.load(page(block));
      if (sweepOf(pool).hand === 0 && pool.find(page(7)) !== MISS) {
        expect(pool.usageCount(7)).toBe(5 - sweepOf(pool).passes);
      }
    }
    expect(sweepOf(pool).passes).toBe(6);
    expect(allocations).toBeGreaterThan(8);
  });

  test('(b) the hand moves only on allocations: when all is cached, nothing is decremented', () => {
    const pool = full(8);
    for (let i = 0; i < 1000; i++) expect(pool.load(page(i % 8))).toBe(true);
    expect(usage(pool)).toEqual(Array(8).fill(5));
    expect([sweepOf(pool).hand, sweepOf(pool).passes, pool.evictions]).toEqual([0, 0, 0]);
  });

  test('(c) ticks per allocation are 1 plus the increments of usage counts per allocation', () => {
    const pool = full(100);
    let increments = 0;
    let seed = 1;
    const sum = () => usage(pool).reduce((total, count) => total + count, 0);
    const before = sum();
    const [hand, reads] = [sweepOf(pool).hand, pool.reads];
    for (let i = 0; i < 20_000; i++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const block = seed % (seed % 3 === 0 ? 400 : 60);
      const buffer = pool.find(page(block));
      if (buffer === MISS || pool.usageCount(buffer) < 5) increments++;
      pool.load(page(block));
    }
    const ticks = sweepOf(pool).passes * 100 + sweepOf(pool).hand - hand;
    // each tick decrements or takes a buffer at 0; what was added is gone or still there
    expect(ticks).toBe(pool.reads - reads + increments + before - sum());
    expect(ticks / (pool.reads - reads)).toBeGreaterThan(2);
  });
});

describe('1.2 a page that is not cached', () => {
  test('a victim whose content lock is refused is let go, and another one is picked', () => {
    const pool = full(4);
    const first = pool.victim();
    pool.unpin(first);
    const second = pool.victim();
    expect([first, second]).toEqual([0, 1]);
    expect(pool.pinCount(first)).toBe(0);
  });

  test('if writing needs WAL first, only a bulk-read ring rejects the page, and drops it', () => {
    for (const kind of ['bulk read', 'bulk write', 'vacuum'] as const) {
      const pool = new BufferPool(16);
      const ring = new BufferRing(kind, 2);
      pool.load(page(0), ring);
      pool.load(page(1), ring);
      pool.markDirty(pool.find(page(0)), 500);
      pool.allocate(page(2), ring, 499);
      const rejects = kind === 'bulk read';
      expect(pool.find(page(0))).toBe(rejects ? 0 : MISS);
      expect(pool.victimDirty).toBe(!rejects);
      expect(pool.isDirty(0)).toBe(rejects);
      expect(ring.buffers.includes(0)).toBe(!rejects);
    }
  });

  test('a bulk-read ring keeps a page whose WAL is flushed, and one from the sweep', () => {
    const pool = full(16);
    const ring = new BufferRing('bulk read', 2);
    for (let buffer = 0; buffer < 16; buffer++) pool.markDirty(buffer, 500);
    pool.allocate(page(20), ring, 0); // from the sweep: written, whatever it takes
    expect([pool.victimPage, pool.victimDirty, pool.victimLsn]).toEqual([page(0), true, 500]);
    pool.finishRead(0);
    pool.unpin(0);
    pool.markDirty(0, 600);
    ring.advance();
    pool.allocate(page(21), ring, 600);
    expect([pool.victimPage, pool.victimDirty]).toEqual([page(20), true]);
  });

  test('before a write WAL must be flushed up to the LSN; unlogged pages are exempt', () => {
    const pool = new BufferPool(4);
    const logged = pool.allocate(page(0));
    const unlogged = pool.allocate(pageOf(2, 0), null, 0, false);
    pool.markDirty(logged, 1000);
    pool.markDirty(unlogged, 1000);
    expect([pool.lsnOf(logged), pool.lsnOf(unlogged)]).toEqual([1000, 0]);
    pool.markDirty(logged); // a hint does not move the LSN
    pool.markDirty(logged, 900);
    expect(pool.lsnOf(logged)).toBe(1000);
  });

  test('a page read back has the LSN it was written with, while the redo is below', () => {
    const pool = full(4);
    pool.markDirty(0, 1000);
    for (let block = 4; block < 8; block++) pool.load(page(block));
    expect(pool.find(page(0))).toBe(MISS);
    pool.load(page(0));
    expect(pool.lsnOf(pool.find(page(0)))).toBe(1000);
    for (let block = 4; block < 12; block++) pool.load(page(block));
    pool.evictedLsns.moveRedo(1000);
    expect(pool.evictedLsns.size).toBe(0);
    pool.load(page(0));
    expect(pool.lsnOf(pool.find(page(0)))).toBe(0);
  });

  test('others who want the page meanwhile wait for its I/O: one read in total', () => {
    const pool = full(4);
    const mine = pool.victim();
    const theirs = pool.victim();
    expect(pool.replace(mine, page(9))).toBe(mine);
    expect(pool.ioInProgress(mine)).toBe(true);
    const reads = pool.reads;
    expect(pool.replace(theirs, page(9))).toBe(mine); // came second: a hit, and his victim is free
    expect([pool.reads, pool.pinCount(mine), pool.pinCount(theirs)]).toEqual([reads, 2, 0]);
    expect(pool.access(page(9))).toBe(mine);
    expect(pool.ioInProgress(mine)).toBe(true);
    pool.finishRead(mine);
    expect(pool.ioInProgress(mine)).toBe(false);
    expect(pool.hits + pool.reads).toBe(4 + 1 + 2);
  });

  test('a victim that is dirtied or pinned while WAL was flushed for it is given up', () => {
    const pool = full(4);
    const first = pool.victim();
    pool.markDirty(first, 10);
    expect(pool.replace(first, page(9))).toBe(VICTIM_TAKEN);
    expect([pool.pinCount(first), pool.find(page(9))]).toEqual([0, MISS]);
    const second = pool.victim();
    pool.pin(second);
    expect(pool.replace(second, page(9))).toBe(VICTIM_TAKEN);
    expect([pool.pinCount(second), pool.find(page(1))]).toEqual([1, second]);
  });

  test('a page changed while it was being written stays dirty', () => {
    const pool = full(4);
    pool.markDirty(0, 5);
    pool.startWrite(0);
    expect(pool.ioInProgress(0)).toBe(true);
    pool.markDirty(0);
    expect([pool.finishWrite(0), pool.isDirty(0), pool.dirty]).toEqual([false, true, 1]);
    pool.startWrite(0);
    expect([pool.finishWrite(0), pool.isDirty(0), pool.dirty]).toEqual([true, false, 0]);
  });

  test('a new page at the end of its file is neither hit nor read', () => {
    const pool = full(4);
    const [hits, reads] = [pool.hits, pool.reads];
    pool.replace(pool.victim(), page(50), null, true, true);
    expect([pool.hits - hits, pool.reads - reads, pool.extensions]).toEqual([0, 0, 1]);
  });
});

describe('3.2 what a checkpoint finds in the pool', () => {
  test('dirty permanent buffers, by file and block; unlogged ones at shutdown only', () => {
    const pool = new BufferPool(16);
    const wanted = [pageOf(9, 1), pageOf(2, 4_000_000_000), pageOf(2, 3), pageOf(9, 0)];
    for (const each of wanted) pool.markDirty(pool.allocate(each), 1);
    pool.markDirty(pool.allocate(pageOf(5, 5), null, 0, false));
    pool.allocate(pageOf(1, 1));
    const inOrder = (buffers: Int32Array) => [...buffers].map((buffer) => pool.pageIn(buffer));
    expect(inOrder(pool.markForCheckpoint())).toEqual([...wanted].sort((a, b) => a - b));
    const all = [...wanted, pageOf(5, 5)].sort((a, b) => a - b);
    expect(inOrder(pool.markForCheckpoint(true))).toEqual(all);
  });

  test('pages dirtied after the marking come next time; those written since are skipped', () => {
    const pool = full(8);
    for (const block of [0, 1, 2]) pool.markDirty(block, 10);
    const marked = [...pool.markForCheckpoint()];
    pool.markDirty(3, 20);
    pool.clean(1);
    pool.markDirty(1, 21); // written by the bgwriter, changed again
    expect(marked).toEqual([0, 1, 2]);
    expect(marked.filter((buffer) => pool.needsCheckpoint(buffer))).toEqual([0, 2]);
    expect(pool.needsCheckpoint(3)).toBe(false);
    expect([...pool.markForCheckpoint()]).toEqual([0, 1, 2, 3]);
  });
});

describe('a pool in service and one that crashed', () => {
  test('warm: the hottest pages that fit, the hotter the higher their counts', () => {
    const pool = new BufferPool(600);
    pool.warm(Float64Array.from({ length: 1000 }, (_, rank) => page(rank)));
    const uses = Array.from({ length: 600 }, (_, rank) => pool.usageCount(pool.find(page(rank))));
    expect(uses).toEqual(Array.from({ length: 600 }, (_, rank) => 5 - Math.floor(rank / 100)));
    expect(pool.find(page(600))).toBe(MISS);
    pool.load(page(600));
    expect(pool.find(page(0))).not.toBe(MISS);
    expect([pool.reads, pool.evictions]).toEqual([1, 1]);
  });

  test('warm with fewer pages than buffers: the others are in the free list', () => {
    const pool = new BufferPool(10);
    pool.warm([page(0), page(1), page(2)]);
    for (let block = 3; block < 10; block++) pool.load(page(block));
    expect([pool.evictions, sweepOf(pool).hand]).toEqual([0, 0]);
    for (let block = 0; block < 10; block++) expect(pool.access(page(block))).not.toBe(MISS);
  });

  test('after a crash the pool is empty, and its free list as long as at first', () => {
    const pool = full(4);
    pool.markDirty(0, 5);
    pool.pin(1);
    pool.clear();
    expect([pool.dirty, pool.find(page(0)), pool.pinCount(1)]).toEqual([0, MISS, 0]);
    for (let block = 0; block < 4; block++) pool.load(page(block));
    expect([sweepOf(pool).hand, pool.evictions]).toEqual([0, 0]);
  });
});
