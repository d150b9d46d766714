import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../../src/cli/plans/ask.ts';
import { PLANNER } from '../../../src/cli/plans/cache.ts';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import { Table } from '../../../src/postgres/heap/relation.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import { nodesOf, type PlanNode } from '../../../src/workload/planner/plan.ts';
import {
  errorText,
  PLAN_FORMAT,
  type Planned,
  type PlanRequest,
  type StatementRequest,
} from '../../../src/workload/planner/request.ts';
import { tableDefinitions } from '../../../src/workload/planner/tables.ts';

let server: PlanningServer;
beforeAll(async () => {
  server = await startPglite();
}, 120_000);
afterAll(async () => {
  await server.close();
});

const SCHEMA = `CREATE TABLE items (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key uuid NOT NULL DEFAULT gen_random_uuid(),
  owner int NOT NULL,
  state int NOT NULL,
  filler char(60) NOT NULL
);
CREATE UNIQUE INDEX ON items (key);
CREATE INDEX ON items (owner);
`;
const FACTS = {
  items: {
    rows: 1_000_000,
    columns: {
      owner: { ...NO_FACTS, distinct: 20_000 },
      state: { ...NO_FACTS, distinct: 10 },
    },
  },
};

function request(statements: StatementRequest[], more: Partial<PlanRequest> = {}): PlanRequest {
  const settings = [['max_parallel_workers_per_gather', '0']] as const;
  const base = {
    format: PLAN_FORMAT,
    schema: SCHEMA,
    partitions: [],
    facts: FACTS,
    version: 18,
    settings,
  };
  return { ...base, statements, ...more };
}

const statement = (sql: string, ...samples: string[][]): StatementRequest => ({
  sql,
  types: (samples[0] ?? []).map(() => 'integer'),
  samples: samples.length > 0 ? samples : [[]],
});

async function plans(...statements: StatementRequest[]) {
  const planned = await ask(server, request(statements));
  if (!planned.ok) throw new Error(planned.errors.map(errorText).join('\n'));
  return planned.answer.statements;
}

const errorsOf = (planned: Planned) =>
  planned.ok ? [] : planned.errors.map((error) => ({ ...error, text: errorText(error) }));

/** Kinds of nodes and the index, as EXPLAIN's text form names them. */
function outline(plan: PlanNode): string {
  return nodesOf(plan)
    .map((node) => [node['Node Type'], node['Index Name'] ?? ''].join(' ').trim())
    .join(' > ');
}

/**
 * What PostgreSQL 15.18 says of the same table with a million real rows, loaded in order, owner and
 * state drawn uniformly, REINDEXed, VACUUMed and ANALYZEd.
 */
const REAL: readonly (readonly [sql: string, given: string[], outline: string, cost: number])[] = [
  ['SELECT * FROM items WHERE id = $1', ['5000'], 'Index Scan items_pkey', 8.44],
  ['SELECT id FROM items WHERE id = $1', ['5000'], 'Index Only Scan items_pkey', 4.44],
  [
    'SELECT * FROM items WHERE owner = $1',
    ['500'],
    'Bitmap Heap Scan > Bitmap Index Scan items_owner_idx',
    200.65,
  ],
  ['SELECT owner FROM items WHERE owner = $1', ['500'], 'Index Only Scan items_owner_idx', 5.32],
  [
    'SELECT * FROM items WHERE id BETWEEN $1 AND $1 + 99',
    ['500000'],
    'Index Scan items_pkey',
    11.32,
  ],
  ['SELECT * FROM items WHERE state = $1', ['5'], 'Seq Scan', 27885],
  ['SELECT count(*) FROM items', [], 'Aggregate > Index Only Scan items_owner_idx', 20984.43],
  [
    'UPDATE items SET state = state + 1 WHERE id = $1',
    ['5'],
    'ModifyTable > Index Scan items_pkey',
    8.45,
  ],
  [
    'DELETE FROM items WHERE key = md5($1::text)::uuid',
    ['5'],
    'ModifyTable > Index Scan items_key_idx',
    8.44,
  ],
  [
    "INSERT INTO items (owner, state, filler) VALUES ($1, 1, 'x')",
    ['5'],
    'ModifyTable > Result',
    0.01,
  ],
];

describe('plans of an empty database that is told to be full', () => {
  test('are those of a real server with real rows, to 2.5 % of their cost', async () => {
    const answers = await plans(...REAL.map(([sql, given]) => statement(sql, given)));
    for (const [i, [sql, , expected, cost]] of REAL.entries()) {
      const plan = answers[i]!.custom[0]!;
      expect(outline(plan), sql).toBe(expected);
      expect(Math.abs(plan['Total Cost'] / cost - 1), sql).toBeLessThan(0.025);
    }
  });

  test('a look-up costs a descent through as many levels as the index has', async () => {
    const cost = async (rows: number) => {
      const facts = { items: { ...FACTS.items, rows } };
      const statements = [statement('SELECT id FROM items WHERE id = $1', ['5'])];
      const planned = await ask(server, request(statements, { facts }));
      if (!planned.ok) throw new Error('not planned');
      const { catalog } = planned.answer;
      const [items] = tableDefinitions(catalog, facts, { version: 18, isLogical: false });
      const { height } = new Table(items!).indexes[0]!;
      return { height, start: planned.answer.statements[0]!.custom[0]!['Startup Cost'] };
    };
    for (const rows of [10_000, 1_000_000, 100_000_000, 2_000_000_000]) {
      const { height, start } = await cost(rows);
      // selfuncs.c:btcostestimate: a comparison for each bit, and 50 operators for each page
      const expected = Math.ceil(Math.log2(rows)) * 0.0025 + (height + 1) * 50 * 0.0025;
      expect(Math.abs(start - expected), String(rows)).toBeLessThan(0.006);
    }
  });

  test('the generic plan has parameters where a custom one has values', async () => {
    const [both] = await plans(statement('SELECT * FROM items WHERE owner = $1', ['7']));
    const condition = (plan: PlanNode) => nodesOf(plan).at(-1)!['Index Cond'];
    expect(condition(both!.generic)).toBe('(items.owner = $1)');
    expect(condition(both!.custom[0]!)).toBe('(items.owner = 7)');
  });

  test('settings of the planner are the server’s', async () => {
    const statements = [statement('SELECT * FROM items WHERE id = $1', ['5'])];
    const settings = [
      ['enable_indexscan', 'off'],
      ['enable_bitmapscan', 'off'],
    ] as const;
    const planned = await ask(server, request(statements, { settings }));
    expect(planned.ok && outline(planned.answer.statements[0]!.custom[0]!)).toBe('Seq Scan');
  });

  test('nothing is left of one workload for the next', async () => {
    const first = JSON.stringify(await plans(statement('SELECT * FROM items')));
    expect(JSON.stringify(await plans(statement('SELECT * FROM items')))).toBe(first);
    const planned = await ask(server, request([], { schema: '', facts: {} }));
    expect(planned.ok && planned.answer.catalog.tables).toEqual([]);
  });

  test('who plans is who the names of kept plans say', () => {
    expect(server.version).toBe(PLANNER);
  });
});

describe('errors are Postgres’s own, where it says', () => {
  test('in the schema, at the character', async () => {
    const schema = `${SCHEMA}-- é\nCREATE TABLE x (a int,\n  PRIMARY KEY (b));\n`;
    const [error] = errorsOf(await ask(server, request([], { schema })));
    expect(error).toMatchObject({
      at: { kind: 'schema' },
      text: 'ERROR:  column "b" named in key does not exist',
      offset: schema.indexOf('PRIMARY KEY (b)'),
    });
  });

  test('in the schema, at the command where it names no character', async () => {
    const table = 'CREATE TABLE d (id int PRIMARY KEY, at date) PARTITION BY RANGE (at)';
    const [error] = errorsOf(await ask(server, request([], { schema: `${SCHEMA}\n${table};` })));
    expect(error!.offset).toBe(SCHEMA.length + 1);
    expect(error!.text).toBe(
      'ERROR:  unique constraint on partitioned table must include all partitioning columns\n' +
        'DETAIL:  PRIMARY KEY constraint on table "d" lacks column "at" which is part of the ' +
        'partition key.',
    );
  });

  test('in statements, each of them', async () => {
    const sql = 'SELECT ownr FROM items WHERE id = $1';
    const wrong = [statement(sql, ['5']), statement('SELECT 1'), statement('SELEC 1')];
    const errors = errorsOf(await ask(server, request(wrong)));
    expect(errors.map(({ at, offset }) => ({ at, offset }))).toEqual([
      { at: { kind: 'statement', index: 0 }, offset: sql.indexOf('ownr') },
      { at: { kind: 'statement', index: 2 }, offset: 0 },
    ]);
    expect(errors[0]!.text).toBe(
      'ERROR:  column "ownr" does not exist\n' +
        'HINT:  Perhaps you meant to reference the column "items.owner".',
    );
  });

  test('in statistics that do not fit the column', async () => {
    const state = { ...NO_FACTS, distinct: 2, common: [{ value: 'open', share: 0.5 }] };
    const facts = { items: { rows: 10, columns: { state } } };
    const [error] = errorsOf(await ask(server, request([], { facts })));
    expect(error!.at).toEqual({ kind: 'statistics', table: 'items', column: 'state' });
  });
});
