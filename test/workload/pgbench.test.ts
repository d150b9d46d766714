import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/index.ts';
import { type Builtin, builtinScript } from '../../src/workload/pgbench.ts';
import { statementsOf } from './fixtures.ts';

const SCALE = 3;

function draw(builtin: Builtin, seed = 'pgbench') {
  const client = { number: 0, random: new Random(seed), prepared: true };
  return statementsOf(builtinScript('x', 0, builtin, SCALE).execution(client));
}

describe('pgbench’s builtins', () => {
  test.each([
    ['select-only', 'select pgbench_accounts'],
    [
      'simple-update',
      'begin, update pgbench_accounts, select pgbench_accounts, insert pgbench_history, commit',
    ],
    [
      'tpcb-like',
      'begin, update pgbench_accounts, select pgbench_accounts, update pgbench_tellers, ' +
        'update pgbench_branches, insert pgbench_history, commit',
    ],
  ] as const)('%s', (builtin, expected) => {
    const words = draw(builtin).map(({ verb, relation }) =>
      relation ? `${verb} ${relation.name}` : verb,
    );
    expect(words.join(', ')).toBe(expected);
  });

  test('keys are uniform over the tables of the scale', () => {
    const seen: Record<string, number[]> = {};
    const random = new Random('keys');
    const client = { number: 0, random, prepared: true };
    const execution = builtinScript('x', 0, 'tpcb-like', SCALE).execution(client);
    for (let i = 0; i < 20_000; i++) {
      const statements = statementsOf(execution);
      expect(statements[1]!.key, 'reads what it updated').toBe(statements[2]!.key);
      for (const { verb, relation, key } of statements) {
        if (verb !== 'update') continue;
        const keys = seen[relation!.name] ?? [];
        seen[relation!.name] = keys;
        keys.push(key);
      }
    }
    for (const [name, rows] of [
      ['pgbench_accounts', 100_000 * SCALE],
      ['pgbench_tellers', 10 * SCALE],
      ['pgbench_branches', SCALE],
    ] as const) {
      const keys = seen[name]!;
      const mean = keys.reduce((a, b) => a + b, 0) / keys.length;
      const deviation = Math.sqrt((rows * rows - 1) / 12 / keys.length);
      expect(Math.abs(mean - (rows + 1) / 2), name).toBeLessThan(3 * deviation);
      const least = keys.reduce((a, b) => Math.min(a, b));
      const most = keys.reduce((a, b) => Math.max(a, b));
      expect(least).toBeGreaterThanOrEqual(1);
      expect(most).toBeLessThanOrEqual(rows);
    }
  });

  test('each execution has a commit record of its own', () => {
    const records = [draw('tpcb-like'), draw('tpcb-like')].map((all) => all.at(-1)!.commit);
    expect(records[0]).not.toBe(records[1]);
    expect(records[0]).toEqual({ branch: null, lsn: 0, unreplicated: false });
  });
});
