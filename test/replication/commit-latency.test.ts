import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { costsOf, DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { ONE_WAY, type ServerPlan, World } from '../helpers/world.ts';

const COSTS = costsOf(DEFAULT_COSTS);

/** Different for each, so that no two terms of the sum can be mistaken for each other. */
const LOCAL_FSYNC = 2_100_000;
const FSYNC: Record<string, number> = { near: 3_300_000, far: 500_000 };
const DELAY: Record<string, number> = { near: 1 * MILLISECOND, far: 17 * MILLISECOND };
/** Messages and processor; then who flushes: system calls, the disk, and going on. */
const UNFLUSHED = 2 * ONE_WAY + COSTS.statement('commit', true) + DEFAULT_COSTS.commit;
const LOCAL = UNFLUSHED + DEFAULT_COSTS.flush + LOCAL_FSYNC + DEFAULT_COSTS.sleep;
const WAL_BYTES = 48 + 80 + 24; // update, commit, and what a page's header may add

interface Commit {
  readonly names: string;
  readonly level: string;
  readonly standbys?: readonly string[];
}

function world({ names, level, standbys = ['near', 'far'] }: Commit): World {
  const settings = { synchronous_standby_names: names, synchronous_commit: level };
  const servers: ServerPlan[] = [{ name: 'pg1', settings, fsync: LOCAL_FSYNC }];
  for (const name of standbys) servers.push({ name, of: 'pg1', fsync: FSYNC[name]! });
  return new World({
    servers,
    oneWay: (from, to) => DELAY[from] ?? DELAY[to] ?? ONE_WAY,
  });
}

/** How long COMMIT took on an idle system. */
function commitTime(plan: Commit): number {
  const stage = world(plan);
  const client = stage.client('a');
  let took = -1;
  const body = function* (): Process {
    yield* client.connect(['pg1']);
    yield* client.say('begin');
    yield* client.say('update', 1);
    yield stage.sim.holdUntil(SECOND);
    yield* client.say('commit');
    took = stage.sim.now - SECOND;
  };
  stage.play(body());
  stage.sim.run(3 * SECOND);
  return took;
}

/** Both processes' turns and the round trip; then the backend, which slept meanwhile, goes on. */
const written = (name: string) =>
  DEFAULT_COSTS.walSender + 2 * DELAY[name]! + DEFAULT_COSTS.walReceiver + DEFAULT_COSTS.sleep;
const flushed = (name: string) => written(name) + FSYNC[name]!;

describe('the latency of a commit is a sum (4.5)', () => {
  const only = (name: string, level: string): Commit => ({ names: name, level });

  test('off: neither disk', () => {
    expect(commitTime(only('near', 'off'))).toBe(UNFLUSHED);
  });

  test('local, and any level without standby names: the local disk', () => {
    expect(commitTime(only('near', 'local'))).toBe(LOCAL);
    for (const level of ['remote_write', 'on', 'remote_apply']) {
      expect(commitTime(only('', level)), level).toBe(LOCAL);
    }
  });

  test.each(['near', 'far'])('on: local disk + round trip + disk of %s + processors', (name) => {
    expect(commitTime(only(name, 'on'))).toBe(LOCAL + flushed(name));
  });

  test.each(['near', 'far'])('remote_write: without the disk of %s', (name) => {
    expect(commitTime(only(name, 'remote_write'))).toBe(LOCAL + written(name));
  });

  test.each(['near', 'far'])('remote_apply: with the replay on %s', (name) => {
    const took = commitTime(only(name, 'remote_apply'));
    const rest = took - (LOCAL + flushed(name) + DEFAULT_COSTS.redoWake);
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThanOrEqual(WAL_BYTES * DEFAULT_COSTS.redoPerByte + 1);
  });

  test('ANY 1 of two follows the faster, FIRST 1 the first, two of two the slower', () => {
    const at = (names: string) => commitTime({ names, level: 'on' });
    expect(flushed('near')).toBeLessThan(flushed('far'));
    expect(at('ANY 1 (far, near)')).toBe(LOCAL + flushed('near'));
    expect(at('FIRST 1 (far, near)')).toBe(LOCAL + flushed('far'));
    expect(at('FIRST 2 (near, far)')).toBe(LOCAL + flushed('far'));
    expect(at('ANY 2 (near, far)')).toBe(LOCAL + flushed('far'));
  });

  test('a standby that is not listed does not matter', () => {
    expect(commitTime({ names: 'near', level: 'on' })).toBe(
      commitTime({ names: 'near', level: 'on', standbys: ['near'] }),
    );
  });

  test('fewer connected than asked for: it blocks, the record is already on the standby', () => {
    const stage = world({ names: 'FIRST 2 (near, far)', level: 'on', standbys: ['near'] });
    const client = stage.client('a');
    const body = function* (): Process {
      yield* client.connect(['pg1']);
      yield* client.write(1);
    };
    stage.play(body());
    stage.sim.run(10 * SECOND);
    expect(client.answers).toEqual(['complete', 'complete', 'complete']);
    expect(stage.instance('near').replay.position.value).toBe(client.commit.lsn);
    stage.instance('pg1').syncRep.configure('');
    stage.sim.run(11 * SECOND);
    expect(client.answers.at(-1), 'emptying the setting releases it').toBe('complete');
    expect(client.commit.unreplicated).toBe(true);
  });
});

describe('a hot row', () => {
  test('its rate is one per hold of its lock, however many want it', () => {
    const stage = world({ names: 'near', level: 'on' });
    let done = 0;
    for (let i = 0; i < 8; i++) {
      const client = stage.client(`c${i}`);
      const body = function* (): Process {
        yield* client.connect(['pg1']);
        for (;;) {
          yield* client.write(1);
          if (stage.sim.now > SECOND) done++;
        }
      };
      stage.play(body());
    }
    stage.sim.run(11 * SECOND);
    // from getting the lock to releasing it: the answer to the update, COMMIT's way, T_commit
    const hold = DEFAULT_COSTS.recheck + ONE_WAY + LOCAL - ONE_WAY + flushed('near');
    expect(done / 10 / (SECOND / hold)).toBeGreaterThan(0.99);
    expect(done / 10 / (SECOND / hold)).toBeLessThan(1.01);
  });
});
