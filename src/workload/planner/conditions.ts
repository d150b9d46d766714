/**
 * Conditions as EXPLAIN writes them (ruleutils.c: `((t.id >= $1) AND (t.id <= ($1 + 99)))`): which
 * column is compared with what. What is compared can be a number, an expression of parameters, or
 * something whose value only Postgres knows: of that it is known that equal parameters give equal
 * values, and no more.
 */
import { type Expression, ExpressionParser, type Names } from '../sql/expression.ts';
import type { Environment } from '../sql/functions.ts';
import { lex, type Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';
import { lexStatement } from './lex.ts';

/** A comparison of a column with a value. */
export interface Condition {
  readonly column: string;
  /** `=`, `<`, `>=` ...; `= ANY` for a list; `?` for what is none of these. */
  readonly operator: string;
  /** The other side, as Postgres writes it. */
  readonly text: string;
}

/** The parts of a condition; those that do not compare a column with something have none. */
export function conditionsOf(text: string | undefined): Condition[] {
  if (text === undefined) return [];
  const { tokens } = lexStatement(text, 0);
  return conjuncts(tokens.slice(0, -1)).flatMap((part) => comparison(part, text));
}

/** The parts between ANDs, each without the brackets around it. */
function conjuncts(tokens: readonly Token[]): (readonly Token[])[] {
  const inner = unwrapped(tokens);
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of inner) {
    depth += depthOf(token);
    if (depth === 0 && token.kind === 'name' && token.value === 'and') parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.length === 1 ? [inner] : parts.flatMap(conjuncts);
}

function depthOf({ text }: Token): number {
  return text === '(' || text === '[' ? 1 : text === ')' || text === ']' ? -1 : 0;
}

function unwrapped(tokens: readonly Token[]): readonly Token[] {
  if (tokens[0]?.text !== '(') return tokens;
  let depth = 0;
  const end = tokens.findIndex((token) => {
    depth += depthOf(token);
    return depth === 0;
  });
  return end === tokens.length - 1 ? unwrapped(tokens.slice(1, -1)) : tokens;
}

const OPERATORS = ['=', '<', '<=', '>', '>=', '<>', '!='];

/** A column as another type: `(t.name)::text`. */
const AS_TYPE = /^\(((?:"[^"]+"|\w+)\.)?("[^"]+"|\w+)\)::(?:text|bpchar|bigint|integer|numeric)$/;

function comparison(tokens: readonly Token[], text: string): Condition[] {
  const dots = operatorIn(tokens, text);
  const named = tokens[dots - 1];
  const operator = tokens[dots]?.text ?? '';
  const first = tokens[0];
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return [];
  const whole = text.slice(first.offset, last.offset + last.text.length);
  const left = text.slice(first.offset, named === undefined ? 0 : named.offset + named.text.length);
  const column = dots < 1 ? null : columnOf(tokens.slice(0, dots), left);
  if (column === null || !OPERATORS.includes(operator)) {
    return [{ column: '', operator: '?', text: whole }];
  }
  return compared(column, operator, tokens.slice(dots + 1), text);
}

/** Where the operator is, behind a name with dots or a column as another type. */
function operatorIn(tokens: readonly Token[], text: string): number {
  if (tokens[0]?.text !== '(') {
    return tokens.findIndex(({ text: word }, i) => i % 2 === 1 && word !== '.');
  }
  const close = tokens.findIndex(({ text: word }) => word === ')');
  const type = tokens[close + 2];
  if (type === undefined) return -1;
  const left = text.slice(tokens[0].offset, type.offset + type.text.length);
  return AS_TYPE.test(left) ? close + 3 : -1;
}

function columnOf(tokens: readonly Token[], text: string): string | null {
  const found = AS_TYPE.exec(text)?.[2];
  if (found !== undefined) return plain(found);
  const last = tokens.at(-1);
  return last?.kind === 'name' && tokens[0]?.text !== '(' ? last.value : null;
}

function compared(
  column: string,
  operator: string,
  right: readonly Token[],
  text: string,
): Condition[] {
  const isList = right[0]?.kind === 'name' && right[0].value === 'any';
  const first = right[isList ? 1 : 0];
  const last = right.at(-1);
  if (first === undefined || last === undefined) return [];
  return [
    {
      column,
      operator: isList ? `${operator} ANY` : operator,
      text: text.slice(first.offset, last.offset + last.text.length),
    },
  ];
}

/** The value of one side of a condition when a statement is executed. */
export type Operand =
  | { readonly kind: 'number'; readonly expression: Expression }
  /** A place between 0 and 1 that is the same for the same parameters. */
  | { readonly kind: 'opaque'; readonly place: (environment: Environment) => number };

/** Columns of other tables, whose rows are at hand; undefined: there is no such column. */
export type Columns = (alias: string, column: string) => ColumnValue | undefined;

/** Opaque: equal numbers are equal values, and no more is known. */
export type ColumnValue = Expression & { readonly isOpaque?: boolean };

export const NO_COLUMNS: Columns = () => undefined;

const COLUMN = /("(?:[^"]|"")+"|[A-Za-z_][\w$]*)\.("(?:[^"]|"")+"|[A-Za-z_][\w$]*)/g;

/** The columns that a text names, by the names of their tables. */
export function columnsIn(text: string): (readonly [alias: string, column: string])[] {
  return [...named(text).matchAll(COLUMN)].map(([, alias, column]) => [
    plain(alias!),
    plain(column!),
  ]);
}

/** What an InitPlan has found, as if it were a table's: `"InitPlan 1".col1`. */
function named(text: string): string {
  return text.replace(/\((InitPlan \d+)\)\.(col\d+)/g, '"$1".$2');
}

function plain(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** What the text is with these parameters. */
export function operandOf(
  text: string,
  parameters: readonly Expression[],
  columns: Columns = NO_COLUMNS,
): Operand {
  const others: ColumnValue[] = [];
  const numbered = named(text).replace(COLUMN, (whole, alias: string, column: string) => {
    const found = columns(plain(alias), plain(column));
    return found === undefined ? whole : `$${parameters.length + others.push(found)}`;
  });
  const all = [...parameters, ...others];
  const isOpaque = others.some((each) => each.isOpaque === true);
  const expression = isOpaque ? null : numberOf(numbered, all);
  if (expression !== null) return { kind: 'number', expression };
  const used = [...numbered.matchAll(/\$(\d+)/g)].map(([, n]) => all[Number(n) - 1]!);
  const place = (environment: Environment) => {
    const values = used.map((each) => String(each.value(environment)));
    return fraction([text, ...values].join('\u0000'));
  };
  return { kind: 'opaque', place };
}

const CASTS =
  /::(?:smallint|integer|bigint|numeric|double precision|real|text|bpchar)(?:\([\d,]*\))?/g;

/** Casts of numbers change nothing of their value, as far as keys go. */
function numberOf(text: string, parameters: readonly Expression[]): Expression | null {
  const simple = text
    .replace(CASTS, '')
    .replace(/'(-?\d+(?:\.\d+)?)'/g, '($1)')
    .replace(/\$(\d+)/g, ':p$1');
  const names: Names = {
    variable: (token) => parameters[Number(token.value.slice(1)) - 1]!,
  };
  try {
    const tokens = new Tokens(lex(simple, 0, 'sql').tokens);
    const expression = new ExpressionParser(tokens, names, true).operand();
    return tokens.isAtEnd ? expression : null;
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return null;
  }
}

/**
 * The elements of a list as `= ANY` has it: of an array that is written out, or of a constructor;
 * null: it is something else.
 */
export function elementsOf(list: string): string[] | null {
  const inner = list.replace(/^\(+|\)+$/g, '').replace(/::[\w\s]+\[\]$/, '');
  const constant = /^'\{(.*)\}'$/.exec(inner);
  if (constant !== null) return constant[1]!.split(',').map((each) => `'${each}'`);
  const built = /^ARRAY\[(.*)\]$/.exec(inner);
  return built === null ? null : splitAtCommas(built[1]!);
}

/** The parts of a list, as they are written. */
export function splitAtCommas(list: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const { kind, text, offset } of lexStatement(list, 0).tokens) {
    depth += text === '(' || text === '[' ? 1 : text === ')' || text === ']' ? -1 : 0;
    const isEnd = kind === 'end' || (text === ',' && depth === 0);
    if (!isEnd) continue;
    const before = parts.slice(0, -1).reduce((sum, part) => sum + part.length + 1, 0);
    parts[parts.length - 1] = list.slice(before, offset);
    if (kind !== 'end') parts.push('');
  }
  return parts.map((part) => part.trim());
}

const FNV_PRIME = 0x01000193;
const FNV_BASIS = 0x811c9dc5;

/** Of a text a number in [0, 1), by FNV-1a and a last mixing. */
export function fraction(text: string): number {
  let hash = FNV_BASIS;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
