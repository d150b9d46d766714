import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import type { Statement } from '../../../src/postgres/statement.ts';
import type { CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import {
  factsFor,
  keyColumnOf,
  rangeOf,
  rowsBefore,
  wholeFacts,
} from '../../../src/workload/planner/partitions.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { compileScripts } from '../../../src/workload/planner/scripts.ts';
import { tableDefinitions } from '../../../src/workload/planner/tables.ts';
import { sqlScript } from '../../../src/workload/sql/script.ts';
import { answer, bigint, column, index, node, table } from './fixtures.ts';

const MONTHS = ['2024-01-01', '2024-02-01', '2024-03-01', '2024-04-01'];
const columns = (created: string | null) => [
  column('id', { ...bigint, isIdentity: true }),
  column('owner'),
  column('created', { type: 'date', default: created }),
];

/** Three months of 1,000 rows, of 100 owners. */
function months(created: string | null, key = 'RANGE (created)') {
  const own = columns(created);
  const root: CatalogTable = { ...table('logs', own, []), kind: 'p', partitionKey: key };
  const leaves = [0, 1, 2].map((month) => ({
    ...table(`logs_${month}`, own, [
      index(`logs_${month}_pkey`, [1, 3], own, { unique: true, primary: true }),
      index(`logs_${month}_owner`, [2], own),
    ]),
    parent: { schema: 'public', name: 'logs' },
    bound: `FOR VALUES FROM ('${MONTHS[month]}') TO ('${MONTHS[month + 1]}')`,
  }));
  return { tables: [root, ...leaves] };
}

const FACTS = { logs: { rows: 3_000, columns: { owner: { ...NO_FACTS, distinct: 100 } } } };

describe('what is in a partition', () => {
  const catalog = months('now()');
  const [root, first, second, third] = catalog.tables;

  test('an even share of the rows, and the part of the key that its bounds allow', () => {
    for (const leaf of [first!, second!, third!]) {
      expect(factsFor(catalog, FACTS, leaf)).toEqual({
        rows: 1_000,
        columns: {
          owner: { ...NO_FACTS, distinct: 100 },
          created: { ...NO_FACTS, histogram: rangeOf(leaf) },
        },
      });
    }
    expect(wholeFacts(catalog, FACTS, root!).columns['created']!.histogram).toEqual(MONTHS);
    const before = rowsBefore(catalog, FACTS);
    expect([first, second, third].map((leaf) => before.get(leaf!))).toEqual([0, 1_000, 2_000]);
  });

  test.each([
    ['RANGE (created)', 'created'],
    ['LIST ("Region")', 'Region'],
    ['HASH (id)', 'id'],
    ['RANGE (a, b)', null],
    ['RANGE (date_trunc(m, created))', null],
  ])('the key of %s is %s', (partitionKey, expected) => {
    expect(keyColumnOf({ ...root!, partitionKey })).toBe(expected);
  });

  test.each([
    ["FOR VALUES FROM ('a') TO ('b')", ['a', 'b']],
    ['FOR VALUES FROM (1) TO (100)', ['1', '100']],
    ["FOR VALUES FROM (MINVALUE) TO ('b')", null],
    ["FOR VALUES IN ('a', 'b')", null],
    ['FOR VALUES WITH (modulus 4, remainder 0)', null],
    ['DEFAULT', null],
  ])('%s is from and to %j', (bound, expected) => {
    expect(rangeOf({ ...first!, bound })).toEqual(expected);
  });

  test('the newest is used most, where time decides; else all alike', () => {
    const heat = (key: string) =>
      tableDefinitions(months('now()', key), FACTS, { version: 18, isLogical: false }).map(
        (each) => each.heat,
      );
    expect(heat('RANGE (created)')).toEqual([1 / 3, 1 / 2, 1]);
    expect(heat('HASH (id)')).toEqual([1, 1, 1]);
  });
});

describe('statements on partitions', () => {
  function steps(sql: string, plans: PlanNode[], catalog = months('now()'), runs = 1) {
    const [generic, custom] = plans;
    const both = { ...answer([{ generic: generic!, custom: [custom ?? generic!] }]), catalog };
    const scripts = [{ name: 'x', text: `\\set i random(1, 3000)\n${sql};` }];
    const settings = { mode: 'auto', cpuOperatorCost: 0.0025 };
    const parsed = compileScripts(scripts, 1, { ...both, facts: FACTS }, 18, settings).get('x')!;
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const client = { number: 1, random: new Random('x'), prepared: false };
    const execution = sqlScript('x', 0, parsed.program).execution(client);
    return Array.from({ length: runs }, () => {
      execution.start();
      return execution.next() as Statement;
    });
  }
  const scan = (month: number, condition: string, of = 'pkey') =>
    node('Index Scan', {
      'Relation Name': `logs_${month}`,
      Schema: 'public',
      Alias: `logs_${month}`,
      'Index Name': `logs_${month}_${of}`,
      'Index Cond': condition,
    });
  const append = (value: string, of = 'pkey', name = 'id') =>
    node('Append', { Plans: [0, 1, 2].map((month) => scan(month, `(${name} = ${value})`, of)) });

  test('values drawn later reach every partition’s scan', () => {
    const plans = [append('(($1 % 100) + 1)', 'owner', 'owner'), append('7', 'owner', 'owner')];
    const all = steps('SELECT * FROM logs WHERE owner = :i % 100 + 1', plans, months('now()'), 50);
    const reached = all.map(({ details }) => details!.parts.map((part) => part.details!.access));
    for (const parts of reached) {
      expect(parts.map((access) => access!.entries)).toEqual([10, 10, 10]);
      expect(new Set(parts.map((access) => access!.from)).size).toBe(1);
    }
    expect(new Set(reached.map((parts) => parts[0]!.from)).size).toBeGreaterThan(20);
  });

  test('a key that ascends through all partitions is in one of them', () => {
    const all = steps('SELECT * FROM logs WHERE id = :i', [append('$1')], months('now()'), 200);
    for (const { details } of all) {
      const inside = details!.parts.filter((part) => {
        const { key, details: own } = part;
        return own!.rows === 'entries' ? own!.access!.entries > 0 : key >= 1 && key <= 1_000;
      });
      expect(inside).toHaveLength(1);
    }
  });

  test('an UPDATE without the key changes each partition’s rows', () => {
    const plan = node('ModifyTable', {
      Operation: 'Update',
      'Relation Name': 'logs',
      Schema: 'public',
      Plans: [append('$1', 'owner', 'owner')],
    });
    const [step] = steps('UPDATE logs SET owner = 1 WHERE owner = :i', [plan]);
    expect(step!.details!.parts.map(({ verb }) => verb)).toEqual(['update', 'update', 'update']);
    expect(step!.details!.parts.map(({ relation }) => relation!.index)).toEqual([0, 1, 2]);
    expect(step!.details!.parts[1]!.details!.changedIndexes).toEqual([1]);
  });

  const insert = node('ModifyTable', {
    Operation: 'Insert',
    'Relation Name': 'logs',
    Schema: 'public',
    Plans: [node('Result')],
  });

  test('new rows go to the newest partition where time decides', () => {
    const [step] = steps('INSERT INTO logs', [insert]);
    const { how, partitions } = step!.details!.routing!;
    expect([how, partitions.map(({ relation }) => relation.index)]).toEqual(['newest', [0, 1, 2]]);
  });

  test('and to any of them alike where it does not', () => {
    const all = steps('INSERT INTO logs', [insert], months(null, 'HASH (owner)'), 3_000);
    const given = all.map(({ details }) => details!.routing!.given![0]!.index);
    const counts = [0, 1, 2].map((i) => given.filter((each) => each === i).length);
    // binomial with p = 1/3: a standard deviation of sqrt(3000 * 2/9) = 26
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(4 * 26);
  });
});
