/**
 * Which partition a row of an INSERT is for, as far as its key is known before it is sent: whole
 * numbers and constants by the bounds of ranges, lists and hashes; the time by the clock of the run
 * (`workload.now`), or to the newest partition without one. Of any other key no more is known than
 * that it fits: it goes to any partition alike, but not to the default one.
 */
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { RoutedPartition, Routing } from '../../postgres/partitioning/routing.ts';
import type { Relation } from '../../postgres/statement.ts';
import { type Moment, parseMoment } from '../calendar.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { type Columns, operandOf } from './conditions.ts';
import { hashRemainder } from './hash-partition.ts';
import { leavesOf } from './partitions.ts';
import { goesToLast } from './tables.ts';
import type { PlannedTable, PlannedWorld } from './world.ts';

/**
 * The partitions whose bounds have the row's key, by the values of an execution: one, unless
 * scripts put one in another's place. Null: nothing is known of the key.
 */
export type ChoosePartition = (environment: Environment) => readonly Relation[] | null;

export interface RowRouting extends Routing {
  readonly choose: ChoosePartition | null;
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
  };
  const { catalog, facts } = world;
  const isByTime = keyText === null ? goesToLast(catalog, facts, root) : NOW.test(keyText);
  if (isByTime || (keyText !== null && goesToLast(catalog, facts, root) && !isKnown(keyText))) {
    return { ...common, how: world.now === null ? 'newest' : 'clock', choose: null };
  }
  const choose = keyText === null ? null : chooser(keyText, ranged, parameters, columns);
  return { ...common, how: 'given', choose };
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
function instantOf(text: string, now: Moment | null): Nanoseconds {
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
  columns?: Columns,
): ChoosePartition | null {
  const operand = operandOf(text, parameters, columns);
  if (operand.kind === 'number') {
    const tests = parts.map(({ bound }) => takesNumber(bound));
    return (environment) => {
      const value = operand.expression.value(environment);
      if (typeof value !== 'bigint' && typeof value !== 'number') return null;
      return parts.flatMap(({ table }, i) => (tests[i]!(Number(value)) ? [table.relation] : []));
    };
  }
  const constant = /^\(*'((?:[^']|'')*)'(::[\w ]+)?\)*$/.exec(text)?.[1];
  if (constant === undefined) return null;
  const found = parts.filter(({ bound }) => takesText(bound, constant));
  const relations = found.map(({ table }) => table.relation);
  return () => relations;
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
