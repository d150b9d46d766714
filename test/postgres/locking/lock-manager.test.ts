import { describe, expect, test } from 'vitest';
import { type Process, SECOND, Simulation } from '../../../src/kernel/index.ts';
import { LockManager } from '../../../src/postgres/locking/lock-manager.ts';
import {
  ACCESS_EXCLUSIVE,
  ACCESS_SHARE,
  FOR_KEY_SHARE,
  FOR_NO_KEY_UPDATE,
  FOR_UPDATE,
  ROW_EXCLUSIVE,
  SHARE,
  SHARE_UPDATE_EXCLUSIVE,
} from '../../../src/postgres/locking/lock-modes.ts';
import { lockTableCapacity, maxBackends } from '../../../src/postgres/locking/lock-table.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';

function bench(version = 15, settings: Record<string, number> = {}) {
  const sim = new Simulation();
  const locks = new LockManager(sim, { ...defaultSettings(version), ...settings });
  const log: string[] = [];
  const enter = (name: string, cancelAutovacuum?: () => void) =>
    locks.enter({
      lockWait: (kind) => log.push(`${sim.now / SECOND} ${name} ${kind ?? 'goes on'}`),
      ...(cancelAutovacuum ? { cancelAutovacuum } : {}),
    });
  return { sim, locks, log, enter };
}

describe('the fast path', () => {
  test.each([
    [15, 64, 16],
    [17, 1000, 16],
    [18, 64, 64],
    [18, 100, 128],
    [18, 10, 16],
  ])('version %i with max_locks_per_transaction %i: %i slots', (version, max, slots) => {
    const { locks, enter } = bench(version, { max_locks_per_transaction: max });
    const owner = enter('a');
    for (let relation = 0; relation < slots + 10; relation++) {
      expect(locks.lockRelation(owner, relation, ACCESS_SHARE)).toBe('granted');
      expect(locks.lockRelation(owner, relation, ROW_EXCLUSIVE)).toBe('granted');
      expect(owner.fastPath.count).toBe(Math.min(relation + 1, slots));
      expect(locks.table.size).toBe(Math.max(0, relation + 1 - slots));
    }
    locks.releaseAll(owner);
    expect([owner.fastPath.count, locks.table.size]).toEqual([0, 0]);
  });

  test('in version 18 a group of 16 can be full while others are not', () => {
    const { locks, enter } = bench(18);
    const owner = enter('a');
    for (let i = 0; i < 17; i++) locks.lockRelation(owner, 4 * i, ACCESS_SHARE);
    locks.lockRelation(owner, 1, ACCESS_SHARE);
    expect([owner.fastPath.count, locks.table.size]).toEqual([17, 1]);
  });

  test('a strong lock moves the weak ones of its relation to the table, and bars new ones', () => {
    const { locks, enter } = bench();
    const [a, b, c] = [enter('a'), enter('b'), enter('c')];
    locks.lockRelation(a, 1, ACCESS_SHARE);
    locks.lockRelation(a, 2, ACCESS_SHARE);
    expect(locks.lockRelation(b, 1, SHARE_UPDATE_EXCLUSIVE)).toBe('granted');
    expect([a.fastPath.count, locks.table.size]).toEqual([2, 1]);
    expect(locks.lockRelation(b, 1, SHARE)).toBe('granted');
    expect([a.fastPath.maskOf(1), a.fastPath.maskOf(2)]).toEqual([0, 1 << ACCESS_SHARE]);
    expect(locks.lockRelation(c, 1, ACCESS_SHARE)).toBe('granted');
    expect(c.fastPath.count, 'barred').toBe(0);
    locks.releaseAll(b);
    locks.releaseAll(c);
    locks.lockRelation(c, 1, ACCESS_SHARE);
    expect(c.fastPath.count, 'open again').toBe(1);
    locks.unlockRelation(c, 1, ACCESS_SHARE);
    locks.unlockRelation(a, 1, ACCESS_SHARE);
    expect([c.fastPath.count, locks.table.size]).toEqual([0, 0]);
  });

  test('one that would have to wait, or gives up waiting, bars nobody afterwards', () => {
    const { sim, locks, enter } = bench(15, { lock_timeout: SECOND / 2 });
    const [a, b] = [enter('a'), enter('b')];
    locks.lockRelation(a, 1, ACCESS_SHARE);
    expect(locks.tryLockRelation(b, 1, ACCESS_EXCLUSIVE)).toBe(false);
    expect([b.waitLock, locks.hasWaiters(1)]).toEqual([null, false]);
    const outcomes: string[] = [];
    sim.spawn(
      (function* (): Process {
        const request = locks.lockRelation(b, 1, ACCESS_EXCLUSIVE);
        outcomes.push(`${request} ${locks.hasWaiters(1)}`, yield* locks.finish(b, request));
      })(),
    );
    sim.run(SECOND);
    expect(outcomes).toEqual(['wait true', 'lock timeout']);
    const c = enter('c');
    locks.lockRelation(c, 1, ACCESS_SHARE);
    expect(c.fastPath.count).toBe(1);
    locks.leave(a);
    locks.releaseAll(c);
    expect(locks.tryLockRelation(b, 1, ACCESS_EXCLUSIVE)).toBe(true);
    locks.unlockRelation(b, 1, ACCESS_EXCLUSIVE);
    expect([locks.table.size, locks.timeouts, locks.deadlocks]).toEqual([0, 1, 0]);
  });
});

describe('the room of the table', () => {
  test('MaxBackends by version, from the defaults', () => {
    expect([15, 17, 18].map((v) => maxBackends(defaultSettings(v)))).toEqual([122, 122, 136]);
    expect(lockTableCapacity(defaultSettings(15))).toBe(64 * 122);
  });

  test('a lock more than that is out of shared memory; one already there is not', () => {
    const { locks, enter } = bench();
    const owner = enter('a');
    const writer = enter('b');
    locks.assignTransactionId(writer);
    const room = 16 + 64 * 122 - 1;
    const answer = (n: number) => locks.lockRelation(owner, n, ACCESS_SHARE);
    for (let n = 0; n < room; n++) expect(answer(n)).toBe('granted');
    expect(answer(room)).toBe('out of shared memory');
    expect(answer(room - 1)).toBe('granted');
    expect(locks.lockRelation(writer, 0, ACCESS_EXCLUSIVE)).toBe('out of shared memory');
    locks.releaseAll(writer);
    expect(answer(room)).toBe('granted');
  });

  test('two holders a lock on the average: a thousand partitions for all are too many', () => {
    const { locks, enter } = bench();
    const full = Array.from({ length: 30 }, (_, i) => {
      const owner = enter(`${i}`);
      for (let n = 0; n < 1000; n++) {
        if (locks.lockRelation(owner, n, ACCESS_SHARE) !== 'granted') return n;
      }
      return null;
    });
    expect(full.findIndex((n) => n !== null)).toBe(Math.floor((2 * 64 * 122) / (1000 - 16)));
    expect(locks.table.size).toBe(1000 - 16);
  });
});

describe('waiting', () => {
  test('wait events: the first for the transaction, the second for the tuple and then it', () => {
    const { sim, locks, log, enter } = bench();
    const play = function* (name: string, from: number, until: number): Process {
      const owner = enter(name);
      yield sim.holdUntil(from * SECOND);
      const mine = locks.lockRow(owner, 5, FOR_NO_KEY_UPDATE);
      if (!mine) yield* locks.waitForRow(owner, 5, FOR_NO_KEY_UPDATE);
      log.push(`${sim.now / SECOND} ${name} has it`);
      yield sim.holdUntil(until * SECOND);
      locks.releaseAll(owner);
    };
    sim.spawn(play('a', 0, 5));
    sim.spawn(play('b', 1, 6));
    sim.spawn(play('c', 2, 7));
    sim.run(10 * SECOND);
    expect(log).toEqual([
      '0 a has it',
      '1 b transactionid',
      '2 c tuple',
      '5 b goes on',
      '5 b has it',
      '5 c goes on',
      '5 c transactionid',
      '6 c goes on',
      '6 c has it',
    ]);
  });

  test('once an update is committed, all follow the row and wait side by side', () => {
    const { sim, locks, log, enter } = bench();
    const play = function* (name: string, from: number, until: number): Process {
      const owner = enter(name);
      yield sim.holdUntil(from * SECOND);
      const mine = locks.lockRow(owner, 5, FOR_NO_KEY_UPDATE);
      if (!mine) yield* locks.waitForRow(owner, 5, FOR_NO_KEY_UPDATE);
      locks.updateRow(owner, 5);
      log.push(`${sim.now / SECOND} ${name} has it`);
      yield sim.holdUntil(until * SECOND);
      locks.releaseAll(owner, true);
    };
    ['a', 'b', 'c', 'd'].forEach((name, i) => {
      sim.spawn(play(name, i, i + 5));
    });
    sim.run(20 * SECOND);
    expect(log.filter((line) => !line.includes('goes on'))).toEqual([
      '0 a has it',
      '1 b transactionid',
      '2 c tuple',
      '3 d tuple',
      '5 b has it',
      '5 c transactionid',
      '5 d transactionid',
      '6 c has it',
      '6 d transactionid',
      '7 d has it',
    ]);
    expect([locks.rows.size, locks.table.size]).toEqual([0, 0]);
  });

  test('key share beside no key update; the heir of a multixact keeps others out', () => {
    const { locks, enter } = bench();
    const [a, b, c] = [enter('a'), enter('b'), enter('c')];
    expect(locks.lockRow(a, 5, FOR_NO_KEY_UPDATE)).toBe(true);
    expect(locks.lockRow(b, 5, FOR_KEY_SHARE)).toBe(true);
    expect(locks.lockRow(c, 5, FOR_NO_KEY_UPDATE)).toBe(false);
    locks.releaseAll(a);
    expect(locks.lockRow(c, 5, FOR_UPDATE)).toBe(false);
    expect(locks.lockRow(c, 5, FOR_NO_KEY_UPDATE)).toBe(true);
    locks.releaseAll(b);
    expect(locks.lockRow(c, 5, FOR_UPDATE)).toBe(true);
    locks.releaseAll(c);
    expect([locks.rows.size, locks.table.size]).toEqual([0, 0]);
  });

  test('a holder that wants more keeps out those whom its first mode let in', () => {
    const { locks, enter } = bench();
    const [a, b] = [enter('a'), enter('b')];
    expect(locks.lockRow(a, 5, FOR_NO_KEY_UPDATE)).toBe(true);
    expect(locks.lockRow(a, 5, FOR_UPDATE)).toBe(true);
    expect(locks.lockRow(a, 5, FOR_KEY_SHARE)).toBe(true);
    expect(locks.lockRow(b, 5, FOR_KEY_SHARE)).toBe(false);
  });

  test('an autovacuum in the way is told after deadlock_timeout, and only that one', () => {
    const { sim, locks, enter } = bench(15, { deadlock_timeout: 2 * SECOND });
    const told: string[] = [];
    const vacuum = enter('v', () => {
      told.push(`v at ${sim.now / SECOND}`);
      locks.releaseAll(vacuum);
    });
    const elsewhere = enter('w', () => told.push('w'));
    locks.lockRelation(vacuum, 1, SHARE_UPDATE_EXCLUSIVE);
    locks.lockRelation(elsewhere, 2, SHARE_UPDATE_EXCLUSIVE);
    const alter = enter('a');
    sim.spawn(
      (function* (): Process {
        yield sim.hold(SECOND);
        const request = locks.lockRelation(alter, 1, ACCESS_EXCLUSIVE);
        told.push(`${yield* locks.finish(alter, request)} at ${sim.now / SECOND}`);
      })(),
    );
    sim.run(10 * SECOND);
    expect(told).toEqual(['v at 3', 'granted at 3']);
  });

  test('extending a file is one at a time and no part of a deadlock', () => {
    const { sim, locks, log, enter } = bench();
    const play = function* (name: string, until: number): Process {
      const owner = enter(name);
      yield* locks.finish(owner, locks.lockExtension(owner, 1));
      log.push(`${sim.now / SECOND} ${name} extends`);
      yield sim.holdUntil(until * SECOND);
      locks.unlockExtension(owner, 1);
    };
    sim.spawn(play('a', 4));
    sim.spawn(play('b', 5));
    sim.run(10 * SECOND);
    expect(log).toEqual(['0 a extends', '0 b extend', '4 b goes on', '4 b extends']);
    expect([locks.deadlocks, locks.table.size]).toEqual([0, 0]);
  });
});
