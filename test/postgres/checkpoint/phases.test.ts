import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../../src/postgres/costs.ts';
import { tablePage } from '../../../src/postgres/heap/relation.ts';
import { settingsOf, World } from '../../helpers/world.ts';

const ACCOUNTS = 0;
const FSYNC = 2 * MILLISECOND;

function single(settings: Record<string, number | boolean | string> = {}) {
  const world = new World({ servers: [{ name: 'pg1', settings }] });
  const server = world.server('pg1');
  const ends: { at: number; buffers: number; writeTime: number; syncTime: number }[] = [];
  world.events.checkpointCompleted.observe((at, _, buffers, writeTime, syncTime) => {
    ends.push({ at, buffers, writeTime, syncTime });
  });
  return { world, server, ends, storage: server.storage };
}
type Stage = ReturnType<typeof single>;

/** Changes so many pages of a table, each by a record of its own, and flushes. */
function dirty(stage: Stage, pages: number, from = 0): void {
  dirtyOnly(stage, pages, from);
  stage.server.wal.requestFlush(stage.server.wal.insertLsn);
}

function dirtyOnly({ server, storage }: Stage, pages: number, from = 0): void {
  const { wal } = server;
  const file = storage.fileOf(storage.tables[ACCOUNTS]!.definition.relation);
  for (let block = from; block < from + pages; block++) {
    const page = file * 2 ** 32 + block;
    const found = storage.pool.find(page);
    const buffer = found >= 0 ? found : storage.makeRoom(page);
    storage.pool.markDirty(buffer, wal.insert(100));
  }
}

/** The same by records that a standby replays. */
function change({ server, storage }: Stage, pages: number): void {
  const table = storage.tables[ACCOUNTS]!;
  for (let block = 0; block < pages; block++) {
    storage.log(table, [table.hintRecord(tablePage(table.definition.relation, block))]);
  }
  server.wal.requestFlush(server.wal.insertLsn);
}

/** An immediate checkpoint at an instant; runs until well after it. */
function checkpoint(stage: Stage, at = SECOND): void {
  stage.world.at(at, () => stage.server.checkpointer.request());
  stage.world.sim.run(at + 100 * SECOND);
}

describe('steps of a checkpoint (3.2)', () => {
  test('it writes what was dirty when it began, and fsyncs the files', () => {
    const stage = single();
    dirty(stage, 1000);
    checkpoint(stage);
    const { storage } = stage;
    expect(stage.ends.map(({ buffers }) => buffers)).toEqual([1000]);
    expect([storage.pool.dirty, storage.written.checkpointer]).toEqual([0, 1000]);
    expect([storage.unsynced.size, storage.cache.pages.dirty.count]).toEqual([0, 0]);
    expect(stage.ends[0]!.syncTime, 'one file, all of it written back already').toBe(FSYNC);
    const { writeTime } = stage.ends[0]!;
    expect(writeTime).toBeGreaterThanOrEqual(1000 * DEFAULT_COSTS.pageWrite);
  });

  test('pages dirtied after the marking belong to the next', () => {
    const stage = single();
    dirty(stage, 100);
    stage.world.at(SECOND, () => stage.server.checkpointer.request('spread'));
    stage.world.at(2 * SECOND, () => dirty(stage, 50, 200));
    stage.world.sim.run(20 * SECOND);
    expect(stage.ends.map(({ buffers }) => buffers)).toEqual([100]);
    expect(stage.storage.pool.dirty).toBe(50);
  });

  test('a page that another process wrote is skipped and counts as progress', () => {
    const stage = single();
    const { storage } = stage;
    dirty(stage, 100);
    stage.world.at(SECOND, () => stage.server.checkpointer.request('spread'));
    stage.world.at(1.05 * SECOND, () => {
      for (let buffer = 0; buffer < storage.pool.size; buffer++) {
        if (storage.pool.isDirty(buffer)) storage.handOver(buffer, 'bgwriter');
      }
    });
    stage.world.sim.run(20 * SECOND);
    expect(storage.written).toEqual({ checkpointer: 1, bgwriter: 99, backend: 0 });
    expect(stage.ends[0]!.writeTime / SECOND, 'a nap a page all the same').toBeCloseTo(10, 2);
    expect(storage.unsynced.size, 'and their file is synced').toBe(0);
  });

  test('WAL is on disk before the page, the record before the control file', () => {
    const stage = single();
    const { world, server, storage } = stage;
    world.sim.run(SECOND);
    dirtyOnly(stage, 64);
    const redo = server.checkpointer.redoLsn;
    server.checkpointer.request();
    world.sim.run(SECOND + FSYNC - 1);
    expect(storage.written.checkpointer, 'the flush takes 2 ms').toBe(0);
    world.sim.run(SECOND + FSYNC + MILLISECOND);
    expect(storage.written.checkpointer).toBe(64);
    world.host('pg1').powerOff();
    expect(server.checkpointer.redoLsn, 'back to the checkpoint before').toBe(redo);
  });

  test('until its record and the control file are on disk a crash goes back', () => {
    for (const fsyncs of [2, 3]) {
      const { world, server, ...rest } = single();
      world.sim.run(SECOND);
      dirtyOnly({ world, server, ...rest }, 64); // flush, write, fsync; record; control file
      const redo = server.checkpointer.redoLsn;
      server.checkpointer.request();
      world.sim.run(SECOND + fsyncs * FSYNC + MILLISECOND);
      expect(server.wal.counts.of('XLOG/CHECKPOINT_ONLINE').records).toBe(1);
      world.host('pg1').powerOff();
      expect(server.checkpointer.redoLsn).toBe(redo);
    }
  });

  test('commits under way are waited for, in polls of 10 ms', () => {
    const { world, server, storage, ...rest } = single();
    world.sim.run(SECOND);
    dirty({ world, server, storage, ...rest }, 64); // as a commit does, asks for a flush of 2 ms
    server.checkpointer.request();
    world.sim.run(SECOND + 10 * MILLISECOND - 1);
    expect([storage.written.checkpointer, server.wal.flushed.waiters]).toEqual([0, 0]);
    world.sim.run(SECOND + 11 * MILLISECOND);
    expect(storage.written.checkpointer).toBe(64);
  });

  test('an immediate request ends the naps of a checkpoint under way', () => {
    const stage = single();
    dirty(stage, 300);
    stage.world.at(SECOND, () => stage.server.checkpointer.request('spread'));
    stage.world.at(2_030 * MILLISECOND, () => stage.server.checkpointer.request());
    stage.world.sim.run(60 * SECOND);
    expect(stage.ends).toHaveLength(2);
    expect(stage.ends[0]!.writeTime / SECOND).toBeCloseTo(1.03, 2);
    expect(stage.server.checkpointer.requested).toBe(2);
  });

  test('a loss of power takes from the system’s cache only what redo will bring back', () => {
    for (const at of [0.5, 1.02, 1.7, 3, 5.5, 7].map((s) => Math.round(s * SECOND))) {
      const stage = single({ checkpoint_flush_after: 0 });
      const { world, server, storage } = stage;
      const lsns = new Map<number, number>();
      const load = function* (): Process {
        for (let i = 0; ; i++) {
          dirty(stage, 20, (i * 7) % 200);
          for (let buffer = 0; buffer < storage.pool.size; buffer++) {
            if (storage.pool.isDirty(buffer))
              lsns.set(storage.pool.pageIn(buffer), storage.pool.lsnOf(buffer));
          }
          yield world.sim.hold(50 * MILLISECOND);
        }
      };
      world.play(load());
      world.at(SECOND, () => server.checkpointer.request('spread'));
      world.at(5 * SECOND, () => server.checkpointer.request());
      world.sim.run(at);
      const kept = new Set(storage.pool.evictedLsns.inOrder().map(([page]) => page));
      for (let buffer = 0; buffer < storage.pool.size; buffer++) {
        if (storage.pool.lsnOf(buffer) > 0) kept.add(storage.pool.pageIn(buffer));
      }
      const lost = [...storage.unsynced].flatMap((file) => [
        ...storage.cache.pages.fsync(file).pages,
      ]);
      world.host('pg1').powerOff();
      for (const page of lost) {
        expect(lsns.get(page)! > server.checkpointer.redoLsn && kept.has(page)).toBe(true);
      }
      if (at > 1.5 * SECOND && at < 5 * SECOND) expect(lost.length).toBeGreaterThan(5);
    }
  });

  test('a fast shutdown writes everything', () => {
    const stage = single();
    dirty(stage, 500);
    stage.world.at(SECOND, () => stage.world.instance('pg1').stop());
    stage.world.sim.run(20 * SECOND);
    expect(stage.server.state).toBe('shut down');
    expect(stage.storage.written.checkpointer).toBe(500);
    expect(stage.server.wal.counts.of('XLOG/CHECKPOINT_SHUTDOWN').records).toBe(1);
  });

  test('groups between hints: a large checkpoint takes few steps of the kernel', () => {
    const stage = single({ shared_buffers: 256 << 20 });
    dirty(stage, 20_000);
    const before = stage.world.sim.steps;
    checkpoint(stage);
    expect(stage.storage.written.checkpointer).toBe(20_000);
    expect(stage.world.sim.steps - before).toBeLessThan(2_500);
  });
});

describe('restartpoints (3.4)', () => {
  test('at a replayed checkpoint record, by its own clock, paced', () => {
    const world = new World({ servers: [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }] });
    const stage = { world, server: world.server('pg1'), ends: [] } as unknown as Stage;
    const primary = { ...stage, storage: world.server('pg1').storage };
    change(primary, 40);
    world.at(250 * SECOND, () => world.server('pg1').checkpointer.request());
    const standby = world.server('pg2').checkpointer;
    const began = standby.redoLsn;
    world.sim.run(299 * SECOND);
    expect(standby.redoLsn, 'replayed, and not due').toBe(began);
    world.sim.run(310 * SECOND);
    const { lastRecord } = world.server('pg1').checkpointer;
    expect(standby.redoLsn).toBe(lastRecord!.redoLsn);
    expect([standby.timed, standby.buffers]).toEqual([1, 40]);
    expect(standby.writeTime / SECOND, '40 naps').toBeCloseTo(4, 1);
  });

  test('without a new record it is tried again every 15 s', () => {
    const world = new World({ servers: [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }] });
    world.at(301 * SECOND, () => world.server('pg1').wal.insert(100));
    const at: number[] = [];
    world.events.checkpoint.observe((now, server) => {
      if (server === 1) at.push(now / SECOND);
    });
    world.at(322 * SECOND, () => world.server('pg1').checkpointer.request());
    world.sim.run(400 * SECOND);
    expect(at).toEqual([330]);
  });
});

describe('crash recovery (3.5)', () => {
  /** From the start to service after a crash with so many pages changed since the redo pointer. */
  function recovery(how: 'crash' | 'power', settings: Record<string, number | boolean | string>) {
    const stage = single(settings);
    const { world, server, ends } = stage;
    dirty(stage, 1000);
    let startedAt = 0;
    const body = function* (): Process {
      yield world.sim.holdUntil(SECOND);
      if (how === 'crash') server.crash();
      else {
        world.host('pg1').powerOff();
        world.host('pg1').powerOn();
      }
      startedAt = world.sim.now;
      world.instance('pg1').start('primary', null);
    };
    world.play(body());
    world.sim.run(60 * SECOND);
    expect(server.state).toBe('primary');
    return { took: server.stateSince - startedAt, written: ends[0]?.buffers, stage };
  }
  const off = { full_page_writes: false };

  test('the checkpoint at its end writes what redo made dirty, before any connection', () => {
    const { took, written, stage } = recovery('crash', {});
    expect(written).toBe(1000);
    expect(stage.storage.pool.dirty).toBe(0);
    expect(took).toBeGreaterThan(50 * MILLISECOND + 3 * FSYNC);
    expect(took).toBeLessThan(100 * MILLISECOND);
  });

  test('without images pages are read at random after a loss of power', () => {
    const withImages = recovery('power', {}).took;
    const oneByOne = recovery('power', { ...off, recovery_prefetch: 'off' }).took;
    expect(Math.abs(oneByOne - withImages - 1000 * FSYNC)).toBeLessThan(10 * MILLISECOND);
  });

  test('prefetch keeps maintenance_io_concurrency reads on order beside the one needed', () => {
    const withImages = recovery('power', {}).took;
    const ahead = recovery('power', { ...off, maintenance_io_concurrency: 9 }).took;
    expect(Math.abs(ahead - withImages - (1000 / 10) * FSYNC)).toBeLessThan(10 * MILLISECOND);
  });

  test('after a crash of the server the system’s cache has them', () => {
    const withImages = recovery('crash', {}).took;
    const without = recovery('crash', { ...off, recovery_prefetch: 'off' }).took;
    expect(without - withImages).toBeLessThan(10 * MILLISECOND);
  });
});

describe('the background writer (1.4)', () => {
  test('at most bgwriter_lru_maxpages each bgwriter_delay; then it hibernates', () => {
    const settings = settingsOf();
    expect([settings.bgwriter_delay, settings.bgwriter_lru_maxpages]).toEqual([2e8, 100]);
    const stage = single({ shared_buffers: 4 << 20 });
    const { world, storage } = stage;
    let block = 0;
    const demand = function* (): Process {
      for (let i = 0; i < 500; i++) {
        yield world.sim.hold(20 * MILLISECOND);
        block += 100;
        dirty(stage, 100, block);
      }
    };
    world.play(demand());
    world.sim.run(10 * SECOND);
    expect(storage.written.bgwriter).toBeGreaterThan(40 * 100);
    expect(storage.written.bgwriter, 'ceiling of 500 pages a second').toBeLessThanOrEqual(51 * 100);
    expect(storage.written.backend, 'above it they write for themselves').toBeGreaterThan(40_000);
  });

  test('running transactions are logged every 15 s if WAL was written', () => {
    const { world, server } = single();
    const count = () => server.wal.counts.of('Standby/RUNNING_XACTS').records;
    world.sim.run(100 * SECOND);
    expect(count()).toBe(0);
    world.at(110 * SECOND, () => server.wal.insert(100));
    world.sim.run(200 * SECOND);
    expect(count()).toBe(1);
  });
});
