/** The functions of pgbench's expressions (pgbench.c: evalStandardFunc). */
import { exp, ln, pow, type Random } from '../../kernel/index.ts';
import { fnv1a, murmur2 } from './hash.ts';
import { exponential, gaussian, uniform, zipfian } from './random.ts';
import { integer, operate, toDouble, toInteger, type Value } from './values.ts';

/** What an expression can ask for while it is evaluated. */
export interface Environment {
  readonly random: Random;
  /** Values of variables, by the number that the script gives them. */
  readonly variables: readonly Value[];
  /** While a plan is run: of each of its tables the row at hand. */
  readonly slots?: Float64Array;
}

export interface PgbenchFunction {
  readonly least: number;
  readonly most: number;
  /** Whether the same arguments may give another value. */
  readonly isRandom: boolean;
  readonly apply: (values: readonly Value[], random: Random) => Value;
  /** Of a random one: what it draws with these arguments, which are looked at once. */
  readonly bind?: (values: readonly Value[]) => (random: Random) => Value;
}

/** Arguments are neither null nor missing: pgbench's functions are strict. */
function fixed(
  least: number,
  most: number,
  apply: (values: readonly Value[]) => Value,
): PgbenchFunction {
  return { least, most, isRandom: false, apply };
}

function ofDouble(apply: (x: number) => number): PgbenchFunction {
  return fixed(1, 1, ([given]) => {
    const x = toDouble(given);
    return x === undefined ? undefined : apply(x);
  });
}

type Draw = (random: Random, low: bigint, size: number, parameter: number) => bigint;

/** The most values among which `Random` can choose without gaps, far above any table. */
const LARGEST_RANGE = 9_007_199_254_740_992;

const nothing = () => undefined;

function drawn(draw: Draw, least: number, most: number): PgbenchFunction {
  const hasParameter = most > 0;
  const bind = ([from, to, given]: readonly Value[]): ((random: Random) => Value) => {
    const low = toInteger(from);
    const high = toInteger(to);
    if (typeof low !== 'bigint' || typeof high !== 'bigint' || low > high) return nothing;
    const size = Number(high - low + 1n);
    const parameter = hasParameter ? toDouble(given) : 0;
    if (parameter === undefined || size > LARGEST_RANGE) return nothing;
    if (hasParameter && !(parameter >= least && parameter <= most)) return nothing;
    return (random) => draw(random, low, size, parameter);
  };
  const apply = (values: readonly Value[], random: Random): Value => bind(values)(random);
  const count = hasParameter ? 3 : 2;
  return { least: count, most: count, isRandom: true, apply, bind };
}

/** `greatest` and `least`: a double as soon as one of the arguments is. */
function extreme(isBetter: '>' | '<'): PgbenchFunction {
  return fixed(1, Number.POSITIVE_INFINITY, (values) => {
    const isDouble = values.some((value) => typeof value === 'number');
    return values
      .map((value) => (isDouble ? toDouble(value) : toInteger(value)))
      .reduce((best, value) => {
        const better = operate(isBetter, value, best);
        return better === undefined ? undefined : better === true ? value : best;
      });
  });
}

/** As with `pgbench -D default_seed=0`, which otherwise draws one for each run. */
const DEFAULT_SEED = 0n;

function hashed(hash: (value: bigint, seed: bigint) => bigint): PgbenchFunction {
  return fixed(1, 2, ([given, seeded = DEFAULT_SEED]) => {
    const value = toInteger(given);
    const seed = toInteger(seeded);
    if (typeof value !== 'bigint' || typeof seed !== 'bigint') return undefined;
    return hash(value, seed);
  });
}

/** C's pow: signs and zeros by hand, as the kernel's takes positive numbers. */
function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (x > 0) return pow(x, y);
  if (x === 0) return y > 0 ? 0 : Number.POSITIVE_INFINITY;
  if (!Number.isInteger(y)) return Number.NaN;
  return y % 2 === 0 ? pow(-x, y) : -pow(-x, y);
}

const absolute = fixed(1, 1, ([value]) => {
  if (typeof value === 'number') return Math.abs(value);
  if (typeof value !== 'bigint') return undefined;
  return integer(value < 0n ? -value : value);
});

const raised = fixed(2, 2, ([left, right]) => {
  const [x, y] = [toDouble(left), toDouble(right)];
  return x === undefined || y === undefined ? undefined : power(x, y);
});

const hash = hashed(murmur2);

export const FUNCTIONS: ReadonlyMap<string, PgbenchFunction> = new Map([
  ['abs', absolute],
  ['double', fixed(1, 1, ([value]) => toDouble(value))],
  ['exp', ofDouble(exp)],
  ['greatest', extreme('>')],
  ['hash', hash],
  ['hash_fnv1a', hashed(fnv1a)],
  ['hash_murmur2', hash],
  ['int', fixed(1, 1, ([value]) => toInteger(value))],
  ['least', extreme('<')],
  ['ln', ofDouble((x) => (x < 0 ? Number.NaN : ln(x)))],
  ['mod', fixed(2, 2, ([left, right]) => operate('%', left, right))],
  ['pi', fixed(0, 0, () => Math.PI)],
  ['pow', raised],
  ['power', raised],
  ['random', drawn(uniform, 0, 0)],
  ['random_exponential', drawn(exponential, Number.MIN_VALUE, Number.POSITIVE_INFINITY)],
  ['random_gaussian', drawn(gaussian, 2, Number.POSITIVE_INFINITY)],
  ['random_zipfian', drawn(zipfian, 1.001, 1000)],
  ['sqrt', ofDouble(Math.sqrt)],
]);
