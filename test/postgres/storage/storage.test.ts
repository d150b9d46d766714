import { describe, expect, test } from 'vitest';
import { type Nanoseconds, type Process, SECOND } from '../../../src/kernel/index.ts';
import { PAGE_BYTES } from '../../../src/postgres/buffers/page.ts';
import { costsOf, DEFAULT_COSTS } from '../../../src/postgres/costs.ts';
import type { StorageStart } from '../../../src/postgres/storage/owner.ts';
import { type Client, FSYNC, ONE_WAY, type ServerPlan, World } from '../../helpers/world.ts';

const SELECT = costsOf(DEFAULT_COSTS).statement('select', true);
const COPY = DEFAULT_COSTS.pageRead;
/** A disk request of the test world takes as long as a flush. */
const DISK_READ = FSYNC;
/** Pages of a look-up: two levels of the key's index (100,000 rows), and the row's page. */
const PATH = 3;

interface Played {
  readonly world: World;
  /** How long each of the statements took, the client's round trip taken off. */
  readonly took: readonly Nanoseconds[];
}

/** A client that has connected and asked once selects rows, one each second. */
function selects(keys: readonly number[], plan: Partial<ServerPlan>): Played {
  const world = new World({ servers: [{ name: 'pg1', ...plan }] });
  const took: Nanoseconds[] = [];
  world.play(reader(world, world.client('a'), keys, took));
  world.sim.run((keys.length + 2) * SECOND);
  return { world, took };
}

function* reader(
  world: World,
  client: Client,
  keys: readonly number[],
  took: Nanoseconds[],
): Process {
  const { sim } = world;
  yield* client.connect(['pg1']);
  yield* client.say('begin');
  yield* client.say('select', 90_000); // its first query fills the catalogs' caches
  for (const [i, key] of keys.entries()) {
    yield sim.holdUntil((i + 1) * SECOND);
    yield* client.say('select', key);
    took.push(sim.now - (i + 1) * SECOND - 2 * ONE_WAY);
  }
}

const start = (buffers: 'warm' | 'cold', osCache: 'warm' | 'cold'): { start: StorageStart } => ({
  start: { buffers, osCache },
});

describe('a page that a statement needs (1.2)', () => {
  test('the pool is shared_buffers in pages: 128 MiB are 16384', () => {
    const { world } = selects([], { settings: { shared_buffers: 128 * 1024 * 1024 } });
    expect(world.server('pg1').storage.pool.size).toBe(16_384);
  });

  test('in shared buffers: processor time of the statement, and no event', () => {
    const { took, world } = selects([1, 50_000], start('warm', 'warm'));
    expect(took).toEqual([SELECT, SELECT]);
    const { pool } = world.server('pg1').storage;
    expect([pool.hits, pool.reads]).toEqual([3 * PATH, 0]);
  });

  test('in the cache of the operating system: a copy of each page', () => {
    // The first select brought the root in; the second row is on another leaf and page.
    const { took, world } = selects([1, 2, 1], start('cold', 'warm'));
    expect(took).toEqual([SELECT + 2 * COPY, SELECT, SELECT]);
    expect(world.host('pg1').disk.reads).toBe(0);
  });

  test('in neither: one read of the disk after the other, and then it is in both', () => {
    const { took, world } = selects([1, 1], start('cold', 'cold'));
    expect(took).toEqual([SELECT + 2 * (DISK_READ + COPY), SELECT]);
    const { disk } = world.host('pg1');
    expect([disk.reads, disk.bytesRead]).toEqual([PATH + 2, (PATH + 2) * PAGE_BYTES]);
  });

  test('two who want the same pages at once: one read of each, for both', () => {
    const world = new World({ servers: [{ name: 'pg1', ...start('cold', 'cold') }] });
    const took: Nanoseconds[] = [];
    for (const name of ['a', 'b']) world.play(reader(world, world.client(name), [1], took));
    world.sim.run(2 * SECOND);
    const wait = SELECT + 2 * DISK_READ;
    expect(took.map((each) => each - wait).every((rest) => rest >= 0 && rest < 5 * COPY)).toBe(
      true,
    );
    expect(world.host('pg1').disk.reads).toBe(PATH + 2);
    const { pool } = world.server('pg1').storage;
    expect(pool.hits + pool.reads).toBe(2 * 2 * PATH); // each access is one or the other
  });

  test('its wait event is the read', () => {
    const { world } = selects([1], start('cold', 'cold'));
    const { waits } = world.server('pg1');
    const [read, buffer] = [waits.total[9], waits.total[11]];
    expect([read, buffer]).toEqual([(PATH + 2) * DISK_READ, 0]);
  });
});

/** Writers that update rows far apart, one transaction after the other. */
function* writer(client: Client, first: number, step: number): Process {
  yield* client.connect(['pg1']);
  for (let key = first; key < 100_000; key += step) yield* client.write(key);
}

describe('a pool smaller than its tables', () => {
  const settings = { shared_buffers: 16 * PAGE_BYTES * 4, synchronous_commit: 'off' };

  test('backends write their victims, and no page before its WAL is on disk', () => {
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const { storage, wal } = world.server('pg1');
    const write = storage.cache.write.bind(storage.cache);
    let early = 0;
    storage.cache.write = (page) => {
      const { pool } = storage;
      if (pool.lsnOf(pool.find(page)) > wal.flushed.value) early++;
      write(page);
    };
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      world.play(writer(world.client(name), 1 + i, 997));
    }
    world.sim.run(20 * SECOND);
    expect(storage.written.backend).toBeGreaterThan(50);
    expect(early).toBe(0);
    expect(storage.pool.hits).toBeGreaterThan(0);
  });
});

describe('a crash', () => {
  test('the versions of transactions under way are dead, those they ended live', () => {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const client = world.client('a');
    world.play(
      (function* (): Process {
        yield* client.connect(['pg1']);
        yield* client.write(1);
        yield* client.say('begin');
        yield* client.say('update', 50_000);
        yield* client.say('insert');
      })(),
    );
    world.sim.run(SECOND);
    const { tables, pool } = world.server('pg1').storage;
    const [accounts, , , history] = tables;
    expect([accounts!.heap.live, accounts!.heap.dead]).toEqual([100_000, 2]);
    world.server('pg1').crash();
    expect([accounts!.heap.live, accounts!.heap.dead]).toEqual([100_000, 2]);
    expect([history!.heap.live, history!.heap.dead]).toEqual([0, 1]);
    expect(pool.dirty).toBe(0);
  });
});
