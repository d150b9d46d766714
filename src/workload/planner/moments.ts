/**
 * Moments as Postgres writes them in conditions: a constant, and what is added to it or taken away,
 * `('2024-01-01 00:00:00'::timestamp without time zone + (($1)::double precision * '1
 * day'::interval))`. Seconds since 1970 in UTC. Left out: months, which have no length of their
 * own, functions, and what the time zone of a session would change.
 */
import { parseMoment } from '../calendar.ts';
import type { Expression } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { operandOf } from './conditions.ts';

/** Undefined: a parameter has no value, or none that is a number. */
export type Seconds = (environment: Environment) => number | undefined;

interface MomentValue {
  readonly of: Seconds;
  /** Numbers that are added to it are days. */
  readonly isDate: boolean;
}

const DAY = 86_400;
const LITERAL = /^'([^']*)'::(date|timestamp[\w ()]*)$/;
const INTERVAL = /^'([^']*)'::interval$/;
const CLOCK = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/;
const UNITS: Readonly<Record<string, number>> = {
  day: DAY,
  days: DAY,
};

/** Null: the text is no moment that can be followed. */
export function momentOf(text: string, parameters: readonly Expression[]): Seconds | null {
  return moment(text, parameters)?.of ?? null;
}

/** The seconds of a constant of a bound, `2024-01-01 00:00:00+00`; NaN if it is none. */
export function secondsOf(text: string): number {
  const parsed = parseMoment(text);
  return parsed.ok ? parsed.value.days * DAY + parsed.value.seconds : Number.NaN;
}

function moment(text: string, parameters: readonly Expression[]): MomentValue | null {
  const inner = unwrapped(text);
  const [, literal, type] = LITERAL.exec(inner) ?? [];
  if (literal !== undefined) {
    const seconds = secondsOf(literal);
    return Number.isNaN(seconds) ? null : { of: () => seconds, isDate: type === 'date' };
  }
  const sum = split(inner, ['+', '-']);
  if (sum === null) return null;
  const [left, operator, right] = sum;
  const base = moment(left, parameters);
  const added = base === null ? null : durationOf(right, parameters, base.isDate);
  if (base === null || added === null) return null;
  const sign = operator === '+' ? 1 : -1;
  const of: Seconds = (environment) => {
    const [from, by] = [base.of(environment), added(environment)];
    return from === undefined || by === undefined ? undefined : from + sign * by;
  };
  return { of, isDate: base.isDate };
}

/** `days`: a number alone counts days. */
function durationOf(
  text: string,
  parameters: readonly Expression[],
  days: boolean,
): Seconds | null {
  const inner = unwrapped(text);
  const constant = intervalOf(inner);
  if (constant !== null) return () => constant;
  const product = split(inner, ['*']);
  const sides = product === null ? [] : [product[0], product[2]];
  const unit = sides.map((each) => intervalOf(unwrapped(each))).find((each) => each !== null);
  if (unit !== undefined) {
    const factor = sides.find((each) => intervalOf(unwrapped(each)) === null);
    return factor === undefined ? null : numberOf(factor, parameters, unit);
  }
  return days ? numberOf(inner, parameters, DAY) : null;
}

function numberOf(text: string, parameters: readonly Expression[], unit: number): Seconds | null {
  const operand = operandOf(text, parameters);
  if (operand.kind !== 'number') return null;
  return (environment) => {
    const value = operand.expression.value(environment);
    const isNumber = typeof value === 'bigint' || typeof value === 'number';
    return isNumber ? Number(value) * unit : undefined;
  };
}

/** `1 day`, `01:30:00`, `2 days 12:00:00`. */
function intervalOf(text: string): number | null {
  const words = INTERVAL.exec(text)?.[1]?.split(' ');
  if (words === undefined) return null;
  let seconds = 0;
  for (let i = 0; i < words.length; i++) {
    const clock = CLOCK.exec(words[i]!);
    if (clock !== null) {
      seconds += Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
      continue;
    }
    const unit = UNITS[words[i + 1] ?? ''];
    const count = Number(words[i++]);
    if (unit === undefined || Number.isNaN(count)) return null;
    seconds += count * unit;
  }
  return seconds;
}

/** Without the brackets around all of it. */
function unwrapped(text: string): string {
  const inner = text.trim();
  if (!inner.startsWith('(')) return inner;
  const end = depths(inner).indexOf(0);
  return end === inner.length - 1 ? unwrapped(inner.slice(1, -1)) : inner;
}

/** At the last of these operators that stands in no brackets and no quotes. */
function split(text: string, operators: readonly string[]) {
  const depth = depths(text);
  for (let i = text.length - 2; i > 0; i--) {
    const isSpaced = text[i - 1] === ' ' && text[i + 1] === ' ';
    if (depth[i] === 0 && isSpaced && operators.includes(text[i]!)) {
      return [text.slice(0, i - 1), text[i]!, text.slice(i + 2)] as const;
    }
  }
  return null;
}

/** How many brackets are open behind each character; within quotes one more. */
function depths(text: string): number[] {
  let depth = 0;
  let quoted = false;
  return [...text].map((character) => {
    if (character === "'") quoted = !quoted;
    else if (!quoted && character === '(') depth++;
    else if (!quoted && character === ')') depth--;
    return quoted ? depth + 1 : depth;
  });
}
