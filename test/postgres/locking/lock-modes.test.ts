import { describe, expect, test } from 'vitest';
import {
  CONFLICTS,
  LOCK_MODE_NAMES,
  type RowLockMode,
  rowModesConflict,
  TUPLE_LOCK_MODES,
} from '../../../src/postgres/locking/lock-modes.ts';

/** Table 13.2 of the manual: requested mode in rows, held mode in columns, both weakest first. */
const TABLE_LEVEL = `
  AccessShareLock          . . . . . . . X
  RowShareLock             . . . . . . X X
  RowExclusiveLock         . . . . X X X X
  ShareUpdateExclusiveLock . . . X X X X X
  ShareLock                . . X X . X X X
  ShareRowExclusiveLock    . . X X X X X X
  ExclusiveLock            . X X X X X X X
  AccessExclusiveLock      X X X X X X X X`;

/** Table 13.3: FOR KEY SHARE, FOR SHARE, FOR NO KEY UPDATE, FOR UPDATE. */
const ROW_LEVEL = `
  . . . X
  . . X X
  . X X X
  X X X X`;

const rowsOf = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));

describe('lock modes', () => {
  test('conflicts of the eight modes, all 64 pairs', () => {
    const found = CONFLICTS.slice(1).map((mask, i) => [
      LOCK_MODE_NAMES[i + 1]!,
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((mode) => (mask & (1 << mode) ? 'X' : '.')),
    ]);
    expect(found).toEqual(rowsOf(TABLE_LEVEL));
  });

  test('conflicts of the four row modes, and of the tuple locks their waiters take', () => {
    const modes: RowLockMode[] = [0, 1, 2, 3];
    const byRule = modes.map((a) => modes.map((b) => (rowModesConflict(a, b) ? 'X' : '.')));
    expect(byRule).toEqual(rowsOf(ROW_LEVEL));
    const byTuple = modes.map((a) =>
      modes.map((b) =>
        CONFLICTS[TUPLE_LOCK_MODES[a]!]! & (1 << TUPLE_LOCK_MODES[b]!) ? 'X' : '.',
      ),
    );
    expect(byTuple).toEqual(rowsOf(ROW_LEVEL));
  });
});
