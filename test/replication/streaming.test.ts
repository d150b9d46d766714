import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { MAX_SEND_BYTES } from '../../src/replication/messages.ts';
import { watchPositions } from '../helpers/positions.ts';
import { FLUSHED, FSYNC, ONE_WAY, type ServerPlan, World } from '../helpers/world.ts';

function pair(settings = {}, standby: Partial<ServerPlan> = {}) {
  const world = new World({
    servers: [
      { name: 'pg1', settings },
      { name: 'pg2', of: 'pg1', ...standby },
    ],
  });
  return { world, primary: world.instance('pg1'), standby: world.instance('pg2') };
}

/** Inserts a record and asks for its flush, at each of the instants. */
function commits(world: World, instants: readonly number[], bytes = 100): void {
  const { wal } = world.server('pg1');
  for (const at of instants) world.at(at, () => wal.requestFlush(wal.insert(bytes)));
}

const every = (gap: number, count: number) =>
  Array.from({ length: count }, (_, i) => SECOND + i * gap);

describe('positions (4.1)', () => {
  test('never out of order, on any event, under load, cuts and crashes', () => {
    const world = new World({
      servers: [
        { name: 'pg1' },
        { name: 'pg2', of: 'pg1', fsync: 5 * MILLISECOND },
        { name: 'pg3', of: 'pg2', fsync: MILLISECOND },
      ],
    });
    const checked = watchPositions(world);
    commits(world, every(300_000, 20_000), 3_000);
    world.at(2 * SECOND, () => {
      const reopen = world.cut('pg1', 'pg2');
      world.at(3 * SECOND, reopen);
    });
    world.at(4 * SECOND, () => world.server('pg3').crash());
    world.at(4.5 * SECOND, () => world.instance('pg3').start('standby', world.instance('pg2')));
    world.at(5 * SECOND, () => {
      world.host('pg2').powerOff();
      world.host('pg2').powerOn();
      world.instance('pg2').start('standby', world.instance('pg1'));
    });
    world.sim.run(30 * SECOND);
    expect(checked.count).toBeGreaterThan(5_000);
    const { wal } = world.server('pg1');
    for (const name of ['pg2', 'pg3']) {
      expect(world.instance(name).replay.position.value, name).toBe(wal.flushed.value);
    }
  });

  test('a standby is never ahead of the primary’s disk', () => {
    const { world } = pair({}, { fsync: 0 });
    const { wal } = world.server('pg1');
    world.events.sent.observe((_, __, lsn) => expect(lsn).toBeLessThanOrEqual(wal.flushed.value));
    world.at(SECOND, () => {
      wal.insert(5000); // nobody asks for its flush
    });
    world.sim.run(2 * SECOND);
    expect(world.server('pg2').wal.insertLsn).toBeLessThan(wal.insertLsn);
  });

  test('messages of at most 128 kB, cut at pages', () => {
    const { world } = pair();
    const sent: number[] = [world.server('pg1').wal.insertLsn];
    world.events.sent.observe((_, __, lsn) => sent.push(lsn));
    commits(world, [SECOND], 1_000_000);
    world.sim.run(2 * SECOND);
    expect(sent.length - 1).toBe(Math.ceil((sent.at(-1)! - sent[0]!) / MAX_SEND_BYTES));
    for (let i = 1; i < sent.length; i++) {
      expect(sent[i]! - sent[i - 1]!).toBeLessThanOrEqual(MAX_SEND_BYTES);
      if (i < sent.length - 1) expect(sent[i]! % 8192).toBe(0);
    }
    expect(world.server('pg2').wal.flushed.value).toBe(sent.at(-1));
  });
});

describe('replies (4.2)', () => {
  /** What the primary learnt and when. */
  function replies(world: World) {
    const { senders } = world.instance('pg1');
    const log: { at: number; write: number; flush: number; apply: number }[] = [];
    const seen = { write: 0, flush: 0, apply: 0 };
    const watch = function* (): Process {
      for (;;) {
        const sender = senders[0]!;
        const { write, flush, apply } = sender;
        if (write !== seen.write || flush !== seen.flush || apply !== seen.apply) {
          Object.assign(seen, { write, flush, apply });
          log.push({ at: world.sim.now, write, flush, apply });
        }
        yield world.sim.hold(10_000);
      }
    };
    world.play(watch());
    return log;
  }

  test('two a batch: the write acknowledgement before the fsync, the flush after it', () => {
    const { world, primary } = pair();
    const log = replies(world);
    commits(world, [SECOND]);
    world.sim.run(SECOND + 20 * MILLISECOND);
    const end = primary.server.wal.flushed.value;
    const [write, flush] = log.filter(({ at }) => at > SECOND);
    const { walSender, walReceiver } = DEFAULT_COSTS;
    const arrives = SECOND + FLUSHED + walSender + ONE_WAY + walReceiver;
    expect(write!.write).toBe(end);
    expect(write!.flush).toBeLessThan(end);
    expect(Math.abs(write!.at - (arrives + ONE_WAY))).toBeLessThanOrEqual(10_000);
    expect(flush!.flush).toBe(end);
    expect(Math.abs(flush!.at - (arrives + FSYNC + ONE_WAY))).toBeLessThanOrEqual(10_000);
  });

  test('one fsync covers what came while the last one ran', () => {
    const { world, standby } = pair({ fsync: false }, { fsync: 10 * MILLISECOND });
    commits(world, every(MILLISECOND, 1000));
    world.sim.run(3 * SECOND);
    const { fsyncs } = standby.server.host.disk;
    expect(standby.server.wal.flushed.value).toBe(world.server('pg1').wal.flushed.value);
    expect(fsyncs).toBeGreaterThanOrEqual(98);
    expect(fsyncs).toBeLessThanOrEqual(102);
  });

  test('the replay is reported once all is replayed', () => {
    const { world, primary } = pair();
    commits(world, [SECOND]);
    world.sim.run(SECOND + 20 * MILLISECOND);
    expect(primary.senders[0]!.apply).toBe(primary.server.wal.flushed.value);
  });

  test('an idle standby reports each wal_receiver_status_interval', () => {
    const { world, primary } = pair();
    world.sim.run(SECOND);
    const sender = primary.senders[0]!;
    sender.flush = 1; // whatever the primary believes, the next report puts it right
    world.sim.run(9.9 * SECOND);
    expect(sender.flush).toBe(1);
    world.sim.run(10.1 * SECOND);
    expect(sender.flush).toBe(primary.server.wal.flushed.value);
  });

  test('with the interval 0 only what is asked for, so no write before its flush', () => {
    const writesAhead = (settings: Record<string, number>) => {
      const { world, primary } = pair({}, { settings });
      const log = replies(world);
      commits(world, every(7 * MILLISECOND, 20));
      world.sim.run(2 * SECOND);
      expect(primary.senders[0]!.apply).toBe(primary.server.wal.flushed.value);
      return log.filter(({ at, write, flush }) => at > SECOND && write > flush).length;
    };
    expect(writesAhead({})).toBe(20);
    expect(writesAhead({ wal_receiver_status_interval: 0 })).toBe(0);
  });

  test('a standby reports at once when it connects, so that it counts', () => {
    const { world, primary } = pair();
    world.sim.run(ONE_WAY + 1);
    expect(primary.senders[0]!.flush).toBe(primary.server.wal.flushed.value);
  });
});

describe('time-outs (4.2)', () => {
  /** The instants at which the primary lost a walsender and the standby its connection. */
  function losses(world: World) {
    const log: { at: number; what: string }[] = [];
    const { senders } = world.instance('pg1');
    const first = senders[0]!;
    const watch = function* (): Process {
      let [had, connected] = [true, true];
      for (;;) {
        const has = world.instance('pg1').senders.includes(first);
        const isConnected = world.instance('pg2').receiver?.connected ?? false;
        if (had && !has) log.push({ at: world.sim.now, what: 'walsender' });
        if (connected && !isConnected) log.push({ at: world.sim.now, what: 'walreceiver' });
        [had, connected] = [has, isConnected];
        yield world.sim.hold(10 * MILLISECOND);
      }
    };
    world.play(watch());
    return log;
  }

  test('a vanished peer is given up after 60 s of silence, by both sides', () => {
    const { world } = pair();
    const log = losses(world);
    world.at(15 * SECOND, () => {
      world.cut('pg1', 'pg2');
    });
    world.sim.run(200 * SECOND);
    const at = (what: string) => log.find((each) => each.what === what)!.at / SECOND;
    // the primary last heard the report of second 10, the standby the start of the stream
    expect(at('walsender')).toBeGreaterThanOrEqual(70);
    expect(at('walsender')).toBeLessThan(70.1);
    expect(at('walreceiver')).toBeGreaterThanOrEqual(60);
    expect(at('walreceiver')).toBeLessThan(60.1);
  });

  test('an idle pair stays connected for an hour: pings are answered', () => {
    for (const interval of [10 * SECOND, 0]) {
      const settings = { wal_receiver_status_interval: interval };
      const { world } = pair({}, { settings });
      const log = losses(world);
      world.sim.run(3600 * SECOND);
      expect(log).toEqual([]);
    }
  });

  test('time-outs of 0 never end anything', () => {
    const { world } = pair(
      { wal_sender_timeout: 0 },
      { settings: { wal_receiver_timeout: 0, wal_receiver_status_interval: 0 } },
    );
    const log = losses(world);
    world.at(SECOND, () => {
      const reopen = world.cut('pg1', 'pg2');
      world.at(1000 * SECOND, reopen);
    });
    world.sim.run(2000 * SECOND);
    expect(log).toEqual([]);
  });

  test('after a break the next attempt is at once, the further ones every 5 s', () => {
    const { world, standby } = pair();
    const attempts: number[] = [];
    const upstream = world.instance('pg1');
    const listener = upstream.replicationListener.bind(upstream);
    upstream.replicationListener = (asking) => {
      if (attempts.at(-1) !== world.sim.now) attempts.push(world.sim.now);
      return listener(asking);
    };
    world.at(100 * SECOND, () => world.server('pg1').crash());
    world.sim.run(116 * SECOND);
    const broken = 100 * SECOND + ONE_WAY;
    expect(attempts).toEqual([0, 5, 10, 15].map((s) => broken + s * SECOND + ONE_WAY));
    world.instance('pg1').start('primary', null);
    world.sim.run(130 * SECOND);
    expect(standby.receiver?.connected).toBe(true);
  });
});

describe('what was received last', () => {
  test('is flushed and replayed although the connection ends with it', () => {
    const { world, standby } = pair({}, { fsync: 20 * MILLISECOND });
    commits(world, [SECOND, SECOND + 4 * MILLISECOND]);
    world.at(SECOND + 7 * MILLISECOND, () => world.server('pg1').crash());
    world.sim.run(3 * SECOND);
    const { wal } = world.server('pg1');
    expect(standby.server.wal.flushed.value).toBe(wal.insertLsn);
    expect(standby.replay.position.value).toBe(wal.insertLsn);
  });

  test('is flushed and replayed although the standby is told to follow nobody', () => {
    const { world, standby } = pair({}, { fsync: 20 * MILLISECOND });
    commits(world, [SECOND]);
    world.at(SECOND + 5 * MILLISECOND, () => {
      expect(standby.server.wal.written).toBeGreaterThan(standby.server.wal.flushed.value);
      standby.follow(null);
    });
    world.sim.run(2 * SECOND);
    expect(standby.replay.position.value).toBe(standby.server.wal.written);
  });
});
