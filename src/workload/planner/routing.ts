/**
 * Which partition a row of an INSERT is for, as far as its key is known before it is sent: whole
 * numbers and constants by the bounds of ranges, lists and hashes; the time by the clock of the run
 * (`workload.now`), or to the newest partition without one. Of any other key no more is known than
 * that it fits: it goes to any partition alike, but not to the default one.
 */
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { RoutedPartition, Routing } from '../../postgres/partitioning/routing.ts';
import type { RowKey } from '../../postgres/partitioning/strays.ts';
import type { Relation } from '../../postgres/statement.ts';
import { type Moment, parseMoment } from '../calendar.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { operandOf } from './conditions.ts';
import { hashRemainder } from './hash-partition.ts';
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
): RowRouting {
  const all = boundedOf(world, root);
  const ranged = all.filter(({ bound }) => bound !== 'DEFAULT');
  const fallback = all.find(({ bound }) => bound === 'DEFAULT');
  const place = (each: Bounded) => routed(each, world.now);
  const common = {
    partitions: ranged.map(place),
    fallback: fallback === undefined ? null : place(fallback),
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
  const choose = keyText === null ? null : chooser(keyText, ranged, parameters, world.now);
  return { ...common, how: 'given', choose };
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

/** A moment as an instant of the run. */
export function instantOf(text: string, now: Moment | null): Nanoseconds {
  if (text === 'MINVALUE') return Number.NEGATIVE_INFINITY;
  if (text === 'MAXVALUE') return Number.POSITIVE_INFINITY;
  const parsed = parseMoment(text);
  if (now === null || !parsed.ok) return 0;
  const { days, seconds } = parsed.value;
  return ((days - now.days) * 86_400 + seconds - now.seconds) * SECOND;
}

function rangeTexts(bound: string): readonly [string, string] | null {
  const found = /^FOR VALUES FROM \('?([^',)]+)'?\) TO \('?([^',)]+)'?\)$/.exec(bound);
  return found === null ? null : [found[1]!, found[2]!];
}

/** By the value of a whole number, or of a constant; null if neither is known. */
function chooser(
  text: string,
  parts: readonly Bounded[],
  parameters: readonly Expression[],
  now: Moment | null,
): ChoosePartition | null {
  const operand = operandOf(text, parameters);
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

/** Whether the bounds of a command have a row's key. */
export function takesKey(bound: string, now: Moment | null): (key: RowKey) => boolean {
  const [from = '', to = ''] = rangeTexts(bound) ?? [];
  if (now !== null && (parseMoment(from).ok || parseMoment(to).ok)) {
    const [low, high] = [instantOf(from, now), instantOf(to, now)];
    return (key) => typeof key === 'number' && low <= key && key < high;
  }
  const takes = takesNumber(bound);
  return (key) => (typeof key === 'number' ? takes(key) : key !== null && takesText(bound, key));
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

/** Whether a partition has a number. */
export function takesNumber(bound: string): (value: number) => boolean {
  const range = rangeTexts(bound);
  if (range !== null) {
    const edge = (text: string, without: number) => (/VALUE$/.test(text) ? without : Number(text));
    const from = edge(range[0], Number.NEGATIVE_INFINITY);
    const to = edge(range[1], Number.POSITIVE_INFINITY);
    return (value) => value >= from && value < to;
  }
  const hash = /modulus (\d+), remainder (\d+)/i.exec(bound);
  if (hash !== null) {
    const [modulus, remainder] = [Number(hash[1]), Number(hash[2])];
    return (value) =>
      Number.isSafeInteger(value) && hashRemainder(BigInt(value), modulus) === remainder;
  }
  const list = listTexts(bound).map(Number);
  return (value) => list.includes(value);
}

function takesText(bound: string, value: string): boolean {
  const range = rangeTexts(bound);
  if (range === null) return listTexts(bound).includes(value);
  const [from, to, moment] = [...range, value].map((each) => instantOf(each!, EPOCH));
  return parseMoment(value).ok && from! <= moment! && moment! < to!;
}

const EPOCH: Moment = { days: 0, seconds: 0 };

function listTexts(bound: string): string[] {
  const list = /^FOR VALUES IN \((.*)\)$/.exec(bound)?.[1];
  if (list === undefined) return [];
  return list.split(/,\s*/).map((each) => each.replace(/^'|'$/g, '').replaceAll("''", "'"));
}
