/**
 * The modes of table-level and row-level locks and which of them conflict: tables 13.2 and 13.3 of
 * the manual ("Explicit Locking"), lock.c: LockConflicts, heapam.c: tupleLockExtraInfo. A mode is a
 * small number and a set of modes a mask with bit `1 << mode`.
 */
export const ACCESS_SHARE = 1;
export const ROW_SHARE = 2;
export const ROW_EXCLUSIVE = 3;
export const SHARE_UPDATE_EXCLUSIVE = 4;
export const SHARE = 5;
export const SHARE_ROW_EXCLUSIVE = 6;
export const EXCLUSIVE = 7;
export const ACCESS_EXCLUSIVE = 8;

/** One of the eight modes of a heavyweight lock. */
export type LockMode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Postgres's names (pg_locks.mode), by mode. */
export const LOCK_MODE_NAMES = [
  '',
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const;

function maskOf(...modes: LockMode[]): number {
  return modes.reduce((mask, mode) => mask | (1 << mode), 0);
}

/** By mode: the mask of the modes that it cannot be held beside. */
export const CONFLICTS: readonly number[] = [
  0,
  maskOf(ACCESS_EXCLUSIVE),
  maskOf(EXCLUSIVE, ACCESS_EXCLUSIVE),
  maskOf(SHARE, SHARE_ROW_EXCLUSIVE, EXCLUSIVE, ACCESS_EXCLUSIVE),
  maskOf(SHARE_UPDATE_EXCLUSIVE, SHARE, SHARE_ROW_EXCLUSIVE, EXCLUSIVE, ACCESS_EXCLUSIVE),
  maskOf(ROW_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE, SHARE_ROW_EXCLUSIVE, EXCLUSIVE, ACCESS_EXCLUSIVE),
  maskOf(
    ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    SHARE,
    SHARE_ROW_EXCLUSIVE,
    EXCLUSIVE,
    ACCESS_EXCLUSIVE,
  ),
  maskOf(2, 3, 4, 5, 6, 7, 8),
  maskOf(1, 2, 3, 4, 5, 6, 7, 8),
];

/** Row locks, weakest first: each one conflicts with the strongest so many. */
export const FOR_KEY_SHARE = 0;
export const FOR_SHARE = 1;
export const FOR_NO_KEY_UPDATE = 2;
export const FOR_UPDATE = 3;

/** A row lock. An UPDATE that leaves the keys alone takes FOR NO KEY UPDATE. */
export type RowLockMode = 0 | 1 | 2 | 3;

/** Of two holders of one row: the triangle of table 13.3. */
export function rowModesConflict(a: RowLockMode, b: RowLockMode): boolean {
  return a + b >= 3;
}

/** By row mode: the heavyweight mode in which a waiter takes the row's tuple lock. */
export const TUPLE_LOCK_MODES: readonly LockMode[] = [
  ACCESS_SHARE,
  ROW_SHARE,
  EXCLUSIVE,
  ACCESS_EXCLUSIVE,
];

/** Fast-path slots take these; only stronger ones than ShareUpdateExclusive conflict with them. */
export function isWeak(mode: LockMode): boolean {
  return mode < SHARE_UPDATE_EXCLUSIVE;
}

/** Such a lock moves others' fast-path locks into the table and keeps them out while it stands. */
export function isStrong(mode: LockMode): boolean {
  return mode > SHARE_UPDATE_EXCLUSIVE;
}
