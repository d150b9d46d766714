/** Which rows a statement is about and which locks it takes, as pure functions of the statement. */
import { type Access, rowsOf } from './access.ts';
import type { Costs } from './costs.ts';
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
import { type RowId, rowId } from './locking/row-locks.ts';
import type { Keys, Statement, Verb } from './statement.ts';

/** Whether a statement changes rows or definitions. */
export function changes(verb: Verb): boolean {
  const changesRows = verb === 'update' || verb === 'insert' || verb === 'delete';
  return changesRows || verb === 'alter' || verb === 'vacuum';
}

/** The lock of the table (manual, table 13.2). */
export function tableLockOf({ verb, details }: Statement): LockMode {
  if (verb !== 'select') return ROW_EXCLUSIVE;
  return details !== null && details.rowLock !== null ? ROW_SHARE : ACCESS_SHARE;
}

/** The lock of each row; null: it takes none. An INSERT has the key that it was given, if any. */
export function rowLockOf({ verb, details, key }: Statement): RowLockMode | null {
  switch (verb) {
    case 'update':
      return FOR_NO_KEY_UPDATE;
    case 'delete':
      return FOR_UPDATE;
    case 'insert':
      if (!details?.isKeyGiven || key === 0) return null;
      return details.onConflict === 'update' ? FOR_NO_KEY_UPDATE : FOR_UPDATE;
    default:
      return details === null ? null : details.rowLock;
  }
}

/** Several rows in the order in which they are found: by key, each once; of VALUES as given. */
export function keysOf({ verb, details }: Statement, table: Table): readonly number[] {
  const { rows, access } = details!;
  if (rows === 'entries') return [...rowsOf(table, access!)].map((row) => row + 1);
  if (rows === 'all') return spreadRows(table, access?.entries ?? table.heap.nextRow);
  const keys = rows as Keys;
  if (keys.kind === 'range') {
    const first = Math.max(1, keys.first);
    const last = Math.min(table.heap.nextRow, keys.last);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  }
  if (keys.kind === 'copy') return [];
  if (verb === 'insert') return keys.list;
  return [...new Set(keys.list)].sort((a, b) => a - b);
}

/** So many rows, evenly over the table. */
function spreadRows({ heap }: Table, wanted: number): number[] {
  const count = Math.min(heap.nextRow, Math.round(wanted));
  return Array.from({ length: count }, (_, i) => 1 + Math.floor((i * heap.nextRow) / count));
}

/** Processor time of each row beyond the first. */
export function furtherRow({ verb, details }: Statement, costs: Costs): number {
  const { rows, rowLock } = details!;
  const kind = verb === 'select' && rowLock !== null ? 'lock' : verb;
  const isList = typeof rows === 'object' && rows !== null && rows.kind === 'list';
  return costs.furtherRow(kind as 'select') + (isList ? costs.furtherRow('scattered') : 0);
}

/** The row of a key: of one that no row can have it is the next one, which does not live. */
export function rowOf(key: number, table: Table): number {
  return key >= 1 && Number.isSafeInteger(key) ? key - 1 : table.heap.nextRow;
}

/** The row of a statement's key, as locks know it. */
export function rowIdOf({ relation, key }: Statement): RowId {
  return rowId(relation!.index, key);
}

/** Rows that a scan has found are changed where they are. */
const FOUND: Access = { index: -1, scan: 'index', from: 0, entries: 0 };

/** A statement about one of several rows. */
export function aboutRow(statement: Statement, key: number): Statement {
  const { rows, access } = statement.details!;
  const isFound = rows === 'all' || rows === 'entries';
  const details = { ...statement.details!, rows: null, access: isFound ? FOUND : access };
  return { ...statement, key, details };
}

/** Whether it looks at tables (postgres.c: analyze_requires_snapshot, PortalStart). */
export function takesSnapshot({ verb }: Statement): boolean {
  return verb === 'select' || verb === 'update' || verb === 'insert' || verb === 'delete';
}

/** Statements by what they touch of a core's caches. */
export const VISITS = {
  begin: 1,
  select: 2,
  update: 3,
  delete: 3,
  insert: 4,
  commit: 5,
  rollback: 5,
  set: 1,
  savepoint: 1,
  release: 1,
  'rollback to': 1,
  alter: 5,
  vacuum: 5,
} as const;
