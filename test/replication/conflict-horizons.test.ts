import { describe, expect, test } from 'vitest';
import * as btree from '../../src/postgres/btree/btree-records.ts';
import * as heap from '../../src/postgres/heap/heap-records.ts';
import { Table } from '../../src/postgres/heap/relation.ts';
import { scanPage } from '../../src/postgres/heap/vacuum-page.ts';

const PAGE = { relation: 1, block: 7, pageBytes: 4000, isNew: false };
const LEAF = { relation: 2, block: 3, usedBytes: 2000 };

/** A table with one changed page: a row that one transaction updated. */
function changed(version: number) {
  const table = new Table({
    name: 't',
    relation: 1,
    rows: 100,
    tupleBytes: 121,
    fillfactor: 50,
    version,
    indexes: [],
  });
  const how = { xid: 50, horizon: 0, changesIndexedColumn: false, changedBytes: 4 };
  table.heap.update(1, { ...how, target: { block: -1 } });
  return table.heap;
}

/** What a vacuum's first pass logs of the page, and what it conflicts with. */
function vacuumed(version: number, horizon: number, freezeLimit: number) {
  const table = changed(version);
  const entry = table.changed.find(table.changed.block[0]!);
  const cutoffs = { horizon, freezeLimit, hasChecksums: false, isImaged: () => false };
  const { records } = scanPage(table, entry, cutoffs);
  return records.map((each) => [each.kind, each.snapshotConflictHorizon]);
}

describe('conflict horizons', () => {
  test('5: prune, freeze, all-visible and index deletes bear one', () => {
    const visible = ['Heap2/VISIBLE', 50];
    expect(vacuumed(15, 60, 0)).toEqual([['Heap2/PRUNE', 50], visible]);
    expect(vacuumed(15, 60, 55), 'of all that is older').toEqual([
      ['Heap2/PRUNE', 50],
      ['Heap2/FREEZE_PAGE', 54],
      visible,
    ]);
    expect(vacuumed(16, 60, 55), 'of what was on the page').toEqual([
      ['Heap2/PRUNE', 50],
      ['Heap2/FREEZE_PAGE', 50],
      visible,
    ]);
    expect(vacuumed(17, 60, 55)).toEqual([['Heap2/PRUNE', 50], visible]);
    expect(btree.deleteRecord(LEAF, 3, 15, 50).snapshotConflictHorizon).toBe(50);
  });

  test('5: a vacuum of what nobody has ended conflicts with nobody', () => {
    expect(vacuumed(15, 50, 0), 'not removable yet').toEqual([]);
    const others = [
      heap.vacuumRecord(PAGE, 3, 15),
      btree.vacuumRecord(LEAF, 3),
      heap.insertRecord(PAGE, 100),
      heap.deleteRecord(PAGE),
    ];
    expect(others.map((each) => each.snapshotConflictHorizon ?? 0)).toEqual([0, 0, 0, 0]);
  });

  test('5: pruning and the cleaning of a leaf want the page for themselves', () => {
    const pruned = { redirected: 1, dead: 0, unused: 0 };
    const needs = [
      heap.pruneRecord(PAGE, pruned, 15),
      heap.pruneRecord(PAGE, pruned, 17),
      btree.vacuumRecord(LEAF, 1),
      heap.pruneRecord(PAGE, { ...pruned, redirected: 0 }, 17, 5),
      heap.vacuumRecord(PAGE, 1, 15),
      btree.deleteRecord(LEAF, 1, 15),
    ].map((each) => each.needsCleanupLock ?? false);
    expect(needs).toEqual([true, true, true, false, false, false]);
  });
});
