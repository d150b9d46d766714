import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../../src/kernel/index.ts';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import type { ArchiveTarget } from '../../../src/postgres/wal/archiver.ts';
import { segmentOf } from '../../../src/postgres/wal/retention.ts';
import { World } from '../../helpers/world.ts';

type Settings = Record<string, string | number | boolean>;
const NEVER = Number.POSITIVE_INFINITY;

/** 100 ms and a second for each file. */
const TARGET: ArchiveTarget = {
  latency: 100 * MILLISECOND,
  bytesPerSecond: WAL_SEGMENT_BYTES,
  failures: [],
};
const EACH = 1.1 * SECOND;

function single(archive: ArchiveTarget | null, changed: Settings = {}) {
  const settings = {
    ...{ fsync: false, archive_mode: 'on', max_wal_size: 4 * WAL_SEGMENT_BYTES },
    ...{ min_wal_size: 2 * WAL_SEGMENT_BYTES, ...changed },
  };
  const world = new World({ servers: [{ name: 'pg1', settings, archive }] });
  const { wal } = world.server('pg1');
  const progress: { at: number; backlog: number }[] = [];
  world.events.walFiles.observe((at, _, __, backlog) => {
    progress.push({ at, backlog: backlog / WAL_SEGMENT_BYTES });
  });
  return { world, wal, archiver: wal.archiver, segments: wal.segments, progress };
}

/** Finishes so many segments at an instant. */
function finish({ world, wal }: ReturnType<typeof single>, at: number, segments: number): void {
  const body = function* (): Process {
    yield world.sim.holdUntil(at);
    for (let i = 0; i < segments; i++) {
      wal.insert(100);
      wal.switchSegment();
      yield world.sim.hold(MILLISECOND);
    }
  };
  world.play(body());
}

const failing = (from: number, until: number): ArchiveTarget => ({
  ...TARGET,
  failures: [{ from, until }],
});

describe('the archiver (2.7)', () => {
  test('one file at a time, oldest first, as long as the command takes for each', () => {
    const stage = single(TARGET);
    finish(stage, 10 * SECOND, 3);
    stage.world.sim.run(20 * SECOND);
    const done = stage.progress.filter(({ at }) => at > 10.1 * SECOND);
    expect(done).toEqual([
      { at: 10 * SECOND + EACH, backlog: 2 },
      { at: 10 * SECOND + 2 * EACH, backlog: 1 },
      { at: 10 * SECOND + 3 * EACH, backlog: 0 },
    ]);
    expect([stage.archiver.archived, stage.archiver.failed]).toEqual([3, 0]);
  });

  test('on failure: three attempts a second apart, then none for a minute', () => {
    const stage = single(failing(0, NEVER));
    finish(stage, 10 * SECOND, 1);
    stage.world.sim.run(13 * SECOND);
    expect(stage.archiver.failed).toBe(3); // at 10.1, 11.2 and 12.3 s
    stage.world.sim.run(72.35 * SECOND);
    expect(stage.archiver.failed).toBe(3);
    stage.world.sim.run(72.45 * SECOND); // a minute after the last, and 100 ms
    expect(stage.archiver.failed).toBe(4);
  });

  test('the next segment ends the rest early', () => {
    const stage = single(failing(0, NEVER));
    finish(stage, 10 * SECOND, 1);
    finish(stage, 30 * SECOND, 1);
    stage.world.sim.run(33 * SECOND);
    expect(stage.archiver.failed).toBe(6);
  });

  test('when it can again, all that has gathered goes', () => {
    const stage = single(failing(0, 60 * SECOND));
    finish(stage, 10 * SECOND, 5);
    stage.world.sim.run(300 * SECOND);
    expect(stage.archiver.archived).toBe(5);
    expect(stage.archiver.backlog).toBe(0);
  });

  test('what is not archived stays, without limit; once it is, a checkpoint takes it', () => {
    const stage = single(failing(0, 100 * SECOND));
    const first = stage.segments.first;
    finish(stage, 10 * SECOND, 50);
    stage.world.sim.run(90 * SECOND);
    expect(stage.segments.first).toBe(first);
    expect(stage.segments.bytes).toBeGreaterThanOrEqual(50 * WAL_SEGMENT_BYTES);
    stage.world.sim.run(300 * SECOND);
    expect(stage.archiver.backlog).toBe(0);
    stage.world.server('pg1').checkpointer.request();
    stage.world.sim.run(301 * SECOND);
    expect(stage.segments.first).toBe(segmentOf(stage.wal.redoLsn));
    expect(stage.world.host('pg1').disk.usedBytes).toBe(stage.segments.bytes);
  });

  test('archive_mode without a command keeps everything; off keeps nothing', () => {
    for (const [mode, stays] of [
      ['on', true],
      ['off', false],
    ] as const) {
      const stage = single(null, { archive_mode: mode });
      const first = stage.segments.first;
      finish(stage, 10 * SECOND, 20);
      stage.world.sim.run(30 * SECOND);
      expect(stage.segments.first === first, mode).toBe(stays);
      expect(stage.archiver.backlog).toBe(stays ? 20 : 0);
    }
  });
});

describe('archive_timeout', () => {
  test('ends a segment that was written to, and no other', () => {
    const stage = single(TARGET, { archive_timeout: 10 * SECOND });
    stage.world.at(12 * SECOND, () => stage.wal.insertCommit());
    stage.world.sim.run(60 * SECOND);
    expect(stage.archiver.archived).toBe(1);
    expect(stage.wal.counts.of('XLOG/SWITCH').records).toBe(1);
    expect(stage.wal.insertLsn % WAL_SEGMENT_BYTES).toBe(0);
    expect(stage.wal.flushed.value, 'at once').toBe(stage.wal.insertLsn);
  });

  test('the next record comes after the long header of the new segment', () => {
    const stage = single(TARGET);
    stage.wal.insertCommit();
    stage.wal.switchSegment();
    const boundary = stage.wal.insertLsn;
    expect(stage.wal.insertCommit()).toBe(boundary + 40 + 40);
    expect(stage.wal.bytes).toBe(stage.wal.insertLsn - 0x1500000);
  });
});

describe('archiving and roles', () => {
  const pair = (mode: string) =>
    new World({
      servers: [
        { name: 'pg1', settings: { fsync: false } },
        {
          ...{ name: 'pg2', of: 'pg1', archive: TARGET },
          settings: { fsync: false, archive_mode: mode },
        },
      ],
    });

  test.each([
    ['on', 0, 2],
    ['always', 3, 5],
  ])('a standby with archive_mode = %s has archived %d, after its promotion %d', (mode, a, b) => {
    const world = pair(mode);
    const { wal } = world.server('pg2');
    for (let i = 0; i < 3; i++) world.at((1 + i) * SECOND, () => switched(world, 'pg1'));
    world.sim.run(30 * SECOND);
    expect(wal.archiver.archived).toBe(a);
    expect(wal.archiver.backlog).toBe(0);
    world.server('pg1').crash();
    world.instance('pg2').promote();
    for (let i = 0; i < 2; i++) world.at((40 + i) * SECOND, () => switched(world, 'pg2'));
    world.sim.run(60 * SECOND);
    expect(wal.archiver.archived).toBe(b);
  });
});

test('what a former primary has not archived waits for its next promotion, and is kept', () => {
  const world = new World({
    servers: [
      { name: 'pg1', archive: failing(0, 20 * SECOND), settings: { archive_mode: 'on' } },
      { name: 'pg2', of: 'pg1' },
    ],
  });
  const [old, next] = [world.instance('pg1'), world.instance('pg2')];
  const { archiver } = old.server.wal;
  world.at(SECOND, () => switched(world, 'pg1'));
  world.at(5 * SECOND, () => old.server.crash());
  world.at(6 * SECOND, () => next.promote());
  world.at(7 * SECOND, () => old.start('standby', next));
  for (const at of [10, 11, 12]) world.at(at * SECOND, () => switched(world, 'pg2'));
  world.sim.run(15 * SECOND);
  expect(old.server.wal.flushed.value).toBe(next.server.wal.flushed.value);
  expect(archiver.backlog).toBeGreaterThanOrEqual(1);
});

function switched(world: World, name: string): void {
  const { wal } = world.server(name);
  wal.insert(100);
  wal.switchSegment();
}
