import { describe, expect, test } from 'vitest';
import { type Process, SECOND } from '../../src/kernel/index.ts';
import { WAL_SEGMENT_BYTES, walFileName } from '../../src/postgres/lsn.ts';
import { segmentOf } from '../../src/postgres/wal/retention.ts';
import { World } from '../helpers/world.ts';

const SMALL = { max_wal_size: 10 * WAL_SEGMENT_BYTES, min_wal_size: 2 * WAL_SEGMENT_BYTES };

/** The standby is cut off for twenty seconds, in which there are so many segments of WAL. */
function absence(segments: number, changed: Record<string, number> = {}, slot = false) {
  const settings = { fsync: false, ...SMALL, ...changed };
  const world = new World({
    servers: [
      { name: 'pg1', settings },
      { name: 'pg2', of: 'pg1' },
    ],
  });
  const standby = world.instance('pg2');
  const primary = world.instance('pg1');
  if (slot) primary.slots.create('pg2');
  const leftAt = { lsn: 0 };
  world.at(SECOND, () => {
    leftAt.lsn = world.server('pg2').wal.flushed.value;
    standby.stop();
  });
  const { wal } = world.server('pg1');
  const load = function* (): Process {
    yield world.sim.holdUntil(2 * SECOND);
    for (let i = 0; i < 16 * segments; i++) {
      yield world.sim.hold(SECOND / 100);
      wal.requestFlush(wal.insert(1 << 20));
    }
  };
  world.play(load());
  world.at(20 * SECOND, () => standby.start('standby', primary));
  world.sim.run(40 * SECOND);
  const lag = wal.flushed.value - world.server('pg2').wal.flushed.value;
  return { world, standby, wal, lag, leftAt: leftAt.lsn };
}

describe('2.7: a standby whose WAL has been removed', () => {
  test('2.7: its walsender ends with the error, again at each attempt', () => {
    const { standby, wal, leftAt, lag, world } = absence(40);
    const missing = segmentOf(leftAt);
    expect(missing).toBeLessThan(wal.segments.first);
    const file = walFileName(1, missing);
    expect(file).toMatch(/^00000001[0-9A-F]{16}$/);
    expect(standby.receiver?.lastError).toBe(
      `requested WAL segment ${file} has already been removed`,
    );
    expect(standby.receiver?.connected).toBe(false);
    expect(lag).toBeGreaterThan(39 * WAL_SEGMENT_BYTES);
    expect(world.instance('pg1').senders).toEqual([]);
  });

  test('2.7: while no checkpoint has removed it, the standby catches up', () => {
    const { standby, lag } = absence(4);
    expect([standby.receiver?.lastError, lag]).toEqual([null, 0]);
  });

  test('2.7: wal_keep_size keeps it', () => {
    const { standby, lag } = absence(40, { wal_keep_size: 50 * WAL_SEGMENT_BYTES });
    expect([standby.receiver?.lastError, lag]).toEqual([null, 0]);
  });

  test('2.7: a slot keeps it, and lets it go once the standby has it', () => {
    const { standby, lag, wal, world } = absence(40, {}, true);
    expect([standby.receiver?.lastError, lag]).toEqual([null, 0]);
    const kept = wal.segments.bytes;
    expect(kept).toBeGreaterThan(40 * WAL_SEGMENT_BYTES);
    world.server('pg1').checkpointer.request();
    world.sim.run(45 * SECOND);
    expect(wal.segments.bytes).toBeLessThanOrEqual(11 * WAL_SEGMENT_BYTES);
  });

  test('2.7: max_slot_wal_keep_size caps what a slot keeps', () => {
    const { standby } = absence(40, { max_slot_wal_keep_size: 5 * WAL_SEGMENT_BYTES }, true);
    expect(standby.receiver?.lastError).toContain('has already been removed');
  });
});
