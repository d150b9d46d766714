import { describe, expect, test } from 'vitest';
import { type Process, SECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import {
  CLIENT_READ,
  LOCK_WAITS,
  SYNC_REP,
  WAIT_EVENTS,
  WAL_SYNC,
  WAL_WRITE_LOCK,
} from '../../src/postgres/waits.ts';
import { FLUSHED, FSYNC, ONE_WAY, World } from '../helpers/world.ts';

/** The leader's system calls, the disk, and going on. */

const synchronous = { name: 'pg1', settings: { synchronous_standby_names: 'pg2' } };

describe('wait events', () => {
  test('each backend is in one state at a time: the shares add up to its life', () => {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const server = world.server('pg1');
    const born: number[] = [];
    let lived = 0;
    world.events.connections.observe((at, _, count) => {
      if (count > born.length) born.push(at);
      else lived += at - born.pop()!; // they all end at the end
    });
    for (let i = 0; i < 10; i++) {
      const client = world.client(`c${i}`);
      const body = function* (): Process {
        yield* client.connect(['pg1']);
        for (let n = 0; n < 50; n++) yield* client.write(n % 3);
      };
      world.play(body());
    }
    world.sim.run(SECOND);
    for (const { wait } of server.backends) wait.settle();
    const sum = server.waits.total.reduce((a, b) => a + b, 0);
    expect(sum).toBe(lived + born.reduce((a, at) => a + world.sim.now - at, 0));
  });

  test('what a commit spends where', () => {
    const world = new World({ servers: [synchronous, { name: 'pg2', of: 'pg1' }] });
    const { total } = world.server('pg1').waits;
    const first = world.client('a');
    const second = world.client('b');
    const body = function* (): Process {
      yield* first.connect(['pg1']);
      yield* second.connect(['pg1']);
      yield* second.say('begin'); // so that its update does not commit by itself
      yield world.sim.holdUntil(SECOND);
      total.fill(0);
      yield* first.write(1);
    };
    world.play(body());
    const blocked = function* (): Process {
      yield world.sim.holdUntil(SECOND + 4 * ONE_WAY + ONE_WAY / 2);
      yield* second.say('update', 1);
    };
    world.play(blocked());
    world.sim.run(2 * SECOND);
    expect(total[WAL_SYNC], WAIT_EVENTS[WAL_SYNC]).toBe(FLUSHED);
    expect(total[SYNC_REP]).toBeGreaterThanOrEqual(2 * ONE_WAY + FSYNC);
    expect(total[SYNC_REP]).toBeLessThan(2 * ONE_WAY + FSYNC + ONE_WAY / 10);
    expect(total[LOCK_WAITS.transactionid]).toBeGreaterThan(2 * FSYNC + ONE_WAY);
    expect(total[WAL_WRITE_LOCK]).toBe(0);
    expect(total[CLIENT_READ]).toBeGreaterThan(0);
  });

  test('those who find a flush under way wait for the lock, the leader for the disk', () => {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const { total } = world.server('pg1').waits;
    for (let i = 0; i < 4; i++) {
      const client = world.client(`c${i}`);
      const body = function* (): Process {
        yield* client.connect(['pg1']);
        yield* client.say('begin');
        yield* client.say('update', i);
        yield world.sim.holdUntil(SECOND + i * 100_000);
        yield* client.say('commit');
      };
      world.play(body());
    }
    world.sim.run(2 * SECOND);
    // three came 0.1, 0.2 and 0.3 ms after the leader, and the second flush served them all; the
    // last of them led it, once it had been woken and had a core
    const { wake, sleep } = DEFAULT_COSTS;
    expect(total[WAL_SYNC]).toBe(2 * FLUSHED);
    expect(total[WAL_WRITE_LOCK]).toBe(3 * (FLUSHED + wake + sleep) + 2 * FLUSHED - 600_000);
  });
});
