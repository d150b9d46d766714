import { describe, expect, test } from 'vitest';
import { MILLISECOND } from '../../src/kernel/index.ts';
import { play, type Step, UPDATE } from '../helpers/sql.ts';
import { FSYNC } from '../helpers/world.ts';

const DELETE = 'DELETE FROM pgbench_accounts WHERE aid = 1';
const REPEATABLE = 'BEGIN ISOLATION LEVEL REPEATABLE READ';
const LOOK = 'SELECT abalance FROM pgbench_accounts WHERE aid = 2';
const insert = (aid: number) => `INSERT INTO pgbench_accounts VALUES (${aid}, 1, 0, '')`;

describe('a write outside of a block', () => {
  test('commits by itself: answered when it is flushed, one commit record each', () => {
    const { log, server, world } = play({
      a: [
        [100, UPDATE],
        [200, UPDATE],
      ],
    });
    expect(log).toEqual([`${100 + FSYNC / MILLISECOND} a: complete`, '202 a: complete']);
    expect(world.events.committed.count).toBe(2);
    expect(server.wal.flushed.value).toBe(server.wal.insertLsn);
  });

  test('a row that is not there takes no transaction id, and so no commit', () => {
    const none = UPDATE.replace('= 1', '= 999999').replace('aid = 1', 'aid = 999999');
    const { log, world } = play({ a: [[100, none]] });
    expect(log).toEqual(['100 a: complete']);
    expect(world.events.committed.count).toBe(0);
  });
});

/** Table 13.3 of the manual: what is requested, and the current modes with which it conflicts. */
const MODES = ['KEY SHARE', 'SHARE', 'NO KEY UPDATE', 'UPDATE'] as const;
const CONFLICTS: Record<string, readonly boolean[]> = {
  'KEY SHARE': [false, false, false, true],
  SHARE: [false, false, true, true],
  'NO KEY UPDATE': [false, true, true, true],
  UPDATE: [true, true, true, true],
};

describe('row locks', () => {
  const select = (mode: string) => `SELECT * FROM pgbench_accounts WHERE aid = 1 FOR ${mode}`;
  const cases = MODES.flatMap((asked) =>
    MODES.map((held, i) => [asked, held, CONFLICTS[asked]![i]!]),
  );

  test.each(cases)('FOR %s beside FOR %s waits: %s', (asked, held, waits) => {
    const { log } = play({
      a: [
        [0, 'BEGIN'],
        [10, select(held as string)],
        [500, 'ROLLBACK'],
      ],
      b: [
        [0, 'BEGIN'],
        [100, select(asked as string)],
        [900, 'ROLLBACK'],
      ],
    });
    expect(log).toContain(waits ? '500 b: complete' : '100 b: complete');
  });

  test('UPDATE takes NO KEY UPDATE, DELETE takes UPDATE, for which FOR KEY SHARE waits', () => {
    const flush = FSYNC / MILLISECOND;
    for (const [write, answered] of [
      [UPDATE, 100 + flush],
      [DELETE, 500 + 2 * flush], // first the walwriter flushes the abort record
    ] as const) {
      const { log } = play({
        a: [
          [0, 'BEGIN'],
          [10, write],
          [500, 'ROLLBACK'],
        ],
        b: [[100, select('KEY SHARE')]],
      });
      const b = log.find((line) => line.includes('b:'))!;
      expect(Number.parseInt(b, 10), write).toBe(answered);
    }
  });
});

describe('DELETE and INSERT', () => {
  test('a deleted row is gone, and one whose deletion is rolled back lives', () => {
    const { heap } = play({
      a: [
        [0, DELETE],
        [10, DELETE],
        [20, 'BEGIN'],
        [30, DELETE.replace('= 1', '= 2')],
        [40, 'ROLLBACK'],
      ],
    });
    expect([heap.live, heap.rows.blockOf(0), heap.rows.blockOf(1)]).toEqual([99_999, -1, 0]);
  });

  test('who waited for a deleted row finds nothing to change', () => {
    const { log, heap } = play({
      a: [
        [0, 'BEGIN'],
        [10, DELETE],
        [300, 'ROLLBACK'],
        [400, 'BEGIN'],
        [410, DELETE],
        [700, 'END'],
      ],
      b: [
        [100, UPDATE],
        [500, UPDATE],
      ],
    });
    const b = log.filter((line) => line.includes('b:')).map((line) => Number.parseInt(line, 10));
    expect(b[0]).toBeGreaterThanOrEqual(300);
    expect(b[1]).toBeGreaterThanOrEqual(700);
    expect([heap.live, heap.updates]).toEqual([99_999, 1]);
  });

  test('a key that is taken: 23505, or nothing with DO NOTHING; a new one is found', () => {
    const { log, heap } = play({
      a: [
        [0, insert(7)],
        [10, `${insert(7)} ON CONFLICT DO NOTHING`],
        [20, insert(200_000)],
        [30, insert(200_000)],
        [40, UPDATE.replace('aid = 1', 'aid = 200000')],
        [50, DELETE],
        [60, insert(1)],
      ],
    });
    const answers = log.map((line) => line.split(': ')[1]);
    expect(answers).toEqual([
      '23505',
      ...Array(2).fill('complete'),
      '23505',
      ...Array(3).fill('complete'),
    ]);
    expect([heap.live, heap.updates]).toEqual([100_001, 1]);
  });

  test('two insert the same key: the second waits, and fails if the first commits', () => {
    for (const [end, answer] of [
      ['END', '23505'],
      ['ROLLBACK', 'complete'],
    ] as const) {
      const { log, heap } = play({
        a: [
          [0, 'BEGIN'],
          [10, insert(300_000)],
          [500, end],
        ],
        b: [[100, insert(300_000)]],
      });
      const b = log.find((line) => line.includes('b:'))!;
      expect(Number.parseInt(b, 10)).toBeGreaterThanOrEqual(500);
      expect(b).toContain(answer);
      expect(heap.live).toBe(100_001);
    }
  });
});

describe('REPEATABLE READ', () => {
  const late = (level: string, others: readonly Step[], write = UPDATE) =>
    play({
      a: [
        [0, level],
        [10, LOOK],
        [500, write],
        [600, 'END'],
      ],
      b: others,
    }).log.find((line) => line.startsWith('50') && line.includes('a:'))!;

  test('a row that was changed since the snapshot: 40001; READ COMMITTED goes on', () => {
    expect(late(REPEATABLE, [[100, UPDATE]])).toContain('40001');
    expect(late(REPEATABLE, [[100, DELETE]])).toContain('40001');
    expect(late('BEGIN', [[100, DELETE]])).toContain('complete');
    expect(late('BEGIN', [[100, UPDATE]])).toContain('complete');
  });

  test('changed before the snapshot, rolled back, or another row: no conflict', () => {
    expect(late(REPEATABLE, [[0, UPDATE]])).toContain('complete');
    const rolledBack: Step[] = [
      [90, 'BEGIN'],
      [100, UPDATE],
      [200, 'ROLLBACK'],
    ];
    expect(late(REPEATABLE, rolledBack)).toContain('complete');
    expect(late(REPEATABLE, [[100, UPDATE.replace('aid = 1', 'aid = 3')]])).toContain('complete');
  });

  test('it waits for a writer and then fails; a row lock fails alike', () => {
    const open: Step[] = [
      [90, 'BEGIN'],
      [100, UPDATE],
      [505, 'END'],
    ];
    expect(late(REPEATABLE, open)).toContain('40001');
    const lock = 'SELECT * FROM pgbench_accounts WHERE aid = 1 FOR SHARE';
    expect(late(REPEATABLE, [[100, UPDATE]], lock)).toContain('40001');
  });

  test('nothing is remembered when nobody asks', () => {
    const { server } = play({ a: [[0, UPDATE]] });
    expect(server.recentUpdates.size).toBe(0);
  });
});

describe('several rows', () => {
  test('BETWEEN and IN change each row once; the rest of the table stays', () => {
    const rows = (where: string) => `UPDATE pgbench_accounts SET abalance = 1 WHERE aid ${where}`;
    const { heap } = play({
      a: [
        [0, rows('BETWEEN 5 AND 24')],
        [100, rows('IN (3, 3, 1, 999999)')],
        [200, rows('BETWEEN 99999 AND 200000')],
        [300, rows('BETWEEN 5 AND 4')],
      ],
    });
    expect([heap.live, heap.updates]).toEqual([100_000, 20 + 2 + 2]);
  });

  test('a row that another has stops it there: rows before are locked, rows behind are not', () => {
    const { log } = play({
      a: [
        [0, 'BEGIN'],
        [10, UPDATE.replace('aid = 1', 'aid = 5')],
        [500, 'END'],
      ],
      b: [[100, 'DELETE FROM pgbench_accounts WHERE aid BETWEEN 4 AND 6']],
      c: [[200, UPDATE.replace('aid = 1', 'aid = 6')]],
      d: [[200, UPDATE.replace('aid = 1', 'aid = 4')]],
    });
    const at = (name: string) =>
      Number.parseInt(log.find((line) => line.includes(`${name}:`))!, 10);
    expect(at('c')).toBeLessThan(210);
    expect(at('d')).toBeGreaterThanOrEqual(500);
    expect(at('b')).toBeGreaterThanOrEqual(500);
  });

  test('a sequential scan looks at all pages: 45 ns a row, 100 ns a page', () => {
    const { log, heap } = play({
      a: [
        [0, LOOK],
        [100, 'SELECT count(*) FROM pgbench_accounts'],
      ],
    });
    const took = (100_000 * 45 + heap.pages * 100) / MILLISECOND;
    const [at] = log[1]!.split(' ');
    expect(Math.abs(Number(at) - 100 - took)).toBeLessThanOrEqual(1.1);
  });
});

describe('settings of a transaction', () => {
  test('SET LOCAL synchronous_commit = off is not waited for, up to the end', () => {
    const { log } = play({
      a: [
        [0, 'BEGIN'],
        [10, 'SET LOCAL synchronous_commit = off'],
        [20, UPDATE],
        [100, 'END'],
        [200, UPDATE],
      ],
    });
    expect(log.slice(3)).toEqual(['100 a: complete', '202 a: complete']);
  });

  test('SET LOCAL lock_timeout: 55P03; an isolation level after a query: 25001', () => {
    const { log } = play({
      a: [
        [0, 'BEGIN'],
        [10, UPDATE],
        [900, 'END'],
      ],
      b: [
        [0, 'BEGIN'],
        [10, "SET LOCAL lock_timeout = '200ms'"],
        [100, UPDATE],
        [400, 'ROLLBACK'],
        [410, REPEATABLE],
        [420, LOOK],
        [430, 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED'],
        [440, 'ROLLBACK'],
      ],
    });
    expect(log).toContain('300 b: 55P03');
    expect(log).toContain('430 b: 25001');
  });
});

describe('idle in a transaction', () => {
  const sales = Array.from({ length: 40 }, (_, i): Step => [100 + 10 * i, UPDATE]);
  const dead = (steps: readonly Step[]) => play({ idle: steps, app: sales }).heap.dead;

  test('after a write it keeps dead versions, after a read it does not', () => {
    const other = UPDATE.replace('aid = 1', 'aid = 50000');
    const write = dead([
      [0, 'BEGIN'],
      [10, other],
      [5000, 'END'],
    ]);
    const read = dead([
      [0, 'BEGIN'],
      [10, LOOK],
      [5000, 'END'],
    ]);
    const repeatable = dead([
      [0, REPEATABLE],
      [10, LOOK],
      [5000, 'END'],
    ]);
    expect(write).toBe(41);
    expect(repeatable).toBe(40);
    expect(read).toBeLessThan(40);
  });
});
