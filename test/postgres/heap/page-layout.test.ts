import { expect, test } from 'vitest';
import * as layout from '../../../src/postgres/heap/page-layout.ts';

/** Pages of tables that `pgbench -i -s 10 -F f` and COPY made (PostgreSQL 15.18). */
test.each([
  [121, 100, 1_000_000, 16_394],
  [121, 80, 1_000_000, 20_409],
  [121, 100, 100_000, 1_640],
  [121, 80, 100_000, 2_041],
  [113, 100, 100_000, 1_539],
  [32, 100, 100_000, 443],
  [36, 100, 100_000, 541],
  [149, 100, 2_000_000, 38_462],
])('tuples of %i bytes, fillfactor %i, %i rows: %i pages', (bytes, fillfactor, rows, pages) => {
  expect(Math.ceil(rows / layout.loadedRowsPerPage(bytes, fillfactor))).toBe(pages);
});

test('a loaded page of pgbench_accounts has lower 220 or 268 and upper 1920 or 384', () => {
  // page_header of block 5, at fillfactor 80 and 100.
  for (const [rows, lower, upper] of [
    [49, 220, 1920],
    [61, 268, 384],
  ] as const) {
    expect(8192 - layout.usedBytes(rows, rows, 121)).toBe(upper - lower);
    expect(layout.freeBytes(rows, 0, rows, 121)).toBe(upper - lower - 4);
  }
});

test('a page with 291 line pointers has room only if one of them is unused', () => {
  expect(layout.freeBytes(291, 0, 200, 28)).toBe(0);
  expect(layout.freeBytes(291, 1, 200, 28)).toBe(8192 - 24 - 291 * 4 - 200 * 32 - 4);
});

test('a tuple that leaves no room for the reserve wants a page that is nearly empty', () => {
  expect(layout.wantedFreeBytes(121, 80)).toBe(128 + 1638);
  expect(layout.wantedFreeBytes(7000, 80)).toBe(8160 - 36 * 4);
  expect(layout.wantedFreeBytes(8100, 80)).toBe(8104);
});
