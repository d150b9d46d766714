import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import type { Statement } from '../../../src/postgres/statement.ts';
import type { CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import { hashRemainder } from '../../../src/workload/planner/hash-partition.ts';
import type { PlanNode } from '../../../src/workload/planner/plan.ts';
import { compileScripts } from '../../../src/workload/planner/scripts.ts';
import { sqlScript } from '../../../src/workload/sql/script.ts';
import { answer, bigint, column, index, node, table } from './fixtures.ts';

/** One table `t (k, c)` with these bounds and an index on `c` in each partition. */
function tables(partitionKey: string, bounds: readonly string[], type = 'integer') {
  const columns = [column('k', { ...bigint, type }), column('c')];
  const root: CatalogTable = { ...table('t', columns, []), kind: 'p', partitionKey };
  const leaves = bounds.map((bound, i) => ({
    ...table(`t_${i}`, columns, [index(`t_${i}_c_idx`, [2], columns)]),
    parent: { schema: 'public', name: 't' },
    bound,
  }));
  return { tables: [root, ...leaves] };
}

const scan = (filter: string) =>
  node('Index Scan', {
    'Relation Name': 't_1',
    Schema: 'public',
    Alias: 't',
    'Index Name': 't_1_c_idx',
    'Index Cond': '(t.c = $2)',
    Filter: filter,
  });

interface Given {
  readonly catalog: ReturnType<typeof tables>;
  readonly generic: PlanNode;
  readonly custom?: PlanNode;
  readonly mode?: string;
  readonly set?: string;
  readonly where: string;
}

/** Executions of a statement with `:k` drawn anew for each. */
function executions({ catalog, generic, custom, mode = 'force_custom_plan', set, where }: Given) {
  const facts = { t: { rows: 4_000, columns: { c: { ...NO_FACTS, distinct: 100 } } } };
  const given = { ...answer([{ generic, custom: [custom ?? generic] }]), catalog, facts };
  const drawn = set ?? '\\set k random(0, 399)';
  const text = `${drawn}\n\\set c random(1, 100)\nSELECT * FROM t WHERE ${where} AND c = :c;`;
  const settings = { mode, cpuOperatorCost: 0.0025 };
  const parsed = compileScripts([{ name: 'x', text }], 1, given, 15, settings).get('x')!;
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { program } = parsed;
  const isPrepared = mode === 'force_generic_plan';
  const variables = [...program.variables];
  const client = { number: 1, random: new Random('x'), prepared: isPrepared };
  const execution = sqlScript('x', 0, program).execution(client);
  expect(variables.length).toBeGreaterThan(0);
  return Array.from({ length: 300 }, () => {
    execution.start();
    return execution.next() as Statement;
  });
}

/** The partitions that an execution looks into, by their numbers. */
function partsOf({ relation, details }: Statement): number[] {
  if (details!.rows !== 'parts') return [relation!.index];
  return details!.parts.map((part) => part.relation!.index);
}

const HUNDREDS = [0, 1, 2, 3].map((i) => `FOR VALUES FROM (${i * 100}) TO (${i * 100 + 100})`);
/** The same draws once more. */
const DRAWN = () => {
  const random = new Random('x');
  return Array.from({ length: 300 }, () => {
    const k = random.integer(0, 399);
    random.integer(1, 100);
    return k;
  });
};

describe('which partitions a value reaches', () => {
  test('ranges of numbers: the one that has it, with its own index and locks', () => {
    const catalog = tables('RANGE (k)', HUNDREDS);
    const all = executions({ catalog, generic: scan('(t.k = $1)'), where: 'k = :k' });
    const keys = DRAWN();
    all.forEach((each, i) => {
      expect(partsOf(each)).toEqual([Math.floor(keys[i]! / 100)]);
      const { locks, planned } = each.details!.opens!.simple;
      // t, t_i and its index, whose ids stand behind those of the five tables
      expect(locks).toEqual([4, Math.floor(keys[i]! / 100), 5 + Math.floor(keys[i]! / 100)]);
      expect(planned!.partitions).toBe(1);
    });
    expect(new Set(all.flatMap(partsOf)).size).toBe(4);
  });

  test('from one value to another: all that lie between', () => {
    const catalog = tables('RANGE (k)', HUNDREDS);
    const generic = scan('((t.k >= $1) AND (t.k < ($1 + 100)))');
    const all = executions({ catalog, generic, where: 'k >= :k AND k < :k + 100' });
    const keys = DRAWN();
    all.forEach((each, i) => {
      const first = Math.floor(keys[i]! / 100);
      const last = Math.min(3, Math.floor((keys[i]! + 99) / 100));
      expect(partsOf(each)).toEqual(first === last ? [first] : [first, last]);
    });
  });

  test('no partition has it: none is looked into, and the default one if there is one', () => {
    const far = { generic: scan('(t.k = $1)'), where: 'k = :k', set: '\\set k random(500, 600)' };
    const without = executions({ catalog: tables('RANGE (k)', HUNDREDS), ...far });
    expect(new Set(without.flatMap(partsOf)).size).toBe(0);
    expect(without[0]!.details!.opens!.simple.locks).toHaveLength(1);
    const catalog = tables('RANGE (k)', [...HUNDREDS, 'DEFAULT']);
    expect(new Set(executions({ catalog, ...far }).flatMap(partsOf))).toEqual(new Set([4]));
  });

  test('hashes by Postgres’s own function, lists by their values', () => {
    const hashes = [0, 1, 2, 3].map((i) => `FOR VALUES WITH (modulus 4, remainder ${i})`);
    const generic = scan('(t.k = $1)');
    const keys = DRAWN();
    const hashed = executions({ catalog: tables('HASH (k)', hashes), generic, where: 'k = :k' });
    hashed.forEach((each, i) => {
      expect(partsOf(each)).toEqual([hashRemainder(BigInt(keys[i]!), 4)]);
    });
    const lists = ['FOR VALUES IN (1, 2)', 'FOR VALUES IN (3)', 'DEFAULT'];
    const set = '\\set k random(1, 5)';
    const listed = executions({
      ...{ catalog: tables('LIST (k)', lists), generic, where: 'k = :k', set },
    });
    expect(new Set(listed.flatMap(partsOf))).toEqual(new Set([0, 1, 2]));
  });

  const days = '($1)::double precision';
  const noon = `'2023-12-31 12:00:00+00'::timestamp with time zone`;
  test.each([
    [`('2024-01-01 00:00:00'::timestamp without time zone + (${days} * '1 day'::interval))`],
    [`('2024-01-01'::date + $1)`],
    [`((${noon} + ('24:00:00'::interval * ${days})) + '12:00:00'::interval)`],
  ])('moments: k = %s', (text) => {
    const months = ['2024-01-01', '2024-02-01', '2024-03-01', '2024-04-01', '2025-04-01'];
    const bounds = [0, 1, 2, 3].map(
      (i) => `FOR VALUES FROM ('${months[i]} 00:00:00+00') TO ('${months[i + 1]} 00:00:00+00')`,
    );
    const catalog = tables('RANGE (k)', bounds, 'timestamp with time zone');
    const all = executions({ catalog, generic: scan(`(t.k = ${text})`), where: 'k = :k' });
    const ends = [31, 31 + 29, 31 + 29 + 31, 400];
    DRAWN().forEach((day, i) => {
      expect(partsOf(all[i]!)).toEqual([ends.findIndex((end) => day < end)]);
    });
  });

  test('a kept plan locks all partitions and executes one', () => {
    const generic = { ...node('Append', { Plans: [scan('(t.k = $1)')] }), 'Subplans Removed': 3 };
    const catalog = tables('RANGE (k)', HUNDREDS);
    const mode = 'force_generic_plan';
    const all = executions({ catalog, generic, mode, where: 'k = :k' });
    const keys = DRAWN();
    all.forEach((each, i) => {
      const own = Math.floor(keys[i]! / 100);
      expect(partsOf(each)).toEqual([own]);
      const { locks, planned } = each.details!.opens!.prepared;
      expect([...locks].sort()).toEqual([0, 1, 2, 3, 4, 6]); // and the index of the plan's own
      expect(planned).toBeNull();
    });
  });

  test('a condition that cannot be followed: the plan’s own partitions stand for all', () => {
    const generic = scan('(t.k = some_function($1))');
    const catalog = tables('RANGE (k)', HUNDREDS);
    const all = executions({ catalog, generic, where: 'k = some_function(:k)' });
    expect(new Set(all.flatMap(partsOf))).toEqual(new Set([1]));
  });
});
