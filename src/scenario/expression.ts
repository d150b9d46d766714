import { literalUnit } from './units.ts';

/**
 * Comparisons over metrics, as they stand under `expect` and `observe`:
 * `transactions.fan_out.latency.p50 > 5 * transactions.by_key.latency.p50`. Numbers may have units
 * and count in SI base units, as metrics do. A minus between letters belongs to a name
 * (`servers.replica-1.wal.bytes`); as an operator it stands between spaces.
 */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'metric'; readonly name: string; readonly offset: number }
  | { readonly kind: 'negated'; readonly of: Expression }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: Expression;
      readonly right: Expression;
    };

export type Comparator = '<' | '<=' | '>' | '>=' | '==' | '!=';

/** A comparison, and the text that it was read from. */
export interface Comparison {
  readonly text: string;
  readonly left: Expression;
  readonly operator: Comparator;
  readonly right: Expression;
}

/** What is wrong in a comparison, and how many characters into its text. */
export interface ExpressionError {
  readonly offset: number;
  readonly why: string;
  readonly nearest?: string | undefined;
}

/** How a comparison came out. A side without a value makes it not hold, and `why` says so. */
export interface Outcome {
  readonly text: string;
  readonly left: number | null;
  readonly right: number | null;
  readonly holds: boolean;
  readonly why?: string;
}

/** Reads a comparison; whether its metrics exist is asked elsewhere. */
export function parseComparison(
  text: string,
):
  | { readonly ok: true; readonly comparison: Comparison }
  | { readonly ok: false; readonly error: ExpressionError } {
  const parser = new Parser(tokenize(text), text.length);
  const comparison = parser.comparison(text);
  if (parser.error !== undefined) return { ok: false, error: parser.error };
  return { ok: true, comparison };
}

/** The metrics that a comparison names, with where they stand. */
export function metricsOf(comparison: Comparison): { name: string; offset: number }[] {
  return [...metricsIn(comparison.left), ...metricsIn(comparison.right)];
}

function metricsIn(expression: Expression): { name: string; offset: number }[] {
  switch (expression.kind) {
    case 'number':
      return [];
    case 'metric':
      return [{ name: expression.name, offset: expression.offset }];
    case 'negated':
      return metricsIn(expression.of);
    case 'arithmetic':
      return [...metricsIn(expression.left), ...metricsIn(expression.right)];
  }
}

/** The value of a metric; null or undefined if nothing was observed. */
export type Metrics = (name: string) => number | null | undefined;

/** Compares; a metric without observations, and a division by zero, have no value. */
export function evaluate(comparison: Comparison, metrics: Metrics): Outcome {
  const left = amountOf(comparison.left, metrics);
  const right = amountOf(comparison.right, metrics);
  const { text } = comparison;
  if (left === null || right === null) {
    return { text, left, right, holds: false, why: whyNot(comparison, metrics) };
  }
  return { text, left, right, holds: compare(left, comparison.operator, right) };
}

function whyNot(comparison: Comparison, metrics: Metrics): string {
  const missing = metricsOf(comparison).find(({ name }) => (metrics(name) ?? null) === null);
  if (missing === undefined) return 'divides by zero, so that there is no value to compare';
  return `${missing.name} has no observations in this run`;
}

function compare(left: number, operator: Comparator, right: number): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '==':
      return left === right;
    case '!=':
      return left !== right;
  }
}

function amountOf(expression: Expression, metrics: Metrics): number | null {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'metric':
      return metrics(expression.name) ?? null;
    case 'negated': {
      const value = amountOf(expression.of, metrics);
      return value === null ? null : -value;
    }
    case 'arithmetic':
      return calculate(expression, metrics);
  }
}

function calculate(
  expression: Extract<Expression, { kind: 'arithmetic' }>,
  metrics: Metrics,
): number | null {
  const left = amountOf(expression.left, metrics);
  const right = amountOf(expression.right, metrics);
  if (left === null || right === null) return null;
  switch (expression.operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0 ? null : left / right;
  }
}

interface Token {
  readonly kind: 'number' | 'name' | 'comparator' | 'symbol' | 'unknown';
  readonly text: string;
  readonly offset: number;
}

const NUMBER = String.raw`(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const UNIT = String.raw`(?:[A-Za-zµ]*\/(?:min|s|h)\b|[A-Za-zµ%]+)?`;
const NAME = String.raw`[A-Za-z_]\w*(?:[.-]\w+)*`;
const COMPARATOR = '<=|>=|==|!=|<|>|=';
const TOKEN = new RegExp(
  String.raw`\s*(?:(${NUMBER}${UNIT})|(${NAME})|(${COMPARATOR})|([()+\-*/])|(\S))`,
  'gy',
);
const KINDS = ['number', 'name', 'comparator', 'symbol', 'unknown'] as const;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const group = KINDS.findIndex((_, i) => match[i + 1] !== undefined);
    const token = match[group + 1]!;
    const offset = match.index + match[0].length - token.length;
    tokens.push({ kind: KINDS[group]!, text: token, offset });
  }
  return tokens;
}

const DEEPEST = 32;
const ZERO: Expression = { kind: 'number', value: 0 };

/** Reads tokens by recursive descent; after the first error everything reads as zero. */
class Parser {
  error: ExpressionError | undefined;
  private readonly tokens: readonly Token[];
  private readonly end: number;
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.tokens = tokens;
    this.end = end;
  }

  comparison(text: string): Comparison {
    const left = this.sum();
    const operator = this.comparator();
    const right = this.sum();
    if (this.at < this.tokens.length) this.fail('the comparison should end here');
    return { text, left, operator, right };
  }

  private comparator(): Comparator {
    const token = this.tokens[this.at];
    if (token?.kind === 'comparator' && token.text !== '=') {
      this.at++;
      return token.text as Comparator;
    }
    if (token?.text === '=') this.fail('"=" is no comparison', '==');
    else this.fail('here one of <, <=, >, >=, == or != is missing');
    return '==';
  }

  private sum(): Expression {
    let left = this.product();
    for (let operator = this.take('+', '-'); operator; operator = this.take('+', '-'))
      left = { kind: 'arithmetic', operator, left, right: this.product() };
    return left;
  }

  private product(): Expression {
    let left = this.factor();
    for (let operator = this.take('*', '/'); operator; operator = this.take('*', '/'))
      left = { kind: 'arithmetic', operator, left, right: this.factor() };
    return left;
  }

  private factor(): Expression {
    if (++this.depth > DEEPEST) {
      this.depth--;
      return this.fail('parentheses and signs are nested too deeply');
    }
    const expression = this.atom();
    this.depth--;
    return expression;
  }

  private atom(): Expression {
    const token = this.tokens[this.at];
    if (token === undefined) return this.fail('a metric or a number is missing');
    if (this.take('-')) return { kind: 'negated', of: this.factor() };
    if (this.take('(')) {
      const inner = this.sum();
      if (!this.take(')')) this.fail('a closing parenthesis is missing');
      return inner;
    }
    if (token.kind === 'name') {
      this.at++;
      return { kind: 'metric', name: token.text, offset: token.offset };
    }
    return token.kind === 'number'
      ? this.number(token)
      : this.fail('a metric or number is missing');
  }

  private number(token: Token): Expression {
    const digits = /^[\d_.]+(?:[eE][+-]?\d+)?/.exec(token.text)![0];
    const unit = token.text.slice(digits.length);
    const size = literalUnit(unit);
    if (size === undefined) return this.fail(`"${unit}" is no unit`);
    this.at++;
    return { kind: 'number', value: scale(Number(digits.replaceAll('_', '')), size) };
  }

  private take<const Symbols extends string>(...symbols: Symbols[]): Symbols | undefined {
    const token = this.tokens[this.at];
    if (this.error !== undefined || token?.kind !== 'symbol') return undefined;
    const found = symbols.find((symbol) => symbol === token.text);
    if (found !== undefined) this.at++;
    return found;
  }

  private fail(why: string, nearest?: string): Expression {
    const offset = this.tokens[this.at]?.offset ?? this.end;
    this.error ??= { offset, why, nearest };
    return ZERO;
  }
}

/** 12 ms is 0.012 to the last bit, as if it had been written so. */
function scale(amount: number, size: number): number {
  return size > 0 && size < 1 ? amount / Math.round(1 / size) : amount * size;
}
