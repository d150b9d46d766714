/**
 * Which partition a row of an INSERT is for, as far as its key is known before it is sent: whole
 * numbers and constants by the bounds of ranges, lists and hashes; the time by the clock of the run
 * (`workload.now`), or to the newest partition without one. Of any other key no more is known than
 * that it fits: it goes to any partition alike, but not to the default one.
 */
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { ChunkMaker } from '../../postgres/partitioning/chunks.ts';
import type { RoutedPartition, Routing } from '../../postgres/partitioning/routing.ts';
import type { RowKey } from '../../postgres/partitioning/strays.ts';
import type { Relation } from '../../postgres/statement.ts';
import { type Moment, parseMoment } from '../calendar.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { instantOf, rangeTexts, takesNumber, takesText } from './bounds.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { commandOf } from './commands.ts';
import { type Columns, operandOf } from './conditions.ts';
import { keyColumnOf, leavesOf } from './partitions.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import type { PlannedStatement } from './statements.ts';
import { goesToLast } from './tables.ts';
import { changedColumns } from './words.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

/**
 * The partitions whose bounds have the row's key, by the values of an execution: one, unless
 * scripts put one in another's place. Null: nothing is known of the key.
 */
export type ChoosePartition = (
  environment: Environment,
) => { readonly given: readonly Relation[]; readonly key: RowKey } | null;

export interface RowRouting extends Routing {
  readonly choose: ChoosePartition | null;
  /** By the clock: how long before now. */
  readonly before?: (environment: Environment) => Nanoseconds;
}

interface Bounded {
  readonly table: PlannedTable;
  readonly isPart: boolean;
  readonly bound: string;
}

const NOW = /^(now|statement_timestamp|clock_timestamp|transaction_timestamp)\(\)|^CURRENT_TIME/;

/** `keyText`: what the row has in the column of the key, as EXPLAIN writes it. */
export function routingOf(
  world: PlannedWorld,
  root: CatalogTable,
  keyText: string | null,
  parameters: readonly Expression[],
  columns?: Columns,
): RowRouting {
  const all = boundedOf(world, root);
  const ranged = all.filter(({ bound }) => bound !== 'DEFAULT');
  const fallback = all.find(({ bound }) => bound === 'DEFAULT');
  const place = (each: Bounded) => routed(each, world.now);
  const common = {
    partitions: ranged.map(place),
    fallback: fallback === undefined ? null : place(fallback),
    ...chunksOf(world, root),
  };
  const { catalog, facts } = world;
  const before = keyText === null ? null : timeBefore(keyText, parameters);
  if (before !== null && world.now !== null) {
    return { ...common, how: 'clock', choose: null, before };
  }
  const isByTime = keyText === null ? goesToLast(catalog, facts, root) : NOW.test(keyText);
  if (isByTime || (keyText !== null && goesToLast(catalog, facts, root) && !isKnown(keyText))) {
    return { ...common, how: world.now === null ? 'newest' : 'clock', choose: null };
  }
  const choose = keyText === null ? null : chooser(keyText, ranged, parameters, world.now, columns);
  return { ...common, how: 'given', choose };
}

/** Of a hypertable: how its chunks are made. */
function chunksOf(world: PlannedWorld, root: CatalogTable): { readonly chunks?: ChunkMaker } {
  if (world.managers.get(tableName(root))?.kind !== 'hypertable') return {};
  const leaves = leavesOf(world.catalog, root);
  const commands = leaves.map((leaf) => {
    const text = { kind: 'create', bound: leaf.bound } as const;
    const command = { ...commandOf(text, leaf, root, world), made: 'chunk' as const };
    return [world.lockIds.get(leaf)!, command] as const;
  });
  return { chunks: { hypertable: world.lockIds.get(root)!, commands: new Map(commands) } };
}

/** Where the rows of an UPDATE go that sets the partition key; null: it does not. */
export function movesOf(
  world: PlannedWorld,
  plan: PlanNode,
  generic: PlanNode,
  statement: PlannedStatement,
): RowRouting | null {
  const root = world.namedIn(plan);
  const key = root === undefined ? null : keyColumnOf(root);
  const changed = changedColumns(statement);
  if (root?.kind !== 'p' || key === null || !changed.includes(key)) return null;
  const set = root.columns.filter(({ name }) => changed.includes(name));
  const at = set.findIndex(({ name }) => name === key);
  return routingOf(world, root, outputsOf(generic)?.[at] ?? null, statement.parameters);
}

/** What is set, in the order of the table's columns: the same in each scan below an UPDATE. */
function outputsOf(plan: PlanNode): readonly string[] | null {
  const scan = nodesOf(plan).find(({ Output: output }) => {
    return Array.isArray(output) && output.some((text) => /\.ctid$|^ctid$/.test(String(text)));
  });
  const output = scan?.['Output'];
  return Array.isArray(output) ? output.map(String) : null;
}

function isKnown(text: string): boolean {
  return /^\(*\$\d|^\(*'|^-?\d/.test(text);
}

/** The partitions of a table, and the tables that scripts attach to it. */
function boundedOf(world: PlannedWorld, root: CatalogTable): Bounded[] {
  const tableOf = (leaf: CatalogTable) => world.tables.find(({ catalog }) => catalog === leaf)!;
  const leaves = leavesOf(world.catalog, root);
  const parts = leaves.map((leaf) => ({
    table: tableOf(leaf),
    isPart: true,
    bound: leaf.bound ?? '',
  }));
  const attached = world.commands.flatMap(({ kind, parent, table, bound }) => {
    const added = world.tables.find((each) => each.definition.name === table.value);
    const isOther = kind !== 'attach' || parent?.value !== tableName(root);
    if (isOther || added === undefined || leaves.includes(added.catalog)) return [];
    return [{ table: added, isPart: false, bound: bound! }];
  });
  return [...parts, ...attached];
}

function routed({ table, isPart, bound }: Bounded, now: Moment | null): RoutedPartition {
  const [from = '', to = ''] = rangeTexts(bound) ?? [];
  const { relation } = table;
  return { relation, isPart, from: instantOf(from, now), to: instantOf(to, now) };
}

/** By the value of a whole number, or of a constant; null if neither is known. */
function chooser(
  text: string,
  parts: readonly Bounded[],
  parameters: readonly Expression[],
  now: Moment | null,
  columns?: Columns,
): ChoosePartition | null {
  const operand = operandOf(text, parameters, columns);
  if (operand.kind === 'number') {
    const tests = parts.map(({ bound }) => takesNumber(bound));
    return (environment) => {
      const value = operand.expression.value(environment);
      if (typeof value !== 'bigint' && typeof value !== 'number') return null;
      const key = Number(value);
      const given = parts.flatMap(({ table }, i) => (tests[i]!(key) ? [table.relation] : []));
      return { given, key };
    };
  }
  const constant = /^\(*'((?:[^']|'')*)'(::[\w ]+)?\)*$/.exec(text)?.[1];
  if (constant === undefined) return null;
  const found = parts.filter(({ bound }) => takesText(bound, constant));
  const relations = found.map(({ table }) => table.relation);
  const key = keyOf(constant, now);
  return () => ({ given: relations, key });
}

/** A moment as an instant of the run, where it is known when that begins. */
function keyOf(constant: string, now: Moment | null): RowKey {
  return now !== null && parseMoment(constant).ok ? instantOf(constant, now) : constant;
}

const AGO = /^\(now\(\) - '([^']+)'::interval\)$/;
const TIMES_AGO = /^\(now\(\) - \(\(?(\$\d+)\)?(?:::double precision)? \* '([^']+)'::interval\)\)$/;

/** `now() - interval '3 days'`, also with a number of them that is drawn. */
function timeBefore(
  text: string,
  parameters: readonly Expression[],
): ((environment: Environment) => Nanoseconds) | null {
  const [, once] = AGO.exec(text) ?? [];
  const [, parameter, unit] = TIMES_AGO.exec(text) ?? [];
  const length = intervalOf(once ?? unit ?? '');
  if (length === null) return null;
  if (parameter === undefined) return () => length;
  const operand = operandOf(parameter, parameters);
  if (operand.kind !== 'number') return null;
  return (environment) => Math.round(Number(operand.expression.value(environment)) * length);
}

/** `3 days`, `02:00:00`, `1 day 00:00:10`, as Postgres writes them; a month is none of them. */
export function intervalOf(text: string): Nanoseconds | null {
  const found = /^(?:(\d+) days?)?\s*(?:(\d+):(\d\d):(\d\d(?:\.\d+)?))?$/.exec(text);
  if (found === null || text === '') return null;
  const [days, hours, minutes, seconds] = found.slice(1).map((each) => Number(each ?? 0));
  return Math.round((((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * SECOND);
}
