import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../../src/cli/plans/ask.ts';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { Planned, PlanRequest } from '../../../src/workload/planner/request.ts';

let server: PlanningServer;
beforeAll(async () => {
  server = await startPglite();
}, 120_000);
afterAll(async () => {
  await server.close();
});

/** A scenario with this schema, loaded with a Postgres that answers. */
async function load(schema: string, version = 18) {
  const text = JSON.stringify({
    duration: '1s',
    network: { zones: { a: 'us-east-1' } },
    servers: { main: { zone: 'a', postgresql: { version } } },
    workload: {
      schema,
      transactions: { idle: 'SELECT 1;' },
      clients: { one: { zone: 'a', count: 1, think: '1s', connect: 'main', run: 'idle' } },
    },
  });
  let request: PlanRequest | undefined;
  loadScenario(text, {
    plans: (asked) => {
      request = asked;
      return undefined;
    },
  });
  const planned: Planned = await ask(server, request!);
  const loaded = loadScenario(text, { plans: () => planned });
  return { planned, problems: loaded.ok ? [] : loaded.problems.map(formatProblem) };
}

const ORDERS = `CREATE TABLE orders (id bigint, created date NOT NULL, PRIMARY KEY (id, created))
  PARTITION BY RANGE (created);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
`;
const WITHOUT_KEY = `CREATE TABLE pay (id bigint PRIMARY KEY, ordered bigint);
ALTER TABLE pay ADD FOREIGN KEY (ordered) REFERENCES orders (id);`;

describe('rules of partitioned tables are Postgres’s errors, at the schema', () => {
  test.each([
    [
      'a primary key without the partition key',
      'CREATE TABLE e (id bigint PRIMARY KEY, created date) PARTITION BY RANGE (created);',
      'unique constraint on partitioned table must include all partitioning columns',
      'PRIMARY KEY constraint on table "e" lacks column "created" which is part of the',
    ],
    [
      'a unique index without it',
      `${ORDERS}CREATE UNIQUE INDEX ON orders (id);`,
      'unique constraint on partitioned table must include all partitioning columns',
      'UNIQUE constraint on table "orders" lacks column "created"',
    ],
    [
      'a foreign key to a column that is not unique in all partitions together',
      ORDERS + WITHOUT_KEY,
      'there is no unique constraint matching given keys for referenced table "orders"',
      '',
    ],
  ])('%s', async (_, schema, message, detail) => {
    const { problems } = await load(schema);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`ERROR:  ${message}`);
    expect(problems[0]).toContain(detail);
    expect(problems[0]).toContain('workload.schema');
  });

  const NOT_VALID = `CREATE TABLE customers (id bigint PRIMARY KEY);
${ORDERS}ALTER TABLE orders ADD COLUMN customer bigint;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID;`;

  test.each([13, 15, 17])(
    'version %i: NOT VALID is not for partitioned tables',
    async (version) => {
      const { problems } = await load(NOT_VALID, version);
      expect(problems).toHaveLength(1);
      // as version 15.18 says it
      const text = 'on partitioned table "orders" referencing relation "customers"';
      expect(problems[0]).toContain(`ERROR:  cannot add NOT VALID foreign key ${text}`);
      expect(problems[0]).toContain('This feature is not yet supported on partitioned tables.');
    },
  );

  test('since version 18 it is', async () => {
    expect((await load(NOT_VALID, 18)).problems).toEqual([]);
  });

  test('a foreign key to a partitioned table with its key is fine in all of them', async () => {
    const schema = `${ORDERS}CREATE TABLE pay (id bigint PRIMARY KEY, ordered bigint, day date,
      FOREIGN KEY (ordered, day) REFERENCES orders ON DELETE CASCADE);`;
    for (const version of [13, 18]) expect((await load(schema, version)).problems).toEqual([]);
    const { planned } = await load(schema);
    if (!planned.ok) throw new Error('it is planned');
    const pay = planned.answer.catalog.tables.find(({ name }) => name === 'pay')!;
    expect(pay.references).toEqual([
      {
        name: 'pay_ordered_day_fkey',
        table: { schema: 'public', name: 'orders' },
        columns: [2, 3],
        referenced: [1, 2],
        onDelete: 'c',
        onUpdate: 'a',
        isValid: true,
      },
    ]);
  });

  test('partitions have the foreign keys of their table', async () => {
    const schema = `CREATE TABLE customers (x int, id bigint PRIMARY KEY);
ALTER TABLE customers DROP COLUMN x;
${ORDERS}ALTER TABLE orders ADD COLUMN customer bigint REFERENCES customers;`;
    const { planned } = await load(schema);
    if (!planned.ok) throw new Error('it is planned');
    const of = (table: string) =>
      planned.answer.catalog.tables.find(({ name }) => name === table)!.references;
    const key = { table: { schema: 'public', name: 'customers' }, columns: [3], referenced: [1] };
    expect(of('orders')).toMatchObject([key]);
    expect(of('orders_1')).toMatchObject([key]);
    expect(of('customers')).toEqual([]);
  });
});
