/**
 * Sizes of WAL records by their formula (access/xlogrecord.h): 24 bytes of header, per block 4 and
 * 12 for its relation and 4 for its number, 2 of main-data header, main data, block data. They
 * count without the alignment to 8 bytes, which `advance` adds.
 *
 * Left out until tables have pages: full-page images, index records of non-HOT updates, pruning.
 */

import type { PostgresSettings } from './settings.ts';

const RECORD = 24;
const BLOCK = 4 + 12 + 4;
const MAIN_HEADER = 2;
const TUPLE_HEADER_ON_PAGE = 23;
const TUPLE_HEADER_IN_RECORD = 5;

/**
 * A commit record (xact.c:XactLogCommitRecord): a timestamp of 8 bytes. What it says beyond that
 * costs 4 bytes of flags: that the replay is waited for, and at wal_level = logical its database
 * (two numbers of 4 bytes).
 */
export function commitBytes(settings: PostgresSettings): number {
  const names = settings.wal_level === 'logical' ? 8 : 0;
  const flags = names > 0 || settings.synchronous_commit === 'remote_apply' ? 4 : 0;
  return COMMIT_BYTES + flags + names;
}

export const COMMIT_BYTES = RECORD + MAIN_HEADER + 8;

/** An insert of a row whose tuple, header included, has so many bytes. */
export function insertBytes(tupleBytes: number): number {
  const body = TUPLE_HEADER_IN_RECORD + tupleBytes - TUPLE_HEADER_ON_PAGE;
  return RECORD + BLOCK + MAIN_HEADER + 3 + body;
}

/** A HOT update that changes so many bytes of a row; the rest is a common prefix and suffix. */
export function hotUpdateBytes(changedBytes: number): number {
  const prefixAndSuffix = 4;
  const main = 14;
  return (
    RECORD + BLOCK + MAIN_HEADER + main + prefixAndSuffix + TUPLE_HEADER_IN_RECORD + changedBytes
  );
}

/** A lock record (SELECT FOR UPDATE), main data 8. */
export const LOCK_BYTES = RECORD + BLOCK + MAIN_HEADER + 8;
