import { describe, expect, test } from 'vitest';
import { type Process, SECOND } from '../../../src/kernel/index.ts';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import { segmentOf } from '../../../src/postgres/wal/retention.ts';
import { World } from '../../helpers/world.ts';

type Settings = Record<string, string | number | boolean>;

/** Ten segments of max_wal_size, so a checkpoint each five finished ones. */
const SMALL = { max_wal_size: 10 * WAL_SEGMENT_BYTES, min_wal_size: 2 * WAL_SEGMENT_BYTES };

function cluster(changed: Settings = {}, standby: Settings | null = null) {
  const settings = { fsync: false, ...SMALL, ...changed };
  const servers = [{ name: 'pg1', settings }];
  const second = { name: 'pg2', of: 'pg1', settings: { ...settings, ...standby } };
  const world = new World({ servers: standby ? [...servers, second] : servers });
  const { wal } = world.server('pg1');
  return { world, wal, segments: wal.segments };
}

/** So many segments' worth of WAL, a sixteenth each 10 ms. */
function* load(world: World, segments: number): Process {
  const { wal } = world.server('pg1');
  for (let i = 0; i < 16 * segments; i++) {
    yield world.sim.hold(SECOND / 100);
    wal.requestFlush(wal.insert(1 << 20));
  }
}

describe('the files of pg_wal (2.7, 3.1)', () => {
  test('under steady load they are recycled: no new file, no more than max_wal_size', () => {
    const { world, segments } = cluster();
    const before = segments.bytes;
    expect(before).toBe(10 * WAL_SEGMENT_BYTES);
    world.play(load(world, 100));
    world.sim.run(20 * SECOND);
    expect(segments.created).toBe(0);
    expect(segments.recycled).toBeGreaterThan(80);
    expect(segments.bytes).toBeLessThanOrEqual(SMALL.max_wal_size + WAL_SEGMENT_BYTES);
  });

  test('nothing goes before a checkpoint is over', () => {
    const { world, wal, segments } = cluster({ max_wal_size: 1 << 30, checkpoint_timeout: 1e15 });
    const first = segments.first;
    world.play(load(world, 20));
    world.sim.run(5 * SECOND);
    expect([segments.first, segments.recycled, segments.removed]).toEqual([first, 0, 0]);
    world.server('pg1').checkpointer.request();
    world.sim.run(6 * SECOND);
    expect(segments.first).toBe(segmentOf(wal.redoLsn));
  });

  test('idle checkpoints forget the load: files beyond min_wal_size are removed in the end', () => {
    const { world, segments } = cluster({ checkpoint_timeout: 10 * SECOND });
    const trickle = function* (): Process {
      const { wal } = world.server('pg1');
      for (let i = 0; i < 400; i++) {
        yield world.sim.hold(10 * SECOND);
        wal.requestFlush(wal.insert(3 << 20));
      }
    };
    world.play(trickle());
    world.sim.run(4001 * SECOND);
    // A checkpoint each 3 MB: 1.1 x 1.9 x 3 MB ahead is in this segment or the next.
    expect(segments.bytes).toBeLessThanOrEqual(3 * WAL_SEGMENT_BYTES);
    expect(segments.removed).toBeGreaterThan(5);
  });

  test('wal_keep_size and a slot’s restart_lsn keep old ones', () => {
    const kept = cluster({ wal_keep_size: 30 * WAL_SEGMENT_BYTES });
    kept.world.play(load(kept.world, 100));
    kept.world.sim.run(20 * SECOND);
    const age = segmentOf(kept.wal.flushed.value) - kept.segments.first;
    expect(age).toBeGreaterThanOrEqual(30);
    expect(age).toBeLessThanOrEqual(30 + 6);

    const slot = cluster();
    const restart = slot.wal.insertLsn;
    slot.wal.slotsLsn = restart;
    slot.world.play(load(slot.world, 100));
    slot.world.sim.run(20 * SECOND);
    expect(slot.segments.first).toBe(segmentOf(restart));
    slot.wal.slotsLsn = slot.wal.insertLsn;
    slot.world.server('pg1').checkpointer.request();
    slot.world.sim.run(21 * SECOND);
    expect(slot.segments.first).toBe(segmentOf(slot.wal.redoLsn));
  });

  test('wal_recycle = off: old ones are removed and new ones made', () => {
    const { world, segments } = cluster({ wal_recycle: false });
    world.play(load(world, 50));
    world.sim.run(10 * SECOND);
    expect(segments.recycled).toBe(0);
    expect(segments.created).toBeGreaterThan(45);
    expect(segments.bytes).toBeLessThan(SMALL.max_wal_size);
  });

  test('what pg_wal takes is taken from the disk, neither more nor less', () => {
    const { world, segments } = cluster({ wal_keep_size: 12 * WAL_SEGMENT_BYTES });
    const { disk } = world.host('pg1');
    for (let at = 1; at <= 20; at++) {
      if (at === 1) world.play(load(world, 90));
      world.sim.run(at * SECOND);
      expect(disk.usedBytes).toBe(segments.bytes);
      expect(segments.last).toBeGreaterThanOrEqual(segmentOf(world.server('pg1').wal.written - 1));
    }
  });

  test('a standby’s go at restartpoints, by the primary’s checkpoints that it has replayed', () => {
    const { world } = cluster({}, {});
    const { segments, flushed } = world.server('pg2').wal;
    world.play(load(world, 60));
    world.sim.run(20 * SECOND);
    const age = segmentOf(flushed.value) - segments.first;
    expect(age).toBeLessThanOrEqual(6);
    expect(segments.bytes).toBeLessThanOrEqual(SMALL.max_wal_size + 2 * WAL_SEGMENT_BYTES);
    expect(world.host('pg2').disk.usedBytes).toBe(segments.bytes);
  });
});
