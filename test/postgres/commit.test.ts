import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { costsOf, DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { type Client, FLUSHED, FSYNC, ONE_WAY, World, type WorldPlan } from '../helpers/world.ts';

const COSTS = costsOf(DEFAULT_COSTS);

/** From the commit record until who flushed it goes on: system calls, the disk, going on. */
const COMMIT_CPU = COSTS.statement('commit', true) + DEFAULT_COSTS.commit;

/** A primary with one synchronous standby, or with none. */
function pair(synchronous: boolean, settings = {}): WorldPlan {
  const names = synchronous ? { synchronous_standby_names: 'pg2' } : {};
  const primary = { name: 'pg1', settings: { ...names, ...settings } };
  return { servers: synchronous ? [primary, { name: 'pg2', of: 'pg1' }] : [primary] };
}

/** A client that has updated row 1 by the second in which it sends COMMIT. */
function* committer(world: World, client: Client, done: (took: number) => void): Process {
  yield* client.connect(['pg1']);
  yield* client.say('begin');
  yield* client.say('update', 1);
  yield world.sim.holdUntil(SECOND);
  yield* client.say('commit');
  done(world.sim.now - SECOND);
}

function play(plan: WorldPlan, until: number, more?: (world: World) => void) {
  const world = new World(plan);
  const client = world.client('a');
  const result = { world, client, took: -1 };
  world.play(
    committer(world, client, (took) => {
      result.took = took;
    }),
  );
  more?.(world);
  world.sim.run(until);
  return result;
}

describe('the order of a commit (2.6)', () => {
  test('alone: message, processor, one flush, answer', () => {
    const { took, world } = play(pair(false), 2 * SECOND);
    expect(took).toBe(ONE_WAY + COMMIT_CPU + FLUSHED + ONE_WAY);
    expect(world.server('pg1').locks.rows.size).toBe(0);
  });

  test('record, flush, standby, and only then locks and the answer', () => {
    const events: string[] = [];
    const { took } = play(pair(true), 2 * SECOND, (world) => {
      const since = (name: string) => (at: number) => {
        if (at > SECOND) events.push(`${at - SECOND} ${name}`);
      };
      world.events.committed.observe(since('record'));
      world.events.flushed.observe(since('flushed'));
      world.events.standbyWritten.observe(since('standby written'));
      world.events.standbyFlushed.observe(since('standby flushed'));
      const { locks } = world.server('pg1');
      let held = 1;
      const watch = function* (): Process {
        yield world.sim.holdUntil(SECOND);
        while (locks.rows.size === held) yield world.sim.hold(1_000);
        events.push(`${Math.floor((world.sim.now - SECOND) / 1000) * 1000} unlocked`);
        held = 0;
      };
      world.play(watch());
    });
    const names = events.map((event) => event.slice(event.indexOf(' ') + 1));
    expect(names).toEqual(['record', 'flushed', 'standby written', 'standby flushed', 'unlocked']);
    const at = events.map((event) => Number(event.slice(0, event.indexOf(' '))));
    expect(at[0]).toBe(ONE_WAY + COMMIT_CPU);
    expect(at[1]).toBe(ONE_WAY + COMMIT_CPU + FLUSHED);
    expect(Math.abs(at[4]! - (took - ONE_WAY))).toBeLessThanOrEqual(1_000);
    expect(at[4]! - at[3]!).toBeGreaterThanOrEqual(ONE_WAY);
  });

  test('who waits for the row goes on when the wait for the standby is over, not before', () => {
    let followed = -1;
    const { took } = play(pair(true), 2 * SECOND, (world) => {
      const other = world.client('b');
      const second = function* (): Process {
        yield* other.connect(['pg1']);
        yield* other.say('begin');
        yield world.sim.holdUntil(SECOND / 2);
        yield* other.say('update', 1);
        followed = world.sim.now - SECOND;
      };
      world.play(second());
    });
    expect(followed).toBe(took + DEFAULT_COSTS.recheck);
  });

  test('during the wait the lock is held, however long it lasts', () => {
    let others = 0;
    const { took } = play(pair(true), 20 * SECOND, (world) => {
      world.at(SECOND / 2, () => {
        world.cut('pg1', 'pg2');
      });
      const other = world.client('b');
      const second = function* (): Process {
        yield* other.connect(['pg1']);
        yield world.sim.holdUntil(2 * SECOND);
        expect(yield* other.write(2)).toBe('never answered');
      };
      world.play(second());
      world.at(19 * SECOND, () => {
        others = world.server('pg1').locks.rows.size;
      });
    });
    expect(took).toBe(-1);
    expect(others, 'rows 1 and 2').toBe(2);
  });

  test('read-only transactions wait for nobody', () => {
    let took = -1;
    play(pair(true), 5 * SECOND, (world) => {
      world.at(SECOND / 2, () => {
        world.cut('pg1', 'pg2');
      });
      const reader = world.client('b');
      const read = function* (): Process {
        yield* reader.connect(['pg1']);
        yield* reader.say('begin');
        yield* reader.say('select', 1);
        yield world.sim.holdUntil(2 * SECOND);
        yield* reader.say('commit');
        took = world.sim.now - 2 * SECOND;
      };
      world.play(read());
    });
    expect(took).toBe(2 * ONE_WAY + COSTS.statement('commit', true));
  });

  test('a crash in the wait: committed after recovery, never acknowledged', () => {
    const { client, world } = play(pair(true), 10 * SECOND, (w) => {
      w.at(SECOND / 2, () => {
        w.cut('pg1', 'pg2');
      });
      w.at(2 * SECOND, () => w.server('pg1').crash());
      w.at(3 * SECOND, () => w.instance('pg1').start('primary', null));
    });
    expect(client.answers.at(-1)).toBe('closed');
    const { wal, state } = world.server('pg1');
    expect(state).toBe('primary');
    expect(client.commit.lsn).toBeGreaterThan(0);
    expect(client.commit.lsn).toBeLessThanOrEqual(wal.flushed.value);
    expect(world.server('pg2').wal.insertLsn).toBeLessThan(client.commit.lsn);
  });

  test('a shutdown in the wait: the session ends, the transaction is committed here', () => {
    const { client, world } = play(pair(true), 3 * SECOND, (w) => {
      w.at(SECOND / 2, () => {
        w.cut('pg1', 'pg2');
      });
      w.at(2 * SECOND, () => w.instance('pg1').stop());
    });
    expect(client.answers.at(-1)).toBe('57P01');
    expect(client.commit.lsn).toBeLessThanOrEqual(world.server('pg1').wal.flushed.value);
    expect(world.server('pg1').locks.rows.size).toBe(0);
  });

  test('a shutdown between record and flush waits for the flush (a critical section)', () => {
    const { client, world, took } = play(pair(false), 3 * SECOND, (w) => {
      w.at(SECOND + ONE_WAY + COMMIT_CPU + FSYNC / 2, () => w.instance('pg1').stop());
    });
    expect(client.answers.at(-1)).toBe('57P01');
    expect(took, 'it is told after the flush').toBe(2 * ONE_WAY + COMMIT_CPU + FLUSHED);
    expect(client.commit.lsn).toBeLessThanOrEqual(world.server('pg1').wal.flushed.value);
  });

  test('synchronous_commit = off is answered before it is durable or sent', () => {
    let received = 0;
    const { client, took } = play(pair(true, { synchronous_commit: 'off' }), 2 * SECOND, (w) => {
      w.at(SECOND + 2 * ONE_WAY + COMMIT_CPU, () => {
        const { wal } = w.server('pg1');
        expect(wal.flushed.value).toBeLessThan(wal.insertLsn);
        received = w.server('pg2').wal.insertLsn;
      });
    });
    expect(took).toBe(2 * ONE_WAY + COMMIT_CPU);
    expect(received).toBeLessThan(client.commit.lsn);
  });

  test('fsync = off on the primary leaves the rest of the order as it is', () => {
    const { took } = play(pair(false, { fsync: false }), 2 * SECOND);
    expect(took).toBe(2 * ONE_WAY + COMMIT_CPU);
  });
});

describe('errors inside a transaction', () => {
  test('25P02 until ROLLBACK, 25006 for writes on a standby', () => {
    const world = new World(pair(true));
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg2']);
      yield* client.say('update', 1);
      yield* client.say('begin');
      yield* client.say('insert');
      yield* client.say('select', 1);
      yield* client.say('rollback');
      yield* client.say('select', 1);
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(client.answers).toEqual([
      'complete',
      '25006',
      'complete',
      '25006',
      '25P02',
      'complete',
      'complete',
    ]);
  });

  test('a client that disconnects in a transaction leaves no lock', () => {
    const world = new World(pair(false));
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield* client.say('begin');
      yield* client.say('update', 1);
      expect(world.server('pg1').locks.rows.size).toBe(1);
      client.close();
      yield world.sim.hold(ONE_WAY + MILLISECOND);
      expect(world.server('pg1').locks.rows.size).toBe(0);
      expect(world.server('pg1').activeTransactions).toBe(0);
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(client.answers).toHaveLength(3);
  });
});
