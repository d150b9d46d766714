import { describe, expect, it } from 'vitest';
import { kolmogorov } from '../../bench/figures/kolmogorov.ts';
import { Random } from '../../src/kernel/index.ts';

const uniforms = (seed: string, n: number, scale = 1) => {
  const random = new Random(seed);
  return Array.from({ length: n }, () => scale * random.uniform());
};

describe('the test of Kolmogorov and Smirnov', () => {
  it('measures the greatest distance between two distribution functions', () => {
    expect(kolmogorov([1, 2, 3, 4], [1, 2, 3, 4]).distance).toBe(0);
    expect(kolmogorov([1, 2], [3, 4]).distance).toBe(1);
    expect(kolmogorov([1, 3], [2, 3, 4, 5]).distance).toBe(0.5);
    expect(kolmogorov([1, 1, 1, 5], [1, 5]).distance).toBe(0.25);
  });

  it('rejects one in a hundred samples of the law itself', () => {
    const law = uniforms('law', 20_000);
    let rejected = 0;
    for (let i = 0; i < 300; i++) {
      const { distance, critical } = kolmogorov(uniforms(`sample ${i}`, 100), law);
      if (distance >= critical) rejected++;
    }
    expect(rejected).toBeGreaterThanOrEqual(1);
    expect(rejected).toBeLessThanOrEqual(10);
  });

  it('notices a law that is wider by a fifth', () => {
    const { distance, critical } = kolmogorov(uniforms('a', 200, 1.2), uniforms('b', 20_000));
    expect(distance).toBeGreaterThan(critical);
  });
});
