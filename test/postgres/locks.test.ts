import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { ACCESS_EXCLUSIVE } from '../../src/postgres/locking/lock-modes.ts';
import { LOCK_WAITS } from '../../src/postgres/waits.ts';
import { ACCOUNTS } from '../../src/workload/pgbench.ts';
import { type Client, ONE_WAY, World } from '../helpers/world.ts';

type Step = readonly [at: number, verb: 'begin' | 'select' | 'update' | 'commit', key?: number];

/** Each client says its statements at the given milliseconds after the first second. */
function play(world: World, plans: Record<string, readonly Step[]>): string[] {
  const log: string[] = [];
  const body = function* (client: Client, steps: readonly Step[]): Process {
    yield* client.connect(['pg1']);
    for (const [at, verb, key] of steps) {
      yield world.sim.holdUntil(SECOND + at * MILLISECOND);
      const answer = yield* client.say(verb, key);
      const since = Math.floor((world.sim.now - SECOND - 2 * ONE_WAY) / MILLISECOND);
      log.push(`${since} ${client.name} ${verb} ${key ?? ''}: ${answer}`);
    }
  };
  for (const name of Object.keys(plans)) world.play(body(world.client(name), plans[name]!));
  return log;
}

describe('locks of a server', () => {
  test('a deadlock is the error of who first waited a second, and the other goes on', () => {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const log = play(world, {
      a: [
        [0, 'begin'],
        [10, 'update', 1],
        [100, 'update', 2],
        [1200, 'select', 1],
        [1300, 'commit'],
      ],
      b: [
        [0, 'begin'],
        [20, 'update', 2],
        [200, 'update', 1],
        [1400, 'commit'],
      ],
    });
    world.sim.run(10 * SECOND);
    expect(log.filter((line) => !line.includes('begin'))).toEqual([
      '10 a update 1: complete',
      '20 b update 2: complete',
      '1100 a update 2: 40P01',
      '1100 b update 1: complete',
      '1200 a select 1: 25P02',
      '1300 a commit : complete',
      '1402 b commit : complete',
    ]);
    const { server } = world.instance('pg1');
    expect([server.deadlocks, server.lockWaits, server.activeTransactions]).toEqual([1, 2, 0]);
    expect([server.locks.rows.size, server.locks.table.size]).toEqual([0, 0]);
  });

  test('lock_timeout ends a wait for a row with 55P03', () => {
    const settings = { lock_timeout: 300 * MILLISECOND };
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const log = play(world, {
      a: [
        [0, 'begin'],
        [10, 'update', 1],
        [900, 'commit'],
      ],
      b: [
        [0, 'begin'],
        [100, 'update', 1],
        [500, 'commit'],
      ],
    });
    world.sim.run(10 * SECOND);
    expect(log.slice(2)).toEqual([
      '10 a update 1: complete',
      '400 b update 1: 55P03',
      '500 b commit : complete',
      '902 a commit : complete',
    ]);
  });

  test('a strong lock on the table keeps readers and writers waiting: Lock.relation', () => {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const { server } = world.instance('pg1');
    const migration = server.locks.enter({ lockWait: () => {} });
    expect(server.locks.lockRelation(migration, ACCOUNTS.index, ACCESS_EXCLUSIVE)).toBe('granted');
    world.at(SECOND + 500 * MILLISECOND, () => server.locks.releaseAll(migration));
    const log = play(world, {
      a: [[100, 'select', 1]],
      b: [
        [0, 'begin'],
        [200, 'update', 1],
        [600, 'commit'],
      ],
    });
    world.sim.run(10 * SECOND);
    expect(log.slice(1)).toEqual([
      '499 a select 1: complete',
      '499 b update 1: complete',
      '602 b commit : complete',
    ]);
    const waited = server.waits.total[LOCK_WAITS.relation]! / MILLISECOND;
    expect(waited).toBeGreaterThan(690);
    expect(waited).toBeLessThan(700);
    expect([server.locks.table.size, server.deadlocks]).toEqual([0, 0]);
  });
});
