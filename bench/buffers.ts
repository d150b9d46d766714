import { BufferPool } from '../src/postgres/buffers/buffer-pool.ts';
import { OperatingSystemCache } from '../src/postgres/buffers/operating-system-cache.ts';
import { pageOf } from '../src/postgres/buffers/page.ts';
import type { Row } from './table.ts';
import { median } from './timing.ts';

const GIB_BUFFERS = 131_072;
const ACCESSES = 1_000_000;
const ROUNDS = 5;

type Law = 'uniform' | 'skewed';

/** A stream of blocks: all alike, or falling as the power -3/4 of their rank. */
function blocksBy(law: Law, blocks: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const u = state / 0x1_0000_0000;
    return Math.floor((law === 'uniform' ? u : u * u * u * u) * blocks);
  };
}

function time(task: () => void): number {
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    task();
    if (round > 0) rounds.push(((performance.now() - start) * 1e6) / ACCESSES);
  }
  return median(rounds);
}

/** Accesses of a warm pool whose relation is so many times as large as the pool. */
function accesses(gigabytes: number, ratio: number, law: Law): [nanoseconds: number, hits: number] {
  const pool = new BufferPool(gigabytes * GIB_BUFFERS);
  const blocks = Math.floor(pool.size * ratio);
  pool.warm(Float64Array.from({ length: Math.min(blocks, pool.size) }, (_, i) => pageOf(7, i)));
  const next = blocksBy(law, blocks);
  for (let i = 0; i < 5 * pool.size; i++) pool.load(pageOf(7, next())); // counts settle
  const [hits, reads] = [pool.hits, pool.reads];
  const nanoseconds = time(() => {
    for (let i = 0; i < ACCESSES; i++) pool.load(pageOf(7, next()));
  });
  return [nanoseconds, (pool.hits - hits) / (pool.hits - hits + pool.reads - reads)];
}

function systemCache(gigabytes: number, ratio: number): [nanoseconds: number, hits: number] {
  const cache = new OperatingSystemCache(gigabytes * GIB_BUFFERS);
  const blocks = Math.floor(cache.capacity * ratio);
  cache.warm(Float64Array.from({ length: cache.capacity }, (_, i) => pageOf(7, i)));
  const next = blocksBy('uniform', blocks);
  for (let i = 0; i < cache.capacity; i++) cache.read(pageOf(7, next()));
  const [hits, misses] = [cache.hits, cache.misses];
  const nanoseconds = time(() => {
    for (let i = 0; i < ACCESSES; i++) cache.read(pageOf(7, next()));
  });
  return [nanoseconds, (cache.hits - hits) / (cache.hits - hits + cache.misses - misses)];
}

/** What an access of the pool and of the system's cache costs, with the memory of each. */
export async function buffers(): Promise<Row[]> {
  const rows: Row[] = [];
  const add = (what: string, bytes: number, [nanoseconds, hits]: [number, number]) => {
    const label = `${what} (${(bytes / 1e6).toFixed(1)} MB), ${(100 * hits).toFixed(0)} % hits`;
    rows.push({ what: label, nanoseconds, per: 'access' });
  };
  for (const gigabytes of [0.125, 16]) {
    const { bytes } = new BufferPool(gigabytes * GIB_BUFFERS);
    for (const law of ['uniform', 'skewed'] as const) {
      for (const ratio of [1, 2, 16]) {
        add(`${gigabytes} GiB pool, ${law}`, bytes, accesses(gigabytes, ratio, law));
      }
    }
  }
  for (const gigabytes of [1, 16]) {
    const { bytes } = new OperatingSystemCache(gigabytes * GIB_BUFFERS);
    for (const ratio of [1, 2]) {
      add(`${gigabytes} GiB of the system's cache`, bytes, systemCache(gigabytes, ratio));
    }
  }
  return rows;
}
