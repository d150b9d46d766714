import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import { OperatingSystemCache } from '../../../src/postgres/buffers/operating-system-cache.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import { NOT_SAMPLED, SampledCache } from '../../../src/postgres/buffers/sampling.ts';
import { AliasTable, squareRootLaw } from '../../naive/buffer-popularity.ts';

const PAGES = 100_000;

function poolOf(buffers: number): (page: number) => number {
  const pool = new BufferPool(Math.max(16, Math.round(buffers)));
  return (page) => (pool.load(page) ? 0 : 1);
}

describe('P9.3: a cache sampled by the hash of its pages (SHARDS)', () => {
  const table = new AliasTable(squareRootLaw(PAGES));

  test('with ten thousand sampled pages the hit ratio is within 0.02, and within its error', () => {
    const shares = [0.05, 0.2, 0.4];
    const full = shares.map((share) => new BufferPool(PAGES * share));
    const sampled = shares.map((share) => {
      const build = (scale: number) => poolOf(PAGES * share * scale);
      return new SampledCache({ rate: 0.1, levels: 2, build });
    });
    const random = new Random('P9.3');
    for (let i = 0; i < 500_000; i++) {
      const page = pageOf(3, table.draw(random.uniform()));
      for (const pool of full) pool.load(page);
      for (const cache of sampled) cache.access(page);
    }
    shares.forEach((_, i) => {
      const { share, error } = sampled[i]!.estimate(0);
      const truth = full[i]!.hits / 500_000;
      expect(Math.abs(share - truth)).toBeLessThan(0.02);
      expect(Math.abs(share - truth)).toBeLessThan(error);
      expect(error).toBeLessThan(0.09); // says something: its mean over samples is 0.03 to 0.045
    });
  });

  test('the error holds in about 99 of 100 samples', () => {
    const [samples, share] = [100, 0.1];
    const pages = 4000;
    const law = new AliasTable(squareRootLaw(pages));
    let outside = 0;
    for (let n = 0; n < samples; n++) {
      const random = new Random(`sample ${n}`);
      const pool = new BufferPool(pages * share);
      const build = (scale: number) => poolOf(pages * share * scale);
      const cache = new SampledCache({ rate: 0.4, levels: 2, build });
      for (let i = 0; i < 20_000; i++) {
        const page = pageOf(n, law.draw(random.uniform())); // another file: another sample
        pool.load(page);
        cache.access(page);
      }
      const estimate = cache.estimate(0);
      if (Math.abs(estimate.share - pool.hits / 20_000) > estimate.error) outside++;
    }
    expect(outside).toBeLessThanOrEqual(5); // expected 1
  });

  test('at a rate of 1 every access is sampled, and the shares are plain counts', () => {
    const cache = new SampledCache({ rate: 1, levels: 2, build: (scale) => poolOf(800 * scale) });
    let hits = 0;
    for (let i = 0; i < 50_000; i++) if (cache.access(pageOf(1, (i * 7) % 900)) === 0) hits++;
    expect(cache.estimate(0).share + cache.estimate(1).share).toBeCloseTo(1, 12);
    expect(cache.estimate(0).share).toBeCloseTo(hits / 50_000, 12);
  });

  test('the share of sampled pages is the rate', () => {
    const cache = new SampledCache({ rate: 0.01, levels: 2, build: () => () => 0 });
    let sampled = 0;
    for (let block = 0; block < 500_000; block++) {
      if (cache.access(pageOf(4, block)) !== NOT_SAMPLED) sampled++;
    }
    expect(Math.abs(sampled - 5000)).toBeLessThan(4 * Math.sqrt(5000));
  });

  test('pages outside the sample fare as the sampled pages of their file', () => {
    const cache = new SampledCache({
      rate: 0.1,
      levels: 2,
      build: (scale) => poolOf(20_000 * scale),
    });
    const random = new Random('drawn');
    const hits = [0, 0];
    for (let i = 0; i < 400_000; i++) {
      const file = i & 1; // file 0 is hot and small, file 1 is large
      const block = random.integer(0, file === 0 ? 9_999 : 499_999);
      const level = cache.levelOf(pageOf(file, block), random.uniform());
      if (level === 0 && i >= 200_000) hits[file]!++;
    }
    const pool = new BufferPool(20_000);
    const truth = [0, 0];
    for (let i = 0; i < 400_000; i++) {
      const file = i & 1;
      const block = random.integer(0, file === 0 ? 9_999 : 499_999);
      if (pool.load(pageOf(file, block)) && i >= 200_000) truth[file]!++;
    }
    for (const file of [0, 1]) {
      expect(Math.abs(hits[file]! - truth[file]!) / 100_000).toBeLessThan(0.03);
    }
  });

  test("two levels of cache: shared buffers above the system's", () => {
    const build = (scale: number) => {
      const pool = new BufferPool(Math.round(10_000 * scale));
      const system = new OperatingSystemCache(Math.round(30_000 * scale));
      return (page: number) => (pool.load(page) ? 0 : system.read(page) === 0 ? 1 : 2);
    };
    const [full, sampled] = [build(1), new SampledCache({ rate: 0.2, levels: 3, build })];
    const counts = [0, 0, 0];
    const random = new Random('two levels');
    for (let i = 0; i < 400_000; i++) {
      const page = pageOf(3, table.draw(random.uniform()));
      counts[full(page)]!++;
      sampled.access(page);
    }
    counts.forEach((count, level) => {
      const { share, error } = sampled.estimate(level);
      expect(Math.abs(share - count / 400_000)).toBeLessThan(Math.min(0.02, error));
    });
  });
});
