import { describe, expect, test } from 'vitest';
import { Random, SECOND } from '../../../src/kernel/index.ts';
import * as system from '../../../src/postgres/buffers/operating-system-cache.ts';
import { fileOf, type Page, pageOf, SEGMENT_BLOCKS } from '../../../src/postgres/buffers/page.ts';
import { ReadAhead } from '../../../src/postgres/buffers/read-ahead.ts';
import { NaiveSystemCache } from '../../naive/buffer-system-cache.ts';

const { OperatingSystemCache } = system;
const page = (block: number) => pageOf(1, block);
const blocks = (pages: readonly Page[]) => pages.map((each) => each - page(0));

describe("the operating system's page cache", () => {
  test('does what two arrays do, on 60 random traces', () => {
    const random = new Random('system cache');
    let [refaults, reclaimed] = [0, 0];
    for (let trace = 0; trace < 60; trace++) {
      const capacity = random.integer(4, 40);
      const [cache, naive] = [new OperatingSystemCache(capacity), new NaiveSystemCache(capacity)];
      for (let step = 0; step < 500; step++) {
        const any = pageOf(random.integer(1, 2), random.integer(0, capacity));
        const dice = random.uniform();
        if (dice < 0.85) expect(cache.read(any) === 0).toBe(naive.read(any));
        else if (dice < 0.95 && !cache.throttlesWriters) {
          cache.write(any, 0);
          naive.write(any);
        } else {
          const file = fileOf(any);
          const written = naive.writeBack((each) => fileOf(each) === file);
          expect(cache.fsync(file).pages).toEqual(written);
        }
        if (step % 25 === 0) expectSame(cache, naive);
      }
      expectSame(cache, naive);
      refaults += cache.refaults;
      reclaimed += cache.evictions;
    }
    expect(Math.min(refaults, reclaimed)).toBeGreaterThan(500);
  });

  function expectSame(cache: system.OperatingSystemCache, naive: NaiveSystemCache): void {
    expect(cache.pagesOf('active')).toEqual(naive.active.map((cached) => cached.page));
    expect(cache.pagesOf('inactive')).toEqual(naive.inactive.map((cached) => cached.page));
    const dirty = [...naive.active, ...naive.inactive].filter((cached) => cached.dirty);
    expect(cache.dirty.count).toBe(dirty.length);
  }

  test('a second read activates, a write does not; a page read once goes first', () => {
    const cache = new OperatingSystemCache(10);
    for (const block of [0, 1, 2]) cache.read(page(block));
    cache.read(page(1));
    cache.write(page(2), 0);
    cache.write(page(2), 0);
    expect(blocks(cache.pagesOf('active'))).toEqual([1]);
    expect(blocks(cache.pagesOf('inactive'))).toEqual([2, 0]);
  });

  test('one pass over a large file does not push out what was read twice', () => {
    const cache = new OperatingSystemCache(100);
    for (let i = 0; i < 80; i++) cache.read(page(i % 40));
    for (let block = 0; block < 1000; block++) cache.read(pageOf(2, block));
    for (let block = 0; block < 40; block++) expect(cache.has(page(block))).toBe(true);
  });

  test('a loop a little longer than the inactive list is learnt by refault distance', () => {
    const cache = new OperatingSystemCache(100);
    for (let i = 0; i < 100; i++) cache.read(pageOf(2, i % 50)); // once the working set
    expect(cache.active).toBe(50);
    const misses = () => {
      const before = cache.misses;
      for (let block = 0; block < 90; block++) cache.read(page(block));
      return cache.misses - before;
    };
    expect(misses()).toBe(90);
    for (let round = 0; round < 10; round++) misses();
    expect(misses()).toBe(0); // the old working set has made room
  });

  test('above 1 GB the active list may be sqrt(10 x GB) times the inactive one', () => {
    const gigabytes = 2;
    const cache = OperatingSystemCache.ofBytes(gigabytes * 1024 ** 3);
    cache.warm(Float64Array.from({ length: cache.capacity }, (_, block) => page(block)));
    expect(cache.active / (cache.capacity - cache.active)).toBeCloseTo(4, 3); // sqrt(20)
    for (let block = 0; block < 1000; block++) cache.read(pageOf(2, block));
    expect(cache.active / (cache.capacity - cache.active)).toBeCloseTo(4, 2);
    expect(cache.has(page(0))).toBe(true);
    expect(cache.has(page(cache.capacity - 1))).toBe(false);
  });

  test('read-ahead brings neighbours in by one request', () => {
    const cache = new OperatingSystemCache(1000);
    const reader = new ReadAhead(40);
    const requests = Array.from({ length: 40 }, (_, block) => cache.read(page(block), reader));
    expect(requests.filter((pages) => pages > 0)).toEqual([2, 4, 8, 16, 10]);
    expect(cache.hits).toBe(35);
  });

  test('what is left for it of a host', () => {
    const bytes = system.pageCacheBytes({
      memoryBytes: 64e9,
      sharedBuffersBytes: 16e9,
      connections: 200,
    });
    expect(bytes).toBe(64e9 * 0.96 - 16e9 - 200 * 1.5e6);
    const none = { memoryBytes: 1e9, sharedBuffersBytes: 2e9, connections: 0 };
    expect(system.pageCacheBytes(none)).toBe(16 * 1024 * 1024);
  });
});

describe('dirty pages', () => {
  test('fsync of a file: all its segments, in order, and how many stretches they make', () => {
    const cache = new OperatingSystemCache(1000);
    for (const block of [7, 3, 2, 4, SEGMENT_BLOCKS, SEGMENT_BLOCKS + 1]) {
      cache.write(page(block), 0);
    }
    cache.write(pageOf(2, 5), 0);
    const { pages, runs } = cache.fsync(1);
    expect(blocks(pages)).toEqual([2, 3, 4, 7, SEGMENT_BLOCKS, SEGMENT_BLOCKS + 1]);
    expect(runs).toBe(3);
    expect(cache.fsync(1)).toEqual({ pages: [], runs: 0 });
    expect(cache.dirty.count).toBe(1);
  });

  test('the flusher writes files that became dirty 30 s ago, whole', () => {
    const cache = new OperatingSystemCache(1000);
    for (let block = 0; block < 500; block++) cache.read(pageOf(9, block));
    cache.write(page(1), 0);
    cache.write(pageOf(2, 1), 4 * SECOND);
    cache.write(page(8), 29 * SECOND);
    expect(cache.flush(29 * SECOND).pages).toEqual([]);
    expect(cache.flush(30 * SECOND).pages).toEqual([page(1), page(8)]);
    cache.write(page(1), 31 * SECOND);
    expect(cache.flush(34 * SECOND).pages).toEqual([pageOf(2, 1)]);
    expect(cache.flush(60 * SECOND).pages).toEqual([]);
    expect(cache.flush(61 * SECOND).pages).toEqual([page(1)]);
  });

  test('over a tenth it writes at once, longest dirty first; over 15 % writers are held up', () => {
    const cache = new OperatingSystemCache(1000);
    for (let block = 0; block < 1000; block++) cache.read(pageOf(9, block));
    for (let block = 0; block < 100; block++) cache.write(pageOf(9, block), 1);
    expect(cache.flush(2).pages).toHaveLength(0);
    for (let block = 0; block < 50; block++) cache.write(pageOf(8, block), 2);
    expect(cache.throttlesWriters).toBe(false);
    cache.write(pageOf(7, 0), 3);
    expect(cache.throttlesWriters).toBe(true);
    expect(cache.flush(4)).toMatchObject({ runs: 1, pages: { length: 100 } });
    expect(cache.dirty.count).toBe(51);
    expect(cache.throttlesWriters).toBe(false);
  });

  test("a writer's hint writes what it names, if it is dirty still", () => {
    const cache = new OperatingSystemCache(100);
    for (let block = 0; block < 50; block++) cache.read(pageOf(9, block));
    for (const block of [1, 2, 5]) cache.write(page(block), 0);
    expect(cache.startWriteBack([page(2), page(1), page(77)])).toEqual({
      pages: [page(1), page(2)],
      runs: 1,
    });
    cache.write(page(1), 1);
    expect(cache.fsync(1).pages).toEqual([page(1), page(5)]);
    cache.write(page(5), 40 * SECOND); // the file was clean: its 30 s begin anew
    expect(cache.flush(69 * SECOND).pages).toEqual([]);
    expect(cache.flush(70 * SECOND).pages).toEqual([page(5)]);
  });

  test('power off loses what was not written back; a dropped file is not written at all', () => {
    const cache = new OperatingSystemCache(100);
    for (let block = 0; block < 10; block++) cache.write(page(block), 0);
    cache.write(pageOf(2, 0), 0);
    cache.drop(2);
    expect([cache.has(pageOf(2, 0)), cache.fsync(2).runs]).toEqual([false, 0]);
    expect(cache.powerOff()).toBe(10);
    expect([cache.has(page(0)), cache.dirty.count]).toEqual([false, 0]);
    cache.read(page(0));
    expect(cache.has(page(0))).toBe(true);
  });
});
