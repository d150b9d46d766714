import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { type Played, play, textOf } from '../../helpers/planned.ts';

let postgres: PlanningServer;
beforeAll(async () => {
  postgres = await startPglite();
}, 120_000);
afterAll(async () => {
  await postgres.close();
});

const EVENTS = `
  CREATE TABLE ev (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now())
    PARTITION BY RANGE (at);
  CREATE INDEX ON ev (at);
`;
const midnight = (second: number) => `2025-01-01 00:00:${String(second).padStart(2, '0')}`;
const part = (second: number) => `ev_2025_01_01_0000${String(second).padStart(2, '0')}`;
const RANGE = { from: midnight(0), to: midnight(1), every: '1 second' };
const PLACE = 'INSERT INTO ev DEFAULT VALUES;';
const MAINTAIN = "SELECT partman.run_maintenance('public.ev');";

function base(more: Partial<Played>): Played {
  return {
    schema: EVENTS,
    now: midnight(0),
    statistics: { ev: { rows: 0 } },
    transactions: { a_place: PLACE, b_maintain: MAINTAIN },
    clients: [],
    seconds: 6,
    ...more,
  };
}

describe('partman.run_maintenance', () => {
  const writer = { run: 'a_place', every: '20ms' };
  const job = (at: string) => ({ run: 'b_maintain', at });
  const there = (found: Awaited<ReturnType<typeof play>>, most: number) =>
    Array.from({ length: most }, (_, i) => i).filter((i) => found.isAttached(part(i)));

  test('makes premake partitions beyond the one that has the newest row', async () => {
    const partitions = { ev: { ...RANGE, premake: 2, default: false } };
    const found = await play(
      postgres,
      base({ partitions, clients: [writer, job('500ms'), job('2500ms')], seconds: 4 }),
    );
    expect(found.failures).toEqual([]);
    // at 0.5 s up to the third, at 2.5 s up to the fifth
    expect(there(found, 7)).toEqual([0, 1, 2, 3, 4]);
    // each is made as a table with an index (about 72 records) and attached (about 24)
    const records = found.server.wal.counts.of('Heap/catalogs').records / 4;
    expect(Math.abs(records - 99 - 24)).toBeLessThan(5);
  });

  test('without a row that is newer it makes none, however late it is', async () => {
    const partitions = { ev: { ...RANGE, premake: 1, default: false } };
    const clients = [writer, job('500ms'), job('3s'), job('4s'), job('5s')];
    const found = await play(postgres, base({ partitions, clients }));
    // the second partition ends at 2 s, the third is made at 3 s when it ends
    expect(there(found, 8)).toEqual([0, 1, 2]);
    expect(new Set(found.failures)).toEqual(new Set(['23514']));
    expect(found.failures.length).toBeGreaterThan(150); // four seconds of one each 20 ms
  });

  test('fails with 23514 once the default partition has rows of what it would make', async () => {
    const partitions = { ev: { ...RANGE, premake: 1 } };
    const clients = [writer, job('500ms'), job('3s'), job('4s')];
    const found = await play(postgres, base({ partitions, clients }));
    expect(found.failures).toEqual(['23514', '23514']);
    expect(there(found, 8)).toEqual([0, 1]);
    expect(found.table('ev_default').heap.live).toBeGreaterThan(150);
  });

  test('retires what has ended for so long: detached, and dropped if it is not kept', async () => {
    for (const keeps of [true, false]) {
      const own = { premake: 3, default: false, retention: '2 seconds' };
      const partitions = { ev: { ...RANGE, ...own, retention_keep_table: keeps } };
      const clients = [writer, job('500ms'), job('3500ms')];
      const found = await play(postgres, base({ partitions, clients, seconds: 5 }));
      expect(found.failures).toEqual([]);
      // at 3.5 s only the first had ended two seconds ago
      expect(there(found, 5)).toEqual([1, 2, 3, 4]);
      expect(found.table(part(0)).heap.live > 0).toBe(keeps);
    }
  });

  /**
   * Version 5's own functions on PostgreSQL 15.18, an insert each 0.2 s, periods of two seconds,
   * premake 3, called once a second up to 3 s and again from 13 s or from 17 s on: where the last
   * partition ended after each call, in seconds from the first.
   */
  test.each([
    ['before the job is gone', 12.9, [2.5], 10],
    ['when it comes back after 13 s', 13.5, [2.5, 13], 16],
    ['a second later', 15, [2.5, 13, 14.5], 22],
    ['two seconds later', 17, [2.5, 13, 14.5, 16.5], 24],
    ['when it comes back after 17 s: no further', 18, [2.5, 17], 16],
    ['nor ever', 22, [2.5, 17, 18, 19, 20, 21], 16],
  ])('ends as pg_partman’s own ended, %s', async (_, seconds, calls, end) => {
    const own = { from: midnight(0), to: midnight(8), every: '2 seconds' };
    const partitions = { ev: { ...own, premake: 3, default: false } };
    const clients = [{ ...writer, every: '100ms' }, ...calls.map((at) => job(`${at * 1000}ms`))];
    const found = await play(postgres, base({ partitions, clients, seconds }));
    const ends = Array.from({ length: 14 }, (_, i) => 2 * i + 2);
    expect(ends.filter((each) => found.isAttached(part(each - 2))).at(-1)).toBe(end);
    expect(new Set(found.failures)).toEqual(new Set(['23514'])); // from 10 s on
  });

  test('needs premake, and the time', () => {
    const problemsOf = (played: Played) => {
      const loaded = loadScenario(textOf(played), { plans: () => undefined });
      return loaded.ok ? [] : loaded.problems.map(formatProblem);
    };
    const partitions = { ev: { ...RANGE, premake: 2 } };
    const { now: _, ...timeless } = base({ partitions });
    expect(problemsOf(timeless).join()).toMatch(/now.*partitions are made as time goes on/);
    const retained = { ev: { ...RANGE, retention: '1 month' } };
    expect(problemsOf(base({ partitions: retained })).join()).toMatch(/needs premake beside it/);
  });
});

describe('chunks of a hypertable', () => {
  const CHUNKS = { ev: { from: midnight(0), to: midnight(1), chunk_time_interval: '1 second' } };
  const partitions = CHUNKS;

  test('come with the first row of each interval, once, whoever else needs them', async () => {
    const clients = [{ run: 'a_place', every: '2ms', count: 20 }];
    const found = await play(postgres, base({ partitions, clients, seconds: 4 }));
    expect(found.failures).toEqual([]);
    expect([0, 1, 2, 3].map((i) => found.isAttached(part(i)))).toEqual([true, true, true, true]);
    expect(found.isAttached(part(4))).toBe(false);
    const rows = [0, 1, 2, 3].map((i) => found.table(part(i)).heap.live);
    const all = rows.reduce((sum, each) => sum + each, 0);
    expect(all - found.acknowledged).toBeLessThanOrEqual(20); // some were on their way
    // three chunks with one index each
    const { records } = found.server.wal.counts.of('Heap/catalogs');
    expect(records / 3).toBeGreaterThan(95);
    expect(records / 3).toBeLessThan(103);
  });

  test('who waited for the same chunk does not hold up others behind it', async () => {
    const slow = `BEGIN; ${PLACE}\n\\sleep 1 s\nEND;`;
    const transactions = { a_first: slow, b_same: slow, c_old: PLACE };
    const clients = [
      { run: 'a_first', at: '1100ms' },
      { run: 'b_same', at: '1200ms', count: 5 },
    ];
    const found = await play(postgres, base({ partitions, transactions, clients, seconds: 5 }));
    expect(found.failures).toEqual([]);
    // the chunk is there at 2.1 s; the five then sleep side by side, not one after the other
    expect(found.seconds(1)).toBeGreaterThan(1.8);
    expect(found.seconds(1)).toBeLessThan(2.1);
    expect(found.table(part(1)).heap.live).toBe(6);
  });

  test('a chunk that was rolled back is made by the next one', async () => {
    const transactions = { a_undone: `BEGIN; ${PLACE} ROLLBACK;`, b_place: PLACE };
    const clients = [
      { run: 'a_undone', at: '1100ms' },
      { run: 'b_place', at: '1500ms' },
    ];
    const found = await play(postgres, base({ partitions, transactions, clients, seconds: 3 }));
    expect(found.failures).toEqual([]);
    expect(found.isAttached(part(1))).toBe(true);
    expect(found.table(part(1)).heap.live).toBe(1);
  });

  test('late rows go where their time is', async () => {
    const late = "INSERT INTO ev (at) VALUES (now() - interval '2 seconds');";
    const found = await play(
      postgres,
      base({
        partitions,
        transactions: { a_late: late },
        clients: [{ run: 'a_late', at: '2500ms' }],
        seconds: 4,
      }),
    );
    expect(found.table(part(0)).heap.live).toBe(1);
  });
});

describe('CREATE TABLE ... PARTITION OF', () => {
  test('waits for readers, and everybody waits behind it', async () => {
    const schema = `${EVENTS} CREATE TABLE ev_a PARTITION OF ev FOR VALUES FROM
      ('2025-01-01 00:00:00') TO ('2025-01-01 00:00:01');`;
    const create = `CREATE TABLE ev_b PARTITION OF ev
      FOR VALUES FROM ('2025-01-01 00:00:01') TO ('2025-01-01 00:01:00');`;
    const read = 'SELECT count(*) FROM ev;';
    const found = await play(postgres, {
      schema,
      now: midnight(0),
      statistics: { ev: { rows: 0 } },
      transactions: {
        a_read: `BEGIN; ${read}\n\\sleep 2 s\nEND;`,
        b_create: create,
        c_place: PLACE,
        d_gone: 'DROP TABLE ev_b; DROP TABLE ev_b;',
      },
      clients: [
        { run: 'a_read', at: '500ms' },
        { run: 'b_create', at: '1s' },
        { run: 'c_place', at: '1500ms' },
        { run: 'd_gone', at: '4s' },
      ],
      seconds: 5,
    });
    expect(found.seconds(1)).toBeGreaterThan(1.4); // ACCESS EXCLUSIVE, behind the reader
    expect(found.seconds(2)).toBeGreaterThan(0.9); // and everybody behind it
    expect(found.failures).toEqual(['42P01']);
    expect(found.isAttached('ev_b')).toBe(false);
  });

  test.each([
    ['CREATE TABLE x (id int);', /CREATE TABLE ... PARTITION OF is/],
    ["SELECT partman.partition_data_proc('ev');", /partman.run_maintenance\(TABLE\) is/],
    [MAINTAIN, /has no premake in workload.partitions/],
    ["SELECT compress_chunk('ev_1');", /SELECT compress_chunk\(c\) FROM show_chunks/],
  ])('what is not built is refused: %s', async (sql, why) => {
    const played = base({
      partitions: { ev: RANGE },
      transactions: { a: sql },
      clients: [{ run: 'a' }],
    });
    await expect(play(postgres, played)).rejects.toThrow(why);
  });
});
