import { describe, expect, test } from 'vitest';
import {
  type AutovacuumSettings,
  autovacuumNeeds,
  chooseDatabase,
  launcherPauseMilliseconds,
  type TableStatistics,
  thresholds,
} from '../../../src/postgres/heap/autovacuum-triggers.ts';
import * as freezing from '../../../src/postgres/heap/freezing.ts';
import * as cost from '../../../src/postgres/heap/vacuum-cost.ts';

const SETTINGS: AutovacuumSettings = {
  autovacuum: true,
  autovacuum_vacuum_threshold: 50,
  autovacuum_vacuum_scale_factor: 0.2,
  autovacuum_vacuum_insert_threshold: 1000,
  autovacuum_vacuum_insert_scale_factor: 0.2,
  autovacuum_analyze_threshold: 50,
  autovacuum_analyze_scale_factor: 0.1,
  autovacuum_freeze_max_age: 200_000_000,
  autovacuum_multixact_freeze_max_age: 400_000_000,
};
const TABLE: TableStatistics = {
  reltuples: 1_000_000,
  deadTuples: 0,
  insertedSinceVacuum: 0,
  modifiedSinceAnalyze: 0,
  frozenXidAge: 0,
  multixactAge: 0,
};
const NOTHING = { vacuum: false, analyze: false, wraparound: false };

describe('mechanisms 6.3: autovacuum triggers', () => {
  test.each<[string, Partial<TableStatistics>, Partial<typeof NOTHING>]>([
    ['dead at the threshold', { deadTuples: 200_050 }, {}],
    ['dead above it', { deadTuples: 200_051 }, { vacuum: true }],
    ['inserted at the threshold', { insertedSinceVacuum: 201_000 }, {}],
    ['inserted above it', { insertedSinceVacuum: 201_001 }, { vacuum: true }],
    ['modified at the threshold', { modifiedSinceAnalyze: 100_050 }, {}],
    ['modified above it', { modifiedSinceAnalyze: 100_051 }, { analyze: true }],
    ['age at the limit', { frozenXidAge: 200_000_000 }, {}],
    ['age above it', { frozenXidAge: 200_000_001 }, { vacuum: true, wraparound: true }],
    ['multixacts above it', { multixactAge: 400_000_001 }, { vacuum: true, wraparound: true }],
    [
      'never vacuumed: reltuples counts as 0',
      { reltuples: null, deadTuples: 51 },
      { vacuum: true },
    ],
    ['a partitioned parent', { isPartitionedParent: true, modifiedSinceAnalyze: 1e9 }, {}],
  ])('%s', (_, table, needs) => {
    const found = autovacuumNeeds({ ...TABLE, ...table }, SETTINGS, 15);
    expect(found).toEqual({ ...NOTHING, ...needs });
  });

  test('with autovacuum off only wraparound starts one', () => {
    const off = { ...SETTINGS, autovacuum: false };
    const busy = { ...TABLE, deadTuples: 1e9, modifiedSinceAnalyze: 1e9 };
    expect(autovacuumNeeds(busy, off, 15)).toEqual(NOTHING);
    const old = { ...busy, frozenXidAge: 200_000_001 };
    expect(autovacuumNeeds(old, off, 15)).toEqual({ ...NOTHING, vacuum: true, wraparound: true });
  });

  test('version 18: at most 100 million dead, and inserts count by the unfrozen share', () => {
    const settings = { ...SETTINGS, autovacuum_vacuum_max_threshold: 100_000_000 };
    const huge = { ...TABLE, reltuples: 1e10, unfrozenShare: 0.1 };
    expect(thresholds(huge, settings, 17).dead).toBe(50 + 2e9);
    expect(thresholds(huge, settings, 18).dead).toBe(1e8);
    expect(thresholds(huge, settings, 17).inserted).toBe(1000 + 2e9);
    expect(thresholds(huge, settings, 18).inserted).toBeCloseTo(1000 + 2e8, 3);
  });

  test('the insert trigger can be switched off', () => {
    const settings = { ...SETTINGS, autovacuum_vacuum_insert_threshold: -1 };
    expect(thresholds(TABLE, settings, 15).inserted).toBe(Number.POSITIVE_INFINITY);
  });

  test('the launcher goes to each database once in a naptime, at most every 100 ms', () => {
    expect(launcherPauseMilliseconds(60_000, 3)).toBe(20_000);
    expect(launcherPauseMilliseconds(60_000, 1000)).toBe(100);
  });

  test('danger of wraparound first, else the longest without a turn', () => {
    const database = (name: string, frozenXidAge: number, lastStart: number) => ({
      ...{ name, frozenXidAge, lastStart },
    });
    const calm = [database('a', 5, 100), database('b', 9, 50), database('c', 1, 990)];
    const choose = (databases: typeof calm) => chooseDatabase(databases, 1000, 60, 1000)?.name;
    expect(choose(calm)).toBe('b');
    expect(choose([...calm, database('d', 1001, 999), database('e', 1002, 999)])).toBe('e');
    expect(choose([database('c', 1, 990)])).toBeUndefined();
  });
});

describe('mechanisms 6.4: cost throttle', () => {
  const settings: cost.CostSettings = {
    vacuum_cost_page_hit: 1,
    vacuum_cost_page_miss: 2,
    vacuum_cost_page_dirty: 20,
    vacuum_cost_limit: 200,
    autovacuum_vacuum_cost_limit: -1,
  };

  test('below the limit no nap; above it one in proportion, up to 4 delays', () => {
    expect(cost.napFor(199, 200, 2)).toBe(0);
    expect(cost.napFor(200, 200, 2)).toBe(2);
    expect(cost.napFor(300, 200, 2)).toBe(3);
    expect(cost.napFor(5000, 200, 2)).toBe(8);
    expect(cost.napFor(5000, 200, 0)).toBe(0);
  });

  test.each([
    ['hits', { hits: 1, misses: 0, dirtied: 0 }, 2, 100_000],
    ['misses, version 14 on', { hits: 0, misses: 1, dirtied: 0 }, 2, 50_000],
    ['misses, version 13', { hits: 0, misses: 1, dirtied: 0 }, 10, 10_000],
    ['dirtied', { hits: 0, misses: 0, dirtied: 1 }, 2, 5_000],
  ])('the ceiling of %s a second', (_, pages, miss, ceiling) => {
    const each = cost.costOf(pages, { ...settings, vacuum_cost_page_miss: miss });
    expect(cost.ceilingPerSecond(each, 200, 2)).toBe(ceiling);
    // The same by napping: a thousand limits' worth of pages.
    let slept = 0;
    let done = 0;
    for (let balance = 0; done < ceiling; done++) {
      balance += each;
      const nap = cost.napFor(balance, 200, 2);
      slept += nap;
      if (nap > 0) balance = 0;
    }
    expect(slept).toBe(1000);
  });

  test('workers share one budget, but for tables with a limit of their own', () => {
    expect([1, 2, 3].map((n) => cost.workerLimit(settings, n))).toEqual([200, 100, 66]);
    expect(cost.workerLimit({ ...settings, autovacuum_vacuum_cost_limit: 1000 }, 2)).toBe(500);
    expect(cost.workerLimit(settings, 3, 400)).toBe(400);
  });
});

describe('mechanisms 6.6: freezing and wraparound', () => {
  const settings: freezing.FreezeSettings = {
    vacuum_freeze_min_age: 50_000_000,
    vacuum_freeze_table_age: 150_000_000,
    autovacuum_freeze_max_age: 200_000_000,
    vacuum_failsafe_age: 1_600_000_000,
  };

  test.each([
    [13, [50e6, 150e6, 200e6, 2 ** 31 - 11e6, 2 ** 31 - 1e6]],
    [15, [50e6, 150e6, 200e6, 1.6e9, 2 ** 31 - 40e6, 2 ** 31 - 3e6]],
  ])('ages of events in version %i', (version, ages) => {
    expect(freezing.freezeEvents(settings, version).map(({ age }) => age)).toEqual(ages);
  });

  test.each([
    [15, 850e6],
    [16, 851e6],
  ])('version %i: 50 million are counted from the horizon, or from now', (version, limit) => {
    const at = { horizon: 900e6, nextXid: 901e6, relfrozenxid: 800e6 };
    expect(freezing.freezeCutoffs(settings, at, version).freezeLimit).toBe(limit);
  });

  test.each([15, 16])('version %i: a horizon far back: all that it allows is frozen', (version) => {
    const at = { horizon: 690e6, nextXid: 901e6, relfrozenxid: 600e6 };
    expect(freezing.freezeCutoffs(settings, at, version).freezeLimit).toBe(690e6);
  });

  test('a table 150 million old is scanned aggressively', () => {
    const aggressive = (relfrozenxid: number) => {
      const at = { horizon: 1e9, nextXid: 1e9, relfrozenxid };
      return freezing.freezeCutoffs(settings, at, 15).isAggressive;
    };
    expect([aggressive(850e6 + 1), aggressive(850e6)]).toEqual([false, true]);
  });

  test('a table age above 95 % of the forced one counts as that', () => {
    const wide = { ...settings, vacuum_freeze_table_age: 1e9 };
    expect(freezing.freezeEvents(wide, 15)[1]).toMatchObject({ age: 190e6 });
  });

  test('failsafe begins beyond its age, at least 5 % above the forced vacuum', () => {
    expect([1.6e9, 1.6e9 + 1].map((age) => freezing.isFailsafe(settings, age))).toEqual([
      false,
      true,
    ]);
    const low = { ...settings, vacuum_failsafe_age: 0 };
    expect(freezing.isFailsafe(low, 205e6)).toBe(false);
    expect(freezing.isFailsafe(low, 210e6 + 1)).toBe(true);
  });

  test('a page partly older than the limit is frozen in proportion', () => {
    const page = { live: 40, unfrozen: 20, oldestXid: 1000, newestXid: 1999 };
    const frozen = (limit: number) => freezing.versionsToFreeze(page, limit);
    expect([900, 1000, 1500, 2000].map(frozen)).toEqual([0, 0, 10, 20]);
  });
});
