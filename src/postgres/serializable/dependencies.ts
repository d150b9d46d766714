/** What a statement reads and writes for others under SERIALIZABLE: rows, their pages, leaves. */
import type { HeapChange } from '../heap/heap-change.ts';
import { type Table, tablePage } from '../heap/relation.ts';
import type { Server } from '../server.ts';
import type { Statement } from '../statement.ts';
import { rowOf } from '../statement-rows.ts';
import type { Transaction } from '../transaction.ts';
import type { SerializableTransaction } from './conflicts.ts';
import type { PredicateLocks } from './predicate-locks.ts';

/**
 * A statement about one row has done its work. True: with what it has read and written its
 * transaction has to fail.
 */
export function dependsTooMuch(
  locks: PredicateLocks,
  own: SerializableTransaction,
  statement: Statement,
  table: Table,
  change: HeapChange | null,
): boolean {
  const { relation } = table.definition;
  const row = change?.row ?? rowOf(statement.key, table);
  if (statement.verb !== 'insert' || change === null) {
    const block = change?.block ?? table.heap.rows.blockOf(row);
    const page = block < 0 ? -1 : tablePage(relation, block);
    const through = statement.details?.access?.index ?? 0;
    if (locks.reads(own, { relation, row, page, leaves: leavesOf(table, row, through) }))
      return true;
  }
  if (change === null || change.kind === 'lock') return own.doomed;
  const page = change.kind === 'insert' ? -1 : tablePage(relation, change.block);
  const leaves = change.kind === 'delete' || change.hot ? [] : leavesOf(table, row);
  return locks.writes(own, { relation, row, page, leaves });
}

/** The leaves that have a row's entries, of one index or of all. */
function leavesOf(table: Table, row: number, only = -1): number[] {
  const leaves: number[] = [];
  table.indexes.forEach(({ definition, levels }, number) => {
    const level = levels[0];
    if (level === undefined || (only >= 0 && number !== only)) return;
    leaves.push(tablePage(definition.relation, level.blockOf(table.position(number, row))));
  });
  return leaves;
}

/** A scan has read a whole table; true if that is too much for others under SERIALIZABLE. */
export function scansTooMuch(
  { server, transaction }: { readonly server: Server; readonly transaction: Transaction },
  { definition }: Table,
): boolean {
  const own = transaction.serializable;
  return own !== null && server.predicateLocks.scans(own, definition.relation);
}
