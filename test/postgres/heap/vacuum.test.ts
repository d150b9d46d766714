import { describe, expect, test } from 'vitest';
import { Table, type TableDefinition } from '../../../src/postgres/heap/relation.ts';
import {
  Vacuum,
  type VacuumOptions,
  type VacuumStep,
} from '../../../src/postgres/heap/vacuum-plan.ts';
import { accounts, Log, primaryKey } from './workbench.ts';

function run(table: Table, options: Partial<VacuumOptions> & { horizon: number }) {
  const vacuum = new Vacuum(table.heap, table.indexes, {
    freezeLimit: 3,
    isAggressive: false,
    memoryBytes: 64 << 20,
    ...options,
  });
  const steps: VacuumStep[] = [];
  for (let step = vacuum.next(); step; step = vacuum.next()) steps.push(step);
  return { vacuum, steps, summary: vacuum.summary };
}

function log(table: Table, steps: readonly VacuumStep[]): Log {
  const log = new Log();
  for (const step of steps) for (const record of step.records) log.insert(table, record);
  return log;
}

/** `create table d(id int, f char(84))`, 100,000 rows, unique index on id. */
function narrow(overrides: Partial<TableDefinition> = {}): Table {
  return new Table({
    ...{ name: 'd', relation: 1, rows: 100_000, tupleBytes: 113, fillfactor: 100, version: 15 },
    indexes: [primaryKey(4)],
    ...overrides,
  });
}

function deleteWhere(table: Table, xid: number, doomed: (row: number) => boolean): void {
  for (let row = 0; row < table.definition.rows; row++) {
    if (doomed(row)) table.delete(row, { xid, horizon: xid });
  }
}

const sum = (steps: readonly VacuumStep[], of: (step: VacuumStep) => number) =>
  steps.reduce((total, step) => total + of(step), 0);

describe('against PostgreSQL 15.18', () => {
  test('DELETE ... WHERE id%20=1 and VACUUM: the same records', () => {
    const table = narrow();
    deleteWhere(table, 100, (row) => (row + 1) % 20 === 1);
    const { steps } = run(table, { horizon: 101 });
    const { byKind } = log(table, steps);
    const records = (kind: string) => byKind.get(kind)?.records ?? 0;
    expect(records('Heap2/PRUNE')).toBe(1153 + 385 + 1);
    expect(records('Heap2/VACUUM')).toBe(1153 + 385 + 1);
    expect(records('Heap2/VISIBLE')).toBe(1539);
    expect(records('Btree/VACUUM')).toBe(191 + 82 + 1);
    expect(byKind.get('Heap2/PRUNE')!.bytes).toBe(1153 * 60 + 385 * 62 + 56);
    expect(byKind.get('Btree/VACUUM')!.bytes).toBeGreaterThan(191 * 86 + 81 * 88);
    expect(byKind.get('Btree/VACUUM')!.bytes).toBeLessThanOrEqual(191 * 86 + 82 * 88 + 58);
  });

  test('DELETE ... WHERE id>50000 and VACUUM: half of the file is cut off', () => {
    const table = narrow();
    deleteWhere(table, 100, (row) => row >= 50_000);
    const { vacuum, steps } = run(table, { horizon: 101 });
    const { byKind } = log(table, steps);
    const cut = steps.at(-1)!;
    expect(cut.phase).toBe('truncation');
    vacuum.truncate(cut);
    expect(table.heap.pages).toBe(770);
    expect(table.indexes[0]!.pages).toBe(276);
    expect(byKind.get('Btree/MARK_PAGE_HALFDEAD')).toEqual({ records: 136, bytes: 136 * 74 });
    expect(byKind.get('Btree/UNLINK_PAGE')).toEqual({ records: 136, bytes: 136 * 98 });
  });

  test('three deletes are bypassed: only their pages are pruned', () => {
    const table = narrow();
    for (const row of [5002, 40_002, 70_002]) table.delete(row, { xid: 100, horizon: 100 });
    const { steps, summary } = run(table, { horizon: 101 });
    expect(summary.isIndexBypassed).toBe(true);
    const { byKind } = log(table, steps);
    expect([...byKind]).toEqual([['Heap2/PRUNE', { records: 3, bytes: 3 * 56 }]]);
  });

  test('a table without changes: one page is read, the last', () => {
    const { summary } = run(narrow(), { horizon: 101 });
    expect(summary.scannedPages).toBe(1);
    expect(summary.skippedPages).toBe(1538);
  });

  test('retention, V10: DELETE of a month of 2 million rows, and the VACUUM after it', () => {
    const table = new Table({
      ...{ name: 'ev', relation: 1, rows: 2_000_000, tupleBytes: 149, fillfactor: 100 },
      version: 15,
      indexes: [
        { ...primaryKey(8), name: 'ts', unique: false },
        {
          ...{ ...primaryKey(4), name: 'customer', relation: 3, unique: false },
          ...{ rowsPerKey: 100, correlation: 'none' },
        },
      ],
    });
    expect(table.heap.pages * 8192).toBe(315_080_704);
    const deleting = new Log();
    deleting.checkpoint();
    for (let row = 0; row < 166_667; row++) {
      for (const record of table.delete(row, { xid: 100, horizon: 100 })!.records) {
        deleting.insert(table, record);
      }
    }
    expect(Math.abs(deleting.bytes / 35_547_304 - 1)).toBeLessThan(0.01);
    const vacuuming = new Log();
    vacuuming.checkpoint();
    for (const step of run(table, { horizon: 101 }).steps) {
      for (const record of step.records) vacuuming.insert(table, record);
    }
    expect(Math.abs(vacuuming.bytes / 17_176_920 - 1)).toBeLessThan(0.1);
  });
});

describe('mechanisms 6.5', () => {
  test('runs of fewer than 32 all-visible pages are read, longer ones are skipped', () => {
    for (const [gap, scanned] of [
      [31, 1 + 31 + 1 + 1],
      [32, 1 + 1 + 1],
    ] as const) {
      const table = accounts(100_000, 80);
      for (const block of [500, 500 + gap + 1]) {
        table.delete(block * 49, { xid: 100, horizon: 100 });
      }
      expect(run(table, { horizon: 101 }).summary.scannedPages).toBe(scanned);
    }
  });

  test('an aggressive scan skips all-frozen pages only', () => {
    const table = accounts(100_000, 80);
    const unfrozen = new Table({ ...table.definition, isFrozen: false });
    expect(run(table, { horizon: 50, isAggressive: true }).summary.scannedPages).toBe(1);
    const { summary } = run(unfrozen, { horizon: 50, isAggressive: true });
    expect(summary.scannedPages).toBe(unfrozen.heap.pages);
    expect(run(unfrozen, { horizon: 50 }).summary.scannedPages).toBe(1);
  });

  test('pages that nobody has vacuumed get their bits once, in runs, changed pages between', () => {
    const table = new Table({ ...accounts(100_000, 80).definition, isVacuumed: false });
    table.update(5000, {
      ...{ xid: 100, horizon: 100, changesIndexedColumn: false, changedBytes: 1 },
      target: { block: -1 },
    });
    const { steps } = run(table, { horizon: 101 });
    const visible = sum(
      steps,
      ({ pages, records }) => pages * records.filter((r) => r.kind === 'Heap2/VISIBLE').length,
    );
    expect(visible).toBe(table.heap.pages);
    const { summary } = run(table, { horizon: 101 });
    expect(summary.scannedPages).toBe(1);
  });

  test('every index is read in full when dead pointers are collected, and not otherwise', () => {
    const table = narrow({ indexes: [primaryKey(4), { ...primaryKey(8), relation: 3 }] });
    deleteWhere(table, 100, (row) => row % 10 === 0);
    const { steps, summary } = run(table, { horizon: 101 });
    for (const index of table.indexes) {
      const { relation } = index.definition;
      const reads = steps.filter((s) => s.phase === 'index pass' && s.relation === relation);
      expect(sum(reads, ({ pages }) => pages)).toBe(index.pages - 1);
      expect(sum(reads, ({ entriesRemoved }) => entriesRemoved)).toBe(10_000);
      expect(index.entries).toBe(90_000);
    }
    expect(summary.indexPasses).toBe(1);
    expect(summary.deadPointersRemoved).toBe(10_000);
    const again = run(table, { horizon: 101, isAggressive: true });
    expect(again.summary.indexPasses).toBe(0);
  });

  test('when memory for pointers is full, indexes are read several times (6 bytes each)', () => {
    const table = narrow();
    deleteWhere(table, 100, (row) => row % 2 === 0);
    const { steps, summary } = run(table, { horizon: 101, memoryBytes: 120_000 });
    const pointers = 120_000 / 6 - 291;
    expect(summary.indexPasses).toBe(Math.ceil(50_000 / pointers));
    expect(sum(steps, ({ phase, pages }) => (phase === 'index pass' ? pages : 0))).toBe(
      summary.indexPasses * (table.indexes[0]!.pages - 1),
    );
    expect(table.heap.stubs).toBe(0);
    expect(table.indexes[0]!.entries).toBe(50_000);
  });

  test.each([
    [13, false],
    [14, true],
  ])('version %i: index passes are bypassed below 2 % of the pages: %s', (version, bypassed) => {
    const under = narrow({ version });
    deleteWhere(under, 100, (row) => row % 65 === 0 && row < 65 * 30);
    const { summary } = run(under, { horizon: 101 });
    expect(summary.isIndexBypassed).toBe(bypassed);
    expect(under.heap.stubs).toBe(bypassed ? 30 : 0);
    const over = narrow({ version });
    deleteWhere(over, 100, (row) => row % 65 === 0 && row < 65 * 31);
    expect(run(over, { horizon: 101 }).summary.indexPasses).toBe(1);
  });

  test('a busy page is not pruned, unless the scan is aggressive', () => {
    for (const isAggressive of [false, true]) {
      const table = accounts(100_000, 80);
      const pinned = 700;
      for (const block of [pinned, 900]) table.delete(block * 49, { xid: 100, horizon: 100 });
      const isPinned = (block: number) => block === pinned;
      const { summary } = run(table, { horizon: 101, isAggressive, isPinned });
      expect(summary.tuplesRemoved).toBe(isAggressive ? 2 : 1);
    }
  });

  test('an empty tail is cut off from 1000 pages or a sixteenth of the table', () => {
    const cut = (rows: number, empty: number) => {
      const table = narrow({ rows });
      deleteWhere(table, 100, (row) => row >= rows - empty * 65);
      return run(table, { horizon: 101 }).steps.some(({ phase }) => phase === 'truncation');
    };
    expect(cut(65 * 320, 19)).toBe(false);
    expect(cut(65 * 320, 20)).toBe(true);
    expect(cut(65 * 17_000, 999)).toBe(false);
    expect(cut(65 * 17_000, 1000)).toBe(true);
  });

  test('failsafe: no index passes, no truncation', () => {
    const table = narrow();
    deleteWhere(table, 100, (row) => row >= 50_000);
    const { steps } = run(table, { horizon: 101, isFailsafe: true });
    expect(new Set(steps.map(({ phase }) => phase))).toEqual(new Set(['heap scan']));
    expect(table.heap.stubs).toBe(50_000);
  });

  test('the free space map is filled in: freed pages are used before the file grows', () => {
    const table = narrow();
    const { pages } = table.heap;
    deleteWhere(table, 100, (row) => row % 2 === 0);
    const target = { block: -1 };
    run(table, { horizon: 101 });
    for (let i = 0; i < 40_000; i++) table.insert(200, 200, target);
    expect(table.heap.pages).toBe(pages);
    for (let i = 0; i < 20_000; i++) table.insert(200, 200, target);
    expect(table.heap.pages).toBeGreaterThan(pages);
  });
});

describe('conservation', () => {
  test('nothing at or above the horizon is removed; the rest is what could not be', () => {
    const table = accounts(100_000, 80);
    const target = { block: -1 };
    for (let i = 0; i < 20_000; i++) {
      const how = { changesIndexedColumn: i % 5 === 0, changedBytes: 1, target };
      table.update((i * 7919) % 100_000, { ...how, xid: 1000 + i, horizon: 1000 });
    }
    const { heap } = table;
    expect(heap.removed).toBe(0);
    const { summary } = run(table, { horizon: 1000 + 12_345 });
    expect(summary.tuplesRemoved).toBe(12_345);
    expect(heap.dead).toBe(20_000 - 12_345);
    expect(heap.inserted).toBe(heap.live + heap.dead + heap.removed);
    const [index] = table.indexes;
    expect(index!.entries + index!.removed).toBe(100_000 + heap.updates - heap.hotUpdates);
  });

  test('a held horizon makes vacuum futile: it scans again and removes nothing', () => {
    const table = accounts(100_000, 100);
    const target = { block: -1 };
    for (let i = 0; i < 5000; i++) {
      const how = { changesIndexedColumn: false, changedBytes: 1, target };
      table.update((i * 19) % 100_000, { ...how, xid: 1000 + i, horizon: 1000 });
    }
    for (let round = 0; round < 3; round++) {
      const { summary } = run(table, { horizon: 1000 });
      expect(summary.scannedPages).toBeGreaterThan(1600);
      expect(summary.tuplesRemoved).toBe(0);
      expect(table.heap.deadInStatistics).toBe(5000);
    }
  });
});

describe('relfrozenxid', () => {
  test('since 15 the oldest xid left; before, the freeze limit; if nothing was skipped', () => {
    for (const [version, expected] of [
      [14, 90],
      [15, 100],
    ] as const) {
      const table = accounts(100_000, 80, version);
      const target = { block: -1 };
      const how = { changesIndexedColumn: false, changedBytes: 1, target };
      table.update(7, { ...how, xid: 100, horizon: 100 });
      const cutoffs = { horizon: 120, freezeLimit: 90, isAggressive: true };
      expect(run(table, cutoffs).summary.relfrozenxid).toBe(expected);
    }
  });

  test('it stays if all-visible pages were skipped that are not all-frozen', () => {
    const table = new Table({ ...accounts(100_000, 80).definition, isFrozen: false });
    expect(run(table, { horizon: 120 }).summary.relfrozenxid).toBeNull();
  });

  test('VACUUM FREEZE freezes what came since, with 12 bytes for each version', () => {
    const table = accounts(100_000, 80);
    const target = { block: -1 };
    for (let i = 0; i < 11; i++) {
      const how = { changesIndexedColumn: false, changedBytes: 1, target };
      table.update(49 * 100 + i, { ...how, xid: 100 + i, horizon: 100 });
    }
    const cutoffs = { horizon: 200, freezeLimit: 200, isAggressive: true };
    const { steps, summary } = run(table, cutoffs);
    expect(summary.tuplesFrozen).toBe(11);
    expect(summary.relfrozenxid).toBe(200);
    expect(log(table, steps).byKind.get('Heap2/FREEZE_PAGE')).toEqual({ records: 1, bytes: 184 });
    expect(table.heap.visibility.isAllFrozen(100)).toBe(true);
  });

  test('since 16 a page whose pruning logged an image is frozen whole, at any age', () => {
    for (const [version, frozen] of [
      [15, 0],
      [16, 11],
    ] as const) {
      const table = accounts(100_000, 80, version);
      const target = { block: -1 };
      for (let i = 0; i < 11; i++) {
        const how = { changesIndexedColumn: false, changedBytes: 1, target };
        table.update(49 * 100 + i, { ...how, xid: 100 + i, horizon: 100 });
      }
      const { summary } = run(table, { horizon: 200, isImaged: () => true });
      expect(summary.tuplesFrozen).toBe(frozen);
    }
  });
});
