/**
 * Values of pgbench's expressions and what its operators do with them (pgbench.c:
 * evalStandardFunc): integers of 64 bits, doubles, booleans and null. An integer is a bigint and a
 * double is a number, so that a value tells its type. Where pgbench stops with an error (an
 * overflow, a division by zero, a boolean among numbers) there is no value: undefined.
 */
export type Value = bigint | number | boolean | null | undefined;

const LEAST = -(1n << 63n);
const MOST = (1n << 63n) - 1n;

/** An integer if it is one of 64 bits. */
export function integer(value: bigint): Value {
  return value < LEAST || value > MOST ? undefined : value;
}

/** coerceToInt: doubles are rounded, halves to the even one. */
export function toInteger(value: Value): Value {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return integer(BigInt(roundToEven(value)));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** coerceToDouble. */
export function toDouble(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

/** What an `\if` makes of a value (valueTruth): false for null, true for all numbers but zero. */
export function isTrue(value: Value): boolean {
  return typeof value === 'boolean' ? value : value != null && Number(value) !== 0;
}

export type Operator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '&'
  | '|'
  | '#'
  | '<<'
  | '>>';

/** An operator on two values; null if either is. */
export function operate(operator: Operator, left: Value, right: Value): Value {
  if (left === undefined || right === undefined) return undefined;
  if (left === null || right === null) return null;
  if (typeof left === 'boolean' || typeof right === 'boolean') return undefined;
  const isDouble = typeof left === 'number' || typeof right === 'number';
  if (isDouble && !INTEGERS_ONLY.has(operator))
    return onDoubles(operator, Number(left), Number(right));
  const a = toInteger(left);
  const b = toInteger(right);
  return typeof a === 'bigint' && typeof b === 'bigint' ? onIntegers(operator, a, b) : undefined;
}

const INTEGERS_ONLY = new Set<Operator>(['%', '&', '|', '#', '<<', '>>']);

function onDoubles(operator: Operator, a: number, b: number): Value {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return compare(operator, a, b);
  }
}

function onIntegers(operator: Operator, a: bigint, b: bigint): Value {
  switch (operator) {
    case '+':
      return integer(a + b);
    case '-':
      return integer(a - b);
    case '*':
      return integer(a * b);
    case '/':
      return b === 0n ? undefined : integer(a / b);
    case '%':
      return b === 0n ? undefined : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '#':
      return a ^ b;
    case '<<':
      return BigInt.asIntN(64, a << (b & 63n)); // as C compilers for x86-64 have it
    case '>>':
      return a >> (b & 63n);
    default:
      return compare(operator, a, b);
  }
}

function compare<T extends bigint | number>(operator: Operator, a: T, b: T): Value {
  switch (operator) {
    case '=':
      return a === b;
    case '<>':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return undefined;
  }
}
