/**
 * An UPDATE of the partition key: each row that no longer belongs where it is gets deleted there,
 * with a flag in the record's own byte (XLH_DELETE_IS_PARTITION_MOVE), and inserted into the
 * partition that has its new key, with an entry in each index (nodeModifyTable.c:
 * ExecCrossPartitionUpdate). Who waited for such a row finds it gone elsewhere: error 40001.
 *
 * One statement has one new key, so all of its rows go to the same partition; those that are there
 * already are updated in place. Left out: a new key that follows from the old one (they go to any
 * partition alike); the row's number, which is another in its new partition, so that a look-up by
 * its old one does not find it.
 */
import { scanIndex } from '../access.ts';
import { ROW_EXCLUSIVE } from '../locking/lock-modes.ts';
import { ERRORS, type ErrorResponse, type Statement, type StatementDetails } from '../statement.ts';
import { aboutRow, keysOf, rowOf } from '../statement-rows.ts';
import type { Storage } from '../storage/storage.ts';
import { scanTable } from '../table-scan.ts';
import { lockError } from './opening.ts';
import type { PartsExecutor } from './parts.ts';
import { partitionFor, type RoutedRow } from './routing.ts';

type Moving = Generator<undefined, ErrorResponse | null, undefined>;

/** The table is locked; where the rows go is known. */
export function* moveRows(executor: PartsExecutor, statement: Statement): Moving {
  const { server, owner, transaction } = executor;
  const { storage, locks } = server;
  const { movesTo, ...own } = statement.details!;
  const staying = { ...statement, details: { ...own, movesTo: null } };
  const { partitions } = storage.database;
  const target = partitionFor(movesTo!, partitions, transaction.startedAt, transaction.xid);
  if (target?.relation.index === statement.relation!.index) return yield* executor.rest(staying);
  const keys = yield* find(executor, staying);
  if (transaction.cancellation !== null) return transaction.cancellation;
  if (keys.length === 0) return null;
  if (target === null) return ERRORS.noPartition;
  const request = locks.lockRelation(owner, target.relation.index, ROW_EXCLUSIVE);
  const outcome = yield* locks.finish(owner, request);
  if (outcome !== 'granted') return lockError(outcome, server, transaction);
  for (const key of keys) {
    const error = yield* moveRow(executor, staying, key, target);
    if (error !== null) return error;
  }
  return null;
}

/** The keys of the rows that the statement is about, read as its plan reads them. */
function* find(
  executor: PartsExecutor,
  statement: Statement,
): Generator<undefined, readonly number[]> {
  const { rows, access } = statement.details!;
  const table = executor.server.storage.tables[statement.relation!.index]!;
  if (rows === null) return [statement.key];
  if (rows === 'all') yield* scanTable(executor, table);
  else if (rows === 'entries') yield* scanIndex(executor, table, access!);
  return keysOf(statement, table);
}

function* moveRow(
  executor: PartsExecutor,
  statement: Statement,
  key: number,
  { relation, strayKey }: RoutedRow,
): Moving {
  const { host, group, costs } = executor.server;
  const isOne = statement.details!.rows === null;
  const found = isOne ? statement : aboutRow(statement, key);
  const leaving = detailsOf(found.details!, { isMove: true });
  const before = executor.changes.count;
  const error = yield* executor.changeRow({ ...found, verb: 'delete', details: leaving });
  if (error !== null || executor.changes.count === before) return error;
  const verb = 'insert' as const;
  const details = detailsOf(found.details!, { strayKey, access: null });
  const refused = yield* executor.changeRow({ ...found, verb, relation, key: NO_KEY, details });
  if (refused !== null) return refused;
  const further = costs.furtherRow('delete') + (isOne ? 0 : costs.furtherRow('insert'));
  yield host.cpu.serve(Math.round(further), group);
  return executor.transaction.cancellation;
}

const NO_KEY = 0;

function detailsOf(details: StatementDetails, more: Partial<StatementDetails>): StatementDetails {
  return { ...details, rows: null, ...more };
}

/** What others have to know of a row of a partition that was changed. */
export function notePartitioned(
  { database: { partitions } }: Storage,
  { relation, details }: Statement,
  row: number,
): void {
  const { isMove, strayKey } = details!;
  if (isMove) partitions.move(relation!.index, row);
  if (strayKey !== null) partitions.strays.add(relation!.index, row, strayKey);
}

/** The row went to another partition while the statement waited for it. */
export function hasMoved({ server, transaction }: PartsExecutor, statement: Statement): boolean {
  if (transaction.isRepeatable) return false; // that is an error of another kind
  const { tables, database } = server.storage;
  const { index } = statement.relation!;
  const row = rowOf(statement.key, tables[index]!);
  return database.partitions.hasMoved(index, row) && tables[index]!.heap.rows.blockOf(row) < 0;
}
