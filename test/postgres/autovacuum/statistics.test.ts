import { describe, expect, test } from 'vitest';
import type { VacuumSummary } from '../../../src/postgres/heap/vacuum-plan.ts';
import { Bench, every, table } from './bench.ts';

const OFF = { autovacuum: false };

/** vac_estimate_reltuples of a table of 164 pages. */
function estimate(before: number, { scannedPages, liveTuples }: VacuumSummary): number {
  return Math.floor((before / 164) * (164 - scannedPages) + liveTuples + 0.5);
}

describe('mechanisms 6.3: the counters that autovacuum reads', () => {
  test('what commits and what rolls back (AtEOXact_PgStat_Relations)', () => {
    const bench = new Bench({ tables: [table(0, 10_000)], settings: OFF });
    const counters = bench.statistics[0]!;
    bench.change(0, 'update', every(100, 10_000));
    expect(counters).toMatchObject({ deadTuples: 100, modifiedSinceAnalyze: 100 });
    bench.change(0, 'delete', every(100, 10_000, 1));
    expect(counters).toMatchObject({ deadTuples: 200, modifiedSinceAnalyze: 200 });
    expect(counters.liveTuples).toBe(9_900);
    bench.change(0, 'update', every(100, 10_000, 2), false);
    expect(counters).toMatchObject({ deadTuples: 300, modifiedSinceAnalyze: 200 });
    bench.change(0, 'delete', every(100, 10_000, 3), false);
    expect(counters.liveTuples).toBe(9_900);
    expect(counters.modifiedSinceAnalyze).toBe(200);
    expect(counters.deadTuples, 'less what the deletes pruned').toBeLessThanOrEqual(300);
    expect(counters.deadTuples).toBe(bench.heap(0).deadInStatistics);
  });

  test('queries that prune take away what they removed, but not the stubs', () => {
    const bench = new Bench({ tables: [table(0, 10_000, { fillfactor: 50 })], settings: OFF });
    for (let round = 0; round < 200; round++) bench.change(0, 'update', [5]);
    const counters = bench.statistics[0]!;
    expect(counters.modifiedSinceAnalyze).toBe(200);
    expect(counters.deadTuples).toBeLessThan(60);
    expect(counters.deadTuples).toBe(bench.heap(0).deadInStatistics);
  });

  test('after vacuum the dead count is what could not be removed', () => {
    const bench = new Bench({ tables: [table(0, 10_000)], settings: OFF });
    bench.change(0, 'delete', every(1, 1000));
    const end = bench.idleInTransaction();
    bench.change(0, 'delete', every(1, 3000, 2000));
    bench.change(0, 'delete', every(1, 5000, 4000));
    const first = bench.vacuum(0).summary;
    expect(first.tuplesRemoved).toBe(1000);
    expect(bench.statistics[0]!.deadTuples).toBe(2000);
    const between = estimate(10_000, first);
    expect(bench.catalog[0]!.reltuples).toBe(between);
    expect(Math.abs(between - 7000)).toBeLessThan(10);
    end();
    const second = bench.vacuum(0).summary;
    expect(second.tuplesRemoved).toBe(2000);
    const { deadTuples, liveTuples, vacuums, autovacuums } = bench.statistics[0]!;
    expect([deadTuples, liveTuples, vacuums, autovacuums]).toEqual([
      0,
      estimate(between, second),
      2,
      0,
    ]);
  });

  test('a bypassed index leaves stubs that nobody counts but ANALYZE', () => {
    const bench = new Bench({ tables: [table(0, 61_000)], settings: OFF });
    bench.change(0, 'delete', [1, 7000, 20_000]);
    expect(bench.vacuum(0).summary.isIndexBypassed).toBe(true);
    expect(bench.statistics[0]!.deadTuples).toBe(0);
    expect(bench.heap(0).stubs).toBe(3);
    // version 15.18: after DELETE of half of 10,000 rows and two scans "5000 dead rows"
    bench.vacuum(0, { analyze: true });
    expect(bench.statistics[0]!.deadTuples).toBe(3);
  });

  test('crash recovery discards them, and the triggers are reset; a clean stop does not', () => {
    const settings = { autovacuum_naptime: 1e9 };
    const bench = new Bench({ tables: [table(0, 10_000)], settings });
    bench.change(0, 'delete', every(2, 10_000));
    bench.server.crash();
    const { deadTuples, modifiedSinceAnalyze, liveTuples } = bench.statistics[0]!;
    expect([deadTuples, modifiedSinceAnalyze, liveTuples]).toEqual([0, 0, 0]);
    bench.server.beginInService('primary');
    bench.sim.run(10e9);
    expect(bench.statistics[0]!.autovacuums).toBe(0);
    expect(bench.heap(0).dead).toBe(5000);

    const calm = new Bench({ tables: [table(0, 10_000)], settings });
    calm.change(0, 'delete', every(2, 10_000));
    calm.server.shutDownCleanly();
    calm.server.beginInService('primary');
    calm.sim.run(10e9);
    expect(calm.statistics[0]!.autovacuums).toBe(1);
    expect(calm.heap(0).dead).toBe(0);
  });
});

describe('ANALYZE', () => {
  test('reads 300 pages for each step of the target, estimates rows, resets its counter', () => {
    const bench = new Bench({
      tables: [table(0, 6_100_000)],
      settings: { ...OFF, default_statistics_target: 10 },
    });
    bench.change(0, 'delete', every(61, 6_100_000));
    const before = bench.server.storage.pool.hits + bench.server.storage.pool.reads;
    const bystander = bench.server.procArray.array.nextXid;
    bench.vacuum(0, { analyze: true });
    const { pool } = bench.server.storage;
    const scanned = 2 * 100_000 + bench.server.storage.tables[0]!.indexes[0]!.pages - 1;
    const mapPages = Math.ceil(100_000 / 32_672);
    expect(pool.hits + pool.reads - before).toBe(scanned + mapPages + 3000);
    expect(bench.catalog[0]!.reltuples).toBe(6_000_000);
    expect(bench.statistics[0]!.modifiedSinceAnalyze).toBe(0);
    expect(bench.statistics[0]!.analyzes).toBe(1);
    expect(bench.server.procArray.array.nextXid).toBe(bystander + 1);
    expect(bench.server.procArray.array.holder()).toBeNull();
  });
});
