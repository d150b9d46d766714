import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process } from '../../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../../src/postgres/costs.ts';
import { WAL_PAGE_BYTES, WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import { CPU, WAL_WRITE, WAL_WRITE_LOCK } from '../../../src/postgres/waits.ts';
import { FLUSHED, FSYNC, flushOf, World } from '../../helpers/world.ts';

type Settings = Record<string, string | number | boolean>;

const BUFFERS = 64; // pages
const WRITE = DEFAULT_COSTS.walWrite + DEFAULT_COSTS.walPageWrite;

function single(changed: Settings = {}) {
  const settings = { wal_buffers: BUFFERS * WAL_PAGE_BYTES, wal_writer_delay: 1e12, ...changed };
  const world = new World({ servers: [{ name: 'pg1', settings }] });
  const server = world.server('pg1');
  const flushes: { at: number; lsn: number }[] = [];
  world.events.flushed.observe((at, _, lsn) => flushes.push({ at, lsn }));
  const began = server.wal.insertLsn;
  return { world, server, wal: server.wal, flushes, began };
}

/** Inserts records of a page each, and says when each of them was in the buffers. */
function* inserter(stage: ReturnType<typeof single>, records: number, done: number[]): Process {
  const { wal, server, world } = stage;
  const wait = server.waits.enter(CPU);
  for (let i = 0; i < records; i++) {
    wal.insert(WAL_PAGE_BYTES - 24);
    if (wal.mustWait()) yield* wal.makeRoom(wait);
    done.push(world.sim.now);
  }
  wait.settle();
}

describe('WAL buffers (2.1)', () => {
  test('who finds the page that it needs unwritten writes it out, one for each new page', () => {
    const stage = single();
    const done: number[] = [];
    stage.world.play(inserter(stage, BUFFERS + 30, done));
    stage.world.sim.run(MILLISECOND);
    const free = done.filter((at) => at === 0).length;
    expect(free, 'as many as there are buffers').toBeGreaterThanOrEqual(BUFFERS - 1);
    expect(free).toBeLessThanOrEqual(BUFFERS);
    expect(stage.wal.buffersFull).toBe(BUFFERS + 30 - free);
    const each = WRITE;
    expect(done.at(-1)).toBe(stage.wal.buffersFull * each);
    expect(stage.server.waits.total[WAL_WRITE]).toBe(stage.wal.buffersFull * each);
  });

  test('it writes and does not flush: a crash keeps it, a loss of power does not', () => {
    for (const ending of ['process', 'power'] as const) {
      const stage = single();
      stage.world.play(inserter(stage, BUFFERS + 30, []));
      stage.world.sim.run(MILLISECOND);
      const { written, flushed } = stage.wal;
      expect(written).toBeGreaterThan(flushed.value);
      if (ending === 'power') stage.world.host('pg1').powerOff();
      else stage.server.crash();
      expect(stage.wal.insertLsn).toBe(ending === 'power' ? stage.began : written);
    }
  });

  test('while another holds WALWriteLock it waits: a flush stalls who fills buffers', () => {
    const stage = single();
    const { wal, world } = stage;
    const done: number[] = [];
    wal.requestFlush(wal.insert(100));
    world.play(inserter(stage, BUFFERS + 30, done));
    world.sim.run(3 * FSYNC);
    expect(done.filter((at) => at > 0 && at < FLUSHED)).toEqual([]);
    const stalled = done.filter((at) => at > 0);
    expect(stalled.length).toBeGreaterThan(29);
    const each = WRITE; // the flush itself made no whole page free
    expect(done.at(-1)).toBe(FLUSHED + stage.wal.buffersFull * each);
    expect(stage.server.waits.total[WAL_WRITE_LOCK]).toBe(FLUSHED);
  });

  test('the lock comes free with each flush, though the next one begins at once', () => {
    const stage = single();
    const { wal, world } = stage;
    const done: number[] = [];
    wal.requestFlush(wal.insert(100));
    for (let i = 0; i < 5; i++) {
      world.at(i * FSYNC + FSYNC / 2, () => wal.requestFlush(wal.insertCommit()));
    }
    world.play(inserter(stage, BUFFERS + 1, done));
    world.sim.run(10 * FSYNC);
    // The second flush makes room first, by a write of one page, and copies what is left: all that
    // the buffers hold. The others copy the page or two that their commits' records lie in.
    const lsns = stage.flushes.map(({ lsn }) => lsn);
    const ends = [FLUSHED, FLUSHED + WRITE + FLUSHED + (BUFFERS - 1) * DEFAULT_COSTS.walPageWrite];
    for (let n = 2; n < 6; n++) ends.push(ends[n - 1]! + flushOf(lsns[n - 1]!, lsns[n]!));
    expect(stage.flushes.map(({ at }) => at)).toEqual(ends);
    expect(done.at(-1), 'it goes on after the second').toBe(ends[1]);
  });

  test('who commits while an inserter writes is served when that is over', () => {
    const stage = single();
    const { wal, world } = stage;
    world.play(inserter(stage, BUFFERS + 30, []));
    const each = WRITE;
    let done = 0;
    const committer = function* (): Process {
      yield world.sim.hold(10.5 * each);
      const lsn = wal.insertCommit();
      expect(wal.requestFlush(lsn)).toBe(false);
      if (wal.flushed.below(lsn)) yield;
      done = world.sim.now;
    };
    world.play(committer());
    world.sim.run(10 * FSYNC);
    // Its record and the one that the inserter makes meanwhile need a page each.
    // The flush copies what is not written yet, which is all that the buffers hold.
    const copied = (BUFFERS - 1) * DEFAULT_COSTS.walPageWrite;
    expect(done).toBe((11 + 2) * each + FLUSHED + copied);
  });

  test('more than the buffers hold goes through them: written page by page, flushed once', () => {
    const stage = single();
    const { wal, world, server } = stage;
    world.at(0, () => wal.requestFlush(wal.insert(3 * BUFFERS * WAL_PAGE_BYTES)));
    world.sim.run(20 * FSYNC);
    const pages = Math.ceil(wal.insertLsn / WAL_PAGE_BYTES) - Math.floor(stage.began / 8192);
    expect(wal.buffersFull).toBe(pages - BUFFERS);
    const writes = wal.buffersFull * WRITE;
    const copied = (BUFFERS - 1) * DEFAULT_COSTS.walPageWrite; // the others are written already
    expect(stage.flushes).toEqual([{ at: writes + FLUSHED + copied, lsn: wal.insertLsn }]);
    expect(server.host.disk.bytesWritten, 'the device has it at the fsync').toBe(pages * 8192);
  });

  test('without contention it costs no step', () => {
    const stage = single();
    stage.world.play(inserter(stage, BUFFERS - 2, []));
    const { steps } = stage.world.sim;
    stage.world.sim.run(1);
    const other = single();
    other.world.play(inserter(other, 1, []));
    const otherSteps = other.world.sim.steps;
    other.world.sim.run(1);
    expect(stage.world.sim.steps - steps).toBe(other.world.sim.steps - otherSteps);
  });
});

describe('wal_sync_method and fsync (2.4)', () => {
  test('open_datasync: each write is durable when it returns, and takes the device’s time', () => {
    const stage = single({ wal_sync_method: 'open_datasync' });
    const done: number[] = [];
    stage.world.play(inserter(stage, BUFFERS + 2, done));
    stage.world.sim.run(10 * FSYNC);
    expect(done.at(-1)).toBe(stage.wal.buffersFull * FSYNC);
    const { written } = stage.wal;
    expect(written).toBeGreaterThan(stage.wal.flushed.value);
    stage.world.host('pg1').powerOff();
    expect(stage.wal.insertLsn).toBe(written);
  });

  test('open_datasync: a commit takes what it takes with fdatasync', () => {
    for (const wal_sync_method of ['fdatasync', 'open_datasync']) {
      const stage = single({ wal_sync_method });
      stage.world.at(0, () => stage.wal.requestFlush(stage.wal.insertCommit()));
      stage.world.sim.run(3 * FSYNC);
      expect(stage.flushes.map(({ at }) => at)).toEqual([FLUSHED]);
    }
  });

  test('the last page is written again with each flush: 8 KiB at least', () => {
    const { world, wal, server } = single();
    for (let i = 0; i < 5; i++) {
      world.at(i * 10 * MILLISECOND, () => wal.requestFlush(wal.insertCommit()));
    }
    world.sim.run(100 * MILLISECOND);
    expect(server.host.disk.bytesWritten).toBe(5 * WAL_PAGE_BYTES);
  });
});

describe('segments (2.4)', () => {
  /** A segment's end on the way of a flush, whose leader pays for going on at its end only. */
  const segmentEnd = (from: number, boundary: number) =>
    flushOf(from, boundary) - DEFAULT_COSTS.sleep;

  test('one that is completed is made durable at once, before the rest of the flush', () => {
    const stage = single({ wal_buffers: WAL_SEGMENT_BYTES });
    const { wal, world } = stage;
    const boundary = (Math.floor(stage.began / WAL_SEGMENT_BYTES) + 1) * WAL_SEGMENT_BYTES;
    world.at(0, () => wal.requestFlush(wal.insert(boundary - stage.began + 5000)));
    world.sim.run(5 * FSYNC);
    const completed = segmentEnd(stage.began, boundary);
    expect(stage.flushes).toEqual([
      { at: completed, lsn: boundary },
      { at: completed + flushOf(boundary, wal.insertLsn), lsn: wal.insertLsn },
    ]);
  });

  test('an inserter that completes one makes it durable too', () => {
    const stage = single();
    const boundary = (Math.floor(stage.began / WAL_SEGMENT_BYTES) + 1) * WAL_SEGMENT_BYTES;
    const pages = (boundary - stage.began) / WAL_PAGE_BYTES + BUFFERS;
    stage.world.play(inserter(stage, Math.ceil(pages) + 1, []));
    stage.world.sim.run(100 * MILLISECOND);
    expect(stage.flushes.map(({ lsn }) => lsn)).toEqual([boundary]);
  });

  test.each([
    ['ready', {}, 0],
    ['new, filled with zeros', { wal_recycle: false }, 1],
    ['new, wal_init_zero = off', { wal_recycle: false, wal_init_zero: false }, 0],
  ])('the next file: %s', (_, settings, fills) => {
    const stage = single({ wal_buffers: WAL_SEGMENT_BYTES, ...settings });
    const { wal, world, server } = stage;
    const boundary = (Math.floor(stage.began / WAL_SEGMENT_BYTES) + 1) * WAL_SEGMENT_BYTES;
    world.at(0, () => wal.requestFlush(wal.insert(boundary - stage.began + 100)));
    world.sim.run(10 * FSYNC);
    const flushes = segmentEnd(stage.began, boundary) + flushOf(boundary, wal.insertLsn);
    expect(stage.flushes.at(-1)!.at, 'commits wait for the zeros').toBe(flushes + fills * FSYNC);
    const first = boundary - Math.floor(stage.began / WAL_PAGE_BYTES) * WAL_PAGE_BYTES;
    const rest = Math.ceil((wal.insertLsn - boundary) / WAL_PAGE_BYTES) * WAL_PAGE_BYTES;
    const zeros = fills * WAL_SEGMENT_BYTES;
    expect(server.host.disk.bytesWritten).toBe(first + zeros + rest);
    expect(wal.segments.created).toBe('wal_recycle' in settings ? 1 : 0);
  });
});

describe('walwriter (2.5)', () => {
  test('writes below wal_writer_flush_after go to the operating system only', () => {
    const { world, wal } = single({ wal_writer_delay: 200 * MILLISECOND });
    const asynchronous = (bytes: number) => () => {
      wal.insert(bytes);
      wal.commitAsynchronously(wal.insertCommit());
    };
    world.at(10_000 * MILLISECOND, asynchronous(10)); // ends hibernation, flushes
    world.at(10_010 * MILLISECOND, asynchronous(100_000)); // woken again: it was marked asleep
    world.sim.run(10_050 * MILLISECOND);
    expect(wal.insertLsn - wal.written).toBeLessThan(WAL_PAGE_BYTES);
    expect(wal.written - wal.flushed.value).toBeGreaterThan(90_000);
    world.sim.run(10_420 * MILLISECOND);
    expect(wal.insertLsn - wal.flushed.value).toBeLessThan(WAL_PAGE_BYTES);
  });

  test.each([
    [0, true],
    [1 << 20, false],
  ])('version 17, wal_writer_flush_after %d: one commit wakes it: %s', (flushAfter, woken) => {
    const settings = {
      wal_writer_delay: 200 * MILLISECOND,
      wal_writer_flush_after: flushAfter,
    };
    const { world, wal } = single(settings);
    const commit = () => wal.commitAsynchronously(wal.insertCommit());
    world.at(20_000 * MILLISECOND, commit);
    world.at(20_010 * MILLISECOND, commit);
    world.at(20_050 * MILLISECOND, commit);
    world.sim.run(20_060 * MILLISECOND);
    expect(wal.flushed.value === wal.insertLsn).toBe(woken);
  });
});
