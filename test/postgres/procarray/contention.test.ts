import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND, Simulation } from '../../../src/kernel/index.ts';
import {
  ProcArray,
  ProcArrayLock,
  ProcEntry,
  procArrayCosts,
} from '../../../src/postgres/procarray/index.ts';
import { PROC_ARRAY, PROC_ARRAY_GROUP_UPDATE } from '../../../src/postgres/waits.ts';
import { World } from '../../helpers/world.ts';

/** Reads per second of active sessions next to idle ones, which connect first and say nothing. */
function readsPerSecond(version: number, active: number, idle: number, cores: number): number {
  const settings = { max_connections: 20_000 };
  const world = new World({
    servers: [{ name: 'pg1', settings, version, cores }],
    oneWay: () => 5_000,
  });
  const { sim } = world;
  const { procArray } = world.server('pg1');
  for (let i = 0; i < idle; i++) procArray.array.connect(procArray.session(IDLE).entry);
  let reads = 0;
  for (let i = 0; i < active; i++) {
    const client = world.client(`active ${i}`);
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield sim.holdUntil(500 * MILLISECOND);
      while (sim.now < 600 * MILLISECOND) {
        yield* client.say('select', 1);
        reads++;
      }
    };
    world.play(body());
  }
  sim.run(SECOND);
  return reads * 10;
}

const IDLE = new World({ servers: [{ name: 'pg1' }] }).server('pg1').waits.enter(1);

describe('the price of idle connections (7.1; D115, D117)', () => {
  test.each([1, 8, 48])('%d active sessions beside 10,000 idle ones: half or less in 13', (n) => {
    const alone = readsPerSecond(13, n, 0, 8);
    const crowded = readsPerSecond(13, n, 10_000, 8);
    expect(crowded / alone).toBeLessThan(0.5);
    expect(crowded).toBeGreaterThan(0);
  });

  test.each([1, 8, 48])('%d active sessions beside 10,000 idle ones: nearly flat since 14', (n) => {
    const alone = readsPerSecond(14, n, 0, 8);
    const crowded = readsPerSecond(14, n, 10_000, 8);
    expect(crowded / alone).toBeGreaterThan(0.95);
  });

  test('the published rates at 5,000 follow from those at 0 and 10,000 (P2.2)', () => {
    const time = (idle: number) => 1 / readsPerSecond(13, 8, idle, 8);
    const [none, some, many] = [time(0), time(5_000), time(10_000)];
    expect((some! - none!) / (many! - none!)).toBeCloseTo(0.5, 1);
    const perThousand = ((many! - none!) * 8 * SECOND) / 10;
    expect(perThousand / 4_500).toBeGreaterThan(0.9);
    expect(perThousand / 4_500).toBeLessThan(1.1);
  });
});

/** Writers and readers on one row each; returns shares of time in the waits of ProcArrayLock. */
function contended(version: number, connections: number, readers: number, writers: number) {
  const world = new World({
    servers: [{ name: 'pg1', settings: { max_connections: 20_000 }, version, fsync: 50_000 }],
    oneWay: () => 5_000,
  });
  const { sim } = world;
  const server = world.server('pg1');
  const { procArray } = server;
  for (let i = 0; i < connections; i++) procArray.array.connect(procArray.session(IDLE).entry);
  let commits = 0;
  for (let i = 0; i < readers + writers; i++) {
    const client = world.client(`c${i}`);
    const random = sim.random(`${i}`);
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield sim.holdUntil(500 * MILLISECOND + i * 1_000);
      while (sim.now < 600 * MILLISECOND) {
        yield sim.hold(random.exponential(20_000)); // constant delays would run in step
        if (i < readers) yield* client.say('select', i);
        else if ((yield* client.write(i)) === 'complete') commits++;
      }
    };
    world.play(body());
  }
  sim.run(SECOND);
  return { commits, lock: procArray.lock, waits: server.waits.total, array: procArray.array };
}

describe('ProcArrayLock (7.2)', () => {
  test('commits behind long snapshots form groups that one leader clears', () => {
    const { commits, lock, waits, array } = contended(13, 10_000, 10, 40);
    expect(commits).toBeGreaterThan(100);
    expect(lock.groups).toBeGreaterThan(3);
    expect(lock.grouped).toBeGreaterThan(1.5 * lock.groups);
    expect(waits[PROC_ARRAY]).toBeGreaterThan(0);
    expect(waits[PROC_ARRAY_GROUP_UPDATE]).toBeGreaterThan(0);
    expect(array.oldestNonRemovableXid()).toBe(array.nextXid);
    expect(array.xactCompletionCount).toBe(commits);
  });

  test('readers whose snapshots overlap keep writers out: fewer commits the more they are', () => {
    const few = contended(13, 10_000, 2, 8).commits;
    const many = contended(13, 10_000, 50, 8).commits;
    expect(many).toBeLessThan(0.5 * few);
  });

  test('since 14 a commit waits a fraction of that, and there are more of them', () => {
    const before = contended(13, 10_000, 10, 40);
    const since = contended(14, 10_000, 10, 40);
    const waited = ({ waits, commits }: typeof since) =>
      (waits[PROC_ARRAY]! + waits[PROC_ARRAY_GROUP_UPDATE]!) / commits;
    expect(waited(since)).toBeLessThan(0.7 * waited(before));
    expect(since.commits).toBeGreaterThan(1.5 * before.commits);
  });

  test.each([
    [0, 400],
    [10_000, 5_400],
  ])('connecting beside %d connections keeps the lock for %d ns', (connections, hold) => {
    const sim = new Simulation();
    const array = new ProcArray(sim, 17);
    for (let i = 0; i < connections; i++) array.connect(new ProcEntry(i));
    const lock = new ProcArrayLock(sim, array, procArrayCosts(17));
    expect(lock.enter()).toBe(0);
    expect(lock.lock.exclusiveUntil).toBe(hold);
    lock.leave();
    expect(lock.lock.exclusiveUntil).toBe(2 * hold);
  });

  test('the commits of one flush wait for nobody: their holds lie end to end', () => {
    const sim = new Simulation();
    const array = new ProcArray(sim, 17);
    const lock = new ProcArrayLock(sim, array, procArrayCosts(17));
    const entries = Array.from({ length: 30 }, (_, i) => new ProcEntry(i));
    for (const entry of entries) {
      array.connect(entry);
      array.assignXid(entry);
    }
    expect(entries.map((entry) => lock.end(entry))).toEqual(Array(30).fill('ended'));
    expect(lock.lock.exclusiveUntil).toBe(30 * 200);
    expect(array.xactCompletionCount).toBe(30);
  });
});
