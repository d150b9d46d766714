import { describe, expect, test } from 'vitest';
import { Random, SECOND } from '../../../src/kernel/index.ts';
import { partitionFor } from '../../../src/postgres/partitioning/routing.ts';
import { PartitionStates } from '../../../src/postgres/partitioning/states.ts';
import { takesNumber } from '../../../src/workload/planner/bounds.ts';
import { hashRemainder } from '../../../src/workload/planner/hash-partition.ts';
import { routingOf } from '../../../src/workload/planner/routing.ts';
import { PlannedWorld } from '../../../src/workload/planner/world.ts';
import { answer, column, table } from './fixtures.ts';

describe('partitions by hash, as PostgreSQL 15.18 has them', () => {
  test('modulus 4: where 1 to 40 and others are', () => {
    const values = [-7n, -1n, ...Array.from({ length: 40 }, (_, i) => BigInt(i + 1))];
    const all = [...values, 5_000_000_000n, 9_000_000_001n];
    expect(all.map((value) => hashRemainder(value, 4)).join('')).toBe(
      '21021313311310203002111323202030103011112301',
    );
  });

  test('100,000 in a row are spread as there', () => {
    const counts = [0, 0, 0, 0];
    for (let i = 1; i <= 100_000; i++) counts[hashRemainder(BigInt(i), 4)]!++;
    expect(counts).toEqual([25_126, 24_978, 24_971, 24_925]);
  });
});

describe('bounds', () => {
  test.each([
    ['FOR VALUES FROM (1) TO (100)', [1, 99], [0, 100]],
    ['FOR VALUES FROM (MINVALUE) TO (10)', [-1e9, 9], [10]],
    ['FOR VALUES FROM (10) TO (MAXVALUE)', [10, 1e12], [9]],
    ['FOR VALUES IN (1, 5)', [1, 5], [2]],
  ])('%s has %j and not %j', (bound, inside, outside) => {
    const takes = takesNumber(bound);
    expect(inside.map(takes)).not.toContain(false);
    expect(outside.map(takes)).not.toContain(true);
  });
});

const COLUMNS = [column('region'), column('created', { type: 'date' })];
const parent = { schema: 'public', name: 'logs' };
const month = (from: string, to: string) => `FOR VALUES FROM ('${from}') TO ('${to}')`;
const BOUNDS = [month('2025-01-01', '2025-02-01'), month('2025-02-01', '2025-03-01'), 'DEFAULT'];

function routing(key: string, text: string, bounds = BOUNDS, partitionKey = 'RANGE (created)') {
  const root = { ...table('logs', COLUMNS, []), kind: 'p' as const, partitionKey };
  const leaves = bounds.map((bound, i) => ({ ...table(`logs_${i}`, COLUMNS, []), parent, bound }));
  const given = { ...answer([]), catalog: { tables: [root, ...leaves] }, facts: {} };
  const now = { days: 20_119, seconds: 86_390 }; // 2025-01-31 23:59:50
  const world = new PlannedWorld(given, 18, key === 'clock' ? now : null);
  return routingOf(world, root, text, []);
}

describe('where a new row goes', () => {
  const of = (how: ReturnType<typeof routing>, at: number, states = new PartitionStates()) =>
    partitionFor(how, states, at * SECOND)?.relation.name ?? null;

  test('now() moves on to the next month with the clock, and at the end to the default', () => {
    const clock = routing('clock', 'now()');
    const found = [0, 9.9, 10, 10 + 28 * 86_400].map((at) => of(clock, at));
    expect(found).toEqual(['logs_0', 'logs_0', 'logs_1', 'logs_2']);
  });

  test('a month that is missing is nobody’s without a default partition', () => {
    const clock = routing('clock', 'now()', BOUNDS.slice(0, 1));
    expect([of(clock, 0), of(clock, 10)]).toEqual(['logs_0', null]);
  });

  test('what has been detached takes no rows, what has been attached does', () => {
    const states = new PartitionStates();
    const newest = routing('', 'now()');
    expect(of(newest, 0, states)).toBe('logs_1');
    states.detach(1);
    expect(of(newest, 0, states)).toBe('logs_0');
    states.detach(0);
    expect(of(newest, 0, states)).toBe('logs_2');
    states.attach(1);
    expect(of(newest, 0, states)).toBe('logs_1');
  });

  test('a constant goes where the bounds say', () => {
    const chosen = (text: string, bounds = BOUNDS, key = 'RANGE (created)') =>
      routing('', text, bounds, key).choose!({ random: new Random('x'), variables: [] })!.given.map(
        ({ name }) => name,
      );
    expect(chosen("'2025-02-11'::date")).toEqual(['logs_1']);
    const lists = ["FOR VALUES IN ('NA', 'EU')", "FOR VALUES IN ('ASIA')"];
    const of = (text: string) => chosen(text, lists, 'LIST (region)');
    expect(["'EU'::text", "'ASIA'::text", "'MARS'::text"].map(of)).toEqual([
      ['logs_0'],
      ['logs_1'],
      [],
    ]);
  });
});
