/**
 * What foreign keys make of a statement (ri_triggers.c): of each row that is inserted, or whose
 * reference is changed, a look-up of the row that it refers to; of each row that is deleted, or
 * whose key is changed, a look for those that refer to it, or their deletion or change.
 *
 * What a row refers to is known as far as the statement's text and parameters tell: numbers are
 * rows (`entries.ts`), anything else is some row that is there. A row refers to the same one for
 * good as far as its column's values tell: they are numbered, and as many as `distinct` says.
 *
 * The index that these queries use is not asked for: it is that of the key, and on the other side
 * the one whose first columns are those of the foreign key, else all rows are read.
 */
import type { ForeignKeyCheck } from '../../postgres/foreign-keys.ts';
import { FOR_KEY_SHARE } from '../../postgres/locking/lock-modes.ts';
import type { Statement, StatementDetails, Verb } from '../../postgres/statement.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { type CheckFor, fillIn, PLAIN, type Rows, type Template } from '../sql/template.ts';
import type { Value } from '../sql/values.ts';
import { takesNumber } from './bounds.ts';
import type { CatalogTable } from './catalog.ts';
import { operandOf } from './conditions.ts';
import { reachOf } from './entries.ts';
import { openedForValues } from './opens.ts';
import { keyColumnOf, leavesOf } from './partitions.ts';
import type { PlanNode } from './plan.ts';
import { type Reference, referencesOf, referencesTo } from './references.ts';
import type { PlannedStatement } from './statements.ts';
import { changedColumns } from './words.ts';
import type { PlannedIndex, PlannedTable, PlannedWorld } from './world.ts';

/** What the checks of a change are, in the order in which Postgres makes them. */
export function foreignKeyChecks(
  world: PlannedWorld,
  statement: PlannedStatement,
  plan: PlanNode,
): CheckFor[] {
  const table = world.namedIn(plan);
  const operation = plan.Operation;
  if (plan['Node Type'] !== 'ModifyTable' || table === undefined) return [];
  const changed = operation === 'Update' ? changedColumns(statement) : null;
  const isChanged = (columns: readonly string[]) =>
    changed === null || columns.some((each) => changed.includes(each));
  const all = referencesOf(world);
  const own = all.filter(({ of, columns }) => of === table && isChanged(columns));
  const to = operation === 'Delete' ? [] : own;
  const from = operation === 'Insert' ? [] : referencesTo(world, all, table, isChanged);
  const kind = operation === 'Update' ? 'update' : 'delete';
  const texts = valueTexts(statement, plan, table);
  return [
    ...from.map((each) => () => whenGone(world, each, kind)),
    ...to.map((each) => {
      const keys = each.columns.map((name) => keyColumn(texts.get(name), statement));
      return lookUpCheck(world, each, keys, operation === 'Update' ? 'update' : 'insert');
    }),
  ];
}

/** Of rows that COPY puts into a table, of whose values nothing is known. */
export function checksOfCopy(world: PlannedWorld, table: CatalogTable): CheckFor[] {
  const own = referencesOf(world).filter(({ of }) => of === table);
  return own.map((each) =>
    lookUpCheck(
      world,
      each,
      each.columns.map(() => () => 'any'),
      'insert',
    ),
  );
}

/** What the statement puts into each column, as EXPLAIN writes it; of a column without: default. */
function valueTexts(
  statement: PlannedStatement,
  plan: PlanNode,
  table: CatalogTable,
): ReadonlyMap<string, string> {
  const [source] = plan.Plans ?? [];
  const output = source?.Output ?? [];
  const isOne = source?.['Node Type'] === 'Result' && !source.Plans;
  const names = table.columns.map(({ name }) => name);
  if (plan.Operation === 'Insert') {
    return new Map(isOne ? names.map((name, i) => [name, output[i] ?? 'NULL']) : []);
  }
  const set = changedColumns(statement);
  const inOrder = names.filter((name) => set.includes(name));
  return new Map(inOrder.map((name, i) => [name, output[i] ?? '']));
}

type KeyOf = (environment: Environment) => Value | 'any';

/** The value of a column of the foreign key. */
function keyColumn(text: string | undefined, { parameters }: PlannedStatement): KeyOf {
  if (text === undefined) return () => 'any';
  if (/^\(*NULL(::[\w ]+)?\)*$/.test(text)) return () => null;
  const operand = operandOf(text, parameters);
  return operand.kind === 'number'
    ? (environment) => operand.expression.value(environment)
    : () => 'any';
}

/** Of a row that refers to another one: it has to be there, and stays. */
function lookUpCheck(
  world: PlannedWorld,
  { of, to, referenced }: Reference,
  keys: readonly KeyOf[],
  kind: 'insert' | 'update',
): CheckFor {
  const relations = relationsOf(world, of);
  const details: Partial<StatementDetails> = { rowLock: FOR_KEY_SHARE };
  const find = finder(world, to, referenced, { verb: 'select', details: () => details });
  const isPlanned = to.kind === 'p';
  return (environment) => ({
    ...{ kind, relations, refuses: 'none', isPlanned },
    statementFor: () =>
      find(
        keys.map((key) => key(environment)),
        environment.random,
      ),
  });
}

/** Of a row that others may refer to: it has gone, or has another key. */
function whenGone(
  world: PlannedWorld,
  { of, to, columns, referenced, key }: Reference,
  kind: 'update' | 'delete',
): ForeignKeyCheck {
  const relations = relationsOf(world, to);
  const action = kind === 'delete' ? key.onDelete : key.onUpdate;
  const refuses = action === 'a' || action === 'r' ? ('any' as const) : null;
  const verb: Verb =
    refuses === 'any' ? 'select' : action === 'c' && kind === 'delete' ? 'delete' : 'update';
  const detailsOf = (table: PlannedTable): Partial<StatementDetails> => {
    if (verb === 'select') return { rowLock: FOR_KEY_SHARE };
    if (verb === 'delete') return {};
    const changedIndexes = table.indexesWith(columns);
    return { changedIndexes, changedBytes: table.changedBytes(columns) };
  };
  let find: Finder | null = null;
  const further = verb === 'delete' ? checksBelow(world, of) : [];
  const tables = leavesOf(world.catalog, to).map((leaf) => tableOf(world, leaf));
  const statementFor = (relation: number, row: number): Statement | null => {
    find ??= finder(world, of, columns, { verb, details: detailsOf });
    const table = tables.find(({ definition }) => definition.relation === relation)!;
    const values = referenced.map((name) => valueIn(table, name, row));
    const found = find(values, null);
    if (found === null || further.length === 0) return found;
    return { ...found, details: { ...found.details!, foreignKeys: further.map((make) => make()) } };
  };
  return { kind, relations, refuses, isPlanned: of.kind === 'p', statementFor };
}

/** What follows when rows are deleted because those are that they refer to. */
function checksBelow(world: PlannedWorld, table: CatalogTable): (() => ForeignKeyCheck)[] {
  const all = referencesOf(world);
  const from = referencesTo(world, all, table, () => true);
  return from.map((each) => () => whenGone(world, each, 'delete'));
}

function valueIn(table: PlannedTable, name: string, row: number): Value {
  const value = table.valueOf(name)?.(row + table.before) ?? null;
  return value === null ? null : BigInt(Math.round(value));
}

function tableOf(world: PlannedWorld, leaf: CatalogTable): PlannedTable {
  return world.tables.find(({ catalog }) => catalog === leaf)!;
}

function relationsOf(world: PlannedWorld, table: CatalogTable): number[] {
  return leavesOf(world.catalog, table).map((leaf) => tableOf(world, leaf).definition.relation);
}

/** What is done with the rows that have these values in a foreign key's columns. */
type Finder = (
  values: readonly (Value | 'any')[],
  random: Environment['random'] | null,
) => Statement | null;

interface Action {
  readonly verb: Verb;
  readonly details: (table: PlannedTable) => Partial<StatementDetails>;
}

function finder(
  world: PlannedWorld,
  table: CatalogTable,
  columns: readonly string[],
  { verb, details }: Action,
): Finder {
  const leaves = leavesOf(world.catalog, table).map((leaf) => tableOf(world, leaf));
  const isPartitioned = table.kind === 'p';
  const whole = leaves.reduce((sum, leaf) => sum + leaf.rows, 0);
  const bounded = isPartitioned ? keyColumnOf(table) : null;
  const plans = leaves.map((leaf) =>
    leafPlan(leaf, columns, bounded, { verb, details: details(leaf) }),
  );
  const choose = isPartitioned ? partitionChooser(table, leaves, columns) : () => leaves;
  return (given, random) => {
    if (given.includes(null)) return null;
    const values = given.map((each): Value => {
      if (each !== 'any') return each;
      return random === null || whole === 0 ? 1n : BigInt(random.integer(1, whole));
    });
    const environment = { random: random!, variables: values };
    const chosen = choose(values, random === null);
    const parts = chosen.map((leaf) => {
      const template = plans[leaves.indexOf(leaf)]!(values);
      return fillIn(template, environment, true)!;
    });
    const [first] = parts;
    if (first === undefined) return null;
    if (!isPartitioned) return first;
    const catalogs = chosen.map(({ catalog }) => catalog);
    const opened = openedForValues(world, null, catalogs);
    const opens = { simple: opened, prepared: opened };
    if (parts.length === 1) return { ...first, details: { ...first.details!, opens } };
    return { ...first, key: 0, details: { ...first.details!, rows: 'parts', parts, opens } };
  };
}

/** The query on one table: through an index that has the columns, or over all rows. */
function leafPlan(
  table: PlannedTable,
  columns: readonly string[],
  bounded: string | null,
  { verb, details: own }: { verb: Verb; details: Partial<StatementDetails> },
): (values: readonly Value[]) => Template {
  const { relation, rows, before } = table;
  const details = { ...PLAIN, ...own };
  const of = (found: Rows): Template => ({ verb, relation, rows: found, details });
  const index = bestIndex(table, columns);
  if (index === null) {
    const distinct = columns.reduce((product, name) => product * table.distinct(name), 1);
    const perKey = rows / Math.max(1, Math.min(distinct, rows));
    const isThere = (value: Value, name: string) =>
      Number(value) - before >= 1 && Number(value) - before <= table.distinct(name);
    return (values) => {
      const matches = values.every((value, i) => isThere(value, columns[i]!));
      return of({ kind: 'all', count: matches ? perKey : 0 });
    };
  }
  const parameters = columns.map(
    (_, i): Expression => ({
      isConstant: false,
      value: ({ variables }) => variables[i],
    }),
  );
  const conditions = columns.map((column, i) => ({ column, operator: '=', text: `$${i + 1}` }));
  const reach = [reachOf(index, conditions, parameters, { rows, before, estimate: 1, bounded })];
  const template = of({ kind: 'reach', index: index.number, scan: 'index', reach, limit: null });
  return () => template;
}

/** The one that has most of the columns in front. */
function bestIndex({ indexes }: PlannedTable, columns: readonly string[]): PlannedIndex | null {
  const matched = ({ columns: own }: PlannedIndex) => {
    const first = own.findIndex(({ name }) => name === null || !columns.includes(name));
    return first < 0 ? own.length : first;
  };
  const best = [...indexes].sort((a, b) => matched(b) - matched(a) || a.number - b.number)[0];
  return best !== undefined && matched(best) > 0 ? best : null;
}

/**
 * The partitions that may have a row: by the bounds if the foreign key has the partition key, else
 * all. Of a key that no partition takes there is no row, whichever is looked at.
 */
function partitionChooser(
  table: CatalogTable,
  leaves: readonly PlannedTable[],
  columns: readonly string[],
): (values: readonly Value[], isOwnRow: boolean) => readonly PlannedTable[] {
  const at = columns.indexOf(keyColumnOf(table) ?? '');
  if (at < 0) return () => leaves;
  const tests = leaves.map(({ catalog }) => takesNumber(catalog.bound ?? ''));
  return (values, isOwnRow) => {
    const value = Number(values[at]);
    const found = leaves.filter((_, i) => tests[i]!(value));
    if (found.length > 0) return found;
    return isOwnRow ? leaves : leaves.slice(0, 1);
  };
}
