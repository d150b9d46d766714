import { describe, expect, test } from 'vitest';
import { Bench, every, table } from './bench.ts';

describe('against PostgreSQL 15.18: buffer usage of VACUUM VERBOSE', () => {
  test('a scan of everything: two accesses a page, one of them to the free space map', () => {
    const bench = new Bench({ tables: [table(0, 200_000, { isFrozen: false })] });
    const pages = bench.heap(0).pages;
    const report = bench.vacuum(0, { freeze: true, indexCleanup: 'off' });
    expect(report.summary.scannedPages).toBe(pages);
    expect(report.hits + report.misses).toBe(2 * pages);
  });

  test('pages with dead rows: scan, second pass and map, and every page of the index', () => {
    const bench = new Bench({ tables: [table(0, 200_000)] });
    const pages = bench.heap(0).pages;
    bench.change(0, 'delete', every(6, 200_000));
    const report = bench.vacuum(0);
    const index = bench.server.storage.tables[0]!.indexes[0]!.pages - 1;
    expect(report.summary.tuplesRemoved).toBe(33_334);
    expect(report.hits + report.misses).toBe(3 * pages + index);
  });
});

describe('mechanisms 6.4: cost throttle', () => {
  const rows = 400_000;
  const limited = (version: number, settings = {}, more = {}) =>
    new Bench({
      tables: [table(0, rows, { version, isVacuumed: false })],
      version,
      settings: { autovacuum: false, vacuum_cost_delay: 2_000_000, ...settings },
      ...more,
    });

  test.each([
    [13, 10],
    [15, 2],
  ])('version %d: %d for a miss; 200 of cost every 2 ms and a timer slack', (version, miss) => {
    const cold = { buffers: 'cold', osCache: 'warm' } as const;
    const bench = limited(version, {}, { start: cold });
    const report = bench.vacuum(0);
    const { hits, misses, dirtied } = report;
    expect(misses).toBeGreaterThanOrEqual(bench.heap(0).pages);
    const cost = hits + miss * misses + 20 * dirtied;
    const naps = cost / 200;
    expect(report.napped / 1e6).toBeGreaterThan(naps * 2 * 0.98);
    expect(report.napped / 1e6).toBeLessThanOrEqual(naps * 2.06 * 1.001);
    expect(report.duration).toBeGreaterThan(report.napped);
    expect(report.duration).toBeLessThan(report.napped * 1.5);
  });

  test('the ideal ceiling: no more than limit / cost / delay pages a second', () => {
    const bench = limited(15);
    const report = bench.vacuum(0);
    const seconds = report.duration / 1e9;
    const units = report.hits + 2 * report.misses + 20 * report.dirtied;
    expect(units / seconds).toBeLessThan(100_000);
    expect(units / seconds).toBeGreaterThan(70_000);
  });

  test('a limit ten times as high is up to ten times as fast', () => {
    const slow = limited(15).vacuum(0).napped;
    const fast = limited(15, { vacuum_cost_limit: 2000 }).vacuum(0).napped;
    expect(slow / fast).toBeGreaterThan(9.5);
    expect(slow / fast).toBeLessThan(11); // what is left at the end costs no nap
  });

  test('without a delay there are no naps', () => {
    const report = limited(15, { vacuum_cost_delay: 0 }).vacuum(0);
    expect(report.napped).toBe(0);
  });

  test('a hundred thousand pages take few steps of the simulation', () => {
    const bench = limited(15, { vacuum_cost_delay: 0 }, { tables: [table(0, 6_100_000)] });
    const before = bench.sim.steps;
    const report = bench.vacuum(0, { freeze: true, indexCleanup: 'off' });
    expect(report.summary.skippedPages).toBeGreaterThan(99_000);
    const all = limited(
      15,
      { vacuum_cost_delay: 0 },
      {
        tables: [table(0, 6_100_000, { isVacuumed: false })],
      },
    );
    const { summary } = all.vacuum(0);
    expect(summary.scannedPages).toBe(100_000);
    expect(all.sim.steps - before).toBeLessThan(20_000);
  });
});
