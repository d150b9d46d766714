import { describe, expect, test } from 'vitest';
import { XidLimits } from '../../../src/postgres/autovacuum/xid-limits.ts';
import { Bench, every, table } from './bench.ts';

const S = 1e9;
const M = 1_000_000;
const HALF = 2 ** 31 - 1;

/** A table that was never frozen, in a cluster that has given out so many ids since. */
function aged(age: number, more: { version?: number; settings?: object; frozen?: boolean } = {}) {
  const { version = 15, settings = {}, frozen = false } = more;
  const bench = new Bench({
    tables: [table(0, 61_000, { version, isFrozen: frozen })],
    version,
    nextXid: 3 + age,
    settings: { autovacuum_naptime: S, ...settings },
  });
  return bench;
}

const age = ({ server, catalog }: Bench) =>
  server.procArray.array.nextXid - catalog[0]!.relfrozenxid;

describe('mechanisms 6.6: what happens at which age', () => {
  test.each([
    ['50 M: old tuples are frozen, if the page is visited', 51 * M, 'none'],
    ['150 M: the next vacuum is aggressive', 151 * M, 'aggressive'],
  ])('%s', (_, xids, how) => {
    const bench = aged(xids, { settings: { autovacuum: false } });
    const report = bench.vacuum(0);
    expect(report.isAggressive).toBe(how === 'aggressive');
    const { summary } = report;
    expect(summary.scannedPages).toBe(how === 'aggressive' ? 1000 : 1);
    const all = how === 'aggressive' ? 61_000 : 61;
    expect(summary.tuplesFrozen).toBe(all);
    expect(age(bench) < 1000).toBe(how === 'aggressive');
  });

  test.each([
    [199, 0],
    [201, 1],
  ])('%d M: %d forced vacuum, also with autovacuum on and nothing dead', (millions, forced) => {
    const bench = aged(millions * M);
    let began = 0;
    bench.events.vacuumBegan.observe((_, __, ___, isForced) => {
      began += isForced;
    });
    bench.sim.run(60 * S);
    expect(began).toBe(forced);
    expect(age(bench) < 1000).toBe(forced === 1);
  });

  test('200 M with autovacuum off: each 65,536th id calls for a worker', () => {
    const bench = aged(200 * M + 1, { settings: { autovacuum: false } });
    const to = Math.ceil(bench.server.procArray.array.nextXid / 65_536) * 65_536;
    let started = 0;
    bench.events.autovacuumWorkers.observe((_, __, count) => {
      started += count;
    });
    bench.sim.run(60 * S);
    expect(started).toBe(0);
    bench.server.autovacuum.xidAssigned(to - 1);
    expect(started).toBe(0);
    bench.server.autovacuum.xidAssigned(to);
    expect(started).toBe(1);
    bench.sim.run(600 * S);
    expect(age(bench)).toBeLessThan(1000);
    bench.server.autovacuum.xidAssigned(to);
    expect(started, 'nobody comes when the age is small').toBe(1);
  });

  test.each([
    [13, false],
    [14, true],
    [16, true],
  ])('version %d at 1.6 billion: failsafe %s: no naps, no index pass', (version, failsafe) => {
    const bench = aged(1_600_000_001, {
      version,
      settings: { autovacuum: false, vacuum_cost_delay: 2_000_000 },
    });
    bench.change(0, 'delete', every(3, 61_000));
    const report = bench.vacuum(0);
    expect(report.isFailsafe).toBe(failsafe);
    expect(report.napped === 0).toBe(failsafe);
    expect(report.summary.indexPasses).toBe(failsafe ? 0 : 1);
    expect(age(bench)).toBeLessThan(51 * M);
  });

  test('a held horizon: forced vacuums come and the age stays', () => {
    const bench = aged(0);
    bench.idleInTransaction();
    const { array } = bench.server.procArray;
    array.goOnFrom(250 * M);
    bench.sim.run(60 * S);
    expect(bench.statistics[0]!.autovacuums).toBeGreaterThan(20);
    expect(age(bench)).toBeGreaterThan(249 * M);
  });

  test.each([
    [13, 11, 1],
    [14, 40, 3],
    [18, 40, 3],
  ])('version %d: warnings %d M and refusals %d M before the wrap', (version, warn, stop) => {
    const limits = new XidLimits(200 * M, version);
    limits.set(1000);
    expect(limits.warn).toBe(1000 + HALF - warn * M);
    expect(limits.stop).toBe(1000 + HALF - stop * M);
    expect(limits.refuses(limits.stop - 1)).toBe(false);
    expect(limits.refuses(limits.stop)).toBe(true);
    expect(limits.error).toMatchObject({ sqlstate: '54000', fatal: false });
    expect(limits.error.message).toContain('database is not accepting commands');
  });

  test('the limits move with the oldest table once it is vacuumed', () => {
    const bench = aged(HALF - 2 * M, { settings: { autovacuum: false } });
    const { autovacuum } = bench.server;
    expect(autovacuum.refusal()?.sqlstate).toBe('54000');
    bench.vacuum(0);
    expect(autovacuum.refusal()).toBeNull();
    expect(autovacuum.limits.refusals).toBe(1);
  });
});
