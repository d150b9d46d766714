import { describe, expect, test } from 'vitest';
import { Bench, type BenchPlan, every, table } from './bench.ts';

const S = 1e9;

/** When autovacuum began with which table, and when it was done with it. */
function watch(plan: BenchPlan) {
  const bench = new Bench(plan);
  const began: [at: number, table: number][] = [];
  const ended: [at: number, table: number, done: number][] = [];
  const workers: [at: number, count: number][] = [];
  bench.events.vacuumBegan.observe((at, _, index) => began.push([at, index]));
  bench.events.vacuumEnded.observe((at, _, index, done) => ended.push([at, index, done]));
  bench.events.autovacuumWorkers.observe((at, _, count) => workers.push([at, count]));
  return { bench, began, ended, workers };
}

const starts = (workers: readonly [number, number][]) =>
  workers.filter(([, count], i) => count > (workers[i - 1]?.[1] ?? 0)).map(([at]) => at);

describe('mechanisms 6.3: launcher and workers', () => {
  test('a worker every autovacuum_naptime; where the run begins, anywhere within the first', () => {
    const firsts = every(1, 40).map((seed) => {
      const { bench, workers } = watch({ tables: [table(0, 100)], seed });
      bench.sim.run(400 * S);
      const [first, ...others] = starts(workers);
      others.forEach((at, i) => {
        expect(at).toBe(first! + 60 * S * (i + 1));
      });
      return first!;
    });
    expect(Math.min(...firsts)).toBeLessThan(15 * S);
    expect(Math.max(...firsts)).toBeGreaterThan(45 * S);
    expect(Math.max(...firsts)).toBeLessThanOrEqual(60 * S);
  });

  test('after a start the first comes a naptime later', () => {
    const { bench, workers } = watch({ tables: [table(0, 100)] });
    bench.server.shutDownCleanly();
    workers.length = 0;
    bench.sim.run(7 * S);
    bench.server.startPostmaster();
    bench.server.startPrimaryProcesses();
    bench.sim.run(200 * S);
    expect(starts(workers)).toEqual([67 * S, 127 * S, 187 * S]);
  });

  test('autovacuum = off: nobody comes', () => {
    const { bench, workers } = watch({ tables: [table(0, 100)], settings: { autovacuum: false } });
    bench.change(0, 'delete', every(1, 100));
    bench.sim.run(1000 * S);
    expect(workers).toEqual([]);
  });

  test('at most autovacuum_max_workers, one table each, and none twice', () => {
    const tables = every(1, 6).map((index) => table(index, 30_000));
    const settings = {
      autovacuum_naptime: S,
      autovacuum_max_workers: 3,
      autovacuum_vacuum_cost_delay: 100_000_000,
    };
    const { bench, began, ended, workers } = watch({ tables, settings });
    for (const index of every(1, 6)) bench.change(index, 'delete', every(3, 30_000));
    bench.sim.run(120 * S);
    expect(Math.max(...workers.map(([, count]) => count))).toBe(3);
    expect(began.slice(0, 3).map(([, index]) => index)).toEqual([0, 1, 2]);
    const second = began[1]![0] - began[0]![0];
    expect(second).toBeGreaterThan(0.99 * S);
    expect(second).toBeLessThan(1.01 * S);
    expect(began.map(([, index]) => index).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ended.length).toBe(6);
  });

  test('a stuck horizon: the table qualifies again each round, for nothing', () => {
    const settings = { autovacuum_naptime: 5 * S };
    const { bench, ended } = watch({ tables: [table(0, 10_000)], settings });
    const end = bench.idleInTransaction();
    bench.change(0, 'delete', every(3, 10_000));
    bench.sim.run(51 * S);
    expect(ended.length).toBeGreaterThanOrEqual(10);
    expect(bench.heap(0).dead).toBe(3334);
    end();
    bench.sim.run(70 * S);
    expect(bench.heap(0).dead).toBe(0);
    const futile = ended.length;
    bench.sim.run(100 * S);
    expect(ended.length).toBe(futile);
  });

  test('the thresholds: one dead row more than 50 + 0.2 n', () => {
    for (const [dead, vacuums] of [
      [2050, 0],
      [2051, 1],
    ] as const) {
      const { bench, ended } = watch({ tables: [table(0, 10_000)] });
      bench.change(0, 'delete', every(1, dead));
      bench.sim.run(61 * S);
      expect(ended.length, `${dead} dead rows`).toBe(vacuums);
      expect(bench.statistics[0]!.autoanalyzes).toBe(1);
    }
  });
});

describe('mechanisms 6.4: adding workers does not add I/O budget', () => {
  test('three workers together are as slow as one after the other', () => {
    const spent = every(1, 3).map((extra) => {
      const count = extra + 1;
      const tables = every(1, count).map((index) =>
        table(index, 61 * 2000 * (6 / count), { isVacuumed: false }),
      );
      const settings = {
        autovacuum_naptime: S / 10,
        autovacuum_vacuum_insert_threshold: 0,
        autovacuum_vacuum_insert_scale_factor: 0,
        autovacuum_vacuum_cost_delay: 100_000_000,
      };
      const { bench, began, ended } = watch({ tables, settings });
      for (const index of every(1, count)) bench.statistics[index]!.insertedSinceVacuum = 1e9;
      bench.sim.run(1000 * S);
      expect(ended.length).toBe(count);
      return ended.at(-1)![0] - began[0]![0];
    });
    for (const time of spent) expect(time / spent[0]!).toBeCloseTo(1, 1);
  });
});

describe('mechanisms 6.5: who has to give way', () => {
  const plan: BenchPlan = {
    tables: [table(0, 61_000)],
    settings: { autovacuum_naptime: S, autovacuum_vacuum_cost_delay: 100_000_000 },
  };

  test('a blocked request cancels autovacuum after deadlock_timeout, and its work is lost', () => {
    const { bench, began, ended } = watch(plan);
    bench.change(0, 'delete', every(3, 61_000));
    const { locks } = bench.server;
    const owner = bench.locker();
    bench.sim.run(2 * S);
    expect(began.length).toBe(1);
    let granted = 0;
    bench.play(
      (function* () {
        const request = locks.lockRelation(owner, 0, 8);
        expect(yield* locks.finish(owner, request)).toBe('granted');
        granted = bench.sim.now;
        yield bench.sim.hold(10 * S);
        locks.releaseAll(owner);
      })(),
    );
    bench.sim.run(10 * S);
    expect(granted / S).toBeCloseTo(3, 2);
    expect(ended).toEqual([[granted, 0, 0]]);
    expect(bench.statistics[0]!.autovacuums).toBe(0);
    expect(bench.statistics[0]!.deadTuples).toBeGreaterThan(12_000);
    expect(began.length, 'while the lock is held, the table is passed over').toBe(1);
    bench.sim.run(100 * S);
    expect(bench.statistics[0]!.autovacuums).toBe(1);
  });

  test('DML does not wait for a vacuum, nor does it cancel it', () => {
    const { bench, ended } = watch(plan);
    bench.change(0, 'delete', every(3, 61_000));
    bench.sim.run(2 * S);
    expect(bench.server.locks.lockRelation(bench.locker(), 0, 3)).toBe('granted');
    bench.sim.run(100 * S);
    expect(ended.map(([, , done]) => done)).toEqual([1]);
  });

  test('one against wraparound yields to nobody', () => {
    const { bench, began, ended } = watch({
      ...plan,
      tables: [table(0, 61_000, { isFrozen: false })],
      nextXid: 200_000_100,
    });
    const { locks } = bench.server;
    const owner = bench.locker();
    bench.sim.run(2 * S);
    expect(began.length).toBe(1);
    let granted = 0;
    bench.play(
      (function* () {
        yield* locks.finish(owner, locks.lockRelation(owner, 0, 8));
        granted = bench.sim.now;
      })(),
    );
    bench.sim.run(200 * S);
    expect(ended.length).toBe(1);
    expect(ended[0]![2]).toBe(1);
    expect(granted).toBe(ended[0]![0]);
    expect(granted).toBeGreaterThan(4 * S);
  });

  test('only one against wraparound waits for its lock; others leave the table for later', () => {
    for (const [nextXid, waits] of [
      [200_000_100, true],
      [1000, false],
    ] as const) {
      const tables = [table(0, 61_000, { isFrozen: false })];
      const { bench, began } = watch({ ...plan, tables, nextXid });
      bench.change(0, 'delete', every(3, 61_000));
      const owner = bench.locker();
      expect(bench.server.locks.lockRelation(owner, 0, 8)).toBe('granted');
      bench.sim.run(10.5 * S);
      expect(began).toEqual([]);
      bench.server.locks.releaseAll(owner);
      bench.sim.run(20 * S);
      expect(began[0]![0] === 10.5 * S, `with ${nextXid} ids`).toBe(waits);
    }
  });
});
