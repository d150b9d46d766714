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
 * costs 4 bytes of flags: that the replay is waited for, at wal_level = logical its database (two
 * numbers of 4 bytes), and the ids of its subtransactions: their number and each of them (46 bytes
 * for one, 50 for two in PostgreSQL 15).
 */
export function commitBytes(settings: PostgresSettings, subtransactions = 0): number {
  const names = settings.wal_level === 'logical' ? 8 : 0;
  const ids = idsBytes(subtransactions);
  const flags = names + ids > 0 || settings.synchronous_commit === 'remote_apply' ? 4 : 0;
  return recordOf(8 + flags + names + ids);
}

/** An abort record (XactLogAbortRecord), with the ids that were released into what is aborted. */
export function abortBytes(subtransactions = 0): number {
  const ids = idsBytes(subtransactions);
  return recordOf(8 + ids + (ids > 0 ? 4 : 0));
}

/** XLOG_XACT_ASSIGNMENT tells standbys 64 ids of one transaction: 293 bytes in PostgreSQL 15. */
export const ASSIGNMENT_BYTES = recordOf(8 + 64 * 4);

function idsBytes(subtransactions: number): number {
  return subtransactions === 0 ? 0 : 4 + 4 * subtransactions;
}

function recordOf(mainBytes: number): number {
  return RECORD + (mainBytes > 255 ? LONG_MAIN_HEADER : MAIN_HEADER) + mainBytes;
}

/** Records of running transactions (standbydefs.h): 24 bytes and 4 for each. */
export function runningTransactionsBytes(transactions: number): number {
  return recordOf(24 + 4 * transactions);
}

/** The checkpoint record: 88 bytes of contents. */
export const CHECKPOINT_BYTES = RECORD + MAIN_HEADER + 88;
/** XLOG_CHECKPOINT_REDO, in version 17 and later: wal_level. */
export const CHECKPOINT_REDO_BYTES = RECORD + MAIN_HEADER + 4;

export const COMMIT_BYTES = RECORD + MAIN_HEADER + 8;

/** An AccessExclusiveLock in WAL, for standbys (standby.c:LogStandbyLock, one lock). */
export const STANDBY_LOCK_BYTES = 42;
