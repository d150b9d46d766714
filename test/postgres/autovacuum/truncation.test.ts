import { describe, expect, test } from 'vitest';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import type { LockMode } from '../../../src/postgres/locking/lock-modes.ts';
import { Bench, every, table } from './bench.ts';

const MS = 1e6;

/** 10,000 pages, of which vacuum can cut the last so many. */
function emptied(tail: number, version = 15, more = {}) {
  const bench = new Bench({
    tables: [table(0, 610_000, { version })],
    settings: { autovacuum: false },
    version,
    ...more,
  });
  bench.change(0, 'delete', every(1, 610_000, 61 * (10_000 - tail)));
  return bench;
}

describe('mechanisms 6.5: truncation of the empty tail', () => {
  test.each([
    [620, 0],
    [625, 625],
    [1000, 1000],
    [4000, 4000],
  ])('%d empty pages of 10,000: %d are cut', (tail, cut) => {
    const bench = emptied(tail);
    expect(bench.vacuum(0).summary.pagesCut).toBe(cut);
    expect(bench.heap(0).pages).toBe(10_000 - cut);
    const file = bench.server.storage.fileOf(1);
    const { pool } = bench.server.storage;
    const last = pageOf(file, 9999);
    expect(pool.find(last) < 0, `file ${file}`).toBe(cut > 0);
  });

  test('TRUNCATE off, and vacuum_truncate of version 18', () => {
    expect(emptied(4000).vacuum(0, { truncate: false }).summary.pagesCut).toBe(0);
    const off = { settings: { autovacuum: false, vacuum_truncate: false } };
    expect(emptied(4000, 18, off).vacuum(0).summary.pagesCut).toBe(0);
    expect(emptied(4000, 18).vacuum(0).summary.pagesCut).toBe(4000);
  });

  test('a reader keeps the lock from it: asked for every 50 ms for 5 s, then given up', () => {
    const bench = emptied(4000);
    expect(bench.server.locks.lockRelation(bench.locker(), 0, 1)).toBe('granted');
    const report = bench.vacuum(0);
    expect(report.outcome).toBe('done');
    expect(report.summary.pagesCut).toBe(0);
    const free = emptied(4000).vacuum(0).duration;
    const longer = (report.duration - free) / MS;
    expect(longer).toBeGreaterThan(4900);
    expect(longer).toBeLessThan(5001);
    expect(bench.statistics[0]!.vacuums).toBe(1);
  });

  test('a reader who leaves in time: the next poll has the lock', () => {
    const bench = emptied(4000);
    const { locks } = bench.server;
    const reader = bench.locker();
    locks.lockRelation(reader, 0, 1);
    bench.play(
      (function* () {
        yield bench.sim.hold(2000 * MS);
        locks.releaseAll(reader);
      })(),
    );
    const report = bench.vacuum(0);
    expect(report.summary.pagesCut).toBe(4000);
    expect(report.duration / MS).toBeGreaterThan(2000);
    expect(report.duration / MS).toBeLessThan(2600);
  });

  test('somebody waits: looked for every 20 ms, what was seen is cut, then all goes on', () => {
    const start = { buffers: 'cold', osCache: 'cold' } as const;
    const bench = emptied(8000, 15, { start, sharedBuffersBytes: 16 << 20 });
    const { locks } = bench.server;
    const waits: number[] = [];
    bench.play(
      (function* () {
        for (;;) {
          yield bench.sim.hold(MS);
          const reader = bench.locker();
          const asked = bench.sim.now;
          yield* locks.finish(reader, locks.lockRelation(reader, 0, 1 as LockMode));
          waits.push((bench.sim.now - asked) / MS);
          locks.leave(reader);
        }
      })(),
    );
    const report = bench.vacuum(0);
    expect(report.summary.pagesCut).toBe(8000);
    const longest = Math.max(...waits);
    expect(longest).toBeGreaterThan(10);
    expect(longest).toBeLessThan(20 + 10);
    const { records } = bench.server.wal.counts.of('Storage/TRUNCATE');
    expect(records).toBe(waits.filter((wait) => wait > 5).length + 1);
  });
});
