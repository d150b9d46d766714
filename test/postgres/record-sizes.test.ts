import { expect, test } from 'vitest';
import { COMMIT_BYTES } from '../../src/postgres/record-sizes.ts';

/** Measured on PostgreSQL 15 at wal_level = replica (pg_waldump), mechanisms 2.2. */
test.each([['commit', COMMIT_BYTES, 34]])('%s', (_, bytes, expected) => {
  expect(bytes).toBe(expected);
});
