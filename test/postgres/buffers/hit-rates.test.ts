import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import * as popularity from '../../naive/buffer-popularity.ts';

const PAGES = 50_000;

function hitShare(size: number, discard: number, count: number, draw: () => number): number {
  const pool = new BufferPool(size);
  for (let i = 0; i < discard; i++) pool.load(draw());
  const before = pool.hits;
  for (let i = 0; i < count; i++) pool.load(draw());
  return (pool.hits - before) / count;
}

/** Johnson, Shasha, "2Q", VLDB 1994, table 4. */
describe('P9.1: 50,000 pages, F(i) = (i/N)^0.5, a million references from an empty cache', () => {
  test.each([
    [0.05, 0.105, 0.1096],
    [0.1, 0.183, 0.1893],
    [0.2, 0.313, 0.3215],
    [0.4, 0.529, 0.5336],
  ])('a cache of %d of them', (share, lru, sweep) => {
    const random = new Random(`P9.1/${share}`);
    const draw = () => {
      const u = random.uniform();
      return Math.floor(PAGES * u * u);
    };
    const hits = hitShare(PAGES * share, 0, 1_000_000, draw);
    expect(Math.abs(hits - sweep)).toBeLessThan(0.002);
    expect(Math.abs(hits - lru)).toBeLessThan(0.01); // never more than a point away
    expect(hits).toBeGreaterThan(lru);
  });
});

describe('P9.2: p(i) proportional to i^-0.5, in the steady state', () => {
  const law = popularity.squareRootLaw(PAGES);
  const table = new popularity.AliasTable(law);

  test.each([
    [0.05, 0.1052, 0.0976, 0.1068],
    [0.1, 0.184, 0.1706, 0.1866],
    [0.2, 0.3153, 0.2938, 0.3211],
    [0.4, 0.5294, 0.5003, 0.5387],
  ])('a cache of %d of the pages', (share, lru, fifo, sweep) => {
    const size = PAGES * share;
    expect(popularity.hitRate(law, size, popularity.che)).toBeCloseTo(lru, 3);
    expect(popularity.hitRate(law, size, popularity.fifo)).toBeCloseTo(fifo, 3);
    const random = new Random(`P9.2/${share}`);
    const draw = () => table.draw(random.uniform());
    const hits = hitShare(size, 300_000, 700_000, draw);
    expect(Math.abs(hits - sweep)).toBeLessThan(0.002);
    const closed = popularity.hitRate(law, size, popularity.postgresSweep);
    expect(Math.abs(hits - closed)).toBeLessThan(0.002);
  });
});

/**
 * Hit ratios of PostgreSQL 15.18 from pg_statio_user_tables: pgbench, scale 70, uniform keys,
 * `select abalance from pgbench_accounts where aid = :aid`; 61 rows a page with fillfactor 80, 366
 * index entries a leaf, three levels.
 */
describe('V6: hit ratios measured on PostgreSQL 15', () => {
  const ROWS = 7_000_000;
  const INDEX_PAGES = Math.ceil(149.96875 * 128);
  const LEAVES = Math.ceil(ROWS / 366);

  test.each([
    [16, 0.00864, 0.68375],
    [64, 0.03697, 0.73451],
    [256, 0.16677, 0.90183],
    [1024, 0.97273, 1],
  ])('shared_buffers of %d MB', (megabytes, heap, index) => {
    const pool = new BufferPool(megabytes * 128);
    const random = new Random(`V6/${megabytes}`);
    const hits = [0, 0];
    const touch = (file: number, block: number) => {
      if (pool.load(pageOf(file, block))) hits[file]!++;
    };
    const transactions = 60_000 + 2 * pool.size;
    for (let i = 0; i < 2 * transactions; i++) {
      if (i === transactions) hits.fill(0);
      const row = Math.floor(random.uniform() * ROWS);
      const leaf = Math.floor(row / 366);
      touch(1, LEAVES + 1 + Math.floor(leaf / (LEAVES / (INDEX_PAGES - LEAVES - 2))));
      touch(1, LEAVES);
      touch(1, leaf);
      touch(0, Math.floor(row / 61));
    }
    expect(Math.abs(hits[0]! / transactions - heap)).toBeLessThan(0.005);
    expect(Math.abs(hits[1]! / transactions / 3 - index)).toBeLessThan(0.005);
  });
});
