/**
 * Sizes of the WAL records that change no page (access/xlogrecord.h): 24 bytes of header, 2 of
 * main-data header, main data. They count without the alignment to 8 bytes. Records of tables and
 * indexes are in `heap/` and `btree/`.
 */

import type { PostgresSettings } from './settings.ts';

const RECORD = 24;
const MAIN_HEADER = 2;

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
