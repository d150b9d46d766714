import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Opens } from '../../../src/postgres/partitioning/opening.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { compileScripts } from '../../../src/workload/planner/scripts.ts';
import { answer, bigint, column, index, node, table } from './fixtures.ts';

/**
 * Held against pg_locks of PostgreSQL 15.18: twelve monthly partitions, a primary key and an index
 * on `customer`; relation locks of a transaction with one statement.
 */
const MONTHS = 12;
const COLUMNS = [column('id', bigint), column('ts'), column('customer')];

function events(months: number) {
  const root: CatalogTable = {
    ...table('ev', COLUMNS, []),
    kind: 'p',
    partitionKey: 'RANGE (ts)',
  };
  const leaves = Array.from({ length: months }, (_, i) => ({
    ...table(`ev_${i}`, COLUMNS, [
      index(`ev_${i}_pkey`, [1, 2], COLUMNS, { unique: true, primary: true }),
      index(`ev_${i}_customer_idx`, [3], COLUMNS),
    ]),
    parent: { schema: 'public', name: 'ev' },
    bound: `FOR VALUES FROM (${i * 100}) TO (${i * 100 + 100})`,
  }));
  return { tables: [root, ...leaves] };
}

const FACTS = { ev: { rows: 12_000, columns: { customer: { ...NO_FACTS, distinct: 1_000 } } } };
const scan = (month: number, value: string) =>
  node('Index Scan', {
    'Relation Name': `ev_${month}`,
    Schema: 'public',
    Alias: `ev_${month}`,
    'Index Name': `ev_${month}_customer_idx`,
    'Index Cond': `(ev_${month}.customer = ${value})`,
  });
const all = (months: number, value: string) =>
  node('Append', { Plans: Array.from({ length: months }, (_, i) => scan(i, value)) });
const modify = (Operation: string, ...Plans: PlanNode[]) =>
  node('ModifyTable', { Operation, 'Relation Name': 'ev', Schema: 'public', Plans });

function answerOf(generic: PlanNode, custom: PlanNode, months = MONTHS) {
  const statements = [{ generic, custom: [custom] }];
  return { ...answer(statements), catalog: events(months), facts: FACTS };
}

function opensOf(sql: string, generic: PlanNode, custom: PlanNode): Opens {
  const scripts = [{ name: 'x', text: `\\set c random(1, 1000)\n${sql};` }];
  const settings = { mode: 'force_generic_plan', cpuOperatorCost: 0.0025 };
  const parsed = compileScripts(scripts, 1, answerOf(generic, custom), 15, settings).get('x')!;
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const command = parsed.program.commands.find(({ kind }) => kind === 'statement')!;
  if (command.kind !== 'statement') throw new Error('no statement');
  return command.template.details!.opens!;
}

describe('relations that a plan opens', () => {
  const everywhere = 'SELECT * FROM ev WHERE customer = :c';

  test('with the key: the table, one partition and its indexes', () => {
    const { simple } = opensOf(everywhere, all(MONTHS, '$1'), scan(3, '7'));
    expect(simple.locks).toHaveLength(4);
    expect(simple.tables).toBe(2);
  });

  test('without it: every partition with every index', () => {
    const { simple } = opensOf(everywhere, all(MONTHS, '$1'), all(MONTHS, '7'));
    expect(simple.locks).toHaveLength(37);
    expect(new Set(simple.locks).size).toBe(37);
  });

  test('a kept plan locks what it prunes when it is executed, and the index it reads', () => {
    const generic = { ...node('Append', { Plans: [scan(3, '$1')] }), 'Subplans Removed': 11 };
    const { prepared } = opensOf(everywhere, generic, scan(3, '7'));
    expect(prepared.locks).toHaveLength(14);
    expect(prepared.planned).toBeNull();
  });

  test('DELETE without the key opens all, INSERT the table and where the row goes', () => {
    const plan = modify('Delete', all(MONTHS, '$1'));
    const deleted = opensOf('DELETE FROM ev WHERE customer = :c', plan, plan);
    expect(deleted.simple.locks).toHaveLength(37);
    const insert = modify('Insert', node('Result'));
    expect(opensOf('INSERT INTO ev', insert, insert).simple.locks).toHaveLength(1);
  });
});

const SLEEPER = `\\set c random(1, 1000)
BEGIN; SELECT * FROM ev WHERE customer = :c;
\\sleep 5 s
END;`;

/** One client in a transaction that has executed its statement and sleeps. */
function asleep(months: number, settings: Record<string, string | number>, count = 1) {
  const plan = all(months, '$1');
  const text = JSON.stringify({
    duration: '1s',
    network: { zones: { a: 'us-east-1' } },
    servers: { main: { zone: 'a', postgresql: { shared_buffers: '1GB', ...settings } } },
    workload: {
      schema: 'CREATE TABLE ev ()',
      transactions: {
        it: SLEEPER,
      },
      clients: { one: { zone: 'a', count, connect: 'main', run: 'it' } },
    },
  });
  const given = answerOf(plan, plan, months);
  const loaded = loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  sim.run(1 * SECOND);
  const { server } = observed.instances[0] as Instance;
  const [backend] = [...server.backends];
  return { inTable: server.locks.table.size, server, memory: backend!.memory.bytes, observed };
}

describe('what is opened', () => {
  test('16 locks go by the fast path up to version 17, the others to the shared table', () => {
    expect(asleep(MONTHS, { version: 15 }).inTable).toBe(37 - 16);
  });

  test('from 18 on there are as many slots as max_locks_per_transaction', () => {
    // groups of 16 by hash: some overflow before all 64 are taken
    expect(asleep(MONTHS, { version: 18 }).inTable).toBeLessThan(37 - 16);
    expect(asleep(MONTHS, { version: 18, max_locks_per_transaction: 1024 }).inTable).toBe(0);
  });

  test('when the table is full that is error 53200', () => {
    const settings = { version: 15, max_connections: 10, max_locks_per_transaction: 10 };
    const room = { ...settings, max_worker_processes: 0, max_wal_senders: 0 };
    // 10 * (10 connections + 3 autovacuum workers + the launcher) = 140 entries for 200 * 3 + 1
    const { observed, inTable } = asleep(200, room);
    expect(inTable).toBe(0);
    expect(observed.workload.failed.count).toBeGreaterThan(0);
    expect(observed.workload.acknowledged.count).toBe(0);
  });

  test('the backend keeps what it has read of the catalogs: 32 kB for each partition', () => {
    const few = asleep(10, { version: 15 }).memory;
    const many = asleep(110, { version: 15 }).memory;
    expect(many - few).toBeCloseTo(100 * 32_000, -4);
  });
});
