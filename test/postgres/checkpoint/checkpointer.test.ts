import { describe, expect, test } from 'vitest';
import { type Process, SECOND } from '../../../src/kernel/index.ts';
import { FIRST_LSN, WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import { settingsOf, World } from '../../helpers/world.ts';

interface Checkpoint {
  readonly at: number;
  readonly redoLsn: number;
  readonly requested: boolean;
}

/** A server alone, without fsync, and its checkpoints. */
function single(version: number, settings: Record<string, number | boolean> = {}) {
  const servers = [{ name: 'pg1', version, settings: { fsync: false, ...settings } }];
  const world = new World({ servers });
  const checkpoints: Checkpoint[] = [];
  world.events.checkpoint.observe((at, _, redoLsn, requested) => {
    checkpoints.push({ at, redoLsn, requested: requested === 1 });
  });
  return { world, server: world.server('pg1'), checkpoints };
}

/** Writes a megabyte every so often. */
function* writer(world: World, every: number, megabytes: number): Process {
  const { wal } = world.server('pg1');
  for (let i = 0; i < megabytes; i++) {
    yield world.sim.hold(every);
    wal.requestFlush(wal.insert(1 << 20));
  }
}

describe('checkpoints by volume (3.1)', () => {
  test.each([
    [17, {}, 33],
    [13, {}, 42],
    [17, { max_wal_size: 4096 * (1 << 20) }, 134],
    [17, { checkpoint_completion_target: 0.5 }, 42],
    [17, { max_wal_size: 2 * WAL_SEGMENT_BYTES }, 1],
  ])('version %d with %j: every %d segments', (version, settings, segments) => {
    const { world, checkpoints } = single(version, settings);
    world.play(writer(world, SECOND / 100, segments * 16 * 3 + 40));
    world.sim.run(100 * SECOND);
    expect(checkpoints.length).toBeGreaterThanOrEqual(3);
    let redo = FIRST_LSN;
    for (const each of checkpoints) {
      expect(each.requested).toBe(true);
      const passed = segment(each.redoLsn) - segment(redo);
      expect(passed, 'segments finished since the redo pointer').toBe(segments);
      expect(each.redoLsn % WAL_SEGMENT_BYTES, 'at the first flush beyond').toBeLessThan(3 << 20);
      redo = each.redoLsn;
    }
  });

  test('the defaults behind 33 and 42', () => {
    expect(settingsOf({}, 17).checkpoint_completion_target).toBe(0.9);
    expect(settingsOf({}, 13).checkpoint_completion_target).toBe(0.5);
    expect(settingsOf({}, 17).max_wal_size / WAL_SEGMENT_BYTES).toBe(64);
  });
});

describe('checkpoints by time (3.1)', () => {
  test('300 s after the start of the last one', () => {
    const { world, checkpoints } = single(17);
    world.play(writer(world, 10 * SECOND, 200));
    world.sim.run(1000 * SECOND);
    expect(checkpoints.map(({ at }) => at / SECOND)).toEqual([300, 600, 900]);
    expect(checkpoints.every(({ requested }) => !requested)).toBe(true);
  });

  test('none if there was no WAL since the last', () => {
    const { world, checkpoints, server } = single(17);
    world.play(writer(world, 100 * SECOND, 2));
    world.sim.run(1600 * SECOND);
    expect(checkpoints.map(({ at }) => at / SECOND)).toEqual([300]);
    expect(server.wal.lastImportantLsn).toBeLessThanOrEqual(server.wal.insertLsn);
    // 15.18 counts those that it skips: checkpoints_timed goes on
    expect(server.checkpointer.timed).toBe(5);
  });

  test('one by request begins the time anew, one by volume too', () => {
    const { world, checkpoints, server } = single(17);
    world.play(writer(world, SECOND, 1000));
    world.at(100 * SECOND, () => server.checkpointer.request());
    world.sim.run(650 * SECOND);
    expect(checkpoints.map(({ at }) => at / SECOND)).toEqual([100, 400]);
  });
});

function segment(lsn: number): number {
  return Math.floor(lsn / WAL_SEGMENT_BYTES);
}
