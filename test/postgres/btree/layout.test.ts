import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { Boundaries } from '../../../src/postgres/btree/boundaries.ts';
import {
  BuiltTree,
  builtFanOut,
  builtRowsPerLeaf,
} from '../../../src/postgres/btree/btree-layout.ts';

/** CREATE INDEX on PostgreSQL 15.18: key bytes, rows, rows of each key, pages of the file. */
test.each([
  [4, 1_000_000, 1, 2745, 0],
  [4, 100_000, 1, 276, 0],
  [16, 1_000_000, 1, 3853, 0],
  [4, 10, 1, 2, 0],
  [8, 1_000_000, 4, 1506, 0.01],
  [4, 1_000_000, 100_000, 850, 0.01],
])('keys of %i bytes, %i rows, %i a key: %i pages', (keyBytes, rows, rowsPerKey, pages, error) => {
  const tree = new BuiltTree(rows, keyBytes, 90, rowsPerKey);
  expect(Math.abs(tree.pages / pages - 1)).toBeLessThanOrEqual(error);
});

test('366 rows a leaf and 284 children a page for keys of up to 8 bytes', () => {
  // bt_page_stats: 367 and 285 items, high key included.
  expect([builtRowsPerLeaf(4, 90, 1), builtRowsPerLeaf(8, 90, 1), builtFanOut(4)]).toEqual([
    366, 366, 284,
  ]);
});

test('P4.5: primary keys of 2 million rows have 42.7 MB as bigint and 59.7 MB as uuid', () => {
  const megabytes = (keyBytes: number) => {
    const tree = new BuiltTree(2_000_000, keyBytes, 90, 1);
    return (tree.pages * 8192) / (1 << 20);
  };
  expect(Math.abs(megabytes(8) / 42.7 - 1)).toBeLessThan(0.06);
  expect(Math.abs(megabytes(16) / 59.7 - 1)).toBeLessThan(0.06);
});

test('blocks of inner pages, as pageinspect shows them for a million rows', () => {
  const tree = new BuiltTree(1_000_000, 4, 90, 1);
  const inner = Array.from({ length: 10 }, (_, page) => tree.blockOf(1, page));
  expect(inner).toEqual([3, 289, 575, 860, 1145, 1430, 1715, 2000, 2285, 2570]);
  expect(tree.blockOf(2, 0)).toBe(290);
});

test('every block of a tree is one page of it', () => {
  for (const rows of [1, 367, 104_000, 300_000]) {
    const tree = new BuiltTree(rows, 4, 90, 1);
    const blocks = tree.counts.flatMap((count, level) =>
      Array.from({ length: count }, (_, page) => tree.blockOf(level, page)),
    );
    const expected = Array.from({ length: tree.pages - 1 }, (_, i) => i + 1);
    expect(blocks.sort((a, b) => a - b)).toEqual(expected);
  }
});

test('sorted bounds agree with a plain sorted list', () => {
  const random = new Random('bounds');
  const bounds = new Boundaries();
  const list: { bound: number; entry: number }[] = [];
  for (let entry = 0; entry < 3000; entry++) {
    const bound = entry % 3 === 0 ? 1e6 + entry : random.uniform() * 1e6;
    bounds.insert(bound, entry);
    list.push({ bound, entry });
  }
  list.sort((a, b) => a.bound - b.bound);
  for (let i = 0; i < 2000; i++) {
    const position = random.uniform() * 1.1e6;
    const below = list.filter(({ bound }) => bound <= position).at(-1);
    const above = list.find(({ bound }) => bound > position);
    expect(bounds.floor(position)).toBe(below?.entry ?? -1);
    expect(bounds.above(position)).toBe(above?.bound ?? Number.POSITIVE_INFINITY);
  }
});
