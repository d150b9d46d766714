import { describe, expect, test } from 'vitest';
import type { Process } from '../../../src/kernel/index.ts';
import { PAGE_BYTES } from '../../../src/postgres/buffers/page.ts';
import { DEFAULT_COSTS } from '../../../src/postgres/costs.ts';
import { tablePage } from '../../../src/postgres/heap/relation.ts';
import { HeapReads } from '../../../src/postgres/storage/heap-reads.ts';
import { FSYNC, World } from '../../helpers/world.ts';

const COPY = DEFAULT_COSTS.pageRead;
/** A disk request of the test world takes as long as a flush, and any number are served at once. */
const READ = FSYNC;
/** Enough shared buffers that no scan's share of them bounds its reads on order. */
const POOL = { shared_buffers: 1024 * 1024 * 1024 };

type Settings = Record<string, string | number | boolean>;

/** A server with nothing in memory, and pgbench_accounts of 100,000 rows. */
function coldWorld(version: number, settings: Settings = {}) {
  const start = { buffers: 'cold', osCache: 'cold' } as const;
  const all = { ...POOL, ...settings };
  const world = new World({ servers: [{ name: 'pg1', version, settings: all, start }] });
  const { storage } = world.server('pg1');
  const table = storage.tables.find(({ definition }) => definition.rows >= 100_000)!;
  const heap = { definition: { ...table.heap.definition, version }, pages: table.heap.pages };
  return { world, storage, heap, disk: world.host('pg1').disk };
}

/** Scans the table from 1 s on, without any work beside; how long that took. */
function scan({ world, storage, heap }: ReturnType<typeof coldWorld>, scans = 1): number[] {
  const took: number[] = [];
  const { waits, host } = world.server('pg1');
  function* process(): Process {
    yield world.sim.holdUntil(1e9);
    const reads = new HeapReads(storage, heap, waits.enter(0));
    for (let block = 0; block < heap.pages; block++) yield* reads.page(block);
    took.push(world.sim.now - 1e9);
  }
  for (let i = 0; i < scans; i++) host.spawn(process());
  world.sim.run(60e9);
  return took;
}

describe('how a sequential scan gets its pages (1.5)', () => {
  test('up to 16 page by page, and the kernel reads ahead: 2, 4, 8, then 16 pages', () => {
    const cold = coldWorld(16);
    const [took] = scan(cold);
    const { pages } = cold.heap;
    const requests = 3 + Math.ceil((pages - 14) / 16);
    expect(cold.disk.reads).toBe(requests);
    expect(cold.disk.bytesRead).toBe(pages * PAGE_BYTES);
    expect(took).toBe(requests * READ);
  });

  test('17: io_combine_limit in one read, one read at a time', () => {
    for (const [limit, blocks] of [
      [131_072, 16],
      [32_768, 4],
    ] as const) {
      const cold = coldWorld(17, { io_combine_limit: limit });
      const [took] = scan(cold);
      const requests = Math.ceil(cold.heap.pages / blocks);
      expect([cold.disk.reads, took]).toEqual([requests, requests * READ]);
    }
  });

  test('18: effective_io_concurrency reads on order, where the kernel does them', () => {
    for (const concurrency of [1, 4, 16]) {
      const settings = { io_method: 'io_uring', effective_io_concurrency: concurrency };
      const cold = coldWorld(18, settings);
      const [took] = scan(cold);
      const requests = Math.ceil(cold.heap.pages / 16);
      expect(cold.disk.reads).toBe(requests);
      expect(took).toBe(Math.ceil(requests / concurrency) * READ);
    }
  });

  test('18: as many as there are io workers, who copy as well; io_method sync is as in 17', () => {
    for (const workers of [1, 3]) {
      const cold = coldWorld(18, { io_workers: workers });
      const [took] = scan(cold);
      const requests = Math.ceil(cold.heap.pages / 16);
      const each = READ + 16 * COPY;
      expect(took).toBeGreaterThan(((requests - workers) / workers) * each);
      expect(took).toBeLessThan(Math.ceil(requests / workers + 1) * (each + workers * 16 * COPY));
    }
    const [sync] = scan(coldWorld(18, { io_method: 'sync' }));
    expect(sync).toBe(scan(coldWorld(17))[0]);
  });

  test('a page that is there already parts two reads, and is a hit', () => {
    const cold = coldWorld(17);
    const { storage, heap } = cold;
    const page = tablePage(heap.definition.relation, 5);
    storage.makeRoom(storage.pageOf(page));
    const before = storage.pool.reads;
    scan(cold);
    expect(storage.pool.hits).toBe(1);
    expect(storage.pool.reads - before).toBe(heap.pages - 1);
    expect(cold.disk.reads).toBe(1 + Math.ceil((heap.pages - 6) / 16));
  });

  test('all in shared buffers: no read, no time, a hit each', () => {
    for (const version of [16, 17, 18]) {
      const cold = coldWorld(version);
      scan(cold);
      const [reads, hits] = [cold.disk.reads, cold.storage.pool.hits];
      const { world, storage, heap } = cold;
      world.server('pg1').host.spawn(
        (function* (): Process {
          const again = new HeapReads(storage, heap, world.server('pg1').waits.enter(0));
          for (let block = 0; block < heap.pages; block++) yield* again.page(block);
        })(),
      );
      world.sim.run(61e9);
      expect([cold.disk.reads, cold.storage.pool.hits - hits]).toEqual([reads, heap.pages]);
    }
  });

  test('two scans at once read the table once, and each waits for the other', () => {
    for (const version of [16, 17, 18]) {
      const cold = coldWorld(version);
      expect(scan(cold, 2)).toHaveLength(2);
      expect(cold.disk.bytesRead).toBeLessThanOrEqual(1.02 * cold.heap.pages * PAGE_BYTES);
      const { pool } = cold.storage;
      expect(pool.hits + pool.reads).toBe(2 * cold.heap.pages);
      for (let buffer = 0; buffer < cold.heap.pages; buffer++) {
        expect([pool.pinCount(buffer), pool.ioInProgress(buffer)]).toEqual([0, false]);
      }
    }
  });

  test('a table beyond a quarter of the pool goes through a ring', () => {
    for (const version of [16, 17, 18]) {
      const cold = coldWorld(version, { shared_buffers: 8_388_608 });
      scan(cold);
      const { everUsed } = cold.storage.pool.sweep;
      expect(everUsed).toBeLessThanOrEqual(version < 18 ? 32 : 64); // 256 kB, and on order
      expect(cold.storage.pool.reads).toBe(cold.heap.pages);
    }
  });

  test('a small pool bounds what a scan may have pinned: its share among all processes', () => {
    const cold = coldWorld(18, { io_method: 'io_uring', shared_buffers: 128 * 1024 * 1024 });
    const [took] = scan(cold);
    const share = Math.floor(16_384 / (100 + 3 + 1 + 8 + 10 + 38)); // 102: six reads and a bit
    const reads = cold.disk.reads;
    expect(took).toBeGreaterThan((cold.heap.pages / (share + 16)) * READ);
    expect(took).toBeLessThan(((reads * 16) / (share - 16)) * READ);
  });
});

describe('how a bitmap scan gets its pages (1.5)', () => {
  /** Reads blocks in their order, from 1 s on; how long that took. */
  function bitmapScan({ world, storage, heap }: ReturnType<typeof coldWorld>, blocks: number[]) {
    const { waits, host } = world.server('pg1');
    let took = -1;
    function* process(): Process {
      yield world.sim.holdUntil(1e9);
      const reads = new HeapReads(storage, heap, waits.enter(0), blocks);
      for (let place = 0; place < blocks.length; place++) yield* reads.page(place);
      took = world.sim.now - 1e9;
    }
    host.spawn(process());
    world.sim.run(60e9);
    return took;
  }

  const scattered = Array.from({ length: 120 }, (_, i) => 20 * i);

  test('up to 17 by advice: effective_io_concurrency pages beyond the one at hand', () => {
    for (const version of [13, 17]) {
      for (const concurrency of [0, 1, 4, 11]) {
        const cold = coldWorld(version, { effective_io_concurrency: concurrency });
        const took = bitmapScan(cold, scattered);
        expect(took).toBe(Math.ceil(120 / (1 + concurrency)) * READ);
        expect(cold.disk.reads).toBe(120);
        expect(cold.storage.pool.reads).toBe(120);
      }
    }
  });

  test('18: by a read stream, in which only neighbours are one read', () => {
    const settings = { io_method: 'io_uring', effective_io_concurrency: 4 };
    const one = coldWorld(18, settings);
    expect(bitmapScan(one, scattered)).toBe((120 / 4) * READ);
    expect(one.disk.reads).toBe(120);
    const pairs = coldWorld(18, settings);
    const paired = scattered.flatMap((block) => [block, block + 1]);
    expect(bitmapScan(pairs, paired)).toBe((120 / 4) * READ);
    expect([pairs.disk.reads, pairs.disk.bytesRead]).toEqual([120, 240 * PAGE_BYTES]);
  });

  test('pages in shared buffers are asked of nobody, and cost nothing', () => {
    for (const version of [17, 18]) {
      const cold = coldWorld(version);
      for (const block of scattered) storageHas(cold, block);
      expect(bitmapScan(cold, scattered)).toBe(0);
      expect(cold.disk.reads).toBe(0);
    }
  });

  function storageHas({ storage, heap }: ReturnType<typeof coldWorld>, block: number): void {
    storage.makeRoom(storage.pageOf(tablePage(heap.definition.relation, block)));
  }
});
