import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { SERVER_STATES } from '../../src/postgres/events.ts';
import { watchPositions } from '../helpers/positions.ts';
import { FSYNC, ONE_WAY, World } from '../helpers/world.ts';

const PROMOTION = 67 * MILLISECOND;

function cluster(settings = {}) {
  const world = new World({
    servers: [
      { name: 'pg1', settings },
      { name: 'pg2', of: 'pg1', settings },
      { name: 'pg3', of: 'pg2' },
    ],
  });
  const promotedAt: number[] = [];
  world.events.state.observe((at, server, state) => {
    if (server === 1 && SERVER_STATES[state] === 'primary') promotedAt.push(at);
  });
  return { world, promotedAt, standby: world.instance('pg2') };
}

/** So much WAL on the primary, in pieces that flush for themselves. */
function load(world: World, at: number, bytes: number): void {
  const { wal } = world.server('pg1');
  world.at(at, () => wal.requestFlush(wal.insert(bytes)));
}

describe('promotion (4.6)', () => {
  test('a caught-up standby takes 67 ms; its timeline begins where its WAL ended', () => {
    const { world, promotedAt, standby } = cluster();
    load(world, SECOND, 10_000);
    world.at(2 * SECOND, () => world.server('pg1').crash());
    world.at(3 * SECOND, () => standby.promote());
    world.sim.run(4 * SECOND);
    expect(promotedAt).toEqual([3 * SECOND + PROMOTION]);
    const { branch } = standby.server.wal;
    expect([branch.timeline, branch.server]).toEqual([2, 'pg2']);
    expect(branch.forkLsn).toBe(world.server('pg1').wal.insertLsn);
    expect(branch.parent).toBe(world.server('pg1').wal.branch);
    expect(standby.checkpointedSincePromotion).toBe(true);
  });

  test('all WAL that was received is flushed and replayed first', () => {
    const { world, promotedAt, standby } = cluster();
    load(world, SECOND, 40_000_000);
    const flushes = 4; // segments that end on the way
    const received = SECOND + flushes * FSYNC + ONE_WAY + 30 * MILLISECOND; // and writes
    let outstanding = 0;
    world.at(received, () => {
      world.server('pg1').crash();
      outstanding = standby.server.wal.written - standby.replay.position.value;
      standby.promote();
    });
    world.sim.run(4 * SECOND);
    const end = standby.server.wal.branch.forkLsn;
    expect(end).toBe(world.server('pg1').wal.flushed.value);
    const took = promotedAt[0]! - received - PROMOTION;
    const replay = outstanding * DEFAULT_COSTS.redoPerByte;
    expect(took).toBeGreaterThan(replay);
    expect(took).toBeLessThan(1.02 * replay + 2 * FSYNC);
  });

  test('reading sessions survive it and can write from then on', () => {
    const { world, standby } = cluster();
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg2']);
      yield* client.say('update', 1);
      world.server('pg1').crash();
      standby.promote();
      yield world.sim.hold(SECOND);
      yield* client.write(1);
    };
    world.play(body());
    world.sim.run(3 * SECOND);
    expect(client.answers).toEqual(['complete', '25006', 'complete', 'complete', 'complete']);
    expect(client.commit.branch).toBe(standby.server.wal.branch);
  });

  test('its own standbys go on with the new timeline; positions stay in order', () => {
    const { world, standby } = cluster();
    const checked = watchPositions(world);
    load(world, SECOND, 5_000_000);
    world.at(SECOND + 8 * MILLISECOND, () => {
      world.server('pg1').crash();
      standby.promote();
    });
    world.at(2 * SECOND, () => {
      const { wal } = standby.server;
      wal.requestFlush(wal.insert(10_000));
    });
    world.sim.run(4 * SECOND);
    const { wal } = world.server('pg3');
    expect(wal.branch).toBe(standby.server.wal.branch);
    expect(wal.flushed.value).toBe(standby.server.wal.flushed.value);
    expect(world.instance('pg3').replay.position.value).toBe(wal.flushed.value);
    expect(checked.count).toBeGreaterThan(100);
  });

  test('a primary, a stopped server and one that is being promoted are not promoted', () => {
    const { world, promotedAt, standby } = cluster();
    world.instance('pg1').promote();
    standby.promote();
    standby.promote();
    world.sim.run(SECOND);
    expect(promotedAt).toHaveLength(1);
    expect(world.server('pg1').wal.branch.timeline).toBe(1);
    world.server('pg3').crash();
    world.instance('pg3').promote();
    world.sim.run(2 * SECOND);
    expect(world.server('pg3').state).toBe('crashed');
  });

  test('the old primary is refused as a standby if it has more, and rewinds to the fork', () => {
    const { world, standby } = cluster();
    const old = world.instance('pg1');
    world.at(SECOND, () => {
      world.cut('pg1', 'pg2');
    });
    load(world, 2 * SECOND, 10_000);
    const body = function* (): Process {
      yield world.sim.holdUntil(3 * SECOND);
      standby.promote();
      old.server.crash();
      yield world.sim.hold(SECOND);
      expect(old.divergedFrom(standby)).toBe(true);
      yield* old.rewind(standby);
      expect(old.server.wal.insertLsn).toBe(standby.server.wal.branch.forkLsn);
      expect(old.divergedFrom(standby)).toBe(false);
    };
    world.play(body());
    world.sim.run(20 * SECOND);
  });

  test('a diverged standby is refused, and says why', () => {
    const { world, standby } = cluster();
    world.at(SECOND, () => {
      const reopen = world.cut('pg1', 'pg2');
      world.at(4 * SECOND, reopen);
    });
    load(world, 2 * SECOND, 10_000);
    const old = world.instance('pg1');
    world.at(3 * SECOND, () => {
      standby.promote();
      old.server.crash();
    });
    world.at(5 * SECOND, () => old.start('standby', standby));
    world.sim.run(20 * SECOND);
    expect(old.receiver?.connected).toBe(false);
    expect(old.receiver?.lastError).toContain('not in this server’s history');
  });

  test('after a rewind and a second promotion commits wait for standbys anew', () => {
    const { world, standby } = cluster({ synchronous_standby_names: '*' });
    const first = world.instance('pg1');
    const client = world.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      first.server.wal.insert(5_000); // so that the positions recur below
      yield* client.write(1);
      first.server.crash();
      standby.promote();
      yield world.sim.hold(SECOND);
      first.server.wal.cutTo(standby.server.wal.branch.forkLsn - 4_000, first.server.wal.branch);
      first.start('standby', null);
      yield world.sim.hold(SECOND);
      first.promote();
      yield world.sim.hold(SECOND);
      yield* client.connect(['pg1']);
      yield* client.write(1);
    };
    world.play(body());
    world.sim.run(60 * SECOND);
    expect(first.server.state).toBe('primary');
    expect(client.answers.at(-1), 'BEGIN and UPDATE are answered, COMMIT is not').toBe('complete');
    expect(client.answers).toHaveLength(4 + 3);
    expect(first.server.locks.rows.size).toBe(1);
  });
});

describe('clean shutdown (4.6)', () => {
  test('loses nothing: the primary waits for its standbys to flush the shutdown checkpoint', () => {
    const { world, standby } = cluster();
    load(world, SECOND, 20_000_000);
    world.at(SECOND + 3 * MILLISECOND, () => world.instance('pg1').stop());
    world.sim.run(5 * SECOND);
    const { wal, state } = world.server('pg1');
    expect(state).toBe('shut down');
    expect(standby.server.wal.flushed.value).toBe(wal.insertLsn);
    standby.promote();
    world.sim.run(6 * SECOND);
    expect(world.instance('pg1').divergedFrom(standby)).toBe(false);
  });

  test('a standby that is silent holds it up until its walsender times out', () => {
    const { world } = cluster();
    world.at(15 * SECOND, () => {
      world.cut('pg1', 'pg2');
    });
    world.at(20 * SECOND, () => world.instance('pg1').stop());
    world.sim.run(69 * SECOND);
    expect(world.server('pg1').state).toBe('shutting down');
    world.sim.run(71 * SECOND);
    expect(world.server('pg1').state).toBe('shut down');
  });

  test('a standby stops without waiting for anybody', () => {
    const { world, standby } = cluster();
    world.at(SECOND, () => standby.stop());
    world.sim.run(SECOND + 50 * MILLISECOND);
    expect(standby.server.state).toBe('shut down');
    world.sim.run(3 * SECOND);
    expect(world.instance('pg1').senders).toEqual([]);
  });
});

describe('the end of a standby and those who wait for it (4.4)', () => {
  const sync = { synchronous_standby_names: 'FIRST 1 (pg2, pg3)' };

  test('FIRST 1 (a, b): released when a’s walsender has ended and b next replies', () => {
    const servers = [
      { name: 'pg1', settings: sync },
      { name: 'pg2', of: 'pg1' },
      { name: 'pg3', of: 'pg1' },
    ];
    const world = new World({ servers });
    const client = world.client('a');
    let answered = -1;
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield world.sim.holdUntil(15 * SECOND);
      world.cut('pg1', 'pg2');
      yield* client.write(1);
      answered = world.sim.now / SECOND;
    };
    world.play(body());
    world.sim.run(200 * SECOND);
    // pg2 was last heard at second 10; pg3 reported the commit at 15 and then every 10 s
    expect(answered).toBeGreaterThan(75);
    expect(answered, 'or a little later: running transactions are logged').toBeLessThan(75.3);
    const { lsn } = client.commit;
    expect(world.server('pg3').wal.flushed.value).toBeGreaterThanOrEqual(lsn);
  });

  test('a standby whose server crashes is gone in one way’s time, one without power is not', () => {
    for (const [ending, expected] of [
      ['crash', 0],
      ['power', 1],
    ] as const) {
      const { world } = cluster();
      world.at(SECOND, () => {
        if (ending === 'crash') world.server('pg2').crash();
        else world.host('pg2').powerOff();
      });
      world.sim.run(SECOND + ONE_WAY + MILLISECOND);
      expect(world.instance('pg1').senders.length, ending).toBe(expected);
    }
  });
});
