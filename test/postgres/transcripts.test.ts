import { expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { Chronicle } from '../helpers/chronicle.ts';
import { ONE_WAY, World, type WorldPlan } from '../helpers/world.ts';

/*
 * Small runs written out, compared as they stand with the files in test/transcripts; `vitest -u`
 * writes them anew, to be read as a diff. Fsyncs take 2 ms and each way 1 ms unless said otherwise.
 */
const FOLDER = new URL('../transcripts/', import.meta.url).pathname;

async function told(name: string, about: string, chronicle: Chronicle): Promise<void> {
  await expect(chronicle.text(about)).toMatchFileSnapshot(`${FOLDER}${name}.txt`);
}

const single: WorldPlan = { servers: [{ name: 'pg1' }] };

test('a commit on one server', async () => {
  const world = new World(single);
  const chronicle = new Chronicle(world, SECOND);
  const client = world.client('a');
  const body = function* (): Process {
    yield* client.connect(['pg1']);
    yield world.sim.holdUntil(SECOND);
    for (const verb of ['begin', 'update', 'commit'] as const) {
      yield* chronicle.say(client, verb, 7);
    }
  };
  world.play(body());
  world.sim.run(2 * SECOND);
  await told(
    'commit/one-server',
    `One transaction on one server without standbys. Each statement costs the round trip of 2 ms
    and its processor time; COMMIT inserts its record 1 ms and some microseconds after it was sent,
    and is answered when one fsync of 2 ms has made the record durable.`,
    chronicle,
  );
});

test('group commit of five', async () => {
  const world = new World(single);
  const chronicle = new Chronicle(world, SECOND);
  for (let i = 0; i < 5; i++) {
    const client = world.client(String.fromCharCode(97 + i));
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield* client.say('begin');
      yield* client.say('update', i);
      yield world.sim.holdUntil(SECOND + i * 400_000);
      yield* chronicle.say(client, 'commit');
    };
    world.play(body());
  }
  world.sim.run(2 * SECOND);
  await told(
    'commit/group-of-five',
    `Five clients commit 0.4 ms apart, and an fsync takes 2 ms. The first leads a flush of its own
    record alone, because nobody else had inserted one when it began. The other four insert theirs
    while it runs, and the next flush makes all of them durable at once: two fsyncs for five
    commits, without any setting.`,
    chronicle,
  );
});

test('a synchronous commit', async () => {
  const settings = { synchronous_standby_names: 'pg2' };
  const servers = [
    { name: 'pg1', settings },
    { name: 'pg2', of: 'pg1', fsync: 3 * MILLISECOND },
  ];
  const world = new World({ servers });
  const chronicle = new Chronicle(world, SECOND);
  const [a, b] = [world.client('a'), world.client('b')];
  const first = function* (): Process {
    yield* a.connect(['pg1']);
    yield* a.say('begin');
    yield* a.say('update', 7);
    yield world.sim.holdUntil(SECOND);
    yield* chronicle.say(a, 'commit');
  };
  const second = function* (): Process {
    yield* b.connect(['pg1']);
    yield* b.say('begin');
    yield world.sim.holdUntil(SECOND + 100_000);
    yield* chronicle.say(b, 'update', 7);
  };
  world.play(first());
  world.play(second());
  world.sim.run(SECOND + 40 * MILLISECOND);
  await told(
    'replication/synchronous-commit',
    `A commit that waits for a synchronous standby whose fsync takes 3 ms. The record is durable
    here after 2 ms; only then it is sent. The standby writes it and says so (the first lag event
    knows the write), flushes it and says so (the second), replays it and, having nothing else to
    do, says so (the third); a lag in the first that has not been reached yet is the one it would
    be if it were reached now. With the second reply the row goes to client b, who has waited for
    it all the while, and client a is answered: disks and ways add up.`,
    chronicle,
  );
});

test('a promotion', async () => {
  const world = new World({ servers: [{ name: 'pg1' }, { name: 'pg2', of: 'pg1' }] });
  const chronicle = new Chronicle(world, SECOND);
  const { wal } = world.server('pg1');
  world.at(SECOND, () => {
    wal.requestFlush(wal.insert(1_000_000));
  });
  world.at(SECOND + 4 * MILLISECOND, () => {
    chronicle.note('the primary loses its power; pg2 is told to promote');
    world.host('pg1').powerOff();
    world.instance('pg2').promote();
  });
  const client = world.client('a');
  const body = function* (): Process {
    yield* client.connect(['pg2']);
    yield world.sim.holdUntil(SECOND + 20 * MILLISECOND);
    yield* chronicle.say(client, 'update', 7);
    yield world.sim.hold(100 * MILLISECOND);
    for (const verb of ['begin', 'update', 'commit'] as const) {
      yield* chronicle.say(client, verb, 7);
    }
  };
  world.play(body());
  world.sim.run(2 * SECOND);
  await told(
    'promotion/after-power-loss',
    `A primary writes a megabyte and loses its power one millisecond after the first of it has
    reached the standby, which is told to promote at once. Its walreceiver was flushing the first
    message; the seven behind it, in the socket, are lost with the process. What it had written is
    flushed and replayed (6.1 ns a byte), the change itself takes 67 ms, and timeline 2 begins where
    the WAL ends. A session that read from it before survives: its first update is refused (25006),
    the later ones are not.`,
    chronicle,
  );
});

test('a crash recovery', async () => {
  const world = new World(single);
  const chronicle = new Chronicle(world, SECOND);
  const { wal } = world.server('pg1');
  world.at(SECOND / 2, () => {
    wal.requestFlush(wal.insert(10_000_000));
  });
  const client = world.client('a');
  const body = function* (): Process {
    yield* client.connect(['pg1']);
    yield* client.say('begin');
    yield* client.say('update', 7);
    yield world.sim.holdUntil(SECOND);
    yield* chronicle.say(client, 'commit');
    yield world.sim.hold(10 * MILLISECOND);
    chronicle.note(`client a connects: ${yield* client.connect(['pg1'])}`);
    yield world.sim.hold(200 * MILLISECOND);
    chronicle.note(`client a connects: ${yield* client.connect(['pg1'])}`);
  };
  world.play(body());
  world.at(SECOND + ONE_WAY + MILLISECOND, () => {
    chronicle.note('the server crashes and is started again');
    world.server('pg1').crash();
    chronicle.note(`the commit survives: ${client.commit.lsn <= wal.insertLsn}`);
    world.instance('pg1').start('primary', null);
  });
  world.sim.run(2 * SECOND);
  await told(
    'recovery/process-crash',
    `A server crashes while the fsync of a commit runs, half a second after it wrote ten megabytes.
    The record had been written, so it outlives the process though its client never hears of it.
    The start takes 50 ms, the flush of what the system's cache holds 2 ms, redo 6.1 ns for each
    byte since the redo pointer, and the checkpoint at the end of recovery one more fsync; until
    then connections are refused (57P03).`,
    chronicle,
  );
});
