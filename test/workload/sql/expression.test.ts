import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { constantOf, ExpressionParser } from '../../../src/workload/sql/expression.ts';
import { lex, Tokens } from '../../../src/workload/sql/lexer.ts';
import type { Value } from '../../../src/workload/sql/values.ts';
import { PGBENCH_DRAWS, PGBENCH_VALUES } from './pgbench-values.ts';

const NAMES = { variable: () => constantOf(1n) };

function read(text: string) {
  const tokens = new Tokens(lex(text, 0, 'meta').tokens);
  const expression = new ExpressionParser(tokens, NAMES).expression();
  expect(tokens.isAtEnd).toBe(true);
  return expression;
}

function evaluate(text: string, random = new Random(text)): Value {
  return read(text).value({ random, variables: [] });
}

/** As pgbench's debug() prints it. */
function shown(value: Value): string {
  if (typeof value === 'bigint') return `int ${value}`;
  if (typeof value === 'number') return `double ${Number(value.toPrecision(15))}`;
  return value === null ? 'null' : `${typeof value} ${value}`;
}

describe('expressions', () => {
  test.each(PGBENCH_VALUES)('%s is %s, as pgbench has it', (text, expected) => {
    const ours = shown(evaluate(text));
    const [kind, number] = expected.split(' ');
    if (kind !== 'double' || !Number.isFinite(Number(number))) expect(ours).toBe(expected);
    else {
      expect(ours.split(' ')[0]).toBe('double');
      expect(Number(ours.split(' ')[1]) / Number(number)).toBeCloseTo(1, 12);
    }
  });

  test.each([
    '1 / 0',
    '5 % 0',
    '9223372036854775807 + 1',
    '-9223372036854775807 - 2',
    '4611686018427387904 * 2',
    'true + 1',
    'not 1',
    '1 and true',
    'random(2, 1)',
    'random_gaussian(1, 10, 1.9)',
    'random_zipfian(1, 10, 1.0)',
    'random_exponential(1, 10, 0)',
    'int(1e30)',
  ])('%s has no value, where pgbench gives the client up', (text) => {
    expect(evaluate(text)).toBeUndefined();
  });
});

const SAMPLE = 200_000;

/** Shares of 1 to 10 in a large sample. */
function shares(call: string): number[] {
  const counts = Array<number>(10).fill(0);
  const random = new Random(call);
  const expression = read(call);
  for (let i = 0; i < SAMPLE; i++) {
    counts[Number(expression.value({ random, variables: [] })) - 1]!++;
  }
  return counts.map((count) => count / SAMPLE);
}

const { exp } = Math;

/** The standard normal distribution (Abramowitz and Stegun 7.1.26, error below 1.5e-7). */
function phi(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const poly =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * exp((-x * x) / 2);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

const one = Array.from({ length: 10 }, (_, i) => i);
const zipfSum = one.reduce((sum, i) => sum + 1 / (i + 1) ** 1.5, 0);
const LAWS: Record<string, (i: number) => number> = {
  'random_zipfian(1, 10, 1.5)': (i) => 1 / (i + 1) ** 1.5 / zipfSum,
  'random_gaussian(1, 10, 2.5)': (i) => (phi(i / 2 - 2) - phi(i / 2 - 2.5)) / (2 * phi(2.5) - 1),
  'random_exponential(1, 10, 3)': (i) => (exp(-0.3 * i) - exp(-0.3 * (i + 1))) / (1 - exp(-3)),
  'random(1, 10)': () => 0.1,
};

describe('random functions', () => {
  test.each(Object.entries(LAWS))('%s against its closed form: chi-square', (call, law) => {
    const ours = shares(call);
    const expected = one.map(law);
    expect(expected.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    const square = ours.reduce((sum, share, i) => {
      const gap = share - expected[i]!;
      return sum + (SAMPLE * gap * gap) / expected[i]!;
    }, 0);
    expect(square, 'nine degrees of freedom, 1 in 10,000').toBeLessThan(33.7);
  });

  test.each(PGBENCH_DRAWS)('%s against counts of pgbench: two samples', (call, counts) => {
    const total = counts.reduce((a, b) => a + b, 0);
    const ours = shares(call);
    const square = counts.reduce((sum, count, i) => {
      const pooled = (ours[i]! * SAMPLE + count) / (SAMPLE + total);
      const gap = ours[i]! - count / total;
      return sum + (gap * gap) / (pooled * (1 / SAMPLE + 1 / total));
    }, 0);
    expect(square).toBeLessThan(33.7);
  });
});
