/**
 * Which entries of an index a scan reads, for the values of one execution. Columns that are
 * compared for equality narrow the index to the entries of one key; a range on the next column
 * narrows it further. A column's values are numbered from 1 to as many as there are, in their
 * order, each as frequent as any other; a number is its own place, any other value has one of its
 * own. Where a bound of a range is no number, the planner's estimate says how many entries follow;
 * and so it does where columns are compared that the index has behind others that are not, and
 * where something else than a column is compared (`lower(name)`), or in another way (LIKE).
 */

import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import type { Value } from '../sql/values.ts';
import { type Columns, type Condition, NO_COLUMNS, type Operand, operandOf } from './conditions.ts';
import type { PlannedIndex } from './world.ts';

/** A part of an index, as shares of its entries. */
interface Part {
  readonly from: number;
  readonly share: number;
}

/** What a scan reads: the row of a unique key, or entries. Undefined: a parameter has no value. */
export type Reach =
  | { readonly kind: 'row'; readonly key: number }
  | { readonly kind: 'entries'; readonly from: number; readonly entries: number };

export type ReachOf = (environment: Environment) => Reach | undefined;

interface Bounds {
  readonly lower: { readonly operand: Operand; readonly included: boolean } | null;
  readonly upper: { readonly operand: Operand; readonly included: boolean } | null;
}

const NOWHERE: Reach = { kind: 'row', key: 0 };

/** What a scan is about. */
export interface Scanned {
  readonly rows: number;
  /** Keys of one row each begin behind this number (a partition's). */
  readonly before?: number;
  /** Rows that the planner expects of the scan. */
  readonly estimate: number;
  /** The partition key, if its bounds have led here: whatever its value is, it is here. */
  readonly bounded?: string | null;
  /** Of other tables in the plan. */
  readonly columns?: Columns;
}

export function reachOf(
  index: PlannedIndex,
  conditions: readonly Condition[],
  parameters: readonly Expression[],
  { rows, before = 0, estimate, bounded = null, columns = NO_COLUMNS }: Scanned,
): ReachOf {
  const of = (name: string | null, operators: readonly string[]) =>
    conditions.find((each) => each.column === name && operators.includes(each.operator));
  const equal: { operand: Operand; distinct: number; isBounded: boolean; runsOn: boolean }[] = [];
  for (const { name, distinct, runsOn } of index.columns) {
    const condition = of(name, ['=']);
    if (condition === undefined) break;
    const operand = operandOf(condition.text, parameters, columns);
    equal.push({ operand, distinct, isBounded: name === bounded, runsOn });
  }
  const isPoint = index.unique && equal.length === index.columns.length;
  const next = index.columns[equal.length];
  const bound = (operators: readonly [string, string]) => {
    const condition = next && of(next.name, operators);
    if (!condition) return null;
    const included = condition.operator.endsWith('=');
    return { operand: operandOf(condition.text, parameters, columns), included };
  };
  const bounds = { lower: bound(['>', '>=']), upper: bound(['<', '<=']) };
  const expected = rows > 0 ? Math.min(1, estimate / rows) : 0;
  const hasRange = bounds.lower !== null || bounds.upper !== null;
  const used = equal.length + (hasRange ? 1 : 0);
  const other = conditions.find(({ operator }) => operator === '?');
  const isChecked = other !== undefined || checksFurther(index, conditions, used);
  const unknown = other === undefined ? null : operandOf(other.text, parameters, columns);
  return (environment) => {
    let part: Part | undefined = { from: 0, share: 1 };
    for (const { operand, distinct, isBounded, runsOn } of equal) {
      const first = runsOn ? before : 0;
      const value = placeOf(operand, { distinct, first }, isBounded, environment);
      if (value === undefined) return undefined;
      if (value.key !== null && isPoint && runsOn) return { kind: 'row', key: value.key };
      if (value.slot === null) return NOWHERE;
      const share: number = part.share / Math.max(1, distinct);
      part = { from: part.from + part.share * value.slot, share };
    }
    if (isPoint) return { kind: 'row', key: 1 + Math.floor(part.from * rows) };
    if (next !== undefined && hasRange) {
      const first = next.runsOn ? before : 0;
      part = ranged(part, bounds, { distinct: next.distinct, first }, environment, expected);
    }
    if (part === undefined) return undefined;
    const first = part.from * rows;
    const found = Math.floor(first + part.share * rows + 1e-6) - Math.floor(first + 1e-6);
    const entries = isChecked ? Math.min(found, Math.max(1, Math.round(estimate))) : found;
    const place = unknown?.kind === 'opaque' ? unknown.place(environment) : 0;
    const from = Math.floor(first + place * (found - entries) + 1e-6);
    return { kind: 'entries', from, entries: Math.max(0, entries) };
  };
}

/** Whether there are conditions on columns of the index behind those that narrow it. */
function checksFurther(
  { columns }: PlannedIndex,
  conditions: readonly Condition[],
  used: number,
): boolean {
  const names = columns.slice(used).map(({ name }) => name);
  return conditions.some(({ column }) => names.includes(column));
}

interface Place {
  /** The number itself. */
  readonly key: number | null;
  /** As a share of the column's values that lie below; null: it is none of them. */
  readonly slot: number | null;
}

const NO_PLACE: Place = { key: 0, slot: null };

function placeOf(
  operand: Operand,
  { distinct, first }: Values,
  isBounded: boolean,
  environment: Environment,
): Place | undefined {
  const count = Math.max(1, distinct);
  if (operand.kind === 'opaque') {
    return { key: null, slot: Math.floor(operand.place(environment) * count) / count };
  }
  const given = numberOf(operand.expression.value(environment));
  if (given === undefined) return undefined;
  if (!Number.isSafeInteger(given)) return NO_PLACE;
  const isFar = given >= 1 && (given <= first || given > first + count);
  const value = isBounded && isFar ? 1 + ((given - 1) % count) : given - first;
  return { key: value, slot: value >= 1 && value <= count ? (value - 1) / count : null };
}

/** Null is equal to nothing; a boolean is one of two values. Undefined: there is no value. */
function numberOf(value: Value): number | undefined {
  if (value === undefined) return undefined;
  if (value === null) return Number.NaN;
  return typeof value === 'boolean' ? (value ? 2 : 1) : Number(value);
}

/** So many values of a column, which begin behind the first. */
interface Values {
  readonly distinct: number;
  readonly first: number;
}

function ranged(
  part: Part,
  bounds: Bounds,
  values: Values,
  environment: Environment,
  expected: number,
): Part | undefined {
  const { lower, upper } = bounds;
  const low = lower === null ? 0 : edge(lower.operand, lower.included, values, environment);
  const high = upper === null ? 1 : edge(upper.operand, !upper.included, values, environment);
  if (low === undefined || high === undefined) return undefined;
  if (Number.isNaN(low) || Number.isNaN(high)) return { from: part.from, share: 0 };
  if (typeof low === 'number' && typeof high === 'number') {
    return { from: part.from + part.share * low, share: part.share * Math.max(0, high - low) };
  }
  const share = Math.min(part.share, expected);
  const free = part.share - share;
  if (upper === null) return { from: part.from + free, share };
  if (lower === null) return { from: part.from, share };
  const at = typeof low === 'number' ? low : low.place;
  return { from: part.from + free * at, share };
}

/** The share of values below a bound: those less than it, or up to it; NaN: none are. */
function edge(
  operand: Operand,
  isBelow: boolean,
  { distinct, first }: Values,
  environment: Environment,
): number | { readonly place: number } | undefined {
  if (operand.kind === 'opaque') return { place: operand.place(environment) };
  const value = numberOf(operand.expression.value(environment));
  if (value === undefined) return undefined;
  if (Number.isNaN(value)) return Number.NaN;
  const below = (isBelow ? Math.ceil(value) - 1 : Math.floor(value)) - first;
  return Math.min(1, Math.max(0, below / Math.max(1, distinct)));
}
