import { expect, test } from 'vitest';
import { COMMIT_BYTES, insertBytes, LOCK_BYTES } from '../../src/postgres/record-sizes.ts';
import { ACCOUNTS, HISTORY } from '../../src/workload/pgbench.ts';

/** Measured on PostgreSQL 15 at wal_level = replica (pg_waldump), mechanisms 2.2. */
test.each([
  ['commit', COMMIT_BYTES, 34],
  ['row lock', LOCK_BYTES, 54],
  ['heap insert of 93 bytes of data', insertBytes(24 + 93), 148],
])('%s', (_, bytes, expected) => {
  expect(bytes).toBe(expected);
});

test('an update of a balance is about the 71 bytes of a same-page update', () => {
  expect(Math.abs(ACCOUNTS.updateBytes - 71)).toBeLessThanOrEqual(2);
});

test('an insert is 54 bytes and the tuple without its header of 23', () => {
  expect(HISTORY.insertBytes).toBe(54 + (24 + 24) - 23);
});
