import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/random.ts';
import { BTree, type IndexDefinition } from '../../../src/postgres/btree/btree.ts';
import { leavesToVacuum, vacuumLeaf } from '../../../src/postgres/btree/btree-vacuum.ts';
import { deduplicated } from '../../../src/postgres/btree/deduplication.ts';
import { recordBytes } from '../../../src/postgres/heap/wal-record.ts';

const INDEX: IndexDefinition = {
  ...{ relation: 2, keyBytes: 4, unique: true, fillfactor: 90, rowsPerKey: 1, version: 15 },
};
const NEW_ROW = { horizon: 0, isNewVersion: false };

interface Grown {
  readonly tree: BTree;
  readonly kinds: Map<string, number>;
  readonly bytes: Map<string, Set<number>>;
}

function grow(definition: IndexDefinition, keys: Iterable<number>): Grown {
  const tree = new BTree(definition, 0);
  const kinds = new Map<string, number>();
  const bytes = new Map<string, Set<number>>();
  for (const key of keys) {
    for (const record of tree.insert(key, NEW_ROW).records) {
      kinds.set(record.kind, (kinds.get(record.kind) ?? 0) + 1);
      const seen = bytes.get(record.kind) ?? new Set();
      bytes.set(record.kind, seen.add(recordBytes(record)));
    }
  }
  return { tree, kinds, bytes };
}

function* ascending(n: number) {
  for (let i = 0; i < n; i++) yield i;
}

function* scattered(n: number, name: string) {
  const random = new Random(name);
  for (let i = 0; i < n; i++) yield random.integer(0, 1e12);
}

describe('P8.4: fill by order of insertion', () => {
  test('ascending keys leave leaves 90 % full: 2,733 for a million', () => {
    const { tree, kinds, bytes } = grow(INDEX, ascending(1_000_000));
    // PostgreSQL 15.18: 2745 pages, level 2, root 412.
    expect([tree.pages, tree.height, tree.descend(0)[0]]).toEqual([2745, 2, 412]);
    expect(tree.leaves!.pages).toBe(2733);
    expect(kinds.get('Btree/INSERT_LEAF')! + 2732).toBe(1_000_000);
    expect([...bytes.get('Btree/INSERT_LEAF')!]).toEqual([64]);
    expect([...bytes.get('Btree/INSERT_UPPER')!]).toEqual([72]);
    expect(bytes.get('Btree/SPLIT_R')!).toContain(752);
    expect([...bytes.get('Btree/NEWROOT')!]).toEqual([90, 122]);
  });

  test('100,000 ascending keys: the splits of the real one', () => {
    const { tree, kinds } = grow(INDEX, ascending(100_000));
    expect(tree.pages).toBe(276);
    expect(Object.fromEntries(kinds)).toEqual({
      'Btree/NEWROOT': 2,
      'Btree/INSERT_LEAF': 99_727,
      'Btree/SPLIT_R': 273,
      'Btree/INSERT_UPPER': 272,
    });
  });

  /** PostgreSQL 15.18, unique index on random bigints (one on uuids), pages of the file. */
  test.each([
    [8, 50_000, 160],
    [8, 100_000, 333],
    [8, 200_000, 648],
    [8, 400_000, 1333],
    [8, 700_000, 2307],
    [8, 1_000_000, 3714],
    [16, 1_000_000, 4922],
  ])('keys of %i bytes at random, %i of them: %i pages within 7 %%', (keyBytes, n, pages) => {
    const definition = { ...INDEX, keyBytes, keysAreRandom: true };
    const { tree } = grow(definition, scattered(n, `random/${keyBytes}/${n}`));
    expect(Math.abs(tree.pages / pages - 1)).toBeLessThan(0.07);
  });

  test('random keys settle at ln 2 of a page (Yao), in the mean over sizes', () => {
    const tree = new BTree({ ...INDEX, keyBytes: 16, keysAreRandom: true }, 0);
    let shares = 0;
    let samples = 0;
    let n = 0;
    for (const key of scattered(400_000, 'yao')) {
      tree.insert(key, NEW_ROW);
      if (++n >= 100_000 && n % 10_000 === 0) {
        shares += (tree.entries * 28) / (tree.leaves!.pages * 8152);
        samples++;
      }
    }
    expect(Math.abs(shares / samples / Math.LN2 - 1)).toBeLessThan(0.03);
  });

  test('a split of a page in the middle logs half of it', () => {
    const definition = { ...INDEX, keyBytes: 8, keysAreRandom: true };
    const { bytes } = grow(definition, scattered(100_000, 'halves'));
    for (const [kind, real] of [
      ['Btree/SPLIT_L', 3384],
      ['Btree/SPLIT_R', 3368],
    ] as const) {
      expect([...bytes.get(kind)!].some((size) => Math.abs(size - real) <= 16)).toBe(true);
    }
  });
});

describe('new versions of rows', () => {
  function churn(version: number, horizonLag: number, updates: number) {
    const tree = new BTree({ ...INDEX, version }, 100_000);
    const random = new Random('churn');
    const kinds = new Map<string, number>();
    for (let xid = 1; xid <= updates; xid++) {
      const key = random.integer(0, 99_999);
      tree.markDead(key, xid);
      const horizon = Math.max(0, xid - horizonLag);
      for (const { kind } of tree.insert(key, { horizon, isNewVersion: true }).records) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
    }
    return { tree, kinds };
  }

  test('held horizon: every leaf splits once, as measured, after trying to deduplicate', () => {
    const { tree, kinds } = churn(15, 1e9, 40_000);
    expect(tree.pages).toBe(551);
    expect(kinds.get('Btree/DEDUP')).toBeGreaterThan(0);
    expect(kinds.get('Btree/DELETE')).toBeUndefined();
  });

  test('since 14 bottom-up deletion keeps the index from growing; before, it splits', () => {
    expect(churn(14, 100, 40_000).tree.pages).toBe(276);
    expect(churn(13, 100, 40_000).tree.pages).toBeGreaterThan(500);
  });

  test('entries that scans have marked make room in any version', () => {
    const tree = new BTree({ ...INDEX, version: 13 }, 100_000);
    for (let i = 0; i < 5000; i++) {
      tree.markDead(500, i);
      tree.hintDead(500, 1);
      tree.insert(500, { horizon: 1e9, isNewVersion: true });
    }
    expect(tree.pages).toBe(276);
    expect(tree.entries + tree.removed).toBe(105_000);
  });

  test('deduplication: little for two versions of a row, much for many rows of a key', () => {
    expect(deduplicated(100, 100, 4)).toEqual({ bytes: 2000, postingLists: 0 });
    const pairs = deduplicated(366, 406, 4);
    expect(pairs.bytes).toBeGreaterThan(406 * 20 - 40 * 8);
    expect(pairs.bytes).toBeLessThan(406 * 20);
    expect(deduplicated(10, 1000, 4).bytes).toBe(10 * (4 + 616));
  });

  test('entries are conserved over splits and vacuums', () => {
    const { tree } = churn(15, 1e9, 40_000);
    expect(tree.deadEntries).toBe(40_000);
    let removed = 0;
    for (const leaf of leavesToVacuum(tree, 20_001)) {
      removed += vacuumLeaf(tree, leaf, 20_001).removed;
    }
    expect(removed).toBe(20_000);
    expect([tree.entries, tree.deadEntries, tree.removed]).toEqual([120_000, 20_000, 20_000]);
    let changed = 0;
    for (const leaf of tree.leaves!.entries()) changed += tree.leaves!.items[leaf]!;
    expect(changed).toBe(tree.entries);
  });
});

describe('the way down', () => {
  test('one page of each level, root first; D43: ten billion rows have five levels', () => {
    expect(new BTree(INDEX, 1_000_000).descend(999_999)).toEqual([290, 2570, 2744]);
    expect(new BTree(INDEX, 100_000).descend(0)).toEqual([3, 1]);
    const lengths = [1e7, 1e8, 1e9, 1e10].map((rows) => new BTree(INDEX, rows).descend(7).length);
    expect(lengths).toEqual([3, 4, 4, 5]);
  });

  test('keys of a page that split are found on its two halves', () => {
    const tree = new BTree(INDEX, 100_000);
    const before = tree.descend(200);
    for (let i = 0; i < 60; i++) tree.insert(200 + i / 100, NEW_ROW);
    expect(tree.descend(0)).toEqual(before);
    expect(tree.descend(300)).toEqual([before[0], 276]);
    expect(tree.descend(400)).toEqual(new BTree(INDEX, 100_000).descend(400));
    expect(tree.pages).toBe(277);
  });
});
