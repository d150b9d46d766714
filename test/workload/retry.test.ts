import { expect, test } from 'vitest';
import { constant, Random } from '../../src/kernel/index.ts';
import { Attempts, type Retrying } from '../../src/workload/retry.ts';

/** A transaction that fails so each time: how often it is tried. */
function tries(policy: Partial<Retrying> | null, failure: string): number {
  const all = policy && { attempts: 3, wait: constant(0), on: [], ...policy };
  const attempts = new Attempts<string>(all, new Random('retry'));
  let times = 0;
  do {
    attempts.take();
    times++;
  } while (attempts.retries('a', failure));
  expect(attempts.take(), 'given up').toBeNull();
  return times;
}

test('as often as it says, after the errors that pgbench tries again', () => {
  expect(tries({}, '40001')).toBe(4);
  expect(tries({ attempts: 1 }, '40P01')).toBe(2);
  expect(tries({}, '23505')).toBe(1);
  expect(tries(null, '40001')).toBe(1);
});

test('after the errors that are named, and no others', () => {
  expect(tries({ on: ['23505', '08006'] }, '08006 reset')).toBe(4);
  expect(tries({ on: ['23505'] }, '40001')).toBe(1);
});

test('each transaction has its own attempts', () => {
  const policy = { attempts: 1, wait: constant(0), on: [] };
  const attempts = new Attempts<string>(policy, new Random('retry'));
  for (const name of ['a', 'b', 'c']) {
    expect(attempts.take()).toBeNull();
    expect(attempts.retries(name, '40001')).toBe(true);
    expect(attempts.take()).toBe(name);
    expect(attempts.retries(name, '40001')).toBe(false);
  }
});
