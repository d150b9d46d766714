import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS, SCRAM_CLIENT_TIME } from '../../src/postgres/costs.ts';
import { ONE_WAY, World } from '../helpers/world.ts';

function single(settings = {}, version = 17) {
  const world = new World({ servers: [{ name: 'pg1', settings, version }] });
  return { world, server: world.server('pg1') };
}

/** So many clients that connect one millisecond after the other and stay. */
function crowd(world: World, count: number, gap = 10 * MILLISECOND) {
  return Array.from({ length: count }, (_, i) => {
    const client = world.client(`c${i}`);
    const body = function* (): Process {
      yield world.sim.holdUntil(i * gap);
      yield* client.connect(['pg1']);
    };
    world.play(body());
    return client;
  });
}

describe('connections (7.4)', () => {
  test.each([
    [17, { max_connections: 6 }, 3],
    [17, { max_connections: 6, superuser_reserved_connections: 0 }, 6],
    [17, { max_connections: 6, reserved_connections: 2 }, 1],
    [15, { max_connections: 6 }, 3],
  ])('version %d with %j serves %d ordinary sessions, then 53300', (version, settings, room) => {
    const { world, server } = single(settings, version);
    const clients = crowd(world, 8);
    world.sim.run(SECOND);
    const answers = clients.map(({ answers: [first] }) => first);
    expect(answers.slice(0, room)).toEqual(Array(room).fill('complete'));
    expect(answers.slice(room)).toEqual(Array(8 - room).fill('53300'));
    expect(server.backends.size).toBe(room);
    expect(server.endpoints.size).toBe(room);
  });

  test('the place of a session that ends is free', () => {
    const { world, server } = single({ max_connections: 4 });
    const [first] = crowd(world, 1);
    const late = world.client('late');
    const body = function* (): Process {
      yield world.sim.holdUntil(SECOND);
      yield* late.connect(['pg1']);
      first!.close();
      yield world.sim.hold(SECOND);
      yield* late.connect(['pg1']);
    };
    world.play(body());
    world.sim.run(5 * SECOND);
    expect(late.answers).toEqual(['53300', 'complete']);
    expect(server.backends.size).toBe(1);
  });

  test('the time to connect: handshake, fork, start, startup and two SCRAM exchanges', () => {
    const { world } = single();
    const [client] = crowd(world, 1);
    let took = -1;
    world.events.connections.observe((at, _, count) => {
      if (count === 1) took = at;
    });
    world.sim.run(5 * ONE_WAY + DEFAULT_COSTS.fork + DEFAULT_COSTS.backendStart - 1);
    expect(took, 'forked when the handshake has ended').toBe(3 * ONE_WAY + DEFAULT_COSTS.fork);
    // TCP 1 round trip; the startup packet is there before the backend, its answer comes back;
    // two more round trips with the client's hashing before each.
    const ready =
      3 * ONE_WAY +
      DEFAULT_COSTS.fork +
      DEFAULT_COSTS.backendStart +
      5 * ONE_WAY +
      SCRAM_CLIENT_TIME;
    world.sim.run(ready - 1);
    expect(client!.answers).toEqual([]);
    world.sim.run(ready + 1);
    expect(client!.answers).toEqual(['complete']);
  });

  test('the postmaster forks one at a time', () => {
    const { world } = single();
    const forks: number[] = [];
    world.events.connections.observe((at) => forks.push(at));
    crowd(world, 20, 0);
    world.sim.run(SECOND);
    const gaps = forks.slice(1).map((at, i) => at - forks[i]!);
    expect(gaps).toEqual(Array(19).fill(DEFAULT_COSTS.fork));
  });

  test('the count of backends is that of the events, and never beyond the room', () => {
    const { world, server } = single({ max_connections: 10 });
    let highest = 0;
    let last = 0;
    world.events.connections.observe((_, __, count) => {
      expect(Math.abs(count - last)).toBe(1);
      last = count;
      highest = Math.max(highest, count);
    });
    crowd(world, 30, 100_000);
    world.sim.run(SECOND);
    expect([highest, last, server.backends.size]).toEqual([7, 7, 7]);
  });
});

describe('states and what they answer', () => {
  test('a server that is off refuses, one that shuts down says 57P03', () => {
    const servers = [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }];
    const world = new World({ servers });
    const client = world.client('a');
    const body = function* (): Process {
      world.cut('pg1', 'pg2'); // so that the shutdown has to wait for its standby
      world.instance('pg1').stop();
      yield world.sim.hold(SECOND);
      yield* client.connect(['pg1']);
      yield world.sim.hold(70 * SECOND); // wal_sender_timeout ends the wait
      yield* client.connect(['pg1']);
    };
    world.play(body());
    world.sim.run(100 * SECOND);
    expect(client.answers).toEqual(['57P03', '08001 refused']);
    expect(world.server('pg1').state).toBe('shut down');
  });

  test('a connection that is being forked when the stop comes does not hold it up', () => {
    for (let at = 0; at < 8 * MILLISECOND; at += 100_000) {
      const { world, server } = single();
      crowd(world, 3, 0);
      world.at(at, () => world.instance('pg1').stop());
      world.sim.run(2 * SECOND);
      expect(server.state, `stopped at ${at} ns`).toBe('shut down');
      expect(server.backends.size).toBe(0);
    }
  });

  test('sessions of every kind end at a fast shutdown', () => {
    const { world, server } = single();
    const idle = world.client('idle');
    const waiting = world.client('waiting');
    const holder = world.client('holder');
    const hold = function* (): Process {
      yield* idle.connect(['pg1']);
      yield* holder.connect(['pg1']);
      yield* waiting.connect(['pg1']);
      yield* holder.say('begin');
      yield* holder.say('update', 1);
      yield* waiting.say('begin');
      yield* waiting.say('update', 1);
    };
    world.play(hold());
    const listen = function* (): Process {
      yield world.sim.holdUntil(SECOND + 1);
      yield* idle.hear();
    };
    world.play(listen());
    world.at(SECOND, () => world.instance('pg1').stop());
    world.sim.run(2 * SECOND);
    expect(idle.answers.at(-1)).toBe('57P01');
    expect(waiting.answers.at(-1)).toBe('57P01');
    expect([server.state, server.locks.rows.size]).toEqual(['shut down', 0]);
  });
});
