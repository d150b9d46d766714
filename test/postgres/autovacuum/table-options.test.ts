import { describe, expect, test } from 'vitest';
import { type TableOptions, tableOptions } from '../../../src/postgres/heap/table-options.ts';
import { Bench, every, table } from './bench.ts';

const S = 1e9;
const M = 1_000_000;
const ROWS = 61_000;

/** A table with parameters and one without; how often each was vacuumed in so many seconds. */
function pair(options: TableOptions, plan: { settings?: object; age?: number } = {}) {
  const { settings = {}, age = 0 } = plan;
  const bench = new Bench({
    tables: [table(0, ROWS, { options, isFrozen: age === 0 }), table(1, ROWS)],
    settings: { autovacuum_naptime: S, ...settings },
    ...(age > 0 && { nextXid: 3 + age }),
  });
  const vacuums = [0, 0];
  const took = [0, 0];
  const began = [0, 0];
  bench.events.vacuumBegan.observe((at, _, index) => {
    vacuums[index]!++;
    began[index] = at;
  });
  bench.events.vacuumEnded.observe((at, _, index) => {
    took[index] = at - began[index]!;
  });
  const kill = (rows: number) => {
    for (const index of [0, 1]) bench.change(index, 'delete', every(1, rows));
  };
  return { bench, vacuums, took, kill };
}

describe('6.3, 6.4, 6.6: what storage parameters of a table change', () => {
  test('6.3: threshold and scale factor of its own', () => {
    const { bench, vacuums, kill } = pair({
      autovacuum_vacuum_scale_factor: 0,
      autovacuum_vacuum_threshold: 500,
    });
    kill(500);
    bench.sim.run(10 * S);
    expect(vacuums).toEqual([0, 0]);
    bench.change(0, 'delete', [600]);
    bench.change(1, 'delete', [600]);
    bench.sim.run(20 * S);
    expect(vacuums).toEqual([1, 0]);
  });

  test('6.3: autovacuum_enabled = off, up to the forced one', () => {
    const off = { autovacuum_enabled: false };
    const { bench, vacuums, kill } = pair(off);
    kill(30_000);
    bench.sim.run(20 * S);
    expect(vacuums[0]).toBe(0);
    expect(vacuums[1]).toBeGreaterThan(0);
    const old = pair(off, { age: 201 * M });
    old.bench.sim.run(20 * S);
    expect(old.vacuums[0]).toBe(1);
  });

  test('6.6: autovacuum_freeze_max_age of its own can only be less', () => {
    const forced = (age: number, own: number, more: TableOptions = {}) => {
      const options = { autovacuum_freeze_max_age: own * M, ...more };
      const { bench, vacuums } = pair(options, { age: age * M });
      bench.sim.run(20 * S);
      return vacuums[0];
    };
    expect(forced(99, 100)).toBe(0);
    expect(forced(201, 300)).toBe(1);
    expect(forced(101, 100, { autovacuum_freeze_table_age: 90 * M })).toBe(1);
    // vacuum_freeze_table_age is 150 M: not aggressive, so it freezes nothing, and comes again
    // (vacuumlazy.c: heap_vacuum_rel knows the case as a corner)
    expect(forced(101, 100)).toBe(20);
  });

  test('6.4: a delay of its own, and no share of the others’ budget', () => {
    const settings = { autovacuum_vacuum_cost_delay: 20_000_000 };
    const alone = pair({ autovacuum_enabled: false }, { settings });
    alone.kill(30_000);
    alone.bench.sim.run(100 * S);
    const beside = pair({ autovacuum_vacuum_cost_delay: 40 }, { settings });
    beside.kill(30_000);
    beside.bench.sim.run(100 * S);
    expect(beside.took[1]! / alone.took[1]!, 'the other has all of it').toBeCloseTo(1, 1);
    expect(beside.took[0]! / beside.took[1]!, 'twice the delay').toBeCloseTo(2, 0);
    const free = pair({ autovacuum_vacuum_cost_delay: 0 }, { settings });
    free.kill(30_000);
    free.bench.sim.run(100 * S);
    expect(free.took[0]!).toBeLessThan(free.took[1]! / 5);
  });

  test('6.4: a limit of its own', () => {
    const settings = { autovacuum_vacuum_cost_delay: 20_000_000 };
    const { bench, took, kill } = pair({ autovacuum_vacuum_cost_limit: 1000 }, { settings });
    kill(30_000);
    bench.sim.run(100 * S);
    expect(took[1]! / took[0]!, 'five times the limit').toBeGreaterThan(3);
    expect(took[1]! / took[0]!).toBeLessThan(5);
  });

  test('6.5: vacuum_truncate = off leaves the empty tail', () => {
    const { bench, vacuums } = pair({ vacuum_truncate: false });
    for (const index of [0, 1]) bench.change(index, 'delete', every(1, ROWS));
    bench.sim.run(60 * S);
    expect(vacuums.every((count) => count > 0)).toBe(true);
    const [kept, cut] = bench.server.storage.tables;
    expect([kept!.heap.pages, cut!.heap.pages]).toEqual([1000, 0]);
  });
});

test('storage parameters as the catalog writes them', () => {
  const words = {
    ...{ fillfactor: '70', autovacuum_enabled: 'off', vacuum_truncate: 'true' },
    ...{ autovacuum_vacuum_scale_factor: '0.01', autovacuum_freeze_max_age: '100000000' },
  };
  expect(tableOptions(words)).toEqual({
    ...{ autovacuum_enabled: false, vacuum_truncate: true },
    ...{ autovacuum_vacuum_scale_factor: 0.01, autovacuum_freeze_max_age: 100_000_000 },
  });
});
