/**
 * P4.5: key order, index size and WAL (ADR-0062 of a public repository, PostgreSQL 15): two million
 * rows inserted under a primary key, then 200,000 more. Sizes are pages of 8 KiB in MiB, as
 * pg_size_pretty has them.
 */
import { describe, expect, test } from 'vitest';
import { BuiltTree } from '../../src/postgres/btree/btree-layout.ts';
import { Table } from '../../src/postgres/heap/relation.ts';
import { Log } from '../postgres/heap/workbench.ts';

const ROWS = 2_000_000;
const MORE = 200_000;
/** Header, the key, a bigint and a timestamp: the published tables' columns are not told. */
const TUPLE_BYTES = 24 + 8 + 8;

const megabytes = (pages: number) => (pages * 8192) / (1 << 20);

interface Inserted {
  readonly indexMegabytes: number;
  /** Of the rows inserted after a checkpoint. */
  readonly walBytes: number;
}

function insert(keyBytes: number, correlation: 'exact' | 'none'): Inserted {
  const key = { name: 'pkey', relation: 2, keyBytes, unique: true, fillfactor: 90, rowsPerKey: 1 };
  const table = new Table({
    ...{ name: 'parents', relation: 1, rows: 0, tupleBytes: TUPLE_BYTES + keyBytes },
    ...{ fillfactor: 100, version: 15, indexes: [{ ...key, correlation }] },
  });
  const target = { block: -1 };
  for (let i = 0; i < ROWS; i++) table.insert(5, 4, target);
  const indexMegabytes = megabytes(table.indexes[0]!.pages);
  const log = new Log();
  log.checkpoint();
  for (let i = 0; i < MORE; i++) {
    for (const record of table.insert(6, 5, target).records) log.insert(table, record);
  }
  return { indexMegabytes, walBytes: log.bytes };
}

describe('P4.5: two million keys, and 200,000 more', () => {
  const bigint = insert(8, 'exact');
  const random = insert(16, 'none');
  const ordered = insert(16, 'exact');

  /** 6 %: what lies between the geometry (42.7, 77.9, 59.7) and the measurements. */
  test.each([
    ['bigint', bigint, 42],
    ['UUIDv4', random, 75],
    ['UUIDv7', ordered, 60],
  ])('the primary key by %s', (_, { indexMegabytes }, published) => {
    expect(Math.abs(indexMegabytes / published - 1)).toBeLessThan(0.06);
  });

  test.each([
    ['bigint', 8, 93],
    ['UUID', 16, 111],
  ])('a foreign key of %s, four rows each, deduplicated', (_, keyBytes, published) => {
    const { pages } = new BuiltTree(8_000_000, keyBytes, 90, 4);
    expect(Math.abs(megabytes(pages) / published - 1)).toBeLessThan(0.06);
  });

  test('random keys log whole leaves, ordered ones do not: 3.3 times the WAL', () => {
    const ratio = random.walBytes / bigint.walBytes;
    expect(ratio).toBeGreaterThan(2);
    expect(ratio).toBeLessThan(8);
  });
});
