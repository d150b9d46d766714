import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { simulate } from '../../../src/scenario/simulate.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { answer, FACTS, ITEMS, node, onItems } from './fixtures.ts';

const ROWS = FACTS.items.rows;

/** `script` once by each of some clients; plans for its statements in order. */
function play(script: string, plans: readonly PlanNode[], clients = 1, version = 15) {
  const text = JSON.stringify({
    duration: '1s',
    network: { zones: { a: 'us-east-1' } },
    servers: {
      main: { zone: 'a', postgresql: { version, shared_buffers: '1GB', autovacuum: 'off' } },
    },
    workload: {
      schema: 'CREATE TABLE items ()',
      transactions: { it: script },
      clients: { some: { zone: 'a', count: clients, think: '1h', connect: 'main', run: 'it' } },
    },
  });
  // with room on each page, so that no row moves
  const tables = ITEMS.tables.map((each) => ({ ...each, fillfactor: 50 }));
  const planned = plans.map((plan) => ({ generic: plan, custom: [plan] }));
  const given = { ...answer(planned), catalog: { tables } };
  const loaded = loadScenario(text, { file: 's', plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) return { problems: loaded.problems.map(formatProblem) };
  const outcome = simulate(loaded.runs[0]!, { until: 0 });
  if ('refused' in outcome) return { problems: outcome.refused.map(formatProblem) };
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  const { server } = observed.instances[0] as Instance;
  let accesses = 0;
  observed.workload.used.observe((_at, _transaction, hits, reads) => {
    accesses += hits + reads;
  });
  sim.run(SECOND);
  expect(observed.workload.acknowledged.count).toBe(clients);
  const records = new Map(server.wal.counts.kinds.map((each) => [each.kind, each.records]));
  const { heap } = server.storage.tables[0]!;
  return { heap, accesses, records, problems: [] };
}

const above = (kind: string, rows: number, below: PlanNode, more = {}) =>
  node(kind, { 'Plan Rows': rows, Plans: [below], ...more });
const modify = (operation: string, ...plans: PlanNode[]) =>
  node('ModifyTable', { ...onItems, Operation: operation, Plans: plans });
const values = (count: number) =>
  node('Values Scan', {
    ...{ Alias: '*VALUES*', 'Plan Rows': count },
    Output: ['"*VALUES*".column1'],
  });
const byKey = (condition: string, more = {}) =>
  node('Index Scan', { ...onItems, 'Index Name': 'items_pkey', 'Index Cond': condition, ...more });
const byOwner = (more = {}) =>
  node('Index Scan', {
    ...{ ...onItems, 'Index Name': 'items_owner_idx', 'Index Cond': '(items.owner = 7)' },
    ...{ 'Plan Rows': 50, Output: ['items.id'], ...more },
  });
const loop = (outer: PlanNode, inner: PlanNode, more = {}) =>
  node('Nested Loop', { 'Plan Rows': 2, 'Inner Unique': true, Plans: [outer, inner], ...more });

describe('changes of rows that a join finds', () => {
  const sql = (list: string) =>
    `UPDATE items SET state = 1 FROM (VALUES ${list}) v (id) WHERE v.id = items.id;`;
  const plan = modify('Update', loop(values(2), byKey('(items.id = "*VALUES*".column1)')));

  test('are made of each row once, however often it is found', () => {
    expect(play(sql('(5), (9)'), [plan]).heap!.updates).toBe(2);
    expect(play(sql('(5), (5)'), [plan]).heap!.updates).toBe(1);
  });

  test('are undone with their transaction', () => {
    const { heap } = play(`BEGIN;\n${sql('(5), (9)')}\nROLLBACK;`, [plan]);
    expect([heap!.live, heap!.dead]).toEqual([ROWS, 2]);
  });

  test('leave out values without a row', () => {
    expect(play(sql(`(5), (${ROWS + 5})`), [plan]).heap!.updates).toBe(1);
  });
});

describe('INSERT', () => {
  test('of several rows meets those that are there', () => {
    const plan = {
      ...modify('Insert', { ...values(3), Output: ['"*VALUES*".column1', 'x', '1', '1'] }),
      'Conflict Resolution': 'NOTHING',
      'Conflict Arbiter Indexes': ['items_pkey'],
    };
    const sql = `INSERT INTO items VALUES (1), (${ROWS + 1}), (3) ON CONFLICT (id) DO NOTHING;`;
    expect(play(sql, [plan]).heap!.live).toBe(ROWS + 1);
    const updating = { ...plan, 'Conflict Resolution': 'UPDATE' };
    const { heap } = play(sql.replace('NOTHING', 'UPDATE SET state = 1'), [updating]);
    expect([heap!.live, heap!.updates]).toEqual([ROWS + 1, 2]);
  });

  test('of a series has as many rows as the series', () => {
    const series = node('Function Scan', {
      ...{ Alias: 'g', 'Plan Rows': 1000, 'Function Call': 'generate_series(11, $1, 10)' },
      Output: ['g.g'],
    });
    const sql = '\\set n 100\nINSERT INTO items (id) SELECT g FROM generate_series(11, :n, 10) g;';
    expect(play(sql, [modify('Insert', series)]).heap!.live).toBe(ROWS + 9);
  });

  test('of what a DELETE returns', () => {
    const gone = {
      ...modify('Delete', byOwner()),
      ...{ 'Parent Relationship': 'InitPlan', 'Subplan Name': 'CTE gone', Output: ['items.id'] },
    };
    const read = node('CTE Scan', { Alias: 'gone', 'CTE Name': 'gone', Output: ['gone.id'] });
    const sql =
      'WITH gone AS (DELETE FROM items RETURNING id) INSERT INTO items SELECT * FROM gone;';
    const { heap, records } = play(sql, [modify('Insert', gone, read)]);
    expect([records!.get('Heap/DELETE'), heap!.live]).toEqual([50, ROWS]);
    // and a DELETE of whose rows nobody takes any is made all the same
    const alone = modify('Insert', gone, values(1));
    expect(play(sql, [alone]).heap!.live).toBe(ROWS - 50 + 1);
  });
});

test('MERGE updates the rows that are met, and inserts for the others', () => {
  const join = node('Hash Join', {
    ...{ 'Join Type': 'Left', 'Plan Rows': 3, 'Hash Cond': '("*VALUES*".column1 = items.id)' },
    Plans: [values(3), above('Hash', ROWS, node('Seq Scan', { ...onItems, 'Plan Rows': ROWS }))],
  });
  const sql = (matched: string) =>
    `MERGE INTO items USING (VALUES (4), (8), (${ROWS + 9})) v (id) ON v.id = items.id
     WHEN MATCHED THEN ${matched} WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);`;
  const plan = modify('Merge', join);
  const updated = play(sql('UPDATE SET state = 2'), [plan]).heap!;
  expect([updated.updates, updated.live]).toEqual([2, ROWS + 1]);
  expect(play(sql('DELETE'), [plan]).heap!.live).toBe(ROWS - 1);
  expect(play(sql('DO NOTHING'), [plan]).heap!.live).toBe(ROWS + 1);
  const { problems } = play(sql('DO NOTHING'), [plan], 1, 14);
  expect(problems).toEqual([expect.stringContaining('MERGE: is of version 15 and later')]);
});

describe('FOR UPDATE SKIP LOCKED', () => {
  const locks = above('LockRows', 50, byOwner(), { Output: ['items.id'] });
  const limit = above('Limit', 3, locks, { Output: ['items.id'] });
  const words = 'FOR UPDATE SKIP LOCKED';

  test('with LIMIT goes on until it has as many rows as are wanted', () => {
    const sql = `BEGIN;\nSELECT id FROM items LIMIT 3 ${words};\n\\sleep 500 ms\nEND;`;
    // four clients at a time, each with three rows of its own
    expect(play(sql, [limit], 4).records!.get('Heap/LOCK')).toBe(12);
    const waiting = sql.replace(' SKIP LOCKED', '').replace('500', '10');
    expect(play(waiting, [limit], 2).records!.get('Heap/LOCK')).toBe(6);
  });

  test('in a subquery hands its row to an UPDATE', () => {
    const initial = {
      ...{ ...limit, 'Plan Rows': 1, Plans: [{ ...locks }] },
      ...{ 'Parent Relationship': 'InitPlan', 'Subplan Name': 'InitPlan 1' },
    };
    const found = byKey('(items.id = (InitPlan 1).col1)', { Plans: [initial], Alias: 'items_1' });
    const plan = { ...modify('Update', found), Alias: 'items_1' };
    const sql = `UPDATE items SET state = 1 WHERE id = (SELECT id FROM items LIMIT 1 ${words});`;
    const { heap, records } = play(sql, [plan], 3);
    expect([records!.get('Heap/LOCK'), heap!.updates]).toEqual([3, 3]);
    const list = byKey('(items.id = ANY ((InitPlan 1).col1))', found);
    const all = { ...list, 'Index Cond': '(items.id = ANY ((InitPlan 1).col1))' };
    const three = { ...all, Plans: [{ ...initial, 'Plan Rows': 3 }] };
    const many = { ...modify('Update', three), Alias: 'items_1' };
    const array = `UPDATE items SET state = 1 WHERE id = ANY (ARRAY(SELECT 1 LIMIT 3 ${words}));`;
    expect(play(array, [many]).heap!.updates).toBe(3);
  });
});

describe('WITH RECURSIVE', () => {
  const first = byKey('(items.id = 5)', {
    ...{ Output: ['items.id', '0'], 'Parent Relationship': 'Outer' },
  });
  const work = (filter: object) =>
    node('WorkTable Scan', {
      ...{ Alias: 'r_1', 'CTE Name': 'r', Output: ['r_1.id', 'r_1.depth'] },
      ...filter,
    });
  const next = (filter: object) =>
    loop(work(filter), byKey('(x.id = (r_1.id + 1))', { Alias: 'x' }), {
      ...{ Output: ['x.id', '(r_1.depth + 1)'], 'Parent Relationship': 'Inner' },
    });
  const plan = (rows: number, filter: object = {}) => {
    const union = node('Recursive Union', {
      ...{ 'Parent Relationship': 'InitPlan', 'Subplan Name': 'CTE r', 'Plan Rows': rows },
      Plans: [first, next(filter)],
    });
    const read = { Alias: 'r', 'CTE Name': 'r', Output: ['r.id', 'r.depth'], Plans: [union] };
    return node('CTE Scan', read);
  };
  const sql = 'WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM r;';
  /** A descent of three levels and a row. */
  const LOOKUP = 4;

  test('looks up what the round before has found, as long as its filter says', () => {
    const { accesses } = play(sql, [plan(1000, { Filter: '(r_1.depth < 4)' })]);
    expect(accesses).toBe(5 * LOOKUP);
  });

  test('ends where nothing comes, at what the planner expects, or behind ten rounds', () => {
    expect(play(sql, [plan(1000)]).accesses).toBe(11 * LOOKUP);
    // the row that is too many has been looked up
    expect(play(sql, [plan(3)]).accesses).toBe(4 * LOOKUP);
  });

  test('of UNION leaves out what was there before', () => {
    const same = plan(1000);
    const [union] = same.Plans!;
    const again = { ...union!.Plans![1]!, Output: ['r_1.id', 'r_1.depth'] };
    const cycle = { ...same, Plans: [{ ...union!, Plans: [union!.Plans![0]!, again] }] };
    expect(play(sql.replace(' ALL', ''), [cycle]).accesses).toBe(2 * LOOKUP);
  });
});

describe('COPY', () => {
  test.each([
    ['COPY items FROM STDIN ROWS 250;', 250],
    ['\\set n 2 * 30\nCOPY items (id, key) FROM STDIN WITH (FORMAT csv) ROWS :n;', 60],
    ['BEGIN;\nCOPY items FROM STDIN ROWS 250;\nROLLBACK;', 0],
  ])('%s', (script, rows) => {
    const { heap } = play(script, []);
    expect(heap!.live).toBe(ROWS + rows);
  });

  test.each([
    ['COPY items FROM STDIN;', 'ROWS and how many there are is expected here'],
    ["COPY items FROM '/tmp/x' ROWS 5;", 'FROM STDIN is expected here'],
    ['COPY others FROM STDIN ROWS 5;', 'is no table of the schema'],
  ])('%s is refused at its place', (script, why) => {
    expect(play(script, []).problems[0]).toMatch(/^s:1:/);
    expect(play(script, []).problems[0]).toContain(why);
  });
});
