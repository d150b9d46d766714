import { describe, expect, test } from 'vitest';
import { connect, Endpoint, type Packet } from '../../src/hardware/tcp.ts';
import { Mailbox, MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import type { WireMessage } from '../../src/postgres/statement.ts';
import { ONE_WAY, World } from '../helpers/world.ts';

type Words = readonly ('begin' | 'update' | 'commit' | 'select')[];

/** A client that says some words and then nothing; what it hears next, and when. */
function silence(settings: Record<string, number>, words: Words, version = 17) {
  const world = new World({ servers: [{ name: 'pg1', settings, version }] });
  const client = world.client('a');
  let said = 0;
  let heard = -1;
  const body = function* (): Process {
    yield* client.connect(['pg1']);
    for (const word of words) yield* client.say(word, 1);
    said = world.sim.now;
    yield* client.hear();
    heard = world.sim.now;
  };
  world.play(body());
  world.sim.run(20 * SECOND);
  const server = world.server('pg1');
  return { answer: client.answers.at(-1), after: heard - said, server, world };
}

/** The server has been waiting since it answered; its word takes as long to come. */
const FIVE = 5 * SECOND;

describe('timeouts of idle sessions (7.5)', () => {
  test('off by default: a silent client keeps its transaction, its lock and the horizon', () => {
    const { server, answer } = silence({}, ['begin', 'update']);
    expect(answer).toBe('complete');
    expect([server.backends.size, server.activeTransactions, server.locks.rows.size]).toEqual([
      1, 1, 1,
    ]);
    expect(server.procArray.array.holder()).toMatchObject({ kind: 'backend' });
  });

  test('idle_in_transaction_session_timeout ends the session: 25P03', () => {
    const settings = { idle_in_transaction_session_timeout: FIVE };
    const { server, answer, after } = silence(settings, ['begin', 'update']);
    expect([answer, after]).toEqual(['25P03', FIVE]);
    expect([server.backends.size, server.activeTransactions, server.locks.rows.size]).toEqual([
      0, 0, 0,
    ]);
    expect(server.procArray.array.holder()).toBeNull();
    expect(server.procArray.array.connections).toBe(0);
  });

  test('it does not touch a session outside of a transaction', () => {
    const settings = { idle_in_transaction_session_timeout: FIVE };
    expect(silence(settings, ['begin', 'update', 'commit']).server.backends.size).toBe(1);
  });

  test.each([
    [['select'] as Words, '57P05'],
    [['begin', 'select', 'commit'] as Words, '57P05'],
    [['begin', 'select'] as Words, 'complete'],
  ])('idle_session_timeout after %j: %s', (words, answer) => {
    expect(silence({ idle_session_timeout: FIVE }, words).answer).toBe(answer);
  });

  test('transaction_timeout counts from BEGIN: 25P04', () => {
    const { answer, after } = silence({ transaction_timeout: FIVE }, ['begin', 'select', 'select']);
    expect(answer).toBe('25P04');
    expect(after).toBeLessThan(FIVE - 4 * ONE_WAY);
    expect(after).toBeGreaterThan(FIVE - 4 * ONE_WAY - MILLISECOND);
  });

  test('of two the earlier fires', () => {
    const settings = { transaction_timeout: FIVE, idle_in_transaction_session_timeout: SECOND };
    expect(silence(settings, ['begin', 'select']).answer).toBe('25P03');
  });

  test('a client that speaks in time is never cut off', () => {
    const settings = { idle_in_transaction_session_timeout: SECOND, idle_session_timeout: SECOND };
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      for (let i = 0; i < 10; i++) {
        yield world.sim.hold(900 * MILLISECOND);
        yield* client.say(i % 2 === 0 ? 'begin' : 'commit');
      }
    };
    world.play(body());
    world.sim.run(9.5 * SECOND);
    expect(client.answers).toEqual(Array(11).fill('complete'));
  });
});

describe('7.5: client_connection_check_interval (14)', () => {
  /** A client hangs up at 1.25 s while its statement waits for a row; when its backend is gone. */
  function hangsUp(settings: Record<string, number>, cut = false) {
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const [holder, waiter] = [world.client('a'), world.client('b')];
    const body = function* (): Process {
      yield* holder.connect(['pg1']);
      yield* waiter.connect(['pg1']);
      for (const word of ['begin', 'update'] as const) yield* holder.say(word, 1);
      yield world.sim.holdUntil(SECOND);
      yield* waiter.say('update', 1);
    };
    world.play(body());
    world.at(1.25 * SECOND, () => {
      if (cut) world.cut('client', 'pg1');
      else waiter.close();
    });
    let goneAt = -1;
    world.events.connections.observe((at, _, count) => {
      if (count === 1 && at > SECOND) goneAt = at;
    });
    world.sim.run(10 * SECOND);
    return goneAt / MILLISECOND;
  }

  test('off by default: the statement waits on for a client that is gone', () => {
    expect(hangsUp({})).toBeLessThan(0);
  });

  test('7.5: looked for in this interval, the session ends at the next look', () => {
    expect(hangsUp({ client_connection_check_interval: 100 * MILLISECOND })).toBeCloseTo(1302, -1);
    expect(hangsUp({ client_connection_check_interval: 400 * MILLISECOND })).toBeCloseTo(1402, -1);
  });

  test('7.5: a client that vanished without a word is not found so', () => {
    const settings = { client_connection_check_interval: 100 * MILLISECOND };
    expect(hangsUp(settings, true)).toBeLessThan(0);
  });
});

describe('7.5: a client that vanishes in a transaction', () => {
  /** Its path is cut so long after it has heard the answer; when its backend gives up. */
  function vanishes(after: number) {
    const world = new World({ servers: [{ name: 'pg1' }] });
    const { server } = world.instance('pg1');
    const client = world.client('a');
    let saidAt = 0;
    let goneAt = 0;
    world.events.connections.observe((at, _, count) => {
      if (count === 0) goneAt = at;
    });
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield* client.say('begin');
      yield* client.say('update', 1);
      saidAt = world.sim.now;
      yield world.sim.hold(after);
      world.cut('client', 'pg1');
    };
    world.play(body());
    world.sim.run(900 * SECOND);
    expect([server.backends.size, server.locks.rows.size]).toEqual([1, 1]);
    world.sim.run(8_000 * SECOND);
    expect(server.locks.rows.size, 'then its lock is free').toBe(0);
    return (goneAt - saidAt) / SECOND;
  }

  test('7.5: tcp_keepalives_* 0, the kernel’s: found by 9 probes in 75 s after 7200 s', () => {
    expect(vanishes(SECOND)).toBeCloseTo(7_200 + 9 * 75, 0);
  });

  test('7.5: with data that was never acknowledged: after 15 retransmissions, 15 min', () => {
    const doublings = 0.2 * (2 ** 10 - 1); // from 0.2 s up to 120 s, then six times 120 s
    expect(Math.abs(vanishes(0) - (doublings + 6 * 120))).toBeLessThan(5);
  });
});

describe('7.5: authentication_timeout', () => {
  /** A connection on which a client says its first words, and then nothing. */
  function stranger(words: number, settings = {}) {
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const heard: [at: number, what: string][] = [];
    const { server } = world.instance('pg1');
    const body = function* (): Process {
      const inbox = new Mailbox<Packet<WireMessage>>(world.sim);
      const endpoint = new Endpoint(world.host('client'), inbox, server.options);
      yield* connect(world.network, endpoint, server.host, () => server.listener);
      for (let word = 0; word < words; word++) {
        endpoint.send(
          word === 0 ? { type: 'startup' } : { type: 'authentication', last: false },
          60,
        );
      }
      for (;;) {
        const packet = inbox.take();
        if (packet === undefined) yield inbox.receive();
        else if (packet.ending) {
          heard.push([world.sim.now, packet.ending]);
          return;
        } else if (packet.message!.type === 'error') {
          heard.push([world.sim.now, packet.message!.sqlstate]);
        }
      }
    };
    world.play(body());
    world.sim.run(100 * SECOND);
    return { heard, server };
  }

  test('7.5: authentication_timeout, 60 s: who sends no startup packet is left', () => {
    const { heard, server } = stranger(0);
    expect(heard.map(([, what]) => what)).toEqual(['closed']);
    expect(heard[0]![0] / SECOND).toBeCloseTo(60, 1);
    expect(server.backends.size).toBe(0);
  });

  test('7.5: who does not answer is told so: 57014', () => {
    const { heard } = stranger(2, { authentication_timeout: FIVE });
    expect(heard.map(([, what]) => what)).toEqual(['57014', 'closed']);
    expect(heard[0]![0] / SECOND).toBeCloseTo(5, 1);
  });
});

describe('the price of a connection (C3)', () => {
  test('about 1.8 ms until connected, 0.6 for the first select, 3.8 of processor time', () => {
    const world = new World({ servers: [{ name: 'pg1' }], oneWay: () => 5_000 });
    const client = world.client('a');
    const took: number[] = [];
    const body = function* (): Process {
      const scram = 3 * MILLISECOND; // the measured one was trusted
      yield* client.connect(['pg1']);
      took.push(world.sim.now - scram);
      const from = world.sim.now;
      yield* client.say('select');
      took.push(world.sim.now - from);
      client.close();
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(took[0]! / MILLISECOND).toBeCloseTo(1.8, 1);
    expect(took[1]! / MILLISECOND).toBeCloseTo(0.57, 1);
    expect(world.host('pg1').cpu.busyTime / MILLISECOND).toBeCloseTo(3.81, 1);
  });
});
