import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { FOR_NO_KEY_UPDATE, FOR_UPDATE } from '../../../src/postgres/locking/lock-modes.ts';
import type { Statement } from '../../../src/postgres/statement.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { keptPlan } from '../../../src/workload/planner/plan-cache.ts';
import { readScript } from '../../../src/workload/planner/reader.ts';
import type { StatementPlans } from '../../../src/workload/planner/request.ts';
import { statementRequests } from '../../../src/workload/planner/samples.ts';
import { compileScripts } from '../../../src/workload/planner/scripts.ts';
import { sqlScript } from '../../../src/workload/sql/script.ts';
import { answer, node, onItems } from './fixtures.ts';

const AUTO = { mode: 'auto', cpuOperatorCost: 0.0025 };
const byKey = (condition: string) =>
  node('Index Scan', { ...onItems, 'Index Name': 'items_pkey', 'Index Cond': condition });
const modify = (Operation: string, ...Plans: PlanNode[]) =>
  node('ModifyTable', { ...onItems, Operation, Plans });

function compile(sql: string, plans: StatementPlans) {
  const scripts = [{ name: 'x', text: `\\set i 42\n${sql};` }];
  const both = { generic: plans.generic, custom: [...plans.custom] };
  return compileScripts(scripts, 1, answer([both]), 18, AUTO).get('x')!;
}

function firstStep(sql: string, plans: StatementPlans, prepared = false): Statement {
  const parsed = compile(sql, plans);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const client = { number: 1, random: new Random('x'), prepared };
  const execution = sqlScript('x', 0, parsed.program).execution(client);
  execution.start();
  return execution.next() as Statement;
}

const same = (generic: PlanNode, custom = generic): StatementPlans => ({
  generic,
  custom: [custom],
});

describe('plans become statements', () => {
  test('an index scan of a unique key: the row, by that index', () => {
    const plans = same(byKey('(items.id = $1)'), byKey('(items.id = 42)'));
    const step = firstStep('SELECT * FROM items WHERE id = :i', plans);
    expect(step).toMatchObject({ verb: 'select', key: 42, details: { rows: null, rowLock: null } });
    expect(step.details!.access).toMatchObject({ index: 0, scan: 'index' });
  });

  test('a custom plan of another shape still knows its parameters', () => {
    const generic = node('Seq Scan', { ...onItems, Filter: '(items.owner = $1)' });
    const custom = node('Index Scan', {
      ...onItems,
      'Index Name': 'items_owner_idx',
      'Index Cond': '(items.owner = 99999)',
    });
    const plans = same(generic, custom);
    const step = firstStep('SELECT * FROM items WHERE owner = :i', plans);
    expect(step.details!.access).toMatchObject({ index: 2, from: 41 * 50, entries: 50 });
    expect(firstStep('SELECT * FROM items WHERE owner = :i', plans, true).details!.rows).toBe(
      'all',
    );
  });

  test('LIMIT cuts entries off, FOR UPDATE locks', () => {
    const scan = node('Index Scan', {
      ...onItems,
      'Index Name': 'items_owner_idx',
      'Index Cond': '(items.owner = $1)',
    });
    const limited = node('Limit', { 'Plan Rows': 5, Plans: [node('LockRows', { Plans: [scan] })] });
    const sql = 'SELECT * FROM items WHERE owner = :i LIMIT 5 FOR NO KEY UPDATE';
    const step = firstStep(sql, same(limited));
    expect(step.details).toMatchObject({ rows: 'entries', rowLock: FOR_NO_KEY_UPDATE });
    expect(step.details!.access!.entries).toBe(5);
    const whole = firstStep(
      'SELECT 1 FROM items WHERE owner = :i FOR UPDATE',
      same(limited.Plans![0]!),
    );
    expect(whole.details).toMatchObject({ rowLock: FOR_UPDATE, lockedRows: 'wait' });
    const skipping = 'SELECT 1 FROM items WHERE owner = :i FOR UPDATE SKIP LOCKED';
    const { details } = firstStep(skipping, same(limited.Plans![0]!));
    expect(details).toMatchObject({ rowLock: FOR_UPDATE, lockedRows: 'skip' });
  });

  test.each([
    ['UPDATE items SET state = 1 WHERE id = :i', []],
    ['UPDATE items SET owner = 1 WHERE id = :i', [2]],
    ['UPDATE items SET (key, state) = (md5(id::text)::uuid, 2), owner = 3 WHERE id = :i', [1, 2]],
    ['UPDATE items AS x SET state = (SELECT 1), "owner" = x.owner WHERE id = :i', [2]],
  ])('%s changes indexes %j', (sql, indexes) => {
    const plans = same(modify('Update', byKey('(items.id = $1)')));
    const step = firstStep(sql, plans);
    expect(step).toMatchObject({ verb: 'update', key: 42, details: { changedIndexes: indexes } });
    expect(step.commit).not.toBeNull();
  });

  test('bytes that change are from the first to the last column that is set', () => {
    const plans = same(modify('Update', byKey('(items.id = $1)')));
    const bytes = (columns: string) =>
      firstStep(`UPDATE items SET ${columns} WHERE id = :i`, plans).details!.changedBytes;
    // id 0..8, key 8..24, owner 24..28, state 28..32
    expect([bytes('state = 1'), bytes('owner = 1, state = 2'), bytes('id = 1, state = 2')]).toEqual(
      [4, 8, 32],
    );
  });

  test.each([
    ["(items.id = ANY ('{7,9,7}'::bigint[]))", [6, 8]],
    ['(items.id = ANY (ARRAY[$1, ($1 + 1), $1]))', [41, 42]],
  ])('a list of keys is one entry for each key, equal ones once: %s', (condition, from) => {
    const plans = same(modify('Update', byKey(condition)));
    const { access, rows } = firstStep('UPDATE items SET state = :i', plans).details!;
    expect(rows).toBe('entries');
    const all = [access!, ...access!.further!];
    expect(all.map((each) => each.from)).toEqual(from);
    expect(all.every(({ entries }) => entries === 1)).toBe(true);
  });

  test.each([
    ['NOTHING', '$1', 42, { onConflict: 'nothing', isKeyGiven: true, changedIndexes: [] }],
    ['UPDATE', '($1 + 1)', 43, { onConflict: 'update', changedIndexes: [2], changedBytes: 4 }],
    ['UPDATE', "nextval('items_id_seq'::regclass)", 0, { onConflict: 'update' }],
  ])('ON CONFLICT DO %s meets the row of %s', (resolution, value, key, details) => {
    const source = node('Result', { Output: [value, 'gen_random_uuid()', '5', '6'] });
    const plan = {
      ...modify('Insert', source),
      'Conflict Resolution': resolution,
      'Conflict Arbiter Indexes': ['items_pkey'],
    };
    const sql = 'INSERT INTO items VALUES (:i) ON CONFLICT (id) DO UPDATE SET owner = 5';
    const step = firstStep(sql, same(plan));
    expect(step).toMatchObject({ verb: 'insert', key, details });
  });

  test('INSERT of one row and of several', () => {
    const one = firstStep('INSERT INTO items', same(modify('Insert', node('Result'))));
    expect(one).toMatchObject({ verb: 'insert', key: 0, details: null });
    const values = node('Values Scan', { 'Plan Rows': 3 });
    const three = firstStep('INSERT INTO items', same(modify('Insert', values)));
    expect(three.details!.rows).toEqual({ kind: 'list', list: [0, 0, 0] });
  });

  test.each([
    ['Sample Scan on items', node('Sample Scan', onItems)],
    ['Foreign Scan', node('Foreign Scan', { Plans: [node('Seq Scan', onItems)] })],
    ['an array of keys that is a parameter', byKey('(items.id = ANY ($1))')],
  ])('%s is refused at the statement', (name, plan) => {
    const parsed = compile('SELECT 1', same(plan));
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    const [problem] = parsed.problems;
    expect(problem).toMatchObject({ offset: '\\set i 42\n'.length, token: 'SELECT' });
    expect(problem!.why).toMatch(new RegExp(`^${name} is not built yet; .*ModifyTable`));
  });
});

/** plancache.c:choose_custom_plan: generic if it costs less than custom plans with planning. */
describe('a prepared statement keeps', () => {
  const plan = (cost: number, name: string) =>
    node('Index Scan', { ...onItems, 'Total Cost': cost, 'Index Name': name });
  const kept = (generic: number, custom: number[], mode = 'auto', hasParameters = true) => {
    const plans = {
      generic: plan(generic, 'generic'),
      custom: custom.map((c) => plan(c, 'custom')),
    };
    return keptPlan(plans, hasParameters, { ...AUTO, mode })['Index Name'];
  };
  test.each([
    // planning counts 1000 * 0.0025 * (1 relation + 1) = 5
    ['generic', 104.9, [100], 'auto', true],
    ['custom', 105.1, [100], 'auto', true],
    ['generic', 109.9, [100, 110], 'auto', true],
    ['custom', 1, [100], 'force_custom_plan', true],
    ['generic', 900, [100], 'force_generic_plan', true],
    ['generic', 900, [100], 'auto', false],
  ])('the %s plan: %d against %j, %s', (expected, generic, custom, mode, hasParameters) => {
    expect(kept(generic, custom, mode, hasParameters)).toBe(expected);
  });
});

describe('values for custom plans', () => {
  const requests = (text: string) => {
    const { parsed, statements } = readScript(text, 1);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return statementRequests(parsed.program, statements, 'x');
  };

  test('are what the script draws, the same each time, with the types of literals', () => {
    const text = '\\set i random(1, 100)\n\\set f 0.5\n\\set l 3000000000\nSELECT :i, :f, :l, :i;';
    const [only] = requests(text);
    expect(only!.types).toEqual(['integer', 'numeric', 'bigint']);
    expect(only!.samples).toHaveLength(3);
    for (const [i, f, l] of only!.samples) {
      expect(Number(i)).toBeGreaterThanOrEqual(1);
      expect(Number(i)).toBeLessThanOrEqual(100);
      expect([f, l]).toEqual(['0.5', '3000000000']);
    }
    expect(requests(text)).toEqual([only]);
  });

  test('are found behind an \\if, and none where it is never true', () => {
    const text =
      '\\set i random(1, 2)\n\\if :i = 2\nSELECT :i;\n\\else\nSELECT 0;\n\\endif\n' +
      '\\if :i = 3\nSELECT :i;\n\\endif\n';
    const [rare, , never] = requests(text);
    expect(rare!.samples).toEqual([['2'], ['2'], ['2']]);
    expect(never!.samples).toEqual([]);
  });
});
