/**
 * Sizes of the WAL records that change no page (access/xlogrecord.h): 24 bytes of header, 2 of
 * main-data header, main data. They count without the alignment to 8 bytes. Records of tables and
 * indexes are in `heap/` and `btree/`.
 */

import type { PostgresSettings } from './settings.ts';

const RECORD = 24;
const MAIN_HEADER = 2;
const LONG_MAIN_HEADER = 5;

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

/** Records of running transactions (standbydefs.h): 24 bytes and 4 for each. */
export function runningTransactionsBytes(transactions: number): number {
  const main = 24 + 4 * transactions;
  return RECORD + (main > 255 ? LONG_MAIN_HEADER : MAIN_HEADER) + main;
}

/** The checkpoint record: 88 bytes of contents. */
export const CHECKPOINT_BYTES = RECORD + MAIN_HEADER + 88;
/** XLOG_CHECKPOINT_REDO, in version 17 and later: wal_level. */
export const CHECKPOINT_REDO_BYTES = RECORD + MAIN_HEADER + 4;

export const COMMIT_BYTES = RECORD + MAIN_HEADER + 8;
