import { describe, expect, test } from 'vitest';
import { BufferPool, MISS } from '../../../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import * as rings from '../../../src/postgres/buffers/rings.ts';
import { sweepOf } from './sweep.ts';

const MIB = 1024 * 1024;
const page = (block: number) => pageOf(1, block);

function buffersOf(kind: rings.RingKind, version: number, sharedBuffersBytes = 1024 * MIB): number {
  return rings.ringBuffers(kind, {
    version,
    sharedBuffersBytes,
    vacuumBufferUsageLimitBytes: (version >= 17 ? 2048 : 256) * 1024,
    ioCombineLimitBytes: 128 * 1024,
    effectiveIoConcurrency: version >= 18 ? 16 : 1,
    processes: 174,
  });
}

describe('1.3 ring buffers', () => {
  test('sizes by version', () => {
    const versions = [13, 14, 15, 16, 17, 18];
    const kib = (kind: rings.RingKind) => versions.map((version) => 8 * buffersOf(kind, version));
    expect(kib('bulk read')).toEqual([256, 256, 256, 256, 256, 256 + 8 * 16 * 16]);
    expect(kib('bulk write')).toEqual(Array(6).fill(16_384));
    expect(kib('vacuum')).toEqual([256, 256, 256, 256, 2048, 2048]);
  });

  test('all are capped at an eighth of shared_buffers', () => {
    expect(buffersOf('bulk write', 15, 16 * MIB)).toBe(256);
    expect(buffersOf('vacuum', 17, 8 * MIB)).toBe(128);
    expect(buffersOf('bulk read', 15, MIB)).toBe(16);
  });

  test('bulk read of version 18: no more than a process may pin, but 256 KiB at least', () => {
    expect(buffersOf('bulk read', 18, 128 * MIB)).toBe(Math.floor(16_384 / 174));
    expect(buffersOf('bulk read', 18, 32 * MIB)).toBe(32);
  });

  test('vacuum_buffer_usage_limit 0 is no ring', () => {
    const settings = { version: 16, sharedBuffersBytes: 1024 * MIB, ioCombineLimitBytes: 0 };
    const none = { vacuumBufferUsageLimitBytes: 0, effectiveIoConcurrency: 1, processes: 100 };
    expect(rings.ringBuffers('vacuum', { ...settings, ...none })).toBe(0);
    expect(() => new rings.BufferRing('vacuum', 0)).toThrow('at least one buffer');
  });

  test('a sequential scan takes a ring if the relation is over a quarter of the pool', () => {
    expect(rings.scansThroughRing(4096, 16_384)).toBe(false);
    expect(rings.scansThroughRing(4097, 16_384)).toBe(true);
    expect(rings.scansThroughRing(4097, 16_387)).toBe(true); // NBuffers / 4 is whole
  });

  test('who uses which', () => {
    const { copyIn, refreshMaterializedView, vacuum, analyze } = rings.RING_OF_OPERATION;
    expect([copyIn, refreshMaterializedView]).toEqual(['bulk write', 'bulk write']);
    expect([vacuum, analyze]).toEqual(['vacuum', 'vacuum']);
  });

  test('the failsafe drops the ring from version 16', () => {
    expect([13, 14, 15, 16, 17, 18].map(rings.failsafeDropsRing)).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  test('a scan through a ring takes no more buffers than the ring has', () => {
    const pool = new BufferPool(256);
    for (let block = 0; block < 256; block++) {
      for (let i = 0; i < 3; i++) pool.load(pageOf(2, block));
    }
    const ring = new rings.BufferRing('bulk read', 32);
    for (let block = 0; block < 5000; block++) pool.load(page(block), ring);
    const left = Array.from({ length: 256 }, (_, block) => pool.find(pageOf(2, block)));
    expect(left.filter((buffer) => buffer === MISS)).toHaveLength(32);
    expect(sweepOf(pool).takeAllocations()).toBe(256 + 32); // reuses are not counted
    expect(pool.reads).toBe(256 + 5000);
  });

  test('without a ring, a table of a quarter of the pool does displace others', () => {
    const pool = new BufferPool(256);
    for (let block = 0; block < 256; block++) pool.load(pageOf(2, block));
    for (let block = 0; block < 64; block++) pool.load(page(block));
    const left = Array.from({ length: 256 }, (_, block) => pool.find(pageOf(2, block)));
    expect(left.filter((buffer) => buffer === MISS)).toHaveLength(64);
  });

  test('a slot is reused if unpinned and its count is at most 1, else a victim replaces it', () => {
    const pool = new BufferPool(32);
    const ring = new rings.BufferRing('vacuum', 2);
    pool.load(page(0), ring); // slot 1, buffer 0
    pool.load(page(1), ring); // slot 0, buffer 1
    pool.access(page(0)); // somebody else: 2
    pool.pin(1, ring);
    pool.load(page(2), ring);
    pool.load(page(3), ring);
    expect([0, 1, 2, 3].map((block) => pool.find(page(block)))).toEqual([0, 1, 2, 3]);
    expect([...ring.buffers]).toEqual([3, 2]);
    pool.load(page(4), ring); // count 1: reused
    expect([pool.find(page(2)), pool.find(page(4))]).toEqual([MISS, 2]);
  });
});
