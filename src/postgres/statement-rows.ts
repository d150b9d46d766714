/** Which rows a statement is about and which locks it takes, as pure functions of the statement. */
import type { Table } from './heap/relation.ts';
import {
  ACCESS_SHARE,
  FOR_NO_KEY_UPDATE,
  FOR_UPDATE,
  type LockMode,
  ROW_EXCLUSIVE,
  ROW_SHARE,
  type RowLockMode,
} from './locking/lock-modes.ts';
import type { Keys, Statement } from './statement.ts';

/** The lock of the table (manual, table 13.2). */
export function tableLockOf({ verb, details }: Statement): LockMode {
  if (verb !== 'select') return ROW_EXCLUSIVE;
  return details !== null && details.rowLock !== null ? ROW_SHARE : ACCESS_SHARE;
}

/** The lock of each row; null: it takes none. An INSERT has the key that it was given. */
export function rowLockOf({ verb, details }: Statement): RowLockMode | null {
  switch (verb) {
    case 'update':
      return FOR_NO_KEY_UPDATE;
    case 'delete':
      return FOR_UPDATE;
    case 'insert':
      if (!details?.isKeyGiven) return null;
      return details.onConflict === 'update' ? FOR_NO_KEY_UPDATE : FOR_UPDATE;
    default:
      return details === null ? null : details.rowLock;
  }
}

/** Several rows in the order in which they are found: by key, each once; of VALUES as given. */
export function keysOf({ verb, details }: Statement, table: Table): readonly number[] {
  const keys = details!.rows as Keys;
  if (keys.kind === 'range') {
    const first = Math.max(1, keys.first);
    const last = Math.min(table.heap.nextRow, keys.last);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  }
  if (verb === 'insert') return keys.list;
  return [...new Set(keys.list)].sort((a, b) => a - b);
}

/** The row of a key: of one that no row can have it is the next one, which does not live. */
export function rowOf(key: number, table: Table): number {
  return key >= 1 && Number.isSafeInteger(key) ? key - 1 : table.heap.nextRow;
}

/** A statement about one of several rows. */
export function aboutRow(statement: Statement, key: number): Statement {
  return { ...statement, key, details: { ...statement.details!, rows: null } };
}
