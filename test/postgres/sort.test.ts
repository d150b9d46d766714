import { expect, test } from 'vitest';
import { sortBytes } from '../../src/postgres/sort.ts';

/** EXPLAIN ANALYZE on PostgreSQL 15.18, "Sort Method: quicksort  Memory", work_mem = 1 GB. */
test.each([
  [100_000, 97, 17_135],
  [10_000, 97, 1_791],
  [100_000, 8, 7_760],
])('%i rows of %i bytes take %i kB, within 0.1 %%', (rows, dataBytes, kilobytes) => {
  expect(Math.abs(sortBytes(rows, dataBytes) / 1024 / kilobytes - 1)).toBeLessThan(0.001);
});
