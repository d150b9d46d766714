/**
 * INSERT ... ON CONFLICT on a table of one's own: which row has the new one's key already, by the
 * values that the plan puts into the columns of the arbiter index (execIndexing.c). A value that is
 * made anew (a sequence, a random uuid) meets no row; one that only Postgres knows meets some row.
 */
import type { StatementDetails } from '../../postgres/statement.ts';
import type { Rows } from '../sql/template.ts';
import { reachOf } from './entries.ts';
import type { PlanNode } from './plan.ts';
import type { PlannedStatement } from './statements.ts';
import { changedColumns } from './words.ts';
import type { PlannedTable } from './world.ts';

const FRESH = /(nextval|gen_random_uuid|uuidv[47]|uuid_generate_v4|clock_timestamp)\(/;

/** Null: the arbiter is no b-tree. */
export function onConflict(
  statement: PlannedStatement,
  plan: PlanNode,
  { Output: values = [] }: PlanNode,
  table: PlannedTable,
): { rows: Rows; details: Partial<StatementDetails> } | null {
  const [name] = plan['Conflict Arbiter Indexes'] ?? [];
  const index = table.indexes.find(({ definition, unique }) =>
    name === undefined ? unique : definition.name === name,
  );
  if (index === undefined) return null;
  const conditions = index.columns.map(({ name: column }) => {
    const place = table.catalog.columns.findIndex((each) => each.name === column);
    return { column: column ?? '', operator: '=', text: values[place] ?? 'NULL' };
  });
  const isFresh = conditions.some(({ text }) => FRESH.test(text));
  const about = { rows: table.rows, before: table.before, estimate: 1 };
  const reach = reachOf(index, conditions, statement.parameters, about);
  const columns = changedColumns(statement);
  const isUpdate = plan['Conflict Resolution'] === 'UPDATE';
  const details: Partial<StatementDetails> = {
    isKeyGiven: true,
    onConflict: isUpdate ? 'update' : 'nothing',
    access: { index: index.number, scan: 'index', from: 0, entries: 1 },
    changedIndexes: isUpdate ? table.indexesWith(columns) : [],
    changedBytes: isUpdate ? table.changedBytes(columns) : 0,
  };
  const value: Parameters<typeof rowsOf>[0] = (environment) => {
    if (isFresh) return 0n;
    const found = reach(environment);
    if (found === undefined) return undefined;
    return BigInt(found.kind === 'row' ? found.key : found.from + 1);
  };
  return { rows: rowsOf(value), details };
}

function rowsOf(value: Extract<Rows, { kind: 'one' }>['key']['value']): Rows {
  return { kind: 'one', key: { isConstant: false, value } };
}
