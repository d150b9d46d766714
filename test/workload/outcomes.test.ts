import { describe, expect, test } from 'vitest';
import { constant, MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { ERRORS } from '../../src/postgres/statement.ts';
import { failureIndex } from '../../src/workload/events.ts';
import { FSYNC, ONE_WAY, World, type WorldPlan } from '../helpers/world.ts';
import { clients, outcomes, WRITE } from './fixtures.ts';

const WRITES = [{ script: WRITE, weight: 1 }];

/** One session that writes, a fault, and what its transactions came to. */
function play(plan: WorldPlan, until: number, fault: (world: World) => void, options = {}) {
  const world = new World(plan);
  const log = outcomes(world);
  clients(world, { mix: WRITES, think: constant(10 * MILLISECOND), ...options });
  fault(world);
  world.sim.run(until);
  const kinds = log.map(({ what }) => what).filter((what, i, all) => what !== all[i - 1]);
  return { world, log, kinds };
}

const single: WorldPlan = { servers: [{ name: 'pg1' }] };

describe('what becomes of a transaction', () => {
  test('every error that a server can answer is one that is counted', () => {
    const { connectionLost, ...heard } = ERRORS;
    expect(connectionLost.sqlstate, 'which nobody hears').toBe('08006');
    const all = Object.values(heard).map(({ sqlstate }) => failureIndex(sqlstate));
    expect(all.length).toBeGreaterThanOrEqual(20);
    expect(failureIndex('54000')).toBeGreaterThan(0);
    expect(() => failureIndex('00000')).toThrow();
  });

  test('each transaction comes to one end, and a session has one at a time', () => {
    const open = Array<number>(20).fill(0);
    const { world } = play(
      single,
      60 * SECOND,
      (w) => {
        const { workload } = w;
        const change = (by: number) => (_: number, session: number) => {
          open[session]! += by;
          if (open[session]! < 0 || open[session]! > 1) expect.fail(`session ${session}`);
        };
        workload.invoked.observe(change(1));
        for (const end of [workload.acknowledged, workload.failed, workload.unknown]) {
          end.observe(change(-1));
        }
        w.at(10 * SECOND, () => w.server('pg1').crash());
        w.at(15 * SECOND, () => w.instance('pg1').start('primary', null));
        w.at(25 * SECOND, () => w.instance('pg1').stop());
        w.at(30 * SECOND, () => w.instance('pg1').start('primary', null));
        w.at(40 * SECOND, () => w.host('pg1').powerOff());
      },
      { sessions: 20, think: null },
    );
    const { invoked, acknowledged, failed, unknown } = world.workload;
    const inFlight = invoked.count - acknowledged.count - failed.count - unknown.count;
    expect(inFlight).toBe(open.filter((count) => count === 1).length);
    expect(failed.count).toBeGreaterThan(0);
    expect(unknown.count).toBeGreaterThan(0);
  });

  test('acknowledged: its commit record is on the primary’s disk', () => {
    let checked = 0;
    play(single, 5 * SECOND, (world) => {
      world.workload.commitAcknowledged.observe((_, __, branch, lsn, unreplicated) => {
        const { wal } = world.server('pg1');
        expect(lsn).toBeLessThanOrEqual(wal.flushed.value);
        expect([branch, unreplicated]).toEqual([wal.branch.index, 0]);
        checked++;
      });
    });
    expect(checked).toBeGreaterThan(100);
  });

  test('failed: the connection breaks before COMMIT is sent', () => {
    const { kinds } = play(single, 3 * SECOND, (world) => {
      let statements = 0;
      world.workload.invoked.observe((at) => {
        if (at > SECOND && statements++ === 0) {
          world.at(at + 2 * ONE_WAY, () => world.server('pg1').crash());
        }
      });
    });
    expect(kinds).toEqual(['acknowledged', 'failed 08006 closed']);
  });

  test('unknown: it breaks between COMMIT and the answer; the record may be there or not', () => {
    const breakAt = (when: (world: World, at: number) => void) => {
      const fates: [branch: number, kept: boolean][] = [];
      const { kinds } = play(single, 3 * SECOND, (world) => {
        let broken = false;
        world.events.committed.observe((at) => {
          if (at > SECOND && !broken) {
            broken = true;
            when(world, at);
          }
        });
        world.workload.commitUnknown.observe((_, __, branch, lsn) => {
          fates.push([branch, lsn <= world.server('pg1').wal.insertLsn]);
        });
      });
      expect(kinds).toEqual(['acknowledged', 'unknown']);
      return fates;
    };
    const crash = (world: World, at: number) => world.at(at, () => world.server('pg1').crash());
    expect(
      breakAt((world, at) => crash(world, at + FSYNC / 2)),
      'written, so it survives',
    ).toEqual([[0, true]]);
    expect(
      breakAt((world, at) => world.at(at + FSYNC / 2, () => world.host('pg1').powerOff())),
      'not flushed, so it is lost',
    ).toEqual([[0, false]]);
  });

  test('a shutdown in the middle: 57P01 fails it, or leaves it unknown after COMMIT', () => {
    const { kinds } = play(
      single,
      3 * SECOND,
      (world) => world.at(SECOND, () => world.instance('pg1').stop()),
      { sessions: 40, think: null },
    );
    expect(kinds).toContain('failed 57P01');
    expect(kinds).toContain('unknown');
  });

  test('an error that is not fatal rolls back and keeps the connection', () => {
    const plan: WorldPlan = { servers: [{ name: 'pg0' }, { name: 'pg1', of: 'pg0' }] };
    const { kinds, world } = play(plan, 3 * SECOND, () => {});
    expect(kinds).toEqual(['failed 25006']);
    expect(world.workload.connected.count).toBe(1);
    expect(world.workload.failed.count).toBeGreaterThan(50);
  });
});

describe('after a break', () => {
  test('a session connects again after its pause until it can', () => {
    const { world, log } = play(single, 10 * SECOND, (w) => {
      w.at(2 * SECOND, () => w.server('pg1').crash());
      w.at(5 * SECOND, () => w.instance('pg1').start('primary', null));
    });
    const failures = world.workload.connectionFailed.count;
    // attempts from second 2 on, each half a second and a round trip after the last
    expect(failures).toBeGreaterThanOrEqual(5);
    expect(failures).toBeLessThanOrEqual(6);
    const back = log.find(({ at, what }) => at > 3 * SECOND && what === 'acknowledged')!;
    expect(back.at).toBeGreaterThan(5 * SECOND);
    expect(back.at).toBeLessThan(5.7 * SECOND);
    expect(world.workload.connected.count).toBe(2);
  });

  test('arrivals of an open loop queue meanwhile and count their wait', () => {
    let longest = 0;
    play(
      single,
      10 * SECOND,
      (world) => {
        world.workload.acknowledged.observe((_, __, ___, latency) => {
          longest = Math.max(longest, latency);
        });
        world.at(2 * SECOND, () => world.server('pg1').crash());
        world.at(5 * SECOND, () => world.instance('pg1').start('primary', null));
      },
      { sessions: 3, rate: 20, think: null },
    );
    expect(longest).toBeGreaterThan(2.5 * SECOND);
    expect(longest).toBeLessThan(4.5 * SECOND);
  });
});
