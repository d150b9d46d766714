import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { SERVER_STATES } from '../../src/postgres/events.ts';
import { FLUSHED, FSYNC, ONE_WAY, World } from '../helpers/world.ts';

const POSTMASTER_START = 50 * MILLISECOND;

function single(settings = {}) {
  return new World({ servers: [{ name: 'pg1', settings }] });
}

/** Inserts so many bytes and flushes them. */
function* flushed(world: World, bytes: number): Generator<undefined, void, undefined> {
  const { wal } = world.server('pg1');
  const end = wal.insert(bytes);
  wal.requestFlush(end);
  if (wal.flushed.below(end)) yield;
}

/** The time from the start of a crashed server to service, by bytes since the redo pointer. */
function recoveryTime(bytes: number): { took: number; files: number } {
  const world = single();
  const { sim } = world;
  let began = 0;
  let took = -1;
  world.events.state.observe((at, _, state) => {
    if (SERVER_STATES[state] === 'primary' && began > 0) took = at - began;
  });
  const body = function* (): Process {
    yield* flushed(world, bytes);
    yield sim.holdUntil(10 * SECOND);
    world.server('pg1').crash();
    began = sim.now;
    world.instance('pg1').start('primary', null);
  };
  world.play(body());
  sim.run(100 * SECOND);
  const { recycled, removed } = world.server('pg1').wal.segments;
  return { took, files: recycled + removed };
}

describe('crash recovery (3.5)', () => {
  test.each([0, 1_000_000, 96_000_000])(
    '%d bytes since redo: start, redo by the byte, checkpoint and control file on disk',
    (bytes) => {
      const header = bytes === 0 ? 0 : (bytes / 8168) * 24;
      const redo = (bytes + header) * DEFAULT_COSTS.redoPerByte;
      const { took, files } = recoveryTime(bytes);
      expect(files, 'of WAL, each renamed and made durable').toBe(Math.floor(bytes / (15 << 20)));
      const expected = POSTMASTER_START + redo + (2 + files) * FSYNC; // its record, control file
      const rest = took - expected;
      expect(Math.abs(rest), `${rest} ns`).toBeLessThan(20_000);
    },
  );

  test('the redo pointer of a checkpoint counts once its record is on disk', () => {
    const world = single();
    const { checkpointer, wal } = world.server('pg1');
    const redo = checkpointer.redoLsn;
    const body = function* (): Process {
      yield* flushed(world, 1_000_000);
      checkpointer.request();
      yield world.sim.hold(FSYNC / 2);
      world.host('pg1').powerOff();
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(checkpointer.redoLsn).toBe(redo);
    expect(wal.insertLsn).toBeGreaterThan(checkpointer.redoLsn + 1_000_000);
    world.host('pg1').powerOn();
    world.instance('pg1').start('primary', null);
    world.sim.run(2 * SECOND);
    expect(checkpointer.redoLsn).toBeGreaterThan(redo + 1_000_000);
    expect(wal.insertLsn - checkpointer.redoLsn, 'records of the checkpoint').toBeLessThan(300);
  });

  test('3.4: a standby starts from its last restartpoint', () => {
    const world = new World({ servers: [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }] });
    const standby = world.server('pg2');
    let crashedAt = 0;
    let servesAt = 0;
    world.events.state.observe((at, server, state) => {
      if (server === 1 && SERVER_STATES[state] === 'hot standby') servesAt = at;
    });
    const body = function* (): Process {
      yield* flushed(world, 50_000_000);
      yield world.sim.holdUntil(290 * SECOND);
      world.server('pg1').checkpointer.request();
      yield world.sim.holdUntil(310 * SECOND); // restartpoints are due each 300 s
      yield* flushed(world, 20_000_000);
      yield world.sim.hold(5 * SECOND);
      standby.crash();
      crashedAt = world.sim.now;
      world.instance('pg2').start('standby', world.instance('pg1'));
    };
    world.play(body());
    world.sim.run(400 * SECOND);
    const redo = standby.wal.insertLsn - standby.checkpointer.redoLsn;
    expect(redo / 20_000_000).toBeCloseTo(1, 2);
    const expected = POSTMASTER_START + redo * DEFAULT_COSTS.redoPerByte;
    expect((servesAt - crashedAt) / expected).toBeCloseTo(1, 2);
  });

  test('after a clean stop there is nothing to redo', () => {
    const world = single();
    const { checkpointer, wal } = world.server('pg1');
    const body = function* (): Process {
      yield* flushed(world, 50_000_000);
      world.instance('pg1').stop();
    };
    world.play(body());
    world.sim.run(SECOND);
    expect(world.server('pg1').state).toBe('shut down');
    expect(checkpointer.redoLsn).toBe(wal.insertLsn);
    expect(wal.flushed.value).toBe(wal.insertLsn);
  });
});

describe('what survives', () => {
  /** Three stretches of WAL: on disk, in the system's cache, and only in the server's memory. */
  function threeStretches() {
    const world = single();
    const { wal } = world.server('pg1');
    const ends = { flushed: 0, written: 0, inserted: 0 };
    const body = function* (): Process {
      yield* flushed(world, 1000);
      ends.flushed = wal.insertLsn;
      wal.requestFlush(wal.insert(1000));
      ends.written = wal.insertLsn;
      yield world.sim.hold(FSYNC / 2);
      ends.inserted = wal.insert(1000);
    };
    world.play(body());
    world.sim.run(FLUSHED + FSYNC / 2 + 1);
    expect([wal.flushed.value, wal.written, wal.insertLsn]).toEqual(Object.values(ends));
    return { world, ends, wal, server: world.server('pg1') };
  }

  test('a crash of the process takes what was not written', () => {
    const { server, wal, ends } = threeStretches();
    server.crash();
    expect(wal.insertLsn).toBe(ends.written);
  });

  test('a loss of power takes what was not flushed', () => {
    const { world, wal, ends } = threeStretches();
    world.host('pg1').powerOff();
    expect(wal.insertLsn).toBe(ends.flushed);
  });

  test('power lost after a crash and before its recovery takes the system’s cache too', () => {
    const { server, world, wal, ends } = threeStretches();
    server.crash();
    world.host('pg1').powerOff();
    expect(wal.insertLsn).toBe(ends.flushed);
  });

  test('once recovery has begun its work, what was written is flushed first', () => {
    const { server, world, wal, ends } = threeStretches();
    server.crash();
    world.instance('pg1').start('primary', null);
    world.sim.run(world.sim.now + POSTMASTER_START + FSYNC + 1);
    world.host('pg1').powerOff();
    expect(wal.insertLsn).toBe(ends.written);
  });
});

describe('what clients see', () => {
  function withSession(ending: (world: World) => void) {
    const world = single();
    const client = world.client('a');
    let heardAt = -1;
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield* client.say('begin');
      yield* client.say('update', 1);
      yield* client.hear();
      heardAt = world.sim.now;
    };
    world.play(body());
    world.at(SECOND, () => ending(world));
    world.sim.run(60 * SECOND);
    return { world, client, heardAt, server: world.server('pg1') };
  }

  test('a crash closes their connections; locks and sessions are gone', () => {
    const { client, heardAt, server } = withSession((world) => world.server('pg1').crash());
    expect(client.answers.at(-1)).toBe('closed');
    expect(heardAt).toBe(SECOND + ONE_WAY);
    expect([server.locks.rows.size, server.backends.size, server.activeTransactions]).toEqual([
      0, 0, 0,
    ]);
  });

  test('a loss of power says nothing', () => {
    const { heardAt, server } = withSession((world) => world.host('pg1').powerOff());
    expect(heardAt).toBe(-1);
    expect([server.locks.rows.size, server.backends.size, server.activeTransactions]).toEqual([
      0, 0, 0,
    ]);
  });

  test('a fast shutdown says 57P01', () => {
    const { client, server } = withSession((world) => world.instance('pg1').stop());
    expect(client.answers.at(-1)).toBe('57P01');
    expect([server.state, server.locks.rows.size, server.backends.size]).toEqual([
      'shut down',
      0,
      0,
    ]);
  });

  test('during recovery 57P03, afterwards service', () => {
    const { world } = withSession((w) => {
      w.server('pg1').wal.insert(80_000_000);
      w.server('pg1').wal.requestFlush(w.server('pg1').wal.insertLsn);
    });
    world.server('pg1').crash();
    world.instance('pg1').start('primary', null);
    const late = world.client('b');
    const body = function* (): Process {
      yield* late.connect(['pg1']);
      yield world.sim.hold(5 * SECOND);
      yield* late.connect(['pg1']);
    };
    world.play(body());
    world.sim.run(world.sim.now + 10 * SECOND);
    expect(late.answers).toEqual(['57P03', 'complete']);
  });
});
