import { describe, expect, test } from 'vitest';
import { type Process, Random, Simulation } from '../../src/kernel/index.ts';
import { parseStandbyNames, type StandbyNames } from '../../src/replication/standby-names.ts';
import { type Candidate, releasedPositions, SyncRep } from '../../src/replication/sync-rep.ts';
import { naiveReleased } from '../naive/synchronous.ts';

function standby(applicationName: string, write: number, flush = write, apply = flush): Candidate {
  return { applicationName, streaming: true, write, flush, apply };
}

function named(text: string): StandbyNames {
  return parseStandbyNames(text) as StandbyNames;
}

describe('which positions are released (4.4)', () => {
  const a = standby('a', 90, 50, 30);
  const b = standby('b', 80, 70, 20);
  const c = standby('c', 60, 40, 40);

  test.each([
    ['FIRST 1 (a, b, c)', { write: 90, flush: 50, apply: 30 }],
    ['a, b, c', { write: 90, flush: 50, apply: 30 }],
    ['FIRST 2 (b, c, a)', { write: 60, flush: 40, apply: 20 }],
    ['2 (b, c, a)', { write: 60, flush: 40, apply: 20 }],
    ['ANY 1 (a, b, c)', { write: 90, flush: 70, apply: 40 }],
    ['ANY 2 (a, b, c)', { write: 80, flush: 50, apply: 30 }],
    ['ANY 3 (a, b, c)', { write: 60, flush: 40, apply: 20 }],
    ['ANY 1 (c)', { write: 60, flush: 40, apply: 40 }],
    ['FIRST 3 (*)', { write: 60, flush: 40, apply: 20 }],
  ])('%s', (text, expected) => {
    expect(releasedPositions(named(text), [a, b, c])).toEqual(expected);
  });

  test('fewer candidates than are asked for: none', () => {
    expect(releasedPositions(named('FIRST 2 (a, b)'), [a, c])).toBeNull();
    expect(releasedPositions(named('ANY 4 (a, b, c, d)'), [a, b, c])).toBeNull();
  });

  test('who is catching up, or has reported no flush, does not count', () => {
    const catching = { ...a, streaming: false };
    expect(releasedPositions(named('a'), [catching])).toBeNull();
    expect(releasedPositions(named('a, b'), [catching, b])).toEqual({
      write: 80,
      flush: 70,
      apply: 20,
    });
    expect(releasedPositions(named('a'), [standby('a', 5, 0, 0)])).toBeNull();
  });

  test('50,000 random cases against the rule read literally', () => {
    const random = new Random('sync-rep');
    const letters = ['a', 'b', 'c', 'd', 'e'];
    for (let run = 0; run < 50_000; run++) {
      const list = letters.filter(() => random.chance(0.6));
      if (random.chance(0.1)) list.push('*');
      if (list.length === 0) continue;
      for (let i = list.length - 1; i > 0; i--) {
        const j = random.integer(0, i);
        [list[i], list[j]] = [list[j]!, list[i]!];
      }
      const names: StandbyNames = {
        method: random.chance(0.5) ? 'first' : 'any',
        count: random.integer(1, list.length),
        names: list,
      };
      const standbys = letters
        .filter(() => random.chance(0.7))
        .map((name) => {
          const write = random.integer(0, 9);
          const flush = random.integer(0, write);
          const apply = random.integer(0, flush);
          return { ...standby(name, write, flush, apply), streaming: random.chance(0.85) };
        });
      const naive = naiveReleased(names, standbys, 9);
      const released = releasedPositions(names, standbys);
      const agree =
        naive === null || released === null
          ? naive === released
          : naive.write === released.write &&
            naive.flush === released.flush &&
            naive.apply === released.apply;
      if (!agree) expect(released, JSON.stringify([names, standbys])).toEqual(naive);
    }
  });
});

/** Commits that wait at a level each for a position, and when they went on. */
class Stage {
  readonly sim = new Simulation();
  readonly standbys: Candidate[] = [];
  readonly sync = new SyncRep(this.sim, () => this.standbys);
  readonly log: string[] = [];

  commit(name: string, level: string, lsn: number): void {
    const { sim, sync, log } = this;
    const body = function* (): Process {
      if (!sync.below(level, lsn)) log.push(`${name} does not wait`);
      else {
        yield;
        log.push(`${name} ${sync.reached(level, lsn) ? 'confirmed' : 'released'} at ${sim.now}`);
      }
    };
    sim.spawn(body());
  }

  reply(at: number, ...standbys: Candidate[]): void {
    this.sim.run(at);
    this.standbys.splice(0, this.standbys.length, ...standbys);
    this.sync.release();
    this.sim.run(at + 1);
  }
}

describe('waiting', () => {
  test('each level waits for its own position', () => {
    const stage = new Stage();
    stage.sync.configure('a');
    for (const level of ['off', 'local', 'remote_write', 'on', 'remote_apply']) {
      stage.commit(level, level, 50);
    }
    stage.reply(10, standby('a', 49));
    stage.reply(20, standby('a', 50, 40, 30));
    stage.reply(30, standby('a', 60, 50, 49));
    stage.reply(40, standby('a', 60, 60, 50));
    expect(stage.log).toEqual([
      'off does not wait',
      'local does not wait',
      'remote_write confirmed at 20',
      'on confirmed at 30',
      'remote_apply confirmed at 40',
    ]);
  });

  test('with an empty setting every level is local', () => {
    const stage = new Stage();
    for (const level of ['remote_write', 'on', 'remote_apply']) stage.commit(level, level, 50);
    stage.sim.run(1);
    expect(stage.log.every((line) => line.endsWith('does not wait'))).toBe(true);
  });

  test('commits are released in the order of positions', () => {
    const stage = new Stage();
    stage.sync.configure('a');
    stage.commit('third', 'on', 30);
    stage.commit('first', 'on', 10);
    stage.commit('second', 'on', 20);
    stage.reply(10, standby('a', 25));
    stage.reply(20, standby('a', 30));
    expect(stage.log).toEqual([
      'first confirmed at 10',
      'second confirmed at 10',
      'third confirmed at 20',
    ]);
  });

  test('emptying the setting releases all who wait, unconfirmed', () => {
    const stage = new Stage();
    stage.sync.configure('a');
    stage.commit('one', 'on', 10);
    stage.commit('two', 'remote_apply', 20);
    stage.sim.run(5);
    stage.sync.configure('');
    stage.sim.run(6);
    expect(stage.log).toEqual(['one released at 5', 'two released at 5']);
  });

  test('there is no time-out; the standby that is missing is waited for', () => {
    const stage = new Stage();
    stage.sync.configure('FIRST 2 (a, b)');
    stage.commit('one', 'on', 10);
    stage.reply(1e15, standby('a', 99));
    expect(stage.log).toEqual([]);
    stage.reply(2e15, standby('a', 99), standby('b', 10));
    expect(stage.log).toEqual([`one confirmed at ${2e15}`]);
  });

  test('what was released is forgotten when the server stops, for positions may recur', () => {
    const stage = new Stage();
    stage.sync.configure('a');
    stage.reply(10, standby('a', 1000));
    stage.commit('before', 'on', 500);
    stage.sim.run(20);
    stage.sync.forget();
    stage.commit('after', 'on', 500);
    stage.sim.run(30);
    expect(stage.log).toEqual(['before does not wait']);
  });
});

/** Each accepted and refused alike by PostgreSQL 15.18's ALTER SYSTEM. */
describe('synchronous_standby_names', () => {
  test.each([
    ['', null],
    ['  ', null],
    ['a', { method: 'first', count: 1, names: ['a'] }],
    ['first 2 (a, B)', { method: 'first', count: 2, names: ['a', 'B'] }],
    ['any 1 (*)', { method: 'any', count: 1, names: ['*'] }],
    ['"first", any2', { method: 'first', count: 1, names: ['first', 'any2'] }],
    ['"a-b"', { method: 'first', count: 1, names: ['a-b'] }],
    ['2(a, 1)', { method: 'first', count: 2, names: ['a', '1'] }],
    ['*, a$b, _x, é', { method: 'first', count: 1, names: ['*', 'a$b', '_x', 'é'] }],
    ['3 ("a ""b""", c)', { method: 'first', count: 3, names: ['a "b"', 'c'] }],
  ])('%j', (text, expected) => {
    expect(parseStandbyNames(text)).toEqual(expected);
  });

  test.each([
    'FIRST 2 (a',
    'FIRST (a)',
    'a,',
    ',',
    'ANY 0 (a)',
    'a b',
    'FIRST 1 ()',
    '2 (a) b',
    '(a)',
    '1a',
    'first, any',
    'ANY 1 (any)',
    'a-b',
    'a.b',
    'ANY2 (a)',
  ])('%j is an error', (text) => {
    expect(parseStandbyNames(text)).toHaveProperty('error');
  });
});
