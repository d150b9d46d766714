import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { conditionsOf, operandOf } from '../../../src/workload/planner/conditions.ts';
import { reachOf } from '../../../src/workload/planner/entries.ts';
import { PlannedWorld } from '../../../src/workload/planner/world.ts';
import type { Expression } from '../../../src/workload/sql/expression.ts';
import type { Value } from '../../../src/workload/sql/values.ts';
import { answer } from './fixtures.ts';

const environment = { random: new Random('none'), variables: [] };
const given = (...values: Value[]): Expression[] =>
  values.map((value) => ({ isConstant: false, value: () => value }));

describe('conditions as EXPLAIN writes them', () => {
  test.each([
    ['(items.id = $1)', [['id', '=', '$1']]],
    ['(id = 5)', [['id', '=', '5']]],
    [
      '((items.id >= 500000) AND (items.id <= ($1 + 99)))',
      [
        ['id', '>=', '500000'],
        ['id', '<=', '($1 + 99)'],
      ],
    ],
    [
      '(("order"."Key" = 1) AND (x IS NULL))',
      [
        ['Key', '=', '1'],
        ['', '?', 'x IS NULL'],
      ],
    ],
    ['((t.name)::text = (u.name)::text)', [['name', '=', '(u.name)::text']]],
    ["(a = ANY ('{1,2}'::integer[]))", [['a', '= ANY', "('{1,2}'::integer[])"]]],
    ['((a = 1) OR (b = 2))', [['', '?', '(a = 1) OR (b = 2)']]],
    ['(lower(name) = $1)', [['', '?', 'lower(name) = $1']]],
    [undefined, []],
  ])('%s', (written, expected) => {
    const found = conditionsOf(written).map(({ column, operator, text }) => [
      column,
      operator,
      text,
    ]);
    expect(found).toEqual(expected);
  });
});

describe('the other side of a condition', () => {
  const number = (text: string, ...values: Value[]) => {
    const operand = operandOf(text, given(...values));
    return operand.kind === 'number' ? operand.expression.value(environment) : 'opaque';
  };

  test.each([
    ['$1', 7n],
    ["'123'::bigint", 123n],
    ["'-5'::integer", -5n],
    ['($1 + 99)', 106n],
    ['($1)::bigint', 7n],
    ["('9'::smallint)", 9n],
    ['$2', 40n],
  ])('%s is a number', (text, expected) => {
    expect(number(text, 7n, 40n)).toBe(expected);
  });

  test.each([
    '(md5(($1)::text))::uuid',
    "'2025-06-15 00:00:00+00'::timestamp with time zone",
    'now()',
    'items.other',
  ])('%s is not', (text) => {
    expect(number(text, 7n)).toBe('opaque');
  });

  test('what only Postgres can compute is the same for the same parameters', () => {
    const place = (value: Value) => {
      const operand = operandOf('(md5(($1)::text))::uuid', given(value));
      return operand.kind === 'opaque' ? operand.place(environment) : Number.NaN;
    };
    expect(place(5n)).toBe(place(5n));
    const places = Array.from({ length: 10_000 }, (_, i) => place(BigInt(i)));
    // uniform: the mean of n is 1/2 with a standard deviation of 1/sqrt(12 n)
    const mean = places.reduce((sum, each) => sum + each, 0) / places.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 / Math.sqrt(12 * places.length));
    expect(new Set(places).size).toBeGreaterThan(9_990);
  });
});

describe('the entries that a scan reads', () => {
  const { indexes } = new PlannedWorld(answer([]), 18).tables[0]!;
  const [pkey, key, owner] = indexes;
  const ROWS = 1_000_000;
  const reach = (of: typeof pkey, text: string, values: Value[], estimate = 1) => {
    const about = { rows: ROWS, estimate };
    return reachOf(of!, conditionsOf(text), given(...values), about)(environment);
  };

  test('a unique key leads to its row, or to none', () => {
    expect(reach(pkey, '(id = $1)', [5000n])).toEqual({ kind: 'row', key: 5000 });
    expect(reach(pkey, '(id = $1)', [0n])).toEqual({ kind: 'row', key: 0 });
    expect(reach(pkey, '(id = $1)', [null])).toEqual({ kind: 'row', key: 0 });
    expect(reach(pkey, '(id = $1)', [undefined])).toBeUndefined();
  });

  test('a key that is no number has a row of its own', () => {
    const rows = [1n, 2n, 3n].map((each) => reach(key, '(key = md5($1))', [each]));
    expect(new Set(rows.map((each) => JSON.stringify(each))).size).toBe(3);
    expect(reach(key, '(key = md5($1))', [1n])).toEqual(rows[0]);
  });

  test('all keys of a column together are all rows, each once', () => {
    let next = 0;
    for (let value = 1n; value <= 20_000n; value++) {
      const found = reach(owner, '(owner = $1)', [value])!;
      if (found.kind !== 'entries') throw new Error('a unique key');
      expect(found.from).toBe(next);
      next += found.entries;
    }
    expect(next).toBe(ROWS);
  });

  test('ranges of numbers are counted', () => {
    const range = (text: string, ...values: Value[]) => reach(pkey, text, values);
    expect(range('((id >= $1) AND (id <= ($1 + 99)))', 501n)).toEqual({
      kind: 'entries',
      from: 500,
      entries: 100,
    });
    expect(range('((id > $1) AND (id < $2))', 10n, 20n)).toMatchObject({ from: 10, entries: 9 });
    expect(range('(id >= $1)', 999_991n)).toMatchObject({ from: 999_990, entries: 10 });
    expect(range('(id < $1)', 11n)).toMatchObject({ from: 0, entries: 10 });
    expect(range('((id >= $1) AND (id <= $2))', 20n, 10n)).toMatchObject({ entries: 0 });
    expect(range('(id >= $1)', null)).toMatchObject({ entries: 0 });
  });

  test('others are as long as the planner expects; at the end if nothing bounds them there', () => {
    expect(reach(key, '(key >= now())', [], 5_000)).toMatchObject({
      from: ROWS - 5_000,
      entries: 5_000,
    });
    expect(reach(key, '(key < now())', [], 5_000)).toMatchObject({ from: 0, entries: 5_000 });
  });
});
