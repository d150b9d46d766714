import { describe, expect, test } from 'vitest';
import { exp, ln, normalQuantile, pow, Random } from '../../src/kernel/index.ts';

const buffer = new DataView(new ArrayBuffer(8));

function bitsOf(x: number): bigint {
  buffer.setFloat64(0, x);
  return buffer.getBigInt64(0);
}

/** How many doubles lie between two of the same sign. */
function ulpsBetween(a: number, b: number): number {
  const distance = bitsOf(a) - bitsOf(b);
  return Number(distance < 0n ? -distance : distance);
}

/** A positive double of any magnitude: all exponents alike. */
function anyPositive(random: Random): number {
  const exponent = random.integer(1, 2046);
  buffer.setUint32(0, exponent * 0x10_0000 + random.integer(0, 0xf_ffff));
  buffer.setUint32(4, random.integer(0, 0xffff_ffff));
  return buffer.getFloat64(0);
}

function worst(count: number, sample: (random: Random) => number): number {
  const random = new Random('arithmetic');
  let most = 0;
  for (let i = 0; i < count; i++) most = Math.max(most, sample(random));
  return most;
}

describe('ln', () => {
  test('within one unit in the last place of the engine, over all magnitudes and around 1', () => {
    const error = (x: number) => ulpsBetween(ln(x), Math.log(x));
    expect(worst(300_000, (random) => error(anyPositive(random)))).toBeLessThanOrEqual(1);
    expect(worst(300_000, (random) => error(random.uniform()))).toBeLessThanOrEqual(1);
    const nearOne = (random: Random) => 1 + (random.uniform() - 0.5) / random.integer(1, 1e9);
    expect(worst(300_000, (random) => error(nearOne(random)))).toBeLessThanOrEqual(1);
  });

  test('has these bits, on every machine', () => {
    expect(ln(1)).toBe(0);
    expect(ln(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(bitsOf(ln(2))).toBe(0x3fe62e42fefa39efn); // 0.6931471805599453
    expect(bitsOf(ln(10))).toBe(0x40026bb1bbb55516n); // 2.302585092994046
    expect(bitsOf(ln(0.5))).toBe(BigInt.asIntN(64, 0xbfe62e42fefa39efn));
    expect(bitsOf(ln(Number.MAX_VALUE))).toBe(0x40862e42fefa39efn); // 1024 ln 2
  });
});

describe('exp', () => {
  test('within one unit in the last place of the engine, over its whole range', () => {
    const error = (x: number) => ulpsBetween(exp(x), Math.exp(x));
    const anywhere = (random: Random) => 1417 * random.uniform() - 708;
    expect(worst(300_000, (random) => error(anywhere(random)))).toBeLessThanOrEqual(1);
    const nearZero = (random: Random) => (2 * random.uniform() - 1) / random.integer(1, 1e6);
    expect(worst(300_000, (random) => error(nearZero(random)))).toBeLessThanOrEqual(1);
  });

  test('ends where doubles end', () => {
    expect(exp(709.782712893384)).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(exp(709.79)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(-745.2)).toBe(0);
    expect(exp(-745.1)).toBe(Number.MIN_VALUE);
    expect(exp(0)).toBe(1);
  });

  test('has these bits, on every machine', () => {
    expect(bitsOf(exp(1))).toBe(0x4005bf0a8b14576an); // 2.7182818284590455, as fdlibm has it
    expect(bitsOf(exp(-1))).toBe(0x3fd78b56362cef38n); // 0.36787944117144233
    expect(bitsOf(exp(10))).toBe(0x40d5829dcf950560n); // 22026.465794806718
  });
});

test('pow is off by no more than its logarithm is long, and exact where that is short', () => {
  const random = new Random('pow');
  for (let i = 0; i < 200_000; i++) {
    const x = exp(20 * random.uniform() - 10);
    const y = 8 * random.uniform() - 4;
    const exact = Math.exp(y * Math.log(x));
    const bound = (2 + Math.abs(y * Math.log(x))) * 2 ** -52;
    expect(Math.abs(pow(x, y) - exact) / exact).toBeLessThan(bound);
  }
  expect(pow(7, 0)).toBe(1);
  expect(pow(2, 10)).toBeCloseTo(1024, 9);
});

/** The normal distribution function by its series and continued fraction (A&S 26.2.10, 26.2.14). */
function normalProbability(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(z) < 4) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 200; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / (Math.abs(z) + fraction);
  const tail = density / (Math.abs(z) + fraction);
  return z < 0 ? tail : 1 - tail;
}

describe('normal quantile', () => {
  test('inverts the distribution function with a relative error below 1.2e-9', () => {
    const random = new Random('normal');
    const density = (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    for (let i = 0; i < 50_000; i++) {
      const p = i % 2 ? random.uniform() : Math.exp(-23 * random.uniform());
      const z = normalQuantile(p);
      const errorInZ = Math.abs(normalProbability(z) - p) / density(z);
      expect(errorInZ).toBeLessThan(1.2e-9 * Math.abs(z) + 1e-12);
    }
  });

  test('is odd around a half and knows the tabulated values', () => {
    expect(normalQuantile(0.5)).toBe(0);
    for (const p of [0.25, 0.125, 2 ** -9]) expect(normalQuantile(1 - p)).toBe(-normalQuantile(p));
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 8);
    expect(normalQuantile(0.99)).toBeCloseTo(2.326347874040841, 8);
    expect(normalQuantile(0.999)).toBeCloseTo(3.090232306167813, 8);
  });
});
