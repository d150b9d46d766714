import { describe, expect, test } from 'vitest';
import { SECOND, toSeconds } from '../../../src/kernel/index.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { answer, FACTS, node, onItems } from './fixtures.ts';

const ROWS = 200_000;
const MEGABYTE = 1 << 20;

/** One client that runs one statement on an idle server with everything in memory. */
function run(plan: PlanNode, settings: Record<string, unknown> = {}, sql = 'SELECT 1') {
  const postgresql = {
    shared_buffers: '1GB',
    autovacuum: 'off',
    work_mem: '4MB',
    version: 15,
    ...settings,
  };
  const text = JSON.stringify({
    duration: '2s',
    network: { zones: { a: 'us-east-1' } },
    servers: { main: { zone: 'a', postgresql } },
    workload: {
      schema: 'CREATE TABLE items ()',
      transactions: { it: `\\set i random(1, 20000)\n${sql};` },
      clients: { one: { zone: 'a', count: 1, connect: 'main', run: 'it', ends: '1s' } },
    },
  });
  const given = {
    ...answer([{ generic: plan, custom: [plan] }]),
    facts: { items: { ...FACTS.items, rows: ROWS } },
  };
  const loaded = loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  let services = 0;
  const { server } = observed.instances[0] as Instance;
  observed.workload.acknowledged.observe((_at, _session, _transaction, _latency, service) => {
    services += service;
  });
  sim.run(2 * SECOND);
  const done = observed.workload.acknowledged.count;
  const { pool, tables } = server.storage;
  const { files, pages } = server.temporary;
  return {
    done,
    seconds: toSeconds(services) / done,
    accesses: (pool.hits + pool.reads) / done,
    files: files / done,
    temporaryBytes: (pages * 8192) / done,
    table: tables[0]!,
  };
}

const seq = (more = {}) => node('Seq Scan', { ...onItems, 'Plan Rows': ROWS, ...more });
const byKey = (condition: string, more = {}) =>
  node('Index Scan', {
    ...{ ...onItems, Alias: 'inner', 'Index Name': 'items_pkey' },
    ...{ 'Index Cond': condition, ...more },
  });
const byOwner = node('Index Scan', {
  ...{ ...onItems, 'Index Name': 'items_owner_idx', 'Index Cond': '(items.owner = $1)' },
  'Plan Rows': 10,
});
const above = (kind: string, rows: number, below: PlanNode, more = {}) =>
  node(kind, { 'Plan Rows': rows, Plans: [below], ...more });
const COUNT = { Strategy: 'Plain' };

describe('nodes above a scan', () => {
  test('a count reads every page once, and takes what PostgreSQL 15 took by row', () => {
    // the node between them makes a tree of it
    const { accesses, table, seconds } = run(
      above('Aggregate', 1, above('Subquery Scan', ROWS, seq()), COUNT),
    );
    expect(accesses).toBeCloseTo(table.heap.pages, 0);
    // 1,000,000 rows in 38 ms there; 200,000 with a node more
    expect(seconds).toBeGreaterThan(0.0076);
    expect(seconds).toBeLessThan(0.02);
  });

  test('a sort beyond work_mem writes each tuple once to temporary files, and reads it', () => {
    const sort = above('Sort', ROWS, seq({ 'Plan Width': 72 }), { 'Plan Width': 72 });
    const spilled = run(sort);
    // a tuple of 72 bytes, its header of 16 and its length of 8
    expect(spilled.temporaryBytes / (ROWS * 96)).toBeCloseTo(1, 1);
    expect(spilled.files).toBe(1);
    const within = run(sort, { work_mem: '64MB' });
    expect([within.files, within.temporaryBytes]).toEqual([0, 0]);
    expect(within.seconds).toBeLessThan(spilled.seconds);
  });

  test('a LIMIT of a sort keeps a heap of its rows, and writes nothing', () => {
    const sort = above('Sort', ROWS, seq({ 'Plan Width': 72 }));
    const { files, accesses, table } = run(above('Limit', 10, sort), {}, 'SELECT 1 LIMIT 10');
    expect(files).toBe(0);
    expect(accesses).toBeCloseTo(table.heap.pages, 0);
  });

  test('a LIMIT without a sort ends the scan on its page', () => {
    const { accesses, table } = run(above('Limit', 300, seq()), {}, 'SELECT 1 LIMIT 300');
    expect(accesses).toBeCloseTo(Math.ceil(300 / table.heap.rowsPerPage), 1);
  });

  test('a hash aggregate within hash_mem writes nothing, with too many groups it does', () => {
    const grouped = (groups: number) =>
      above('Aggregate', groups, seq({ 'Plan Width': 8 }), { Strategy: 'Hashed' });
    expect(run(grouped(1000)).temporaryBytes).toBe(0);
    const many = run(grouped(ROWS));
    // hash_mem is 8 MB, of 112 bytes for a group; the others' tuples of 32 bytes are written
    const outside = ROWS - Math.floor((8 * MEGABYTE) / 112);
    expect(many.temporaryBytes / (outside * 32)).toBeCloseTo(1, 1);
  });
});

describe('joins', () => {
  test('a nested loop descends once for each outer row, to the row of its key', () => {
    const loop = node('Nested Loop', {
      Plans: [byOwner, byKey('(inner.id = items.id)')],
      ...{ 'Plan Rows': 10, 'Inner Unique': true },
    });
    const { accesses, table } = run(loop, {}, 'SELECT :i');
    const outer = table.indexes[2]!.levels.length + 10;
    const inner = 10 * (table.indexes[0]!.levels.length + 1);
    // now and then two of ten rows share a page, or a leaf ends
    expect(Math.abs(accesses / (outer + inner) - 1)).toBeLessThan(0.02);
  });

  test('a materialized inner side is read once', () => {
    const inner = above('Materialize', 300, above('Limit', 300, seq()));
    const loop = node('Nested Loop', { Plans: [byOwner, inner], 'Plan Rows': 3000 });
    const { accesses, table } = run(loop, {}, 'SELECT :i');
    const once = Math.ceil(300 / table.heap.rowsPerPage);
    const outer = table.indexes[2]!.levels.length + 10;
    expect(Math.abs(accesses - outer - once)).toBeLessThan(0.5);
  });

  test('a memoized inner side is read once for each value', () => {
    const inner = above('Memoize', 1, byKey('(inner.id = items.state)'), {
      'Cache Key': 'items.state',
    });
    const outer = above('Limit', 2000, seq());
    const loop = node('Nested Loop', { Plans: [outer, inner], 'Plan Rows': 2000 });
    const { accesses, table } = run(loop);
    const levels = table.indexes[0]!.levels.length;
    const reads = accesses - Math.ceil(2000 / table.heap.rowsPerPage);
    // state has 200 values for all that is known (DEFAULT_NUM_DISTINCT)
    expect(reads).toBeCloseTo(200 * (levels + 1), -1);
  });

  const hashed = (innerWidth: number) =>
    node('Hash Join', {
      'Plan Rows': ROWS,
      Plans: [
        seq({ 'Plan Width': 8 }),
        above('Hash', ROWS, seq({ Alias: 'other', 'Plan Width': innerWidth }), {
          'Plan Width': innerWidth,
        }),
      ],
    });

  test('a hash join reads both sides once', () => {
    const { accesses, table, temporaryBytes } = run(hashed(8), { work_mem: '64MB' });
    expect(accesses).toBeCloseTo(2 * table.heap.pages, 0);
    expect(temporaryBytes).toBe(0);
  });

  test('beyond hash_mem all batches but the first go through files', () => {
    const { temporaryBytes } = run(hashed(64));
    // 200,000 * (32 + 64) + 8 * 262,144 bytes are 21 MB: four batches of 8 MB at most
    const inner = 24 + 64;
    const outer = 24 + 8;
    // the table is split as it grows, so that a part of the inner side moves twice
    const least = ROWS * (inner + outer) * 0.75;
    expect(temporaryBytes).toBeGreaterThanOrEqual(least * 0.99);
    expect(temporaryBytes).toBeLessThan(least + ROWS * inner * 0.25);
  });
});

describe('parallel plans', () => {
  const gathered = above(
    'Aggregate',
    1,
    above(
      'Gather',
      3,
      above('Aggregate', 1, seq({ 'Parallel Aware': true, 'Plan Rows': ROWS / 2.4 }), COUNT),
      { 'Workers Planned': 2 },
    ),
    COUNT,
  );

  test('workers share the pages of a scan', () => {
    const { accesses, table } = run(gathered);
    expect(accesses).toBeCloseTo(table.heap.pages, 0);
  });

  test('as many as max_parallel_workers leaves; none: the leader does it alone', () => {
    const alone = run(gathered, { max_parallel_workers: 0 });
    expect(alone.accesses).toBeCloseTo(alone.table.heap.pages, 0);
    expect(alone.seconds).toBeLessThan(0.02);
  });
});

test('ON CONFLICT DO NOTHING of a row that is there reads it, and writes nothing', () => {
  const plan = {
    ...node('ModifyTable', {
      ...{ ...onItems, Operation: 'Insert' },
      Plans: [node('Result', { Output: ['$1', 'gen_random_uuid()', '5', '6'] })],
    }),
    'Conflict Resolution': 'NOTHING',
    'Conflict Arbiter Indexes': ['items_pkey'],
  };
  const { table, done } = run(plan, {}, 'INSERT INTO items VALUES (:i) ON CONFLICT DO NOTHING');
  expect(done).toBeGreaterThan(100);
  expect([table.heap.live, table.heap.dead]).toEqual([ROWS, 0]);
});
