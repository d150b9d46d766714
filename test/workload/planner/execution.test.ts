import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Table } from '../../../src/postgres/heap/relation.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { answer, FACTS, ITEMS, node, onItems } from './fixtures.ts';

/** One client that runs one statement, a second long, on a server with everything in memory. */
function run(sql: string, plan: PlanNode, rows = FACTS.items.rows, fillfactor = 100) {
  const text = JSON.stringify({
    duration: '1s',
    network: { zones: { a: 'us-east-1' } },
    servers: { main: { zone: 'a', postgresql: { shared_buffers: '1GB', autovacuum: 'off' } } },
    workload: {
      schema: 'CREATE TABLE items ()',
      transactions: { it: `\\set i random(1, 20000)\n${sql};` },
      clients: {
        one: { zone: 'a', count: 1, think: '1ms', connect: 'main', run: 'it', ends: '900ms' },
      },
    },
  });
  const [items] = ITEMS.tables;
  const given = {
    ...answer([{ generic: plan, custom: [plan] }]),
    catalog: { tables: [{ ...items!, fillfactor }] },
    facts: { items: { ...FACTS.items, rows } },
  };
  const loaded = loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  sim.run(1 * SECOND);
  const { server } = observed.instances[0] as Instance;
  const { pool, tables } = server.storage;
  const done = observed.workload.acknowledged.count;
  const accesses = (pool.hits + pool.reads) / done;
  return { done, accesses, table: tables[0]!, records: server.wal.records / done };
}

const scan = (kind: string, index: string, condition: string, more = {}) =>
  node(kind, { ...onItems, 'Index Name': index, 'Index Cond': condition, ...more });
const modify = (Operation: string, ...Plans: PlanNode[]) =>
  node('ModifyTable', { ...onItems, Operation, Plans });
const levels = (table: Table, index: number) => table.indexes[index]!.levels.length;

describe('pages that a statement uses', () => {
  test('an index scan of a unique key: one of each level, and the row’s', () => {
    const plan = scan('Index Scan', 'items_pkey', '(items.id = $1)');
    const { accesses, table, done } = run('SELECT * FROM items WHERE id = :i', plan);
    expect(done).toBeGreaterThan(300);
    expect(levels(table, 0)).toBe(3);
    expect(accesses).toBeCloseTo(4, 1);
  });

  test('an index-only scan leaves the table alone where all is visible', () => {
    const plan = scan('Index Only Scan', 'items_owner_idx', '(items.owner = $1)');
    const { accesses, table } = run('SELECT owner FROM items WHERE owner = :i', plan);
    // now and then the 50 entries go on on the next leaf
    const leaves = 50 / (FACTS.items.rows / table.indexes[2]!.leaves!.pages);
    expect(Math.abs(accesses - (levels(table, 2) + leaves))).toBeLessThan(0.05);
  });

  test('50 rows in no order are on 50 pages; a bitmap reads a page once', () => {
    const owner = '(items.owner = $1)';
    const sql = 'SELECT * FROM items WHERE owner = :i';
    const plain = run(sql, scan('Index Scan', 'items_owner_idx', owner));
    const below = node('Bitmap Index Scan', {
      'Index Name': 'items_owner_idx',
      'Index Cond': owner,
    });
    const bitmap = run(sql, node('Bitmap Heap Scan', { ...onItems, Plans: [below] }));
    const index = levels(plain.table, 2);
    expect(plain.accesses - index).toBeGreaterThan(49.9);
    expect(plain.accesses - index).toBeLessThan(50.2);
    // Cardenas: of P pages, 50 draws leave (1 - 1/P)^50 untouched
    const { pages } = bitmap.table.heap;
    const distinct = pages * (1 - (1 - 1 / pages) ** 50);
    expect(Math.abs(bitmap.accesses - index - distinct)).toBeLessThan(0.2);
  });

  test('a sequential scan reads every page', () => {
    const { accesses, table } = run('SELECT * FROM items', node('Seq Scan', onItems), 10_000);
    expect(accesses).toBeCloseTo(table.heap.pages, 1);
  });

  test('an insert goes down every index, and to the end of the table', () => {
    const { accesses, table, done } = run('INSERT INTO items', modify('Insert', node('Result')));
    expect(accesses).toBeCloseTo(1 + levels(table, 0) + levels(table, 1) + levels(table, 2), 1);
    expect(table.heap.live).toBe(FACTS.items.rows + done);
    expect(table.indexes.map(({ entries }) => entries - FACTS.items.rows)).toEqual([
      done,
      done,
      done,
    ]);
    // keys of a sequence go to one leaf or two, random ones to nearly as many as there are
    const touched = table.indexes.map(({ leaves }) => [...leaves!.entries()].length);
    expect(touched[0]).toBeLessThanOrEqual(1 + Math.ceil(done / 300));
    const { pages } = table.indexes[1]!.leaves!;
    const expected = pages * (1 - (1 - 1 / pages) ** done);
    expect(Math.abs(touched[1]! / expected - 1)).toBeLessThan(0.05);
  });
});

describe('changes', () => {
  const byKey = scan('Index Scan', 'items_pkey', '(items.id = $1)');
  const update = modify('Update', byKey);

  test('of a column without an index are HOT where there is room', () => {
    const sql = 'UPDATE items SET state = state + 1 WHERE id = :i';
    const { table, done } = run(sql, update, 1_000_000, 50);
    expect([table.heap.updates, table.heap.hotUpdates]).toEqual([done, done]);
    expect(table.indexes.map(({ entries }) => entries)).toEqual([1e6, 1e6, 1e6]);
  });

  test('of a column with an index never are, and every index gets an entry', () => {
    const sql = 'UPDATE items SET owner = 5 WHERE id = :i';
    const { table, done } = run(sql, update, 1_000_000, 50);
    expect([table.heap.updates, table.heap.hotUpdates]).toEqual([done, 0]);
    const added = table.indexes.map(({ entries, removed }) => entries + removed - 1e6);
    expect(added).toEqual([done, done, done]);
  });

  test('of the rows of a key that is not unique change all of them', () => {
    const plan = modify('Update', scan('Index Scan', 'items_owner_idx', '(items.owner = $1)'));
    const sql = 'UPDATE items SET state = 0 WHERE owner = :i';
    const { table, done } = run(sql, plan, 1_000_000, 50);
    expect(table.heap.updates).toBe(50 * done);
  });

  test('DELETE of a range leaves the others', () => {
    const range = '((items.id >= $1) AND (items.id <= ($1 + 9)))';
    const plan = modify('Delete', scan('Index Scan', 'items_pkey', range));
    const { table } = run('DELETE FROM items WHERE id BETWEEN :i AND :i + 9', plan);
    expect(table.heap.live).toBeLessThan(1_000_000);
    expect(table.heap.live).toBeGreaterThanOrEqual(980_000);
    const { live, dead, removed } = table.heap;
    expect(live + dead + removed).toBe(1_000_000);
  });
});
