import { describe, expect, test } from 'vitest';
import {
  categoryFor,
  categoryOf,
  FreeSpaceMap,
} from '../../../src/postgres/heap/free-space-map.ts';
import { Heap } from '../../../src/postgres/heap/heap.ts';
import { placementOf } from '../../../src/postgres/heap/hot.ts';
import { findPage } from '../../../src/postgres/heap/insert-page.ts';
import { HINTS_MISSING } from '../../../src/postgres/heap/page-population.ts';
import { prunesOnAccess } from '../../../src/postgres/heap/prune.ts';
import { Table } from '../../../src/postgres/heap/relation.ts';
import { accounts, primaryKey } from './workbench.ts';

const target = () => ({ block: -1 });
const how = (xid: number, horizon: number) => ({
  ...{ xid, horizon, changesIndexedColumn: false, changedBytes: 1 },
  target: target(),
});
const kinds = (records: readonly { kind: string }[]) => records.map(({ kind }) => kind);

describe('mechanisms 6.2: HOT', () => {
  test.each([
    [128, 128, false, 'hot'],
    [128, 127, false, 'other page'],
    [128, 128, true, 'same page'],
    [128, 127, true, 'other page'],
  ] as const)('%i bytes, %i free, indexed column changed %s: %s', (bytes, free, indexed, where) => {
    expect(placementOf(bytes, free, indexed)).toBe(where);
  });

  test('HOT adds no index entries; a changed indexed column adds one to every index', () => {
    const table = new Table({
      ...accounts(1000, 80).definition,
      indexes: [primaryKey(4), { ...primaryKey(4), relation: 3 }],
    });
    expect(kinds(table.update(1, how(100, 100))!.records)).toEqual(['Heap/HOT_UPDATE']);
    const cold = table.update(2, { ...how(101, 101), changesIndexedColumn: true })!;
    expect(kinds(cold.records)).toEqual([
      'Heap2/PRUNE',
      'Heap/UPDATE',
      'Btree/INSERT_LEAF',
      'Btree/INSERT_LEAF',
    ]);
  });

  test('fillfactor 100: the row is locked, then moves, until pruning makes room', () => {
    const table = accounts(6100, 100);
    const moved = table.update(0, how(100, 100))!;
    expect(kinds(moved.records)).toEqual(['Heap/LOCK', 'Heap/UPDATE+INIT', 'Btree/INSERT_LEAF']);
    expect(moved.heap).toMatchObject({ block: 0, newBlock: 100, hot: false, extends: true });
    const next = table.update(1, how(101, 101))!;
    expect(kinds(next.records)).toEqual(['Heap2/PRUNE', 'Heap/HOT_UPDATE']);
    expect(table.heap.stubs).toBe(1);
  });

  test('the fillfactor keeps inserts away, not updates', () => {
    const { heap } = accounts(49 * 3, 80);
    expect(heap.insert(100, target()).block).toBe(3);
    for (let i = 0; i < 12; i++) expect(heap.update(i, how(101 + i, 0))!.hot).toBe(true);
    expect(heap.update(12, how(113, 0))!.hot).toBe(false);
  });
});

describe('mechanisms 6.2: pruning on access', () => {
  test.each([
    ['no hint', 0, 200, true, 0, 100, false],
    ['hint at the horizon', 200, 200, true, 0, 100, false],
    ['older hint, page full', 199, 200, true, 8000, 100, true],
    ['older hint, room for a tenth', 199, 200, false, 819, 100, false],
    ['older hint, less than a tenth', 199, 200, false, 818, 100, true],
    ['older hint, less than the reserve', 199, 200, false, 1637, 80, true],
    ['older hint, as much as the reserve', 199, 200, false, 1638, 80, false],
  ])('%s', (_, hint, horizon, isFull, free, fillfactor, expected) => {
    expect(prunesOnAccess(hint, horizon, isFull, free, fillfactor)).toBe(expected);
  });

  test('versions within a chain go entirely, the root becomes a redirect', () => {
    const { heap } = accounts(49, 80);
    heap.update(5, how(100, 100));
    heap.update(5, how(101, 100));
    const entry = heap.changed.find(0);
    expect(heap.prune(entry, 102)).toMatchObject({ removed: 2, redirected: 1, dead: 0, unused: 1 });
    expect(heap.changed.redirects[entry]).toBe(1);
    expect(heap.stubs).toBe(0);
  });

  test('the end of a chain leaves a stub of 4 bytes until vacuum', () => {
    const { heap } = accounts(49, 80);
    const before = heap.freeBytesOf(0);
    heap.delete(5, { xid: 100, horizon: 100 });
    heap.prune(heap.changed.find(0), 101);
    expect(heap.freeBytesOf(0) - before).toBe(128);
    expect(heap.stubs).toBe(1);
  });

  test('of a chain only what ended before the horizon goes', () => {
    const { heap } = accounts(49, 80);
    for (const xid of [100, 110, 120]) heap.update(5, how(xid, 100));
    expect(heap.prune(heap.changed.find(0), 111)!.removed).toBe(2);
    expect(heap.dead).toBe(1);
    expect(heap.changed.pruneXid[heap.changed.find(0)]).toBe(120);
  });

  test('standbys must have snapshots newer than the newest version that went', () => {
    const { heap } = accounts(49, 80);
    for (const xid of [100, 110, 120]) heap.update(5, how(xid, 100));
    expect(heap.prune(heap.changed.find(0), 115)!.conflictXid).toBe(110);
  });

  test('a query visits the page that a row left, until the old version is dead to all', () => {
    const { heap } = accounts(6100, 100);
    heap.update(0, how(100, 100));
    expect(heap.find(0, 100)).toMatchObject({ block: 100, visited: [0], marked: 0 });
    expect(heap.find(0, 100).visited).toEqual([0]);
    const last = heap.find(0, 101);
    expect(last).toMatchObject({ visited: [0], marked: 1 });
    expect(kinds(last.records)).toEqual(['Heap2/PRUNE']);
    expect(heap.find(0, 101)).toMatchObject({ visited: [], marked: 0 });
  });
});

describe('mechanisms 1.6: hint bits', () => {
  test("the first reader after a transaction's end dirties the page, no later one", () => {
    const { heap } = accounts(49, 80);
    expect(heap.fetch(0, 100).setsHints).toBe(false);
    heap.update(5, how(100, 100));
    expect(heap.fetch(0, 100, 100).setsHints).toBe(false);
    expect(heap.fetch(0, 100, 101).setsHints).toBe(true);
    expect(heap.fetch(0, 100, 101).setsHints).toBe(false);
    expect(heap.changed.flags[0]! & HINTS_MISSING).toBe(0);
  });
});

describe('visibility map', () => {
  test('a change clears both bits, a row lock only that for all-frozen', () => {
    const { heap } = accounts(49 * 3, 80);
    heap.lock(0, { xid: 100, horizon: 100 });
    heap.update(49, how(100, 100));
    const bits = [0, 1, 2].map((block) => [
      heap.visibility.isAllVisible(block),
      heap.visibility.isAllFrozen(block),
    ]);
    expect(bits).toEqual([
      [true, false],
      [false, false],
      [true, true],
    ]);
  });
});

describe('mechanisms 6.6: free space map', () => {
  test('free space is rounded down to 32 bytes, a request up', () => {
    expect([0, 31, 32, 8159, 8160].map(categoryOf)).toEqual([0, 0, 1, 254, 255]);
    expect([1, 32, 33, 8159, 8160].map(categoryFor)).toEqual([1, 1, 2, 255, 255]);
  });

  test('searches go round the table, so that backends spread', () => {
    const map = new FreeSpaceMap();
    for (const block of [3, 5000, 90_000]) map.record(block, 1000);
    expect([1, 2, 3, 4].map(() => map.find(900))).toEqual([3, 5000, 90_000, 3]);
    map.record(5000, 0);
    expect([map.find(900), map.find(900)]).toEqual([90_000, 3]);
    expect(map.find(1001)).toBe(-1);
    map.truncate(80_000);
    expect([map.find(900), map.find(900)]).toEqual([3, 3]);
  });

  test('a stale entry is corrected by who comes, and another page is looked for', () => {
    const map = new FreeSpaceMap();
    map.record(1, 2000);
    map.record(2, 2000);
    const free = [0, 100, 2000];
    const space = { pages: 3, freeBytesOf: (block: number) => free[block]! };
    const found = findPage(space, map, { block: -1 }, 1766);
    expect(found).toEqual({ block: 2, extends: false, tried: [1] });
    expect(map.categoryAt(1)).toBe(3);
  });

  test('own last page first, then the map, then the last page, then a new one', () => {
    const map = new FreeSpaceMap();
    const free = [500, 100, 500];
    const space = { pages: 3, freeBytesOf: (block: number) => free[block]! };
    expect(findPage(space, map, { block: 0 }, 200)).toMatchObject({ block: 0, tried: [] });
    expect(findPage(space, map, { block: -1 }, 200)).toMatchObject({ block: 2, tried: [] });
    const own = { block: 1 };
    expect(findPage(space, map, own, 200)).toMatchObject({ block: 3, extends: true, tried: [1] });
    expect(own.block).toBe(3);
  });
});

describe('aborts', () => {
  test.each([80, 100])(
    'leave a dead version, whatever the horizon; fillfactor %i',
    (fillfactor) => {
      const table = accounts(6100, fillfactor);
      const { heap } = table;
      const [index] = table.indexes;
      const update = table.update(5, how(100, 100))!;
      table.abort(update);
      expect([heap.live, heap.dead]).toEqual([6100, 1]);
      expect(heap.rows.blockOf(5)).toBe(0);
      expect(index!.entries - index!.deadEntries).toBe(6100);
      heap.prune(heap.changed.find(update.heap.newBlock), 50);
      expect([heap.dead, heap.removed, heap.stubs]).toEqual([0, 1, update.heap.hot ? 0 : 1]);
    },
  );

  test('undone in reverse order, changes of one transaction leave everything as before', () => {
    const table = accounts(6100, 100);
    const changes = [
      table.update(5, how(100, 100))!,
      table.update(5, how(100, 100))!,
      table.delete(5, { xid: 100, horizon: 100 })!,
    ];
    expect(table.heap.rows.blockOf(5)).toBe(-1);
    for (const change of changes.reverse()) table.abort(change);
    expect(table.heap.rows.blockOf(5)).toBe(0);
    expect(table.heap.live).toBe(6100);
    expect(table.heap.find(5, 50).visited).toEqual([]);
    // The first update left its page; the second was HOT on the new one.
    expect(table.indexes[0]!.deadEntries).toBe(1);
  });
});

describe('COPY', () => {
  test('610 rows of pgbench_accounts: one record a page, the first page filled up', () => {
    // Measured: MULTI_INSERT of 5, nine times MULTI_INSERT+INIT of 61, then 56 on the last page.
    const heap = new Heap({
      ...{ relation: 1, rows: 300, tupleBytes: 121, fillfactor: 100, version: 15 },
      isIndexed: false,
    });
    const own = target();
    const placed: number[] = [];
    for (let left = 610; left > 0; left -= placed.at(-1)!) {
      placed.push(heap.copy(left, 100, own).rows);
    }
    expect(placed).toEqual([5, ...Array(9).fill(61), 56]);
    expect([heap.pages, heap.live]).toEqual([15, 910]);
  });
});

describe('size', () => {
  test('a table of ten billion rows costs what a small one costs', () => {
    const large = accounts(10_000_000_000, 80);
    const small = accounts(100_000, 80);
    expect(large.heap.pages).toBe(Math.ceil(1e10 / 49));
    // Two levels more of the index, and nothing else.
    expect(large.bytes - small.bytes).toBeLessThan(2000);
    expect(large.heap.bytes).toBe(small.heap.bytes);
    expect(large.select(9_999_999_999, 100).reads).toHaveLength(large.indexes[0]!.height + 2);
    expect(large.indexes[0]!.height).toBe(4);
    for (let i = 0; i < 10_000; i++) large.update(i * 999_983, how(100 + i, 100 + i));
    expect(large.bytes / large.heap.changed.count).toBeLessThan(250);
    expect(large.heap.hotUpdates).toBe(10_000);
  });
});
