import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { converse, play, type Step, statementOf, UPDATE } from '../helpers/sql.ts';
import { World } from '../helpers/world.ts';

/** One holds the row for a second; the other wants it. */
const HOLDER: readonly Step[] = [
  [0, 'BEGIN'],
  [10, UPDATE],
  [1500, 'COMMIT'],
];
const COUNT = 'SELECT count(*) FROM pgbench_accounts';
const LOOK = 'SELECT abalance FROM pgbench_accounts WHERE aid = 2';

const waiting = (settings: Record<string, number>, version = 17, steps: readonly Step[] = []) =>
  play({ a: HOLDER, b: [[20, 'BEGIN'], [100, UPDATE], ...steps] }, settings, { version });

describe('7.5: statement_timeout', () => {
  test('7.5: statement_timeout cancels a wait for a lock: 57014, and the block is aborted', () => {
    const settings = { statement_timeout: 300 * MILLISECOND };
    const { log, server } = waiting(settings, 17, [
      [500, LOOK],
      [600, 'ROLLBACK'],
      [700, LOOK],
    ]);
    expect(log.filter((line) => line.includes('b:'))).toEqual([
      '20 b: complete',
      '400 b: 57014',
      '500 b: 25P02',
      '600 b: complete',
      '700 b: complete',
    ]);
    expect(log).toContain('1502 a: complete');
    expect([server.lockWaits, server.deadlocks]).toEqual([1, 0]);
  });

  test('7.5: it counts each statement for itself, from its arrival', () => {
    const settings = { statement_timeout: 300 * MILLISECOND };
    const looks = [200, 400, 600, 800].map((at): Step => [at, LOOK]);
    const { log } = play({ a: [[0, 'BEGIN'], ...looks, [1000, 'COMMIT']] }, settings);
    expect(log.every((line) => line.endsWith('complete'))).toBe(true);
  });

  test('7.5: of lock_timeout and statement_timeout the earlier one is the error', () => {
    const both = (lock: number, statement: number) => {
      const lock_timeout = lock * MILLISECOND;
      const { log } = waiting({ lock_timeout, statement_timeout: statement * MILLISECOND });
      return log.filter((line) => line.includes('b:'))[1];
    };
    expect(both(200, 300)).toBe('300 b: 55P03');
    expect(both(300, 200)).toBe('300 b: 57014');
    expect(both(300, 300), 'whose clock began with the message').toBe('400 b: 57014');
  });

  test('7.5: SET LOCAL statement_timeout holds from the next statement to the end', () => {
    const { log } = waiting({}, 17, [[1600, 'ROLLBACK']]);
    expect(log).toContain('1502 b: complete');
    const local = play({
      a: HOLDER,
      b: [
        [20, 'BEGIN'],
        [30, "SET LOCAL statement_timeout = '50ms'"],
        [100, UPDATE],
        [200, 'ROLLBACK'],
        [300, UPDATE],
      ],
    });
    expect(local.log).toContain('150 b: 57014');
    expect(local.log.at(-1)).toBe('1504 b: complete');
  });

  test('7.5: a scan is cancelled within a slice of the processor, what it locked is free', () => {
    const { log, server } = play({ a: [[100, COUNT]] }, { statement_timeout: 2 * MILLISECOND });
    expect(log).toEqual(['102 a: 57014']);
    const whole = 100_000 * 45 + server.storage.tables[0]!.heap.pages * 100;
    expect(whole, 'which would have taken longer').toBeGreaterThan(4 * MILLISECOND);
    expect(server.locks.table.size).toBe(0);
  });

  test.each(['index', 'index only', 'bitmap'] as const)('7.5: so is an %s scan', (scan) => {
    const range = statementOf('SELECT * FROM pgbench_accounts WHERE aid BETWEEN 1 AND 100000');
    const access = { index: 0, scan, from: 0, entries: 100_000 };
    const entries = { ...range, details: { ...range.details!, rows: 'entries', access } as const };
    const whole = play({ a: [[100, entries]] }).log;
    expect(Number(whole[0]!.split(' ')[0])).toBeGreaterThan(104);
    const { log, server } = play({ a: [[100, entries]] }, { statement_timeout: 2 * MILLISECOND });
    expect(log).toEqual(['102 a: 57014']);
    expect(server.locks.table.size).toBe(0);
  });

  test('7.5: nothing interrupts the read of a page: cancelled at its end', () => {
    const start = { buffers: 'cold', osCache: 'cold' } as const;
    const settings = { statement_timeout: 3 * MILLISECOND };
    const plan = { start, fsync: 2 * MILLISECOND };
    const { log, server } = play({ a: [[100, UPDATE]] }, settings, plan);
    expect(log).toEqual(['106 a: 57014']); // the root, the leaf and the row's page, 2 ms each
    expect(server.storage.pool.reads).toBe(3);
    expect(server.storage.tables[0]!.heap).toMatchObject({ live: 100_000, dead: 1 });
  });

  test('7.5: it is over when the commit begins: neither flush nor standby is cut short', () => {
    const settings = { statement_timeout: 100 * MILLISECOND, synchronous_standby_names: 'x' };
    const world = new World({ servers: [{ name: 'pg1', settings }] });
    const log = converse(world, { a: [[100, UPDATE]] });
    world.sim.run(5 * SECOND);
    expect(log, 'measured: it waits as long as no standby comes').toEqual([]);
    expect(world.server('pg1').activeTransactions).toBe(1);
  });
});

/** The one who waits began 80 ms before the one who holds the row. */
const older = (settings: Record<string, number>) => {
  const a: Step[] = [
    [100, 'BEGIN'],
    [110, UPDATE],
  ];
  const b: Step[] = [
    [20, 'BEGIN'],
    [120, UPDATE],
  ];
  const { log, server } = play({ a, b }, { transaction_timeout: 300 * MILLISECOND, ...settings });
  expect(server.backends.size, 'which ends the idle holder at 400').toBe(0);
  return log.filter((line) => line.includes('b:')).at(-1);
};

describe('7.5: transaction_timeout (17) in the middle of a statement', () => {
  test('7.5: transaction_timeout ends the session from within a wait: 25P04', () => {
    expect(older({})).toBe('320 b: 25P04');
  });

  test('7.5: of transaction_timeout and statement_timeout the earlier one is the error', () => {
    expect(older({ statement_timeout: 100 * MILLISECOND })).toBe('220 b: 57014');
    expect(older({ statement_timeout: 201 * MILLISECOND })).toBe('320 b: 25P04');
  });

  test('7.5: a statement_timeout not shorter than transaction_timeout counts for nothing', () => {
    const settings = { statement_timeout: 2 * MILLISECOND, transaction_timeout: 2 * MILLISECOND };
    expect(play({ a: [[100, COUNT]] }, settings).log).toEqual(['102 a: 25P04']);
  });
});
