import { describe, expect, test } from 'vitest';
import { Vacuum } from '../../../src/postgres/heap/vacuum-plan.ts';
import * as measured from './measured.ts';
import { accounts, Log, Updater } from './workbench.ts';

const FILLFACTORS = [80, 100] as const;

/** Five standard deviations of a count of this size, and a tenth of a percent. */
const tolerance = (count: number) => 5 * Math.sqrt(count) + count / 1000;

function expectNear(value: number, real: number): void {
  expect(Math.abs(value - real)).toBeLessThanOrEqual(tolerance(real));
}

function expectBytes(log: Log): void {
  const real = measured.HOT_UPDATE_BYTES;
  const hot = log.byKind.get('Heap/HOT_UPDATE')!;
  expect(Math.abs(hot.bytes / real.records - 1)).toBeLessThan(0.01);
  expect(Math.abs(log.imageBytes / real.images - 1)).toBeLessThan(0.005);
}

describe('uniform updates without vacuum, against PostgreSQL 15', () => {
  test.each(FILLFACTORS)('HOT share, dead versions, growth at fillfactor %i', (fillfactor) => {
    const table = accounts(1_000_000, fillfactor);
    expect(table.heap.pages).toBe(measured.LOADED_PAGES[fillfactor]);
    const updater = new Updater(table, `pgbench/${fillfactor}`);
    const log = fillfactor === 80 ? new Log() : null;
    log?.checkpoint();
    let done = 0;
    for (const real of measured.UPDATES_WITHOUT_VACUUM[fillfactor]) {
      updater.run(real.updates - done, null, log);
      done = real.updates;
      const { heap } = table;
      expectNear(heap.updates - heap.hotUpdates, real.updates - real.hot);
      expect(Math.abs(heap.deadInStatistics / real.deadTuples - 1)).toBeLessThan(0.005);
      expect(Math.abs(heap.dead / real.deadVersions - 1)).toBeLessThan(0.005);
      expect(Math.abs(heap.pages - real.pages)).toBeLessThanOrEqual(3);
    }
    expectNear(updater.prunes, measured.PRUNES[fillfactor]);
    const { changed } = table.heap;
    const entries = [...changed.blocks()].map((block) => changed.find(block));
    const mean = (of: Float64Array) =>
      entries.reduce((sum, entry) => sum + of[entry]!, 0) / entries.length;
    const [realPointers, realRedirects] = measured.POINTERS[fillfactor];
    expect(Math.abs(mean(changed.pointers) / realPointers - 1)).toBeLessThan(0.01);
    expect(Math.abs(mean(changed.redirects) / realRedirects - 1)).toBeLessThan(0.015);
    if (log) expectBytes(log);
  });
});

describe('mechanisms 2.3: one image of each page in a checkpoint cycle', () => {
  /** 11.10: n uniform updates touch M (1 - (1 - 1/M)^n) of M pages. */
  test.each([
    [1640, 1982, 1150.42],
    [1640, 31_200, 1640],
  ])('%i pages, %i updates: %f images', (pages, updates, images) => {
    const table = accounts(100_000, 100);
    expect(table.heap.pages).toBe(pages);
    // Rows find no room at first; pages that they move to are new and get no image.
    const log = new Log();
    const updater = new Updater(table, `images/${updates}`);
    log.checkpoint();
    updater.run(updates, null, log);
    const deviation = Math.sqrt(pages * 0.3 * (1 - 2.2 * 0.3));
    expect(Math.abs(log.heapImages - images)).toBeLessThan(4 * deviation);
    const before = log.heapImages;
    updater.run(1, null, log);
    expect(log.heapImages - before).toBeLessThanOrEqual(1);
    log.checkpoint();
    updater.run(1, null, log);
    expect(log.heapImages - before).toBeGreaterThanOrEqual(1);
  });
});

describe('updates under a held snapshot, against PostgreSQL 15', () => {
  test.each(FILLFACTORS)('growth of table and index at fillfactor %i', (fillfactor) => {
    const table = accounts(100_000, fillfactor);
    const { heap, indexes } = table;
    const updater = new Updater(table, `held/${fillfactor}`);
    for (const real of measured.UPDATES_UNDER_SNAPSHOT[fillfactor]) {
      updater.run(10_000, real.updates <= 40_000 ? 1000 : null);
      expectNear(heap.updates - heap.hotUpdates, real.updates - real.hot);
      expect(Math.abs(heap.pages - real.pages)).toBeLessThanOrEqual(2);
      expect(Math.abs(heap.deadInStatistics / real.deadTuples - 1)).toBeLessThan(0.02);
      expect(Math.abs(indexes[0]!.pages / real.keyPages - 1)).toBeLessThan(0.06);
    }
  });

  test.each(FILLFACTORS)('the vacuum after it, at fillfactor %i', (fillfactor) => {
    const table = accounts(100_000, fillfactor);
    const { heap } = table;
    const updater = new Updater(table, `held/${fillfactor}`);
    updater.run(40_000, 1000);
    updater.run(20_000, null);
    const { pages } = heap;
    const real = measured.VACUUM_AFTER_SNAPSHOT[fillfactor];
    const log = new Log();
    const horizon = updater.xid + 1;
    const options = { horizon, freezeLimit: 3, isAggressive: false, memoryBytes: 64 << 20 };
    const vacuum = new Vacuum(heap, table.indexes, options);
    let pagesWithPointers = 0;
    for (let step = vacuum.next(); step; step = vacuum.next()) {
      if (step.phase === 'heap second pass') pagesWithPointers++;
      for (const record of step.records) log.insert(table, record);
    }
    const { summary } = vacuum;
    expect(summary.scannedPages).toBe(pages);
    expect(summary.indexPasses).toBe(1);
    expect(Math.abs(summary.tuplesRemoved / real.removed - 1)).toBeLessThan(0.04);
    expect(Math.abs(summary.deadPointersRemoved / real.pointers - 1)).toBeLessThan(0.02);
    expect(Math.abs(pagesWithPointers / real.pagesWithPointers - 1)).toBeLessThan(0.02);
    expect(Math.abs(log.bytes / real.walBytes - 1)).toBeLessThan(0.05);
    expect(heap.deadInStatistics).toBe(0);
    expect(heap.live).toBe(100_000);
  });
});

describe('V8: 1000 updates a second, autovacuum each second, horizon held for 30 s', () => {
  /** Second, pages of the table and of its key, in the run with REPEATABLE READ. */
  const HELD = [
    [15, 1667, 276],
    [25, 1814, 277],
    [35, 1967, 545],
    [45, 2134, 551],
    [70, 2134, 551],
  ] as const;

  function play(from: number, to: number, check: (second: number, pages: number[]) => void): void {
    const table = accounts(100_000, 100);
    const { heap, indexes } = table;
    const updater = new Updater(table, 'V8');
    let held = Number.POSITIVE_INFINITY;
    for (let second = 1; second <= 70; second++) {
      if (second === from) held = updater.xid;
      if (second === to) held = Number.POSITIVE_INFINITY;
      updater.run(1000, Number.isFinite(held) ? held : null);
      check(second, [heap.pages, indexes[0]!.pages]);
      if (heap.deadInStatistics <= 50 + 0.02 * heap.live) continue;
      const horizon = Math.min(held, updater.xid + 1);
      const options = { horizon, freezeLimit: 3, isAggressive: false, memoryBytes: 64 << 20 };
      const vacuum = new Vacuum(heap, indexes, options);
      while (vacuum.next());
    }
  }

  test('growth while it is held, and none afterwards', () => {
    play(16, 46, (second, pages) => {
      const real = HELD.find(([at]) => at === second);
      if (!real) return;
      expect(Math.abs(pages[0]! / real[1] - 1)).toBeLessThan(0.015);
      expect(Math.abs(pages[1]! / real[2] - 1)).toBeLessThan(0.06);
    });
  });

  test('the control stays within 2 % of the pages that it had after the first second', () => {
    play(99, 99, (second, pages) => {
      if (second > 1) expect(Math.abs(pages[0]! / 1662 - 1)).toBeLessThan(0.02);
      expect(pages[1]).toBe(276);
    });
  });
});
