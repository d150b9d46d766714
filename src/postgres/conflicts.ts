/** What stands in the way of a change: a row of the same key, or changes that a snapshot misses. */
import type { Table } from './heap/relation.ts';
import { rowId } from './locking/row-locks.ts';
import type { Server } from './server.ts';
import { ERRORS, type ErrorResponse, type Statement } from './statement.ts';
import { rowOf } from './statement-rows.ts';
import type { Transaction } from './transaction.ts';

/** Whether there is a row of the statement's key. */
export function isThere({ key }: Statement, table: Table): boolean {
  return table.heap.rows.blockOf(rowOf(key, table)) >= 0;
}

/** An INSERT of a key that a row has already. */
export function meetsRow(statement: Statement, table: Table): boolean {
  return statement.details?.isKeyGiven === true && isThere(statement, table);
}

/** Who wants to change it. */
interface Changer {
  readonly server: Pick<Server, 'recentUpdates'>;
  readonly transaction: Pick<Transaction, 'isRepeatable' | 'sees'>;
}

/** What forbids the change: another row of the key, or a change that the snapshot misses. */
export function conflictOf(
  statement: Statement,
  table: Table,
  { server, transaction }: Changer,
): ErrorResponse | null {
  const { verb, details, key } = statement;
  if (verb === 'insert') {
    if (!meetsRow(statement, table)) return null;
    if (details!.onConflict === 'error') return ERRORS.uniqueViolation;
  }
  if (!transaction.isRepeatable) return null;
  const id = rowId(table.definition.relation, rowOf(key, table));
  const last = server.recentUpdates.lastOf(id);
  return last === 0 || transaction.sees(last) ? null : ERRORS.serializationFailure;
}
