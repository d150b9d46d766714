import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { BufferPool } from '../../../src/postgres/buffers/buffer-pool.ts';
import { OperatingSystemCache } from '../../../src/postgres/buffers/operating-system-cache.ts';
import { pageOf } from '../../../src/postgres/buffers/page.ts';
import { NOT_SAMPLED, PARTS, PageSample } from '../../../src/postgres/buffers/sampling.ts';
import { AliasTable, squareRootLaw } from '../../naive/buffer-popularity.ts';

const PAGES = 100_000;

/** A cache of which one of so many pages is followed, in caches with nothing in common. */
class SampledCache {
  readonly sample: PageSample;
  private readonly parts: readonly ((page: number) => number)[];

  constructor(settings: {
    oneOf: number;
    levels?: number;
    stretch?: number;
    build: (scale: number) => (page: number) => number;
  }) {
    const { oneOf, levels = 2, stretch = 1, build } = settings;
    this.sample = new PageSample({ oneOf, levels, stretch, first: levels - 1 });
    this.parts = Array.from({ length: PARTS }, () => build(1 / oneOf / PARTS));
  }

  /** The level at which a page is found, drawn for one outside the sample. */
  access(page: number, uniform = 0.5): number {
    const part = this.sample.partOf(page);
    if (part === NOT_SAMPLED) return this.sample.draw(page, uniform);
    const level = this.parts[part]!(page);
    this.sample.found(page, level);
    return level;
  }

  estimate(level: number) {
    return this.sample.estimate(level);
  }
}

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
      return new SampledCache({ oneOf: 10, build });
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
    const pages = 5000;
    const law = new AliasTable(squareRootLaw(pages));
    let outside = 0;
    for (let n = 0; n < samples; n++) {
      const random = new Random(`sample ${n}`);
      const pool = new BufferPool(pages * share);
      const build = (scale: number) => poolOf(pages * share * scale);
      const cache = new SampledCache({ oneOf: 3, build });
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
    const cache = new SampledCache({ oneOf: 1, build: (scale) => poolOf(800 * scale) });
    let hits = 0;
    for (let i = 0; i < 50_000; i++) if (cache.access(pageOf(1, (i * 7) % 900)) === 0) hits++;
    expect(cache.estimate(0).share + cache.estimate(1).share).toBeCloseTo(1, 12);
    expect(cache.estimate(0).share).toBeCloseTo(hits / 50_000, 12);
  });

  test('the share of sampled pages is the rate', () => {
    const sample = new PageSample({ oneOf: 100, levels: 2, stretch: 1, first: 0 });
    let sampled = 0;
    for (let block = 0; block < 500_000; block++) {
      if (sample.partOf(pageOf(4, block)) !== NOT_SAMPLED) sampled++;
    }
    expect(Math.abs(sampled - 5000)).toBeLessThan(4 * Math.sqrt(5000));
  });

  test('pages outside the sample fare as the sampled pages of their file', () => {
    const cache = new SampledCache({
      oneOf: 10,
      build: (scale) => poolOf(20_000 * scale),
    });
    const random = new Random('drawn');
    const hits = [0, 0];
    for (let i = 0; i < 400_000; i++) {
      const file = i & 1; // file 0 is hot and small, file 1 is large
      const block = random.integer(0, file === 0 ? 9_999 : 499_999);
      const level = cache.access(pageOf(file, block), random.uniform());
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
      const missed = 1 - truth[file]! / 100_000;
      const pages = file === 0 ? 1000 : 50_000; // sampled ones, give or take the root of it
      const off = Math.abs(hits[file]! - truth[file]!) / 100_000;
      expect(off).toBeLessThan(missed * (3 / Math.sqrt(pages)) + 0.02);
    }
  });

  test("two levels of cache: shared buffers above the system's", () => {
    const build = (scale: number) => {
      const pool = new BufferPool(Math.round(10_000 * scale));
      const system = new OperatingSystemCache(Math.round(30_000 * scale));
      return (page: number) => (pool.load(page) ? 0 : system.read(page) === 0 ? 1 : 2);
    };
    const [full, sampled] = [build(1), new SampledCache({ oneOf: 5, levels: 3, build })];
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

  test('neighbours are in the sample together, in stretches; one in so many of these', () => {
    const sample = new PageSample({ oneOf: 50, levels: 2, stretch: 16, first: 0 });
    let sampled = 0;
    for (let stretch = 0; stretch < 100_000; stretch++) {
      const parts = [0, 1, 15].map((i) => sample.partOf(pageOf(2, 16 * stretch + i)));
      expect(new Set(parts).size).toBe(1);
      if (parts[0] !== NOT_SAMPLED) sampled++;
    }
    expect(Math.abs(sampled - 2000)).toBeLessThan(4 * Math.sqrt(2000));
  });

  test('with neighbours together and hot, the error is larger, says so, and holds', () => {
    let outside = 0;
    for (let n = 0; n < 40; n++) {
      const law = new AliasTable(squareRootLaw(20_000)); // neighbours are used alike
      const random = new Random(`stretches ${n}`);
      const pool = new BufferPool(4000);
      const build = (scale: number) => poolOf(4000 * scale);
      const cache = new SampledCache({ oneOf: 4, stretch: 16, build });
      for (let i = 0; i < 60_000; i++) {
        const page = pageOf(n, law.draw(random.uniform()));
        pool.load(page);
        cache.access(page);
      }
      const { share, error } = cache.estimate(0);
      if (Math.abs(share - pool.hits / 60_000) > error) outside++;
    }
    expect(outside).toBeLessThanOrEqual(3); // expected 0.4
  });

  test('a root page is a hit whether it is in the sample or not, and misses are as many', () => {
    // Every access of a leaf comes after one of the root: half of all accesses are the root's.
    const full = new BufferPool(20_000);
    const misses: number[] = [];
    for (const root of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const cache = new SampledCache({ oneOf: 4, build: (scale) => poolOf(20_000 * scale) });
      const random = new Random('root');
      let missed = 0;
      for (let i = 0; i < 200_000; i++) {
        const leaf = pageOf(1, random.integer(8, 60_000));
        for (const page of [pageOf(1, root), leaf]) {
          if (root === 0) full.load(page);
          if (cache.access(page, random.uniform()) === 1) missed++;
        }
      }
      misses.push(missed / 400_000);
    }
    const truth = 1 - full.hits / 400_000;
    for (const share of misses) expect(Math.abs(share - truth)).toBeLessThan(0.02);
  });
});
