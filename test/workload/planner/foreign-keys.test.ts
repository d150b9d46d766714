import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { FAILURES } from '../../../src/workload/events.ts';
import type { CatalogForeignKey, CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { answer, bigint, column, index, node, table } from './fixtures.ts';

const CUSTOMERS = [column('id', bigint), column('name')];
const ORDERS = [column('id', { ...bigint, isIdentity: true }), column('customer', bigint)];
const at = (name: string) => ({ 'Relation Name': name, Schema: 'public', Alias: name });

function foreignKey(more: Partial<CatalogForeignKey> = {}): CatalogForeignKey {
  const referred = { name: 'fk', table: { schema: 'public', name: 'customers' } };
  const columns = { columns: [2], referenced: [1] };
  return { ...referred, ...columns, onDelete: 'a', onUpdate: 'a', isValid: true, ...more };
}

/** 100,000 customers, in `parts` partitions by id, and as many orders of the first 50,000. */
function catalogOf(options: Options): { tables: CatalogTable[] } {
  const { key, isIndexed = true, parts = 0 } = options;
  const primary = (name: string, columns: typeof CUSTOMERS) =>
    index(`${name}_pkey`, [1], columns, { unique: true, primary: true });
  const of = (name: string) => table(name, CUSTOMERS, [primary(name, CUSTOMERS)]);
  const size = 100_000 / Math.max(1, parts);
  const leaves = Array.from({ length: parts }, (_, i) => ({
    ...of(`customers_${i}`),
    parent: { schema: 'public', name: 'customers' },
    bound: `FOR VALUES FROM (${i * size + 1}) TO (${(i + 1) * size + 1})`,
  }));
  const root = { ...of('customers'), kind: 'p', partitionKey: 'RANGE (id)' } as const;
  const customers: CatalogTable[] = parts === 0 ? [of('customers')] : [root, ...leaves];
  const indexes = [primary('orders', ORDERS)];
  if (isIndexed) indexes.push(index('orders_customer_idx', [2], ORDERS));
  const orders = { ...table('orders', ORDERS, indexes), references: key === null ? [] : [key] };
  return { tables: [...customers, orders] };
}

interface Options {
  readonly key: CatalogForeignKey | null;
  readonly isIndexed?: boolean;
  readonly parts?: number;
  /** Scripts, each once, a second after the one before. */
  readonly scripts: readonly string[];
  readonly plans: readonly PlanNode[];
}

const insert = (text: string) =>
  node('ModifyTable', {
    ...at('orders'),
    Operation: 'Insert',
    Plans: [node('Result', { Output: ["nextval('orders_id_seq')", text] })],
  });

const remove = (id: number) =>
  node('ModifyTable', {
    ...at('customers'),
    Operation: 'Delete',
    Plans: [
      node('Index Scan', {
        ...at('customers'),
        'Index Name': 'customers_pkey',
        'Index Cond': `(customers.id = ${id})`,
      }),
    ],
  });

const INSERT = (id: number) => `INSERT INTO orders (customer) VALUES (${id});`;
const DELETE = (id: number) => `DELETE FROM customers WHERE id = ${id};`;

/** What each script has added to WAL, in records by kind, and how it failed. */
function run(options: Options) {
  const { scripts, plans } = options;
  const named = scripts.map((script, i) => [`s${i}`, script] as const);
  const once = (i: number) => ({
    ...{ zone: 'a', count: 1, think: '1h', connect: 'main', run: `s${i}`, protocol: 'prepared' },
    starts: `${i + 1}s`,
  });
  const text = JSON.stringify({
    duration: '12s',
    network: { zones: { a: 'us-east-1' } },
    servers: {
      main: {
        zone: 'a',
        postgresql: { version: 15, shared_buffers: '1GB', full_page_writes: 'off' },
      },
    },
    workload: {
      schema: 'CREATE TABLE customers ()',
      transactions: Object.fromEntries(named),
      clients: Object.fromEntries(scripts.map((_, i) => [`c${i}`, once(i)])),
    },
  });
  const facts = {
    customers: { rows: 100_000, columns: { id: { ...NO_FACTS, distinct: 100_000 } } },
    orders: { rows: 100_000, columns: { customer: { ...NO_FACTS, distinct: 50_000 } } },
  };
  const statements = plans.map((plan) => ({ generic: plan, custom: [plan] }));
  const given = { ...answer(statements), catalog: catalogOf(options), facts };
  const loaded = loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  const failures: string[] = [];
  const latencies: number[] = [];
  observed.workload.failed.observe((_at, _session, script, failure) => {
    failures[script] = FAILURES[failure]!;
  });
  observed.workload.acknowledged.observe((_at, _session, script, latency) => {
    latencies[script] = latency;
  });
  const { server } = observed.instances[0] as Instance;
  const records = () => KINDS.map((kind) => server.wal.counts.of(kind as 'Heap/LOCK').records ?? 0);
  const added = scripts.map((_, i) => {
    sim.run((i + 1) * SECOND);
    const before = records();
    sim.run((i + 2) * SECOND - 1);
    return records().map((count, kind) => count - before[kind]!);
  });
  sim.run(12 * SECOND);
  const accesses = server.storage.pool.hits + server.storage.pool.reads;
  return { added, failures, latencies, server, accesses };
}

const KINDS = ['Heap/INSERT', 'Heap/DELETE', 'Heap/LOCK', 'Heap/UPDATE', 'MultiXact/CREATE_ID'];

/** Records as pg_waldump of version 15.18 shows them of the same tables. */
describe('a row that refers to another', () => {
  test('looks it up by its index and locks it: INSERT, LOCK', () => {
    const plans = [insert("'77'::bigint")];
    const { added, failures, accesses } = run({ key: foreignKey(), scripts: [INSERT(77)], plans });
    const without = run({ key: null, scripts: [INSERT(77)], plans });
    expect(failures).toEqual([]);
    expect(added).toEqual([[1, 0, 1, 0, 0]]);
    expect(without.added).toEqual([[1, 0, 0, 0, 0]]);
    // two levels of customers_pkey, and the row's page
    expect(accesses - without.accesses).toBe(3);
  });

  test('not twice in one transaction: the second finds it locked', () => {
    const scripts = [`BEGIN; ${INSERT(77)} ${INSERT(77)} END;`];
    const plans = [insert("'77'::bigint"), insert("'77'::bigint")];
    expect(run({ key: foreignKey(), scripts, plans }).added).toEqual([[2, 0, 1, 0, 0]]);
  });

  test('beside another who has it: a multixact', () => {
    const held = `BEGIN; ${INSERT(77)}\n\\sleep 2 s\nEND;`;
    const plans = [insert("'77'::bigint"), insert("'77'::bigint")];
    const { added } = run({ key: foreignKey(), scripts: [held, INSERT(77)], plans });
    expect(added).toEqual([
      [1, 0, 1, 0, 0],
      [1, 0, 1, 0, 1],
    ]);
  });

  test('which is not there: 23503, and nothing stays', () => {
    const plans = [insert("'900000'::bigint")];
    const { failures, server } = run({ key: foreignKey(), scripts: [INSERT(900_000)], plans });
    expect(failures).toEqual(['23503']);
    expect(server.storage.tables[1]!.heap.live).toBe(100_000);
  });

  test('null refers to nothing', () => {
    const plans = [insert('NULL::bigint')];
    const sql = 'INSERT INTO orders (customer) VALUES (NULL);';
    expect(run({ key: foreignKey(), scripts: [sql], plans }).added).toEqual([[1, 0, 0, 0, 0]]);
  });

  test('in one of four partitions: its row is locked', () => {
    const plans = [insert("'50001'::bigint")];
    const scripts = [`BEGIN; ${INSERT(50_001)}\n\\sleep 5 s\nEND;`];
    const { added, failures } = run({ key: foreignKey(), scripts, plans, parts: 4 });
    expect(failures).toEqual([]);
    expect(added).toEqual([[1, 0, 1, 0, 0]]);
  });
});

describe('a row that others refer to', () => {
  test('is not deleted: 23503', () => {
    const scripts = [DELETE(5)];
    const { failures, server } = run({ key: foreignKey(), scripts, plans: [remove(5)] });
    expect(failures).toEqual(['23503']);
    expect(server.storage.tables[0]!.heap.live).toBe(100_000);
  });

  test('may go when nobody does: DELETE and no more', () => {
    const scripts = [DELETE(90_001)];
    const { added, failures } = run({ key: foreignKey(), scripts, plans: [remove(90_001)] });
    expect(failures).toEqual([]);
    expect(added).toEqual([[0, 1, 0, 0, 0]]);
  });

  test('without an index on the foreign key all rows are read: 100,000 took 3 ms', () => {
    const scripts = [DELETE(90_001)];
    const plans = [remove(90_001)];
    const indexed = run({ key: foreignKey(), scripts, plans });
    const scanned = run({ key: foreignKey(), scripts, plans, isIndexed: false });
    const more = (scanned.latencies[0]! - indexed.latencies[0]!) / 1e6;
    expect(more).toBeGreaterThan(2.5);
    expect(more).toBeLessThan(7);
  });

  test('CASCADE takes them along, SET NULL changes them', () => {
    const plans = [remove(5)];
    const scripts = [DELETE(5)];
    const cascade = run({ key: foreignKey({ onDelete: 'c' }), scripts, plans });
    expect(cascade.failures).toEqual([]);
    expect(cascade.added).toEqual([[0, 3, 0, 0, 0]]); // the customer and two orders
    const setNull = run({ key: foreignKey({ onDelete: 'n' }), scripts, plans });
    // to another page, for which the old one is locked first, as pg_waldump shows it
    expect(setNull.added).toEqual([[0, 1, 2, 2, 0]]);
    expect(setNull.server.storage.tables[1]!.heap.updates).toBe(2);
  });

  test('waits as long as somebody has a new order for it under way', () => {
    const held = `BEGIN; ${INSERT(90_001)}\n\\sleep 2 s\nEND;`;
    const scripts = [held, DELETE(90_001)];
    const plans = [insert("'90001'::bigint"), remove(90_001)];
    const { latencies } = run({ key: foreignKey(), scripts, plans });
    expect(latencies[1]! / SECOND).toBeGreaterThan(0.9);
  });
});

/** As version 15.18: ppay REFERENCES porders (partitioned by range), DETACH and DROP of a month. */
describe('partitions that others refer to', () => {
  const parts = { key: foreignKey(), parts: 4, plans: [] };
  const gone = 'ALTER TABLE customers DETACH PARTITION';

  test('are not detached as long as rows refer to them: 23503', () => {
    const { failures, server } = run({ ...parts, scripts: [`${gone} customers_0;`] });
    expect(failures).toEqual(['23503']);
    expect(server.storage.database.partitions.isAttached(0, true)).toBe(true);
  });

  test('are if none does, with the referring table locked against all until then', () => {
    const { failures, server } = run({ ...parts, scripts: [`${gone} customers_3;`] });
    expect(failures).toEqual([]);
    expect(server.storage.database.partitions.isAttached(3, true)).toBe(false);
  });

  test('the look for them reads the referring table', () => {
    const scripts = [`${gone} customers_3;`];
    const referred = run({ ...parts, scripts });
    const alone = run({ ...parts, key: null, scripts });
    const pages = referred.server.storage.tables.slice(3).map(({ heap }) => heap.pages);
    expect(referred.accesses - alone.accesses).toBeGreaterThanOrEqual(pages[0]! + pages[1]!);
  });

  test('are not dropped while they are partitions: 2BP01, but detached ones are', () => {
    expect(run({ ...parts, scripts: ['DROP TABLE customers_3;'] }).failures).toEqual(['2BP01']);
    const both = [`${gone} customers_3;`, 'DROP TABLE customers_3;'];
    const { failures, server } = run({ ...parts, scripts: both });
    expect(failures).toEqual([]);
    expect(server.storage.database.partitions.isDropped(3)).toBe(true);
  });

  test('a table that is referred to by itself is dropped with CASCADE alone', () => {
    const whole = { key: foreignKey(), plans: [] };
    expect(run({ ...whole, scripts: ['DROP TABLE customers;'] }).failures).toEqual(['2BP01']);
    expect(run({ ...whole, scripts: ['DROP TABLE customers CASCADE;'] }).failures).toEqual([]);
  });
});

test('rows that COPY puts in refer to some that are there, each looked up', () => {
  const copy = 'COPY orders (customer) FROM STDIN ROWS 500;';
  const { added, failures } = run({ key: foreignKey(), scripts: [copy], plans: [] });
  expect(failures).toEqual([]);
  const locks = added[0]![2]!;
  // 500 of 100,000 customers, some of them twice: they are locked once
  expect(locks).toBeGreaterThan(490);
  expect(locks).toBeLessThanOrEqual(500);
});
