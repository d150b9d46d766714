import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND, Signal } from '../../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../../src/postgres/costs.ts';
import { FIRST_LSN, WAL_PAGE_BYTES } from '../../../src/postgres/lsn.ts';
import { FLUSHED, FSYNC, flushOf, HANDOVER, World } from '../../helpers/world.ts';

type Settings = Record<string, string | number | boolean>;

function single(settings: Settings = {}, version = 17) {
  const world = new World({ servers: [{ name: 'pg1', settings, version }] });
  const server = world.server('pg1');
  const flushes: { at: number; lsn: number }[] = [];
  world.events.flushed.observe((at, _, lsn) => flushes.push({ at, lsn }));
  return { world, server, flushes };
}

/** Committers that insert a record at given instants; when each found it flushed. */
function committers(stage: ReturnType<typeof single>, instants: readonly number[]) {
  const { world, server } = stage;
  const commits: { at: number; lsn: number; done: number; led: boolean }[] = [];
  const commit = function* (at: number): Process {
    yield world.sim.holdUntil(at);
    server.activeTransactions++;
    const lsn = server.wal.insertCommit();
    const led = server.wal.requestFlush(lsn);
    if (server.wal.flushed.below(lsn)) yield;
    server.activeTransactions--;
    commits.push({ at, lsn, done: world.sim.now, led });
  };
  for (const at of instants) world.play(commit(at));
  return commits;
}

const ms = (n: number) => n * MILLISECOND;

/** When the n-th flush after that which began at 10 ms ends, if somebody always waits for it. */
const flushEnd = (n: number) => ms(10) + FLUSHED + n * (HANDOVER + FLUSHED);

describe('group commit (2.4)', () => {
  test('a batch is everyone whose record was inserted before the flush began', () => {
    const stage = single();
    const commits = committers(stage, [ms(10), ms(10.5), ms(11), ms(11.9), ms(12.1)]);
    stage.world.sim.run(ms(30));
    const [first, second, third] = [0, 1, 2].map((n) => flushEnd(n));
    expect(commits.map(({ done }) => done)).toEqual([first, second, second, second, third]);
    expect(commits.map(({ led }) => led)).toEqual([true, false, false, false, false]);
    expect(stage.server.wal.flushes).toBe(3);
  });

  test('whoever inserts during a flush is not in it, by however little', () => {
    const stage = single();
    const commits = committers(stage, [ms(10), ms(10) + 1]);
    stage.world.sim.run(ms(30));
    expect(commits.map(({ done }) => done)).toEqual([flushEnd(0), flushEnd(1)]);
  });

  test('one flush at a time, and each committer waits 1 to 2 of them: against a recursion', () => {
    const stage = single();
    const random = stage.world.sim.random('commits');
    const instants: number[] = [];
    for (let at = ms(10); instants.length < 3000; ) {
      at += 1 + random.exponential(0.4 * MILLISECOND);
      instants.push(at);
    }
    let flushed = stage.server.wal.insertLsn;
    const commits = committers(stage, instants);
    stage.world.sim.run(ms(10_000));
    let free = 0;
    let batches = 0;
    const expected: number[] = [];
    for (let i = 0; i < instants.length; batches++) {
      let starts = instants[i]!;
      if (starts <= free) {
        // the one who is woken leads, unless somebody comes who is on a core already
        const faster = instants.find((at) => at > free) ?? Number.POSITIVE_INFINITY;
        starts = Math.min(free + HANDOVER, faster);
      }
      const begin = i;
      while (i < instants.length && instants[i]! <= starts) i++;
      const { lsn } = commits[i - 1]!;
      free = starts + flushOf(flushed, lsn); // that of a batch may begin another page
      flushed = lsn;
      for (let n = begin; n < i; n++) expected.push(free);
    }
    expect(commits.map(({ done }) => done)).toEqual(expected);
    expect(stage.server.wal.flushes).toBe(batches);
    const { walPageWrite } = DEFAULT_COSTS;
    const longest = Math.max(...commits.map(({ at, done }) => done - at));
    expect(longest).toBeLessThanOrEqual(2 * (FLUSHED + walPageWrite) + HANDOVER);
    expect(instants.length / batches).toBeGreaterThan(3);
  });

  test.each([
    [8, 0.5],
    [16, 1],
    [32, 2],
    [64, 3.5],
  ])('%d clients that think %d flushes long: N p / (1 + p) commits a flush', (clients, z) => {
    const { world, server } = single();
    const { sim } = world;
    const cycle = FLUSHED + HANDOVER;
    const random = sim.random('think');
    let commits = 0;
    const client = function* (): Process {
      for (;;) {
        yield sim.hold(Math.round(random.exponential(z * cycle)));
        const lsn = server.wal.insertCommit();
        server.wal.requestFlush(lsn);
        if (server.wal.flushed.below(lsn)) yield;
        commits++;
      }
    };
    for (let i = 0; i < clients; i++) world.play(client());
    sim.run(20 * SECOND);
    const p = 1 - Math.exp(-1 / z); // that a thought ends during the flush; b = (N - b) p
    const expected = (clients * p) / (1 + p);
    expect(Math.abs(commits / server.wal.flushes / expected - 1)).toBeLessThan(0.01);
    // It never rests: the device, its leader's processor time, and the way to the next leader.
    expect(server.wal.flushes * cycle).toBeGreaterThan(19.9 * SECOND);
    expect(server.wal.flushes * FLUSHED).toBeLessThanOrEqual(20 * SECOND);
  });

  test('one client: a flush for each commit', () => {
    const stage = single();
    const commits = committers(stage, [ms(10), ms(20), ms(30)]);
    stage.world.sim.run(ms(50));
    expect([commits.length, stage.server.wal.flushes]).toEqual([3, 3]);
  });

  test('it flushes all that was inserted before it began, whether or not anybody waits', () => {
    const stage = single();
    const { wal } = stage.server;
    committers(stage, [ms(10), ms(10.5)]);
    stage.world.at(ms(11), () => {
      wal.insert(500); // of a transaction that goes on, while the first flush runs
    });
    stage.world.sim.run(flushEnd(0) + 1);
    expect(wal.flushed.value).toBeLessThan(wal.insertLsn);
    stage.world.sim.run(flushEnd(1) + 1);
    expect(wal.flushed.value).toBe(wal.insertLsn);
  });

  test('of those who are woken together one leads the flush, and all are in it', () => {
    const { world, server } = single();
    const together = new Signal(world.sim);
    const led: boolean[] = [];
    const commit = function* (): Process {
      yield together.wait();
      const lsn = server.wal.insertCommit();
      led.push(server.wal.requestFlush(lsn));
      if (server.wal.flushed.below(lsn)) yield;
      expect(world.sim.now).toBe(ms(10) + FLUSHED);
    };
    for (let i = 0; i < 3; i++) world.play(commit());
    world.at(ms(10), () => together.fire());
    world.sim.run(ms(30));
    expect(led).toEqual([true, false, false]);
    expect(server.wal.flushes).toBe(1);
  });

  test('commit_delay holds the leader back if commit_siblings others are active', () => {
    const settings = { commit_delay: ms(1), commit_siblings: 2 };
    const run = (others: number, changed: Settings = {}) => {
      const stage = single({ ...settings, ...changed });
      const commits = committers(stage, [ms(10), ms(10.9), ms(10.95)]);
      stage.server.activeTransactions += others;
      stage.world.sim.run(ms(30));
      return commits.map(({ done }) => done);
    };
    const [first, second] = [flushEnd(0), flushEnd(1)];
    expect(run(0)).toEqual([first, second, second]);
    // the second leader sees the third committer too; the first is gone before it has its core
    expect(run(1)).toEqual([first, second + ms(1), second + ms(1)]);
    expect(run(2)).toEqual([first + ms(1), first + ms(1), first + ms(1)]);
    expect(run(2, { fsync: false })).toEqual([ms(10), ms(10.9), ms(10.95)]);
  });

  test('fsync = off: written is flushed, at once', () => {
    const stage = single({ fsync: false });
    const commits = committers(stage, [ms(10)]);
    stage.world.sim.run(ms(30));
    expect(commits[0]!.done).toBe(ms(10));
    expect(stage.server.host.disk.fsyncs).toBe(0);
  });
});

describe('asynchronous commit (2.5)', () => {
  /** The instant at which each asynchronous commit, made at the given instants, was durable. */
  function durableAt(stage: ReturnType<typeof single>, instants: readonly number[], extra = 0) {
    const lsns: number[] = [];
    for (const at of instants) {
      stage.world.at(at, () => {
        if (extra > 0) stage.server.wal.insert(extra);
        const lsn = stage.server.wal.insertCommit();
        stage.server.wal.commitAsynchronously(lsn);
        lsns.push(lsn);
      });
    }
    stage.world.sim.run((instants.at(-1) ?? 0) + SECOND);
    return lsns.map((lsn) => stage.flushes.find((flush) => flush.lsn >= lsn)!.at);
  }

  test.each([
    ['sparse', 37, 0],
    ['dense', 3, 0],
    ['much WAL', 11, 5_000],
    ['very much WAL', 7, 300_000],
  ])('durable within three times wal_writer_delay: %s', (_, gap, extra) => {
    for (const version of [15, 17]) {
      const stage = single({}, version);
      const delay = stage.server.settings.wal_writer_delay;
      const instants = Array.from({ length: 150 }, (_, i) => ms(12_000 + gap * i));
      const waits = durableAt(stage, instants, extra).map((at, i) => at - instants[i]!);
      expect(Math.max(...waits)).toBeLessThanOrEqual(3 * delay + 2 * FSYNC);
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(FLUSHED);
    }
  });

  test('a walwriter that hibernates is woken; one at work keeps its rhythm', () => {
    const stage = single();
    const [first, second] = durableAt(stage, [ms(20_000), ms(20_050)]);
    expect(first).toBe(ms(20_000) + FLUSHED);
    expect(second).toBeGreaterThan(ms(20_150));
    expect(second).toBeLessThanOrEqual(ms(20_000) + 2 * ms(200) + 2 * FSYNC);
  });

  test.each([
    [15, 3, true],
    [16, 0, false],
    [17, 3, false],
    [17, 128, true],
  ])('version %d, %d whole pages: the walwriter is woken: %s', (version, pages, woken) => {
    const { world, server } = single({}, version);
    const commit = (bytes: number) => () => {
      if (bytes > 0) server.wal.insert(bytes);
      server.wal.commitAsynchronously(server.wal.insertCommit());
    };
    world.at(ms(20_000), commit(0)); // wakes it from hibernation
    world.at(ms(20_010), commit(0)); // finds it still marked as sleeping; next turn at 20,210 ms
    world.at(ms(20_050), commit(pages * WAL_PAGE_BYTES));
    world.sim.run(ms(20_060));
    const behind = server.wal.insertLsn - server.wal.written;
    expect(behind < WAL_PAGE_BYTES && server.wal.written > FIRST_LSN + 1000).toBe(woken);
    world.sim.run(ms(20_251));
    expect(server.wal.insertLsn - server.wal.written).toBeLessThan(WAL_PAGE_BYTES);
  });

  test('a synchronous commit flushes the asynchronous ones before it', () => {
    const stage = single();
    const { world, server } = stage;
    let asynchronous = 0;
    world.at(ms(20_000), () => {
      server.wal.commitAsynchronously(server.wal.insertCommit()); // wakes the walwriter
    });
    world.at(ms(20_010), () => {
      asynchronous = server.wal.insertCommit();
      server.wal.commitAsynchronously(asynchronous);
    });
    const commits = committers(stage, [ms(20_020)]);
    world.sim.run(ms(20_030));
    expect(commits[0]!.done).toBe(ms(20_020) + FLUSHED);
    const flush = stage.flushes.find(({ lsn }) => lsn >= asynchronous)!;
    expect(flush.at).toBe(ms(20_020) + FLUSHED);
  });

  test('a crash takes a suffix in the order of positions, whoever waited for what', () => {
    for (const [crashAt, ending] of [
      [20_102, 'process'],
      [20_101, 'power'],
      [20_350, 'process'],
      [20_350, 'power'],
    ] as const) {
      const { world, server } = single();
      const lsns: number[] = [];
      for (let i = 0; i < 400; i++) {
        world.at(ms(20_000 + i), () => {
          const lsn = server.wal.insertCommit();
          server.wal.commitAsynchronously(lsn);
          lsns.push(lsn);
        });
      }
      let written = 0;
      let flushed = 0;
      world.at(ms(crashAt), () => {
        written = server.wal.written;
        flushed = server.wal.flushed.value;
        if (ending === 'power') server.host.powerOff();
        else server.crash();
      });
      world.sim.run(ms(crashAt) + 1);
      const end = server.wal.insertLsn;
      expect(end, 'power: what was flushed; process: what was written').toBe(
        ending === 'power' ? flushed : written,
      );
      const survived = lsns.filter((lsn) => lsn <= end).length;
      expect(lsns.slice(0, survived).every((lsn) => lsn <= end)).toBe(true);
      expect(lsns.slice(survived).every((lsn) => lsn > end)).toBe(true);
      expect(survived).toBeLessThan(lsns.length);
    }
  });
});
