/**
 * Foreign keys, as ri_triggers.c sees to them: when a statement has done its work, each row that it
 * has changed is followed by the queries of its constraints. A row that refers to another looks it
 * up by its key and locks it FOR KEY SHARE, so that nobody deletes it meanwhile; a row that is gone
 * looks for those that refer to it, through an index if there is one, and is refused, or deletes or
 * changes them. Each of these is a statement of its own, with its locks, pages and WAL; those of
 * plain tables are planned once, those of partitioned ones each time, as a plan for all partitions
 * is never the cheaper one (plancache.c).
 *
 * Processor time by EXPLAIN (ANALYZE) of version 15.18, least of six times 1,000 or 2,000 rows:
 * 2.7 us for each row that refers to a plain table, 23 to one of 12 partitions, 4.2 for one deleted
 * that another table may refer to.
 *
 * Left out: deferred constraints, MATCH PARTIAL and MATCH FULL; the snapshot of a check under
 * REPEATABLE READ; keys that only Postgres knows refer to some row that is there.
 */
import { vacuumTables } from './autovacuum/command.ts';
import { openAndExecute, type PartsExecutor } from './partitioning/parts.ts';
import { ERRORS, type ErrorResponse, type Statement, type StatementDetails } from './statement.ts';
import { keysOf } from './statement-rows.ts';

/** What one constraint wants of the rows that a statement has changed. */
export interface ForeignKeyCheck {
  /** Of rows that were changed so. */
  readonly kind: 'insert' | 'update' | 'delete';
  /** In these tables, by the numbers of their relations. */
  readonly relations: readonly number[];
  /** An error if it finds no row, or if it finds one. */
  readonly refuses: 'none' | 'any' | null;
  /** The plan is made anew each time. */
  readonly isPlanned: boolean;
  /** What is executed for a row, by its number in its table; null: nothing, of a null key. */
  readonly statementFor: (relation: number, row: number) => Statement | null;
}

type Finishing = Generator<undefined, ErrorResponse | null, undefined>;

/** Whether a statement is more than its verb on its table. */
export function isCompound(details: StatementDetails): boolean {
  const { opens, command, vacuum, job, foreignKeys } = details;
  return (opens ?? command ?? vacuum ?? job) !== null || foreignKeys.length > 0;
}

/** Executes such a statement. */
export function* executeCompound(executor: PartsExecutor, statement: Statement): Finishing {
  const { vacuum, foreignKeys } = statement.details!;
  if (vacuum !== null) return yield* vacuumTables(executor, vacuum);
  if (foreignKeys.length === 0) return yield* openAndExecute(executor, statement);
  const from = executor.changes.count;
  const bare = { ...statement, details: { ...statement.details!, foreignKeys: [] } };
  const error = yield* execute(executor, bare);
  if (error !== null) return error;
  const end = executor.changes.count;
  for (let number = from; number < end; number++) {
    const failed = yield* checkRow(executor, foreignKeys, number);
    if (failed !== null) return failed;
  }
  return null;
}

function* execute(executor: PartsExecutor, statement: Statement): Finishing {
  return executor.begin(statement) ? null : yield* executor.finish(statement);
}

/** One row that was changed. */
function* checkRow(
  executor: PartsExecutor,
  checks: readonly ForeignKeyCheck[],
  number: number,
): Finishing {
  const { changes, server } = executor;
  const { change, relation } = changes.at(number);
  const { kind, row } = change.heap;
  const { costs, host, group } = server;
  for (const check of checks) {
    if (check.kind !== kind || !check.relations.includes(relation)) continue;
    const statement = check.statementFor(relation, row);
    if (statement === null) continue;
    const own = check.refuses === 'none' ? 'foreignKey' : 'referenced';
    const planning = check.isPlanned ? costs.furtherRow('foreignKeyPlanned') : 0;
    yield host.cpu.serve(Math.round(costs.furtherRow(own) + planning), group);
    const error = yield* execute(executor, statement);
    if (error !== null) return error;
    if (check.refuses === null) continue;
    const isFound = finds(executor, statement);
    if (isFound === (check.refuses === 'any')) return ERRORS.foreignKey;
  }
  return null;
}

/** Whether there is a row of those that a statement is about. */
function finds(executor: PartsExecutor, statement: Statement): boolean {
  const { details, key, relation } = statement;
  if (relation === null) return false;
  if (details!.rows === 'parts') return details!.parts.some((part) => finds(executor, part));
  const table = executor.server.storage.tables[relation.index]!;
  const keys = details!.rows === null ? [key] : keysOf(statement, table);
  return keys.some((each) => each >= 1 && table.heap.rows.blockOf(each - 1) >= 0);
}
