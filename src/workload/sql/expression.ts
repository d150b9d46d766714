/**
 * pgbench's expressions (exprparse.y), read into functions: everything that does not depend on a
 * variable or on chance is evaluated when it is read.
 */
import { type Environment, FUNCTIONS, type PgbenchFunction } from './functions.ts';
import type { Token, Tokens } from './lexer.ts';
import { Refusal } from './problem.ts';
import { integer, isTrue, type Operator, operate, type Value } from './values.ts';

/** An expression; its value is undefined where pgbench would stop with an error. */
export interface Expression {
  readonly isConstant: boolean;
  readonly value: (environment: Environment) => Value;
  /** The number of the variable that it is, if it is no more than that. */
  readonly variable?: number;
}

/** Where names of variables lead. */
export interface Names {
  /** Its value, or a refusal. */
  variable(token: Token): Expression;
}

export function constantOf(value: Value): Expression {
  return { isConstant: true, value: () => value };
}

const NO_ENVIRONMENT = { variables: [] } as unknown as Environment;

/** One operation on parts: computed at once where all of them are constant. */
function combine(parts: readonly Expression[], value: Expression['value']): Expression {
  if (!parts.every(({ isConstant }) => isConstant)) return { isConstant: false, value };
  return constantOf(value(NO_ENVIRONMENT));
}

const COMPARISONS = ['<', '<=', '>', '>=', '=', '<>', '!='];
const BITWISE = ['|', '#', '&', '<<', '>>'];
const DEEPEST = 100;

/** Reads expressions from a command's tokens. */
export class ExpressionParser {
  private readonly tokens: Tokens;
  private readonly names: Names;
  /** In SQL functions are the server's, which nothing here evaluates. */
  private readonly isSql: boolean;
  private depth = 0;

  constructor(tokens: Tokens, names: Names, isSql = false) {
    this.tokens = tokens;
    this.names = names;
    this.isSql = isSql;
  }

  /** The whole of it, AND, OR and comparisons included. */
  expression(): Expression {
    if (++this.depth > DEEPEST) this.tokens.refuse(`is nested deeper than ${DEEPEST}`);
    let left = this.conjunction();
    while (this.tokens.skipWords('or')) left = either(left, this.conjunction());
    this.depth--;
    return left;
  }

  /** What stands on one side of a comparison. */
  operand(): Expression {
    if (++this.depth > DEEPEST) this.tokens.refuse(`is nested deeper than ${DEEPEST}`);
    const operand = this.binary(BITWISE, () => this.sum());
    this.depth--;
    return operand;
  }

  private conjunction(): Expression {
    let left = this.negation();
    while (this.tokens.skipWords('and')) left = both(left, this.negation());
    return left;
  }

  private negation(): Expression {
    let isNegated = false;
    let isThere = false;
    while (this.tokens.skipWords('not')) {
      isNegated = !isNegated;
      isThere = true;
    }
    const of = this.tested();
    if (!isThere) return of;
    return combine([of], (environment) => {
      const value = of.value(environment);
      if (value === null) return null;
      return typeof value === 'boolean' ? value !== isNegated : undefined;
    });
  }

  /** IS NULL and its like bind more loosely than comparisons. */
  private tested(): Expression {
    const of = this.comparison();
    const { tokens } = this;
    if (tokens.skipWords('isnull')) return is(of, null, false);
    if (tokens.skipWords('notnull')) return is(of, null, true);
    if (!tokens.skipWords('is')) return of;
    const isNegated = tokens.skipWords('not');
    for (const [word, value] of CONSTANTS) {
      if (tokens.skipWords(word)) return is(of, value, isNegated);
    }
    return tokens.refuse('NULL, TRUE or FALSE is expected here');
  }

  private comparison(): Expression {
    const left = this.operand();
    if (!this.tokens.isSymbol(...COMPARISONS)) return left;
    const written = this.tokens.take().text;
    const operator = (written === '!=' ? '<>' : written) as Operator;
    return binary(operator, left, this.operand());
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.product());
  }

  private product(): Expression {
    return this.binary(['*', '/', '%'], () => this.factor());
  }

  private binary(operators: readonly string[], part: () => Expression): Expression {
    let left = part();
    while (this.tokens.isSymbol(...operators)) {
      const operator = this.tokens.take().text as Operator;
      left = binary(operator, left, part());
    }
    return left;
  }

  private factor(): Expression {
    const { tokens } = this;
    if (tokens.isSymbol('+', '-', '~')) {
      if (++this.depth > DEEPEST) tokens.refuse(`is nested deeper than ${DEEPEST}`);
      const sign = tokens.take().text;
      const of = this.factor();
      this.depth--;
      if (sign === '+') return of;
      return sign === '-' ? binary('-', constantOf(0n), of) : binary('#', constantOf(-1n), of);
    }
    if (tokens.skipSymbol('(')) {
      const inner = this.expression();
      tokens.expectSymbol(')');
      return inner;
    }
    return this.atom();
  }

  private atom(): Expression {
    const { tokens } = this;
    const token = tokens.next;
    switch (token.kind) {
      case 'integer': {
        tokens.take();
        const value = integer(BigInt(token.text));
        if (value === undefined) throw new Refusal(token, 'is beyond the range of bigint');
        return constantOf(value);
      }
      case 'double':
        return constantOf(Number(tokens.take().text));
      case 'variable':
        return this.names.variable(tokens.take());
      case 'name':
        return this.named(tokens.take());
      default:
        return tokens.refuse('a number, a :variable or a function is expected here');
    }
  }

  private named(token: Token): Expression {
    for (const [word, value] of CONSTANTS) if (token.value === word) return constantOf(value);
    if (token.value === 'case') return this.cases();
    if (this.isSql) {
      const why = 'cannot be evaluated here: use a number, or \\set a :variable';
      throw new Refusal(token, why);
    }
    const found = FUNCTIONS.get(token.value);
    if (found === undefined || !this.tokens.isSymbol('(')) {
      const names = [...FUNCTIONS.keys()];
      throw new Refusal(token, `is not a function; there is ${names.join(', ')}`, names);
    }
    this.tokens.take();
    return call(found, this.argumentsOf(token, found));
  }

  private argumentsOf(token: Token, { least, most }: PgbenchFunction): Expression[] {
    const given: Expression[] = [];
    if (!this.tokens.skipSymbol(')')) {
      do given.push(this.expression());
      while (this.tokens.skipSymbol(','));
      this.tokens.expectSymbol(')');
    }
    if (given.length >= least && given.length <= most) return given;
    const wanted = Number.isFinite(most) && most > least ? `${least} to ${most}` : `${least}`;
    const orMore = Number.isFinite(most) ? '' : ' or more';
    throw new Refusal(token, `takes ${wanted}${orMore} arguments, not ${given.length}`);
  }

  private cases(): Expression {
    const { tokens } = this;
    const whens: [Expression, Expression][] = [];
    while (tokens.skipWords('when')) {
      const condition = this.expression();
      tokens.expectWord('then');
      whens.push([condition, this.expression()]);
    }
    if (whens.length === 0) tokens.refuse('WHEN is expected here');
    const otherwise = tokens.skipWords('else') ? this.expression() : constantOf(null);
    tokens.expectWord('end');
    return combine([...whens.flat(), otherwise], (environment) => {
      for (const [condition, result] of whens) {
        const value = condition.value(environment);
        if (value === undefined) return undefined;
        if (isTrue(value)) return result.value(environment);
      }
      return otherwise.value(environment);
    });
  }
}

const CONSTANTS = [
  ['null', null],
  ['true', true],
  ['false', false],
] as const;

function binary(operator: Operator, left: Expression, right: Expression): Expression {
  return combine([left, right], (environment) =>
    operate(operator, left.value(environment), right.value(environment)),
  );
}

function is(of: Expression, what: Value, isNegated: boolean): Expression {
  return combine([of], (environment) => {
    const value = of.value(environment);
    return value === undefined ? undefined : (value === what) !== isNegated;
  });
}

/** AND and OR leave out their right side where the left one decides, and know three values. */
function both(left: Expression, right: Expression): Expression {
  return logical(left, right, false);
}

function either(left: Expression, right: Expression): Expression {
  return logical(left, right, true);
}

function logical(left: Expression, right: Expression, decides: boolean): Expression {
  return combine([left, right], (environment) => {
    const a = left.value(environment);
    if (a === decides) return decides;
    if (a !== null && typeof a !== 'boolean') return undefined;
    const b = right.value(environment);
    if (b !== null && typeof b !== 'boolean') return undefined;
    if (b === decides) return decides;
    return a === null || b === null ? null : !decides;
  });
}

function call(what: PgbenchFunction, given: readonly Expression[]): Expression {
  const { apply, bind, isRandom } = what;
  const value = (environment: Environment): Value => {
    const values = given.map((each) => each.value(environment));
    if (values.includes(undefined)) return undefined;
    if (values.includes(null)) return null;
    return apply(values, environment.random);
  };
  if (!isRandom) return combine(given, value);
  if (!bind || !given.every((each) => each.isConstant)) return { isConstant: false, value };
  const constants = given.map((each) => each.value(NO_ENVIRONMENT));
  if (constants.some((each) => each == null)) return { isConstant: false, value };
  const draw = bind(constants);
  return { isConstant: false, value: ({ random }) => draw(random) };
}
