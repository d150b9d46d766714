import { beforeAll, describe, expect, test } from 'vitest';
import { Bench, table } from './bench.ts';

const S = 1e9;

/**
 * An idle transaction over pgbench -N at 1,000 a second, scale 1, autovacuum every second at 2 %
 * without naps, measured on PostgreSQL 15.18: at t = 15 s it takes its snapshot, at 45 s it ends.
 * [seconds, bytes of pgbench_accounts, n_dead_tup, n_tup_upd, n_tup_hot_upd, autovacuums]
 */
const MEASURED = [
  [15, 13_623_296, 1794, 14_004, 11_395, 3],
  [20, 14_172_160, 4836, 19_001, 13_056, 6],
  [25, 14_860_288, 10_147, 24_113, 13_060, 11],
  [30, 15_450_112, 14_456, 28_944, 13_064, 16],
  [35, 16_113_664, 19_625, 33_817, 13_072, 21],
  [40, 16_769_024, 24_989, 38_811, 13_077, 25],
  [45, 17_481_728, 29_612, 43_926, 13_085, 30],
  [50, 17_481_728, 955, 48_906, 17_637, 32],
  [60, 17_481_728, 5, 59_078, 27_809, 36],
] as const;

type Row = readonly [number, number, number, number, number, number];

/** The same here; without the idle transaction if not `holds`. */
function run(holds: boolean): { rows: Row[]; steps: number; bench: Bench } {
  const bench = new Bench({
    tables: [table(0, 100_000)],
    settings: {
      autovacuum_naptime: S,
      autovacuum_vacuum_scale_factor: 0.02,
      autovacuum_vacuum_cost_delay: 0,
    },
  });
  const { sim } = bench;
  const heap = bench.heap(0);
  const random = sim.random('rows');
  bench.play(
    (function* () {
      for (;;) {
        yield sim.hold(random.exponential(1_000_000));
        bench.change(0, 'update', [random.integer(0, 99_999)]);
      }
    })(),
  );
  const rows: Row[] = [];
  let end = () => {};
  for (let second = 1; second <= 60; second++) {
    sim.run(second * S);
    if (holds && second === 15) end = bench.idleInTransaction();
    if (second === 45) end();
    const { deadTuples, autovacuums } = bench.statistics[0]!;
    const { updates, hotUpdates } = heap;
    rows.push([second, heap.pages * 8192, deadTuples, updates, hotUpdates, autovacuums]);
  }
  return { rows, steps: sim.steps, bench };
}

describe('an idle transaction, against PostgreSQL 15.18', () => {
  let rows: Row[] = [];
  let control: Row[] = [];
  beforeAll(() => {
    rows = run(true).rows;
    control = run(false).rows;
  }, 120_000);
  const at = (list: readonly Row[], second: number) => list[second - 1]!;

  test('while it holds the horizon, dead rows grow with every update, and stay', () => {
    for (const [second, , dead] of MEASURED.filter(([t]) => t >= 20 && t <= 45)) {
      expect(Math.abs(at(rows, second)[2] - dead) / dead, `at ${second} s`).toBeLessThan(0.25);
    }
    expect(at(rows, 47)[2]).toBeLessThan(2500);
  });

  test('no update is HOT once pages are full, and all are afterwards', () => {
    const held = at(rows, 45)[4] - at(rows, 20)[4];
    expect(held).toBeLessThan(0.02 * (at(rows, 45)[3] - at(rows, 20)[3]));
    expect(13_085 - 13_056).toBeLessThan(0.02 * (43_926 - 19_001));
    const after = (at(rows, 60)[4] - at(rows, 50)[4]) / (at(rows, 60)[3] - at(rows, 50)[3]);
    expect(after).toBeGreaterThan(0.9);
  });

  test('the table grows by what is dead, and keeps its size', () => {
    for (const [second, bytes] of MEASURED) {
      expect(Math.abs(at(rows, second)[1] / bytes - 1), `at ${second} s`).toBeLessThan(0.03);
    }
    expect(at(rows, 60)[1]).toBe(at(rows, 46)[1]);
    const grown = at(control, 60)[1] - at(control, 15)[1];
    expect(grown).toBeLessThan(0.01 * at(control, 15)[1]);
  });

  test('autovacuum comes every second, in vain; without the transaction a few times in all', () => {
    const inVain = at(rows, 45)[5] - at(rows, 20)[5];
    expect(inVain).toBeGreaterThanOrEqual(23);
    expect(30 - 6).toBeGreaterThanOrEqual(23);
    expect(at(control, 60)[5]).toBeLessThanOrEqual(8);
  });

  test('dead rows without it stay under the threshold and what comes in one naptime', () => {
    for (const [second, , dead] of control) {
      expect(dead, `at ${second} s`).toBeLessThan(50 + 0.02 * 100_000 + 1300);
    }
  });
});
