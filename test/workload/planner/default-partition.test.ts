import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import { ERRORS } from '../../../src/postgres/statement.ts';
import { type Played, play } from '../../helpers/planned.ts';

let postgres: PlanningServer;
beforeAll(async () => {
  postgres = await startPglite();
}, 120_000);
afterAll(async () => {
  await postgres.close();
});

const SCHEMA = `
  CREATE TABLE m (id bigint GENERATED ALWAYS AS IDENTITY, region int NOT NULL, v int,
    PRIMARY KEY (id, region)) PARTITION BY LIST (region);
  CREATE INDEX ON m (v);
  CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1);
  CREATE TABLE m_d PARTITION OF m DEFAULT;
  CREATE TABLE m_7 (LIKE m INCLUDING ALL);
`;
const ATTACH = 'ALTER TABLE m ATTACH PARTITION m_7 FOR VALUES IN (7);';
const insert = (region: number) => `INSERT INTO m (region, v) VALUES (${region}, 1);`;

function run(more: Partial<Played>) {
  const statistics = { m: { rows: 0 } };
  const base = { schema: SCHEMA, statistics, transactions: {}, clients: [], seconds: 4 };
  return play(postgres, { ...base, ...more });
}

/** SQLSTATEs and words as PostgreSQL 15.18 answered the same statements. */
describe('a default partition', () => {
  test('takes what no other does, and a partition for it is refused: 23514', async () => {
    const { failures, table } = await run({
      transactions: { a_one: insert(1), b_seven: insert(7), c_attach: ATTACH },
      clients: [
        { run: 'a_one', at: '1s' },
        { run: 'b_seven', at: '1s' },
        { run: 'c_attach', at: '2s' },
      ],
    });
    expect([table('m_1').heap.live, table('m_d').heap.live]).toEqual([1, 1]);
    expect(failures).toEqual(['23514']);
    expect(table('m_7').heap.live).toBe(0);
    expect(ERRORS.defaultViolated.message).toMatch(/^updated partition constraint for default/);
  });

  test('also by CREATE TABLE PARTITION OF; what was rolled back is in nobody’s way', async () => {
    const create = 'CREATE TABLE m_8 PARTITION OF m FOR VALUES IN (8);';
    const clients = [
      { run: 'a_eight', at: '1s' },
      { run: 'b_create', at: '2s' },
      { run: 'c_after', at: '3s' },
    ];
    const rows = { c_after: insert(8) };
    const refused = await run({
      transactions: { a_eight: insert(8), b_create: create, ...rows },
      clients,
    });
    expect(refused.failures).toEqual(['23514']);
    expect(refused.table('m_d').heap.live).toBe(2);
    const undone = `BEGIN; ${insert(8)} ROLLBACK;`;
    const made = await run({
      transactions: { a_eight: undone, b_create: create, ...rows },
      clients,
    });
    expect(made.failures).toEqual([]);
    expect(made.isAttached('m_8')).toBe(true);
    expect(made.table('m_8').heap.live).toBe(1);
    // one index more than a primary key: 126 to 130 records where pg_waldump was asked
    const { records } = made.server.wal.counts.of('Heap/catalogs');
    expect(Math.abs(records - 128)).toBeLessThanOrEqual(4);
  });

  test('rows that are deleted or moved where they belong are in nobody’s way', async () => {
    const { failures, table } = await run({
      transactions: {
        a_seven: insert(7),
        b_away: 'UPDATE m SET region = 1 WHERE id = 1 AND region = 7;',
        c_attach: ATTACH,
        d_after: insert(7),
      },
      clients: [
        { run: 'a_seven', at: '1s' },
        { run: 'b_away', at: '2s' },
        { run: 'c_attach', at: '3s' },
        { run: 'd_after', at: '3500ms' },
      ],
    });
    expect(failures).toEqual([]);
    expect(['m_1', 'm_d', 'm_7'].map((name) => table(name).heap.live)).toEqual([1, 0, 1]);
  });

  test('an INSERT that waits for it behind an ATTACH of its row’s partition fails', async () => {
    const slow = `BEGIN; ${ATTACH}\n\\sleep 1 s\nEND;`;
    const { failures, table, seconds } = await run({
      transactions: { a_attach: slow, b_seven: insert(7), c_later: insert(7) },
      clients: [
        { run: 'a_attach', at: '1s' },
        { run: 'b_seven', at: '1500ms' },
        { run: 'c_later', at: '3s' },
      ],
    });
    expect(failures).toEqual(['23514']); // new row for relation violates partition constraint
    expect(table('m_7').heap.live).toBe(1);
    expect(seconds(2)).toBeLessThan(0.1);
  });

  test('all of it is read under the lock of the new partition', async () => {
    const statistics = { m: { rows: 0 }, m_d: { rows: 1_000_000 } };
    const create = 'CREATE TABLE m_8 PARTITION OF m FOR VALUES IN (8);';
    const transactions = { a_create: create, b_one: insert(1) };
    const clients = [
      { run: 'a_create', at: '1s' },
      { run: 'b_one', at: '0s', every: '5ms' },
    ];
    const { seconds, failures } = await run({ statistics, transactions, clients });
    expect(failures).toEqual([]);
    // a million versions at 45 ns, and their pages: nobody gets at the table meanwhile
    expect(seconds(0)).toBeGreaterThan(0.045);
    expect(seconds(1)).toBeGreaterThan(0.04);
  });
});

describe('an UPDATE of the partition key', () => {
  const SEVERAL = `${SCHEMA} CREATE TABLE m_2 PARTITION OF m FOR VALUES IN (2);`;
  const statistics = { m: { rows: 0 }, m_1: { rows: 1000 }, m_2: { rows: 1000 }, m_d: { rows: 0 } };
  const MOVE = 'UPDATE m SET region = 2 WHERE id = 500 AND region = 1;';

  test('deletes here and inserts there, with the records of pg_waldump 15.18', async () => {
    const { server, table, failures } = await run({
      schema: SEVERAL,
      statistics,
      transactions: { a_move: MOVE },
      clients: [{ run: 'a_move', at: '1s' }],
    });
    expect(failures).toEqual([]);
    expect([table('m_1').heap.live, table('m_2').heap.live]).toEqual([999, 1001]);
    const kinds = ['Heap/DELETE', 'Heap/INSERT', 'Btree/INSERT_LEAF', 'Transaction/COMMIT'];
    const records = kinds.map((kind) => server.wal.counts.of(kind).records);
    expect(records).toEqual([1, 1, 2, 1]);
    expect(table('m_1').heap.updates).toBe(0);
  });

  test('within its partition is an update of every index', async () => {
    const { server, failures } = await run({
      schema: SEVERAL,
      statistics,
      transactions: { a_stay: 'UPDATE m SET region = 1 WHERE id = 500 AND region = 1;' },
      clients: [{ run: 'a_stay', at: '1s' }],
    });
    expect(failures).toEqual([]);
    expect(server.wal.counts.of('Heap/DELETE').records).toBe(0);
    expect(server.wal.counts.of('Btree/INSERT_LEAF').records).toBe(2);
  });

  const slow = (sql: string, end = 'END') => `BEGIN; ${sql}\n\\sleep 1 s\n${end};`;
  test.each([
    ['an UPDATE', 'UPDATE m SET v = 5 WHERE id = 500 AND region = 1;'],
    ['a DELETE', 'DELETE FROM m WHERE id = 500 AND region = 1;'],
    ['a lock', 'SELECT * FROM m WHERE id = 500 AND region = 1 FOR UPDATE;'],
    ['another move', 'UPDATE m SET region = 7 WHERE id = 500 AND region = 1;'],
    [
      'REPEATABLE READ',
      'BEGIN ISOLATION LEVEL REPEATABLE READ; ' +
        'UPDATE m SET v = 5 WHERE id = 500 AND region = 1; END;',
    ],
  ])('%s that has waited for a row that moved: 40001', async (_, sql) => {
    const { failures, table } = await run({
      schema: SEVERAL,
      statistics,
      transactions: { a_move: slow(MOVE), b_other: sql },
      clients: [
        { run: 'a_move', at: '1s' },
        { run: 'b_other', at: '1500ms' },
      ],
    });
    expect(failures).toEqual(['40001']);
    expect(table('m_2').heap.live).toBe(1001);
  });

  test('that is rolled back leaves the row to who waited', async () => {
    const { failures, table } = await run({
      schema: SEVERAL,
      statistics,
      transactions: {
        a_move: slow(MOVE, 'ROLLBACK'),
        b_other: 'UPDATE m SET v = 5 WHERE id = 500 AND region = 1;',
      },
      clients: [
        { run: 'a_move', at: '1s' },
        { run: 'b_other', at: '1500ms' },
      ],
    });
    expect(failures).toEqual([]);
    expect([table('m_1').heap.live, table('m_2').heap.live]).toEqual([1000, 1000]);
    expect(table('m_1').heap.updates).toBe(1);
  });

  test('to a key that no partition has, without a default: 23514', async () => {
    const without = SEVERAL.replace('CREATE TABLE m_d PARTITION OF m DEFAULT;', '');
    const { m_d: _, ...others } = statistics;
    const { failures, table } = await run({
      schema: without,
      statistics: others,
      transactions: { a_move: 'UPDATE m SET region = 9 WHERE id = 500 AND region = 1;' },
      clients: [{ run: 'a_move', at: '1s' }],
    });
    expect(failures).toEqual(['23514']);
    expect(table('m_1').heap.live).toBe(1000);
  });
});
