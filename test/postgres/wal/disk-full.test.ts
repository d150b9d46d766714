import { describe, expect, test } from 'vitest';
import { ServerProgram } from '../../../src/faults/server-program.ts';
import { type Process, SECOND } from '../../../src/kernel/index.ts';
import { SERVER_STATES } from '../../../src/postgres/events.ts';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import { World } from '../../helpers/world.ts';

const SMALL = { max_wal_size: 4 * WAL_SEGMENT_BYTES, min_wal_size: 2 * WAL_SEGMENT_BYTES };

function stage(diskSegments: number, changed: Record<string, boolean | number> = {}) {
  const settings = { ...SMALL, ...changed };
  const diskBytes = diskSegments * WAL_SEGMENT_BYTES;
  const world = new World({ servers: [{ name: 'pg1', settings, diskBytes }] });
  const server = world.server('pg1');
  const states: { at: number; state: string }[] = [];
  world.events.state.observe((at, _, state) => {
    states.push({ at: at / SECOND, state: SERVER_STATES[state]! });
  });
  const panics: number[] = [];
  world.events.panic.observe((at) => panics.push(at / SECOND));
  new ServerProgram(world.instance('pg1'), false);
  world.play(load(world));
  return { world, server, states, panics };
}

/** A megabyte each 10 ms while the server serves; it goes on where it was after a restart. */
function* load(world: World): Process {
  const server = world.server('pg1');
  for (;;) {
    yield world.sim.hold(SECOND / 100);
    if (server.state === 'primary') server.wal.requestFlush(server.wal.insert(1 << 20));
  }
}

describe('WAL without room on the disk (2.7)', () => {
  test('room for max_wal_size and one more is enough for ever', () => {
    const { world, panics } = stage(5);
    world.sim.run(60 * SECOND);
    expect(panics).toEqual([]);
  });

  test('a PANIC at the segment that has no room, and nothing acknowledged is lost', () => {
    const { world, server, panics, states } = stage(9);
    server.wal.slotsLsn = server.wal.insertLsn; // nobody consumes the slot
    world.sim.run(60 * SECOND);
    const { segments, flushed, insertLsn } = server.wal;
    expect(panics.length).toBeGreaterThan(2);
    expect(states[0]!.state).toBe('crashed');
    expect(states[0]!.at).toBe(panics[0]);
    expect(segments.bytes).toBe(9 * WAL_SEGMENT_BYTES);
    expect(insertLsn, 'the last segment is full').toBe((segments.last + 1) * WAL_SEGMENT_BYTES);
    expect(flushed.value).toBe(insertLsn);
    expect(server.panicReason).toContain('No space left on device');
    const said = world.sim.trace.notes.filter(({ text }) => text.includes('PANIC'));
    expect(said.map(({ at }) => at / SECOND)).toEqual(panics);
    expect(said[0]!.text).toBe(`pg1: PANIC: ${server.panicReason}`);
  });

  test('the postmaster starts anew, the start fails, the service manager tries again', () => {
    const { world, server, states } = stage(9);
    server.wal.slotsLsn = server.wal.insertLsn;
    world.sim.run(30 * SECOND);
    const names = states.map(({ state }) => state);
    expect(names.slice(0, 5)).toEqual(['crashed', 'starting', 'crashed', 'starting', 'crashed']);
    const starts = states.filter(({ state }) => state === 'starting').map(({ at }) => at);
    expect(starts[0]).toBe(states[0]!.at); // restart_after_crash
    const crashed = states[2]!.at;
    expect(starts[1]! - crashed).toBe(5);
    expect(starts.length).toBeGreaterThan(4);
    expect(names).not.toContain('primary');
  });

  test('restart_after_crash = off: only the service manager starts it', () => {
    const { world, server, states } = stage(9, { restart_after_crash: false });
    server.wal.slotsLsn = server.wal.insertLsn;
    world.sim.run(30 * SECOND);
    expect(states[1]!.at - states[0]!.at).toBe(5);
  });

  test('it recovers once there is room, and its checkpoint gives back what nothing needs', () => {
    const { world, server, panics } = stage(9);
    const start = server.wal.insertLsn;
    server.wal.slotsLsn = start;
    world.sim.run(30 * SECOND);
    const before = panics.length;
    server.wal.slotsLsn = 0;
    world.host('pg1').disk.release(WAL_SEGMENT_BYTES); // an administrator finds a file to delete
    world.sim.run(60 * SECOND);
    expect(panics.length).toBe(before);
    expect(server.state).toBe('primary');
    expect(server.wal.segments.bytes).toBeLessThanOrEqual(5 * WAL_SEGMENT_BYTES);
    expect(server.wal.flushed.value - start).toBeGreaterThan(50 * WAL_SEGMENT_BYTES);
  });

  test('a disk that something else fills: recycled segments do, until one more is needed', () => {
    const steady = stage(100);
    steady.world.at(10 * SECOND, () => steady.world.host('pg1').disk.fill());
    steady.world.sim.run(60 * SECOND);
    expect(steady.panics).toEqual([]);

    const growing = stage(100, { wal_recycle: false });
    let end = () => {};
    growing.world.at(10 * SECOND, () => {
      end = growing.world.host('pg1').disk.fill();
    });
    growing.world.at(40 * SECOND, () => end());
    growing.world.sim.run(39.99 * SECOND);
    expect(growing.panics[0]).toBeGreaterThan(10);
    expect(growing.panics[0], 'within one segment').toBeLessThan(10.3);
    expect(growing.server.state).not.toBe('primary');
    growing.world.sim.run(60 * SECOND);
    expect(growing.server.state).toBe('primary');
    expect(growing.panics.at(-1)).toBeLessThan(40);
  });
});

test('a crash long after a PANIC is nobody’s to repair', () => {
  const { world, server } = stage(100, { wal_recycle: false });
  const end = world.host('pg1').disk.fill();
  world.sim.run(10 * SECOND);
  end();
  world.sim.run(20 * SECOND);
  expect(server.state).toBe('primary');
  server.crash();
  world.sim.run(60 * SECOND);
  expect(server.state).toBe('crashed');
});

describe('a standby without room', () => {
  test('cannot receive, asks again each wal_retrieve_retry_interval, and then catches up', () => {
    const settings = { ...SMALL, wal_recycle: false };
    const world = new World({
      servers: [
        { name: 'pg1', settings },
        { name: 'pg2', of: 'pg1', settings },
      ],
    });
    const standby = world.server('pg2');
    world.instance('pg1').slots.create('pg2');
    world.play(load(world));
    world.sim.run(5 * SECOND);
    const end = world.host('pg2').disk.fill();
    world.sim.run(30 * SECOND);
    expect(standby.state).toBe('hot standby');
    expect(standby.wal.written).toBeLessThan(5.5 * 100 * (1 << 20));
    expect(world.instance('pg2').receiver?.lastError).toContain('No space left on device');
    end();
    world.sim.run(60 * SECOND);
    const behind = world.server('pg1').wal.flushed.value - standby.wal.flushed.value;
    expect(behind).toBeLessThan(10 * (1 << 20));
  });
});
