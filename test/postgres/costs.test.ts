import { describe, expect, test } from 'vitest';
import { costsOf, DEFAULT_COSTS } from '../../src/postgres/costs.ts';

describe('processor time of whole statements', () => {
  const costs = costsOf(DEFAULT_COSTS);

  test('a prepared statement saves its planning', () => {
    const { plan } = DEFAULT_COSTS.statements.select;
    expect(costs.statement('select', false) - costs.statement('select', true)).toBe(plan);
  });

  test('a DELETE beside an UPDATE is what a server has measured', () => {
    // PostgreSQL 15, a statement by itself: 22.6 of 25.8 us, prepared 18.2 of 19.9
    const { commit } = DEFAULT_COSTS;
    const ratio = (isPrepared: boolean) => {
      const [a, b] = (['delete', 'update'] as const).map((verb) =>
        costs.statement(verb, isPrepared),
      );
      return (a! + commit) / (b! + commit);
    };
    expect(Math.abs(ratio(false) - 22.6 / 25.8)).toBeLessThan(0.03);
    expect(Math.abs(ratio(true) - 18.2 / 19.9)).toBeLessThan(0.03);
  });
});
