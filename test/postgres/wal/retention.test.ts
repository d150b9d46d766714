import { describe, expect, test } from 'vitest';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import {
  checkpointSegments,
  firstKept,
  nextDistanceEstimate,
  recycleUpTo,
  walBufferPages,
} from '../../../src/postgres/wal/retention.ts';
import { settingsOf } from '../../helpers/world.ts';

const MIB = 1 << 20;
const GIB = 1 << 30;
const at = (segment: number, offset = 0) => segment * WAL_SEGMENT_BYTES + offset;

describe('checkpoint segments (3.1)', () => {
  test.each([
    [17, {}, 33],
    [13, {}, 42],
    [17, { max_wal_size: 4 * GIB }, 134],
    [17, { max_wal_size: 32 * MIB }, 1],
  ])('version %d with %j: %d', (version, settings, segments) => {
    expect(checkpointSegments(settingsOf(settings, version))).toBe(segments);
  });
});

describe('the estimated distance (UpdateCheckPointDistanceEstimate)', () => {
  test('jumps up at once and comes down by a tenth of the difference', () => {
    expect(nextDistanceEstimate(100, 500)).toBe(500);
    expect(nextDistanceEstimate(500, 100)).toBeCloseTo(460, 9);
    let estimate = 1000;
    for (let i = 0; i < 20; i++) estimate = nextDistanceEstimate(estimate, 0);
    expect(estimate).toBeCloseTo(1000 * 0.12157665459056935, 6); // 0.9^20
  });
});

describe('segments kept ready (XLOGfileslop)', () => {
  const settings = settingsOf(); // 80 MB to 1 GB, completion target 0.9

  test('redo + 1.1 (1 + target) distance, rounded up', () => {
    expect(recycleUpTo(at(100), 10 * WAL_SEGMENT_BYTES, settings)).toBe(100 + 21); // 20.9
    expect(recycleUpTo(at(100, MIB), 10 * WAL_SEGMENT_BYTES, settings)).toBe(100 + 21);
    expect(recycleUpTo(at(100, 2 * MIB), 10 * WAL_SEGMENT_BYTES, settings)).toBe(100 + 22);
  });

  test('not less than min_wal_size, not more than max_wal_size', () => {
    expect(recycleUpTo(at(100), 0, settings)).toBe(100 + 5 - 1);
    expect(recycleUpTo(at(100), 10 * GIB, settings)).toBe(100 + 64 - 1);
  });
});

describe('segments that a checkpoint leaves (2.7)', () => {
  const kept = (changed: Record<string, number>, redo: number, end: number, slots = 0) =>
    firstKept(at(redo, 5), at(end, 5), slots && at(slots, 5), settingsOf(changed));

  test('from the redo pointer on', () => {
    expect(kept({}, 40, 50)).toBe(40);
  });

  test('wal_keep_size before the end, if that is more; never before segment 1', () => {
    expect(kept({ wal_keep_size: 20 * WAL_SEGMENT_BYTES }, 40, 50)).toBe(30);
    expect(kept({ wal_keep_size: 5 * WAL_SEGMENT_BYTES }, 40, 50)).toBe(40);
    expect(kept({ wal_keep_size: 500 * WAL_SEGMENT_BYTES }, 40, 50)).toBe(1);
    expect(kept({ wal_keep_size: 20 * WAL_SEGMENT_BYTES - 1 }, 40, 50)).toBe(31); // whole ones
  });

  test('from the slots’ least restart_lsn on, however far back', () => {
    expect(kept({}, 40, 50, 7)).toBe(7);
    expect(kept({}, 40, 50, 45)).toBe(40);
  });

  test('max_slot_wal_keep_size caps what slots hold back, and only that', () => {
    const max_slot_wal_keep_size = 20 * WAL_SEGMENT_BYTES;
    expect(kept({ max_slot_wal_keep_size }, 40, 50, 7)).toBe(30);
    expect(kept({ max_slot_wal_keep_size }, 40, 50, 35)).toBe(35);
    const both = { max_slot_wal_keep_size, wal_keep_size: 25 * WAL_SEGMENT_BYTES };
    expect(kept(both, 40, 50, 7)).toBe(25);
    expect(kept({ max_slot_wal_keep_size: 0 }, 40, 50, 7)).toBe(40);
  });
});

describe('wal_buffers (2.1)', () => {
  test.each([
    [128 * MIB, -1, 512], // 4 MB
    [8 * GIB, -1, 2048], // one segment
    [1 * MIB, -1, 8],
    [128 * MIB, 64 * 1024, 8],
    [128 * MIB, 8192, 4],
  ])('shared_buffers %d, wal_buffers %d: %d pages', (shared_buffers, wal_buffers, pages) => {
    expect(walBufferPages(settingsOf({ shared_buffers, wal_buffers }))).toBe(pages);
  });
});
