import { BufferPool } from '../src/postgres/buffers/buffer-pool.ts';
import { pageOf } from '../src/postgres/buffers/page.ts';
import type { Row } from './table.ts';

/** 16 GB of shared buffers. */
const BUFFERS = 2_097_152;
const ACCESSES = 1_000_000;
const ROUNDS = 9;
const HIT_TARGET_NANOSECONDS = 100;
const MEMORY_TARGET_BYTES = 300e6;

/** Processor time of a task for each access: the fastest round, which was disturbed least. */
function fastest(task: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage();
    task();
    const { user, system } = process.cpuUsage(from);
    best = Math.min(best, ((user + system) * 1000) / ACCESSES);
  }
  return best;
}

function draw(state: number): number {
  return (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
}

/** Pages drawn alike among all that the pool holds, each found and its use counted. */
function randomHits(pool: BufferPool, pages: Float64Array): number {
  let state = 1;
  let found = 0;
  const only = fastest(() => {
    for (let i = 0; i < ACCESSES; i++) {
      state = draw(state);
      found += pages[0]! + (state >>> 11);
    }
  });
  const all = fastest(() => {
    for (let i = 0; i < ACCESSES; i++) {
      state = draw(state);
      if (pool.touch(pages[0]! + (state >>> 11))) found++;
    }
  });
  if (!(found > 0)) throw new Error('nothing was found');
  return all - only;
}

/** Look-ups by a key: root, one of 1,000 inner pages, one of 300,000 leaves, a page of the heap. */
function lookUps(pool: BufferPool, index: number, heap: number): number {
  let state = 1;
  return fastest(() => {
    for (let i = 0; i < ACCESSES; i += 4) {
      state = draw(state);
      const share = state / 0x1_0000_0000;
      const pages = [index, index + 1 + Math.floor(share * 1000)];
      pages.push(index + 1001 + Math.floor(share * 300_000), heap + Math.floor(share * 1_700_000));
      for (let each = 0; each < pages.length; each++) {
        if (!pool.touch(pages[each]!)) throw new Error('a miss in a warm pool');
      }
    }
  });
}

/** The pool holding so many pages of one relation, with what came to memory by it, in bytes. */
function warmed(pages: Float64Array): { pool: BufferPool; resident: number } {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const pool = new BufferPool(BUFFERS);
  for (let i = 0; i < pages.length; i++) pool.load(pages[i]!);
  for (let i = 0; i < pages.length; i += 2) pool.markDirty(pool.find(pages[i]!), i + 1); // LSNs
  globalThis.gc?.();
  const after = process.memoryUsage();
  const arrays = after.arrayBuffers - before.arrayBuffers;
  return { pool, resident: Math.max(arrays, after.rss - before.rss) };
}

const verdict = (value: number, target: number) => (value <= target ? 'within' : 'ABOVE');

/** What a hit of a pool of 16 GB costs, and its memory: of neighbours, and of scattered pages. */
export async function poolHits(): Promise<Row[]> {
  const near = Float64Array.from({ length: BUFFERS }, (_, i) => pageOf(7, i));
  const { pool, resident } = warmed(near);
  const random = randomHits(pool, near);
  const keyed = lookUps(pool, near[0]!, near[310_000]!);
  const far = Float64Array.from({ length: BUFFERS }, (_, i) => pageOf(7, 16 * i));
  const scattered = warmed(far);
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const per = 'access';
  const memory = (bytes: number) => `${megabytes(bytes)}, ${verdict(bytes, MEMORY_TARGET_BYTES)}`;
  const hit = (nanoseconds: number) => verdict(nanoseconds, HIT_TARGET_NANOSECONDS);
  return [
    {
      what: `16 GB pool, full (${memory(resident)} 300 MB): a page at random (${hit(random)} 100)`,
      nanoseconds: random,
      per,
    },
    { what: `the same: pages of look-ups by key (${hit(keyed)} 100)`, nanoseconds: keyed, per },
    {
      what: `no two pages neighbours (${memory(scattered.resident)} 300 MB): at random`,
      nanoseconds: randomScattered(scattered.pool),
      per,
    },
  ];
}

function randomScattered(pool: BufferPool): number {
  let state = 1;
  return fastest(() => {
    for (let i = 0; i < ACCESSES; i++) {
      state = draw(state);
      pool.touch(pageOf(7, 16 * (state >>> 11)));
    }
  });
}
