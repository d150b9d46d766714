import alea from 'seedrandom/lib/alea.js';
import { describe, expect, test } from 'vitest';
import { Random, Simulation } from '../../src/kernel/index.ts';

const NEIGHBOURS = [
  ...Array.from({ length: 20 }, (_, i) => `1/servers/pg${i}/disk`),
  ...Array.from({ length: 20 }, (_, i) => `${i}/servers/pg1/disk`),
  ...['1/servers/pg1/cpu', '1/servers/pg1', '1/servers', '1', '', 'a', 'b', 'aa'],
];

/** How far a chi-square value is from its mean, in standard deviations. */
function chiSquareDeviation(counts: ArrayLike<number>, total: number): number {
  const cells = counts.length;
  const expected = total / cells;
  let sum = 0;
  for (let i = 0; i < cells; i++) {
    const off = counts[i]! - expected;
    sum += (off * off) / expected;
  }
  return (sum - (cells - 1)) / Math.sqrt(2 * (cells - 1));
}

describe('random streams', () => {
  test('are those of the library, draw by draw', () => {
    for (const name of NEIGHBOURS) {
      const random = new Random(name);
      const library = alea(name, { state: true });
      for (let i = 0; i < 20_000; i++) {
        expect(random.uniform() - library()).toBe(2 ** -33);
      }
    }
  });

  test('are uniform, one by one and over all neighbouring names together', () => {
    const draws = 100_000;
    const together = new Int32Array(1_000);
    for (const name of NEIGHBOURS) {
      const random = new Random(name);
      const counts = new Int32Array(1_000);
      for (let i = 0; i < draws; i++) {
        const cell = Math.floor(random.uniform() * 1_000);
        counts[cell]!++;
        together[cell]!++;
      }
      expect(Math.abs(chiSquareDeviation(counts, draws)), name).toBeLessThan(4);
    }
    const all = draws * NEIGHBOURS.length;
    expect(Math.abs(chiSquareDeviation(together, all))).toBeLessThan(4);
  });

  test('of neighbouring names are independent: pairs fill the square evenly', () => {
    const draws = 20_000;
    for (let i = 1; i < NEIGHBOURS.length; i++) {
      const [a, b] = [new Random(NEIGHBOURS[i - 1]!), new Random(NEIGHBOURS[i]!)];
      const counts = new Int32Array(400);
      for (let n = 0; n < draws; n++) {
        counts[20 * Math.floor(20 * a.uniform()) + Math.floor(20 * b.uniform())]!++;
      }
      const names = `${NEIGHBOURS[i - 1]} and ${NEIGHBOURS[i]}`;
      expect(Math.abs(chiSquareDeviation(counts, draws)), names).toBeLessThan(4);
    }
  });

  test('first draws over 100,000 neighbouring names are uniform and uncorrelated', () => {
    const draws = 100_000;
    const first = Array.from({ length: draws }, (_, i) => new Random(`7/client/${i}`).uniform());
    const counts = new Int32Array(1_000);
    let product = 0;
    first.forEach((u, i) => {
      counts[Math.floor(u * 1_000)]!++;
      if (i > 0) product += (u - 0.5) * (first[i - 1]! - 0.5);
    });
    expect(Math.abs(chiSquareDeviation(counts, draws))).toBeLessThan(4);
    expect(Math.abs(product / (draws / 12)) * Math.sqrt(draws)).toBeLessThan(4);
  });

  test('consecutive draws are uncorrelated at any lag up to 50', () => {
    const draws = 200_000;
    const random = new Random('lags');
    const u = Array.from({ length: draws }, () => random.uniform() - 0.5);
    for (let lag = 1; lag <= 50; lag++) {
      let product = 0;
      for (let i = lag; i < draws; i++) product += u[i]! * u[i - lag]!;
      expect(Math.abs(product / (draws / 12)) * Math.sqrt(draws), `lag ${lag}`).toBeLessThan(4);
    }
  });

  test('belong to the seed and the path, and to nothing else', () => {
    const draw = (seed: string | number, path: string) => {
      const random = new Simulation(seed).random(path);
      return [random.uniform(), random.uniform()];
    };
    expect(draw(1, 'disk')).toEqual(draw('1', 'disk'));
    expect(draw(1, 'disk')).not.toEqual(draw(2, 'disk'));
    expect(draw(1, 'disk')).not.toEqual(draw(1, 'cpu'));
  });

  test('have these values, on every machine', () => {
    const random = new Random('42/servers/pg1/disk');
    const scaled = Array.from({ length: 4 }, () => random.uniform() * 2 ** 33);
    expect(scaled).toEqual(KNOWN);
  });
});

const KNOWN = [7691025187, 1257060699, 2978349263, 5272501139];

describe('draws', () => {
  test('whole numbers: both ends included, each equally likely', () => {
    const random = new Random('integers');
    const counts = new Int32Array(7);
    for (let i = 0; i < 70_000; i++) counts[random.integer(-3, 3) + 3]!++;
    expect(Math.abs(chiSquareDeviation(counts, 70_000))).toBeLessThan(4);
    expect(random.integer(5, 5)).toBe(5);
  });

  test('exponential: mean, variance and tail', () => {
    const random = new Random('exponential');
    const N = 400_000;
    let sum = 0;
    let squares = 0;
    let beyond = 0;
    for (let i = 0; i < N; i++) {
      const x = random.exponential(1_000_000) / 1e6;
      sum += x;
      squares += x * x;
      if (x > 3) beyond++;
    }
    expect(Math.abs(sum / N - 1) * Math.sqrt(N)).toBeLessThan(3);
    expect(Math.abs(squares / N - 2) * Math.sqrt(N / 20)).toBeLessThan(3);
    const tail = Math.exp(-3);
    expect(Math.abs(beyond / N - tail) / Math.sqrt((tail * (1 - tail)) / N)).toBeLessThan(3);
  });

  test('chance: never at 0, always at 1, else as often as it says', () => {
    const random = new Random('chance');
    const N = 200_000;
    const hits = (p: number) => Array.from({ length: N }, () => random.chance(p)).filter(Boolean);
    expect(hits(0)).toHaveLength(0);
    expect(hits(1)).toHaveLength(N);
    expect(Math.abs(hits(0.3).length / N - 0.3) / Math.sqrt(0.21 / N)).toBeLessThan(3);
  });
});
