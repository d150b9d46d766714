import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../../src/cli/plans/ask.ts';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import { Random } from '../../../src/kernel/index.ts';
import type { Statement } from '../../../src/postgres/statement.ts';
import { renderPlan } from '../../../src/report/plan.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import { nodesOf } from '../../../src/workload/planner/plan.ts';
import { PLAN_FORMAT, type PlanAnswer } from '../../../src/workload/planner/request.ts';
import { compileScripts } from '../../../src/workload/planner/scripts.ts';
import { fillIn, type Template } from '../../../src/workload/sql/template.ts';

let server: PlanningServer;
beforeAll(async () => {
  server = await startPglite();
}, 120_000);
afterAll(async () => {
  await server.close();
});

const columns = '(customer int NOT NULL, day int NOT NULL, PRIMARY KEY (customer, day))';
const parts = (count: number, bound: (i: number) => string) =>
  Array.from(
    { length: count },
    (_, i) => `CREATE TABLE orders_${i} PARTITION OF orders FOR VALUES ${bound(i)};`,
  ).join('\n');
const HASH = `CREATE TABLE orders ${columns} PARTITION BY HASH (customer);
${parts(16, (i) => `WITH (MODULUS 16, REMAINDER ${i})`)}`;
const RANGE = `CREATE TABLE orders ${columns} PARTITION BY RANGE (day);
${parts(12, (i) => `FROM (${i * 30}) TO (${i * 30 + 30})`)}`;
const LIST = `CREATE TABLE orders ${columns} PARTITION BY LIST (day);
${parts(6, (i) => `IN (${i}, ${i + 10})`)}`;

const VALUES = [0, 1, 7, 10, 29, 30, 31, 59, 60, 123, 240, 330, 359, 360, 1000, -1, 15, 5];

/** The statement planned by Postgres for each value, and compiled for the first of them. */
async function planned(schema: string, sql: string, settings: [string, string][] = []) {
  const samples = VALUES.map((value) => [String(value)]);
  const answer = await ask(server, {
    format: PLAN_FORMAT,
    schema,
    partitions: [],
    facts: { orders: { rows: 120_000, columns: { customer: { ...NO_FACTS, distinct: 10_000 } } } },
    version: 15,
    settings: [['max_parallel_workers_per_gather', '0'], ...settings],
    statements: [{ sql: sql.replaceAll(':v', '$1'), types: [], samples }],
  });
  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  return answer.answer;
}

function templateOf(answer: PlanAnswer, sql: string, mode: string, prunes = true): Template {
  const scripts = [{ name: 'x', text: `\\set v random(1, 2)\n${sql};` }];
  const settings = { mode, cpuOperatorCost: 0.0025, prunes };
  const parsed = compileScripts(scripts, 1, answer, 15, settings).get('x')!;
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const command = parsed.program.commands.find(({ kind }) => kind === 'statement')!;
  if (command.kind !== 'statement') throw new Error('no statement');
  return command.template;
}

/** The partitions that a statement is about, by their numbers. */
function partitionsOf({ details, relation }: Statement): number[] {
  const list = details?.rows === 'parts' ? details.parts.map((part) => part.relation) : [relation];
  return list.map((each) => Number(each!.name.replace('orders_', ''))).sort((a, b) => a - b);
}

const statementFor = (template: Template, value: number, prepared: boolean) =>
  fillIn(
    template,
    { random: new Random('x'), variables: [BigInt(value), BigInt(value)] },
    prepared,
  )!;

describe('partitions are pruned by values as Postgres prunes them', () => {
  test.each([
    ['hash, =', HASH, 'SELECT * FROM orders WHERE customer = :v'],
    ['range, =', RANGE, 'SELECT * FROM orders WHERE day = :v AND customer = 5'],
    ['range, from and up to', RANGE, 'SELECT * FROM orders WHERE day >= :v AND day < :v + 40'],
    ['range, beyond', RANGE, 'SELECT * FROM orders WHERE day > :v'],
    ['range, up to', RANGE, 'SELECT * FROM orders WHERE day <= :v'],
    ['list, =', LIST, 'SELECT * FROM orders WHERE day = :v AND customer = 5'],
    ['UPDATE', HASH, 'UPDATE orders SET day = day + 1 WHERE customer = :v'],
    ['DELETE', RANGE, 'DELETE FROM orders WHERE day = :v AND customer = 5'],
  ])('%s', async (_, schema, sql) => {
    const answer = await planned(schema, sql);
    const template = templateOf(answer, sql, 'force_custom_plan');
    for (const [i, value] of VALUES.entries()) {
      const scanned = nodesOf(answer.statements[0]!.custom[i]!).flatMap((node) => {
        const name = node['Relation Name'];
        const isScan = node['Node Type'] !== 'ModifyTable' && name !== undefined;
        return isScan ? [Number(name.replace('orders_', ''))] : [];
      });
      const found = partitionsOf(statementFor(template, value, false));
      expect([value, found]).toEqual([value, [...new Set(scanned)].sort((a, b) => a - b)]);
    }
  });

  test('locks: of the plan for a value its partition’s, of the kept one all', async () => {
    const sql = 'SELECT * FROM orders WHERE customer = :v';
    const answer = await planned(HASH, sql);
    const template = templateOf(answer, sql, 'force_generic_plan');
    expect(renderPlan(answer.statements[0]!.generic)).toContain('Subplans Removed: 15');
    const locks = VALUES.map((value) => {
      const { simple } = statementFor(template, value, false).details!.opens!;
      const { prepared } = statementFor(template, value, true).details!.opens!;
      return [simple.locks.length, prepared.locks.length];
    });
    // the table, the partition and its index; the table, 16 partitions and the index that is read
    expect(locks).toEqual(VALUES.map(() => [3, 18]));
    const partitions = VALUES.map((value) => partitionsOf(statementFor(template, value, true)));
    expect(new Set(partitions.flat()).size).toBeGreaterThan(8);
  });

  test('with enable_partition_pruning off all are read, as in version 10', async () => {
    const sql = 'SELECT * FROM orders WHERE customer = :v';
    const answer = await planned(HASH, sql, [['enable_partition_pruning', 'off']]);
    const template = templateOf(answer, sql, 'force_generic_plan', false);
    expect(partitionsOf(statementFor(template, 7, true))).toHaveLength(16);
  });
});
