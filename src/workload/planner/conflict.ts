/**
 * INSERT ... ON CONFLICT on a table of one's own: which row has the new one's key already, by the
 * values that the plan puts into the columns of the arbiter index (execIndexing.c). A value that is
 * made anew (a sequence, a random uuid) meets no row; one that only Postgres knows meets some row.
 * Of several columns there are more combinations than rows: as many of them meet one as rows there
 * are for each, the same ones each time.
 */
import type { StatementDetails } from '../../postgres/statement.ts';
import type { Environment } from '../sql/functions.ts';
import type { Rows } from '../sql/template.ts';
import { type Columns, type Condition, fraction, operandOf } from './conditions.ts';
import { reachOf } from './entries.ts';
import type { PlanNode } from './plan.ts';
import type { PlannedStatement } from './statements.ts';
import { changedColumns } from './words.ts';
import type { PlannedIndex, PlannedTable } from './world.ts';

const FRESH = /(nextval|gen_random_uuid|uuidv[47]|uuid_generate_v4|clock_timestamp)\(/;

/** What a new row meets. */
export interface Conflict {
  /** The key of the row that is there; 0: the new one's is its own. Undefined: it has no value. */
  readonly key: (environment: Environment) => number | undefined;
  readonly details: Partial<StatementDetails>;
}

/** ON CONFLICT of a table without a unique index. */
const NOTHING_TO_MEET: Conflict = { key: () => 0, details: {} };

function isUnique({ catalog }: PlannedTable): boolean {
  return catalog.indexes.some(({ unique }) => unique);
}

/** `values`: what the new row has in each column. Null: the arbiter is no b-tree. */
export function conflictOf(
  statement: PlannedStatement,
  plan: PlanNode,
  values: readonly string[],
  table: PlannedTable,
  columns?: Columns,
): Conflict | null {
  const [name] = plan['Conflict Arbiter Indexes'] ?? [];
  const index = table.indexes.find(({ definition, unique }) =>
    name === undefined ? unique : definition.name === name,
  );
  if (index === undefined) return isUnique(table) ? null : NOTHING_TO_MEET;
  const conditions = index.columns.map(({ name: column }) => {
    const place = table.catalog.columns.findIndex((each) => each.name === column);
    return { column: column ?? '', operator: '=', text: values[place] ?? 'NULL' };
  });
  const isFresh = conditions.some(({ text }) => FRESH.test(text));
  const about = { rows: table.rows, before: table.before, estimate: 1 };
  const scanned = columns === undefined ? about : { ...about, columns };
  const reach = reachOf(index, conditions, statement.parameters, scanned);
  const isTaken = taken(index, conditions, statement, about.rows, columns);
  const changed = changedColumns(statement);
  const isUpdate = plan['Conflict Resolution'] === 'UPDATE';
  const details: Partial<StatementDetails> = {
    isKeyGiven: true,
    onConflict: isUpdate ? 'update' : 'nothing',
    access: { index: index.number, scan: 'index', from: 0, entries: 1 },
    changedIndexes: isUpdate ? table.indexesWith(changed) : [],
    changedBytes: isUpdate ? table.changedBytes(changed) : 0,
  };
  const key = (environment: Environment) => {
    if (isFresh || !isTaken(environment)) return 0;
    const found = reach(environment);
    if (found === undefined) return undefined;
    return found.kind === 'row' ? found.key : found.from + 1;
  };
  return { key, details };
}

/** Whether there is a row of this combination of values. */
function taken(
  { columns: key }: PlannedIndex,
  conditions: readonly Condition[],
  { parameters }: PlannedStatement,
  rows: number,
  columns?: Columns,
): (environment: Environment) => boolean {
  const combinations = key.reduce((product, { distinct }) => product * Math.max(1, distinct), 1);
  if (key.length < 2 || combinations <= rows) return () => true;
  const operands = conditions.map(({ text }) => operandOf(text, parameters, columns));
  return (environment) => {
    const values = operands.map((each) =>
      each.kind === 'number'
        ? String(each.expression.value(environment))
        : String(each.place(environment)),
    );
    return fraction(values.join()) < rows / combinations;
  };
}

/** The same for one row of VALUES. */
export function rowsOfConflict({ key }: Conflict): Rows {
  const value = (environment: Environment) => {
    const found = key(environment);
    return found === undefined ? undefined : BigInt(found);
  };
  return { kind: 'one', key: { isConstant: false, value } };
}
