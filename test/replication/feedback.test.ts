import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { COUNT, Pair, REPEATABLE, type Said, TELLER, TELLERS } from '../helpers/standby.ts';
import { World } from '../helpers/world.ts';

/* What a pair of PostgreSQL 15.18 servers did stands beside each test, in seconds. */

const FEEDBACK = {
  hot_standby_feedback: true,
  wal_receiver_status_interval: 2 * SECOND,
  max_standby_streaming_delay: 0,
};
const LOOK = 'SELECT abalance FROM pgbench_accounts WHERE aid = 2';

/** The oldest id that the primary keeps rows for, and who makes it do so, at an instant. */
function horizonAt(pair: Pair, milliseconds: number) {
  const found = { xmin: 0, holder: null as string | null, kind: '', next: 0 };
  pair.world.at(SECOND + milliseconds * MILLISECOND, () => {
    const { array } = pair.primary.procArray;
    const holder = array.holder();
    found.xmin = array.oldestNonRemovableXid();
    found.next = array.nextXid;
    if (holder !== null && holder.xid < array.nextXid) {
      found.holder = String(holder.name);
      found.kind = holder.kind;
    }
  });
  return found;
}

const writes = (from: number, to: number): Said[] =>
  Array.from({ length: (to - from) / 100 }, (_, i) => [from + 100 * i, TELLER]);

describe('hot_standby_feedback (5.2)', () => {
  // "500 are dead but not yet removable"; nobody is ended
  test('5.2: what its queries may see the primary keeps, for all tables', () => {
    const pair = new Pair(FEEDBACK).client('idle', 'pg2', [
      [0, REPEATABLE],
      [10, COUNT],
      [6000, LOOK],
    ]);
    pair.client('writer', 'pg1', writes(3000, 5000)).removeVersions(5100);
    const held = horizonAt(pair, 5000);
    const log = pair.run(7000);
    expect(log.filter((line) => line.includes('conflict'))).toEqual([]);
    expect(log.at(-1)).toBe('6000 idle: complete');
    expect([held.holder, held.kind]).toEqual(['pg2', 'standby feedback']);
    expect(held.next - held.xmin, 'one for each of the writes').toBeGreaterThanOrEqual(20);
    expect(pair.primary.storage.tables[TELLERS]!.heap.dead).toBeGreaterThanOrEqual(20);
  });

  // moved 0.97 after the end of the query, of an interval of 2
  test('5.2: the horizon is released an interval after the query at the latest', () => {
    const steps: Said[] = [
      [0, REPEATABLE],
      [10, COUNT],
      [5000, 'COMMIT'],
    ];
    const pair = new Pair(FEEDBACK).client('idle', 'pg2', steps);
    pair.client('writer', 'pg1', writes(100, 9000));
    const [before, after] = [horizonAt(pair, 5000), horizonAt(pair, 7100)];
    pair.run(9000);
    expect(before.next - before.xmin).toBeGreaterThan(30);
    expect(after.next - after.xmin, 'what was written since the last message').toBeLessThan(25);
  });

  test('5.2: at most one message an interval, and one at the beginning', () => {
    const pair = new Pair(FEEDBACK);
    pair.client('writer', 'pg1', writes(100, 9000));
    const xmins = new Set<number>();
    for (let at = 0; at < 9000; at += 10) {
      pair.world.at(SECOND + at * MILLISECOND, () => {
        xmins.add(pair.primary.procArray.array.holder()?.xid ?? -1);
      });
    }
    pair.run(9000);
    expect(xmins.size, 'at 0, 2, 4, 6, 8 and 10 s').toBeLessThanOrEqual(6);
    expect(xmins.size).toBeGreaterThanOrEqual(4);
  });

  test('5.2: off by default: nothing is held, and nothing is sent but once', () => {
    const pair = new Pair({ max_standby_streaming_delay: -1 });
    pair
      .client('idle', 'pg2', [
        [0, REPEATABLE],
        [10, COUNT],
      ])
      .client('w', 'pg1', writes(100, 3000));
    const free = horizonAt(pair, 3500);
    pair.run(4000);
    expect(free.holder).toBeNull();
  });

  test('5.2: without a slot it goes with the connection, with one it stays', () => {
    const gone = (hasSlot: boolean) => {
      const pair = new Pair(FEEDBACK);
      if (hasSlot) pair.world.instance('pg1').slots.create('pg2');
      pair.client('idle', 'pg2', [
        [0, REPEATABLE],
        [10, COUNT],
      ]);
      pair.client('writer', 'pg1', writes(100, 9000));
      pair.world.at(5 * SECOND, () => pair.standby.crash());
      const at = horizonAt(pair, 8500);
      pair.run(9000);
      return at;
    };
    expect(gone(false).holder).toBeNull();
    expect([gone(true).holder, gone(true).kind]).toEqual(['pg2', 'slot']);
    expect(gone(true).next - gone(true).xmin).toBeGreaterThan(80);
  });

  test('5.2: a standby in the middle passes on the oldest', () => {
    const settings = { ...FEEDBACK, autovacuum: false };
    const world = new World({
      servers: [
        { name: 'pg1', version: 15, settings },
        { name: 'pg2', of: 'pg1', version: 15, settings },
        { name: 'pg3', of: 'pg2', version: 15, settings },
      ],
    });
    const { array } = world.server('pg3').procArray;
    const reader = world.client('reader');
    world.play(
      (function* () {
        yield* reader.connect(['pg3']);
        yield* reader.say('begin');
      })(),
    );
    const writer = world.client('writer');
    world.play(
      (function* () {
        yield* writer.connect(['pg1']);
        for (let i = 0; i < 200; i++) yield* writer.write(i);
      })(),
    );
    world.sim.run(20 * SECOND);
    const xmin = (name: string) => world.server(name).procArray.array.holder()?.xid;
    expect(array.oldestNonRemovableXid()).toBe(203);
    expect([xmin('pg1'), xmin('pg2')]).toEqual([203, 203]);
  });
});

describe('what a standby’s snapshots see (5.3)', () => {
  test('5.3: ids run until their commit record is replayed, in the order of WAL', () => {
    const pair = new Pair();
    const writer = (name: string, from: number, to: number) =>
      pair.client(name, 'pg1', [
        [from, 'BEGIN'],
        [from + 10, TELLER.replace('tid = 1', `tid = ${name.length}`)],
        [to, 'COMMIT'],
      ]);
    writer('a', 0, 3000);
    writer('bb', 500, 1000);
    const { array } = pair.standby.procArray;
    const seen: number[][] = [];
    for (const at of [900, 1100, 2900, 3100]) {
      pair.world.at(SECOND + at * MILLISECOND, () => {
        seen.push([array.oldestRunningXid, array.latestCompletedXid]);
      });
    }
    pair.run(4000);
    expect(seen).toEqual([
      [3, 2],
      [3, 4],
      [3, 4],
      [5, 4],
    ]);
  });

  test('5.3: a promotion gives the ids on', () => {
    const pair = new Pair();
    pair.client('w', 'pg1', writes(0, 1000));
    pair.world.at(3 * SECOND, () => pair.primary.crash());
    pair.world.at(4 * SECOND, () => pair.world.instance('pg2').promote());
    pair.run(5000);
    expect(pair.standby.state).toBe('primary');
    const { array } = pair.standby.procArray;
    expect(array.nextXid).toBe(pair.primary.procArray.array.nextXid);
    expect(array.oldestNonRemovableXid()).toBe(array.nextXid);
  });
});
