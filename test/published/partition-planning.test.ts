/**
 * P8.1: planning a look-up by key on hash partitions (K. Moppel, 2023: PostgreSQL 15.2,
 * select-only, simple protocol, 16 to 4,096 partitions): by how much more than without partitions,
 * in per cent, with keys drawn at random.
 */
import { describe, expect, test } from 'vitest';
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import type { CatalogTable } from '../../src/workload/planner/catalog.ts';
import type { PlanAnswer } from '../../src/workload/planner/request.ts';
import { answer, column, index, node, table } from '../workload/planner/fixtures.ts';
import { metric, play } from './run.ts';

const PUBLISHED = [
  [16, 51.8],
  [64, 58.2],
  [256, 67],
  [1024, 107.2],
  [4096, 128.8],
] as const;
const ROWS = 4_000_000;

/** pgbench_accounts by the hash of its key, or whole. */
function accounts(partitions: number): PlanAnswer {
  const columns = [column('aid'), column('abalance')];
  const leaf = (name: string) =>
    table(name, columns, [index(`${name}_pkey`, [1], columns, { unique: true, primary: true })]);
  const root: CatalogTable = {
    ...table('accounts', columns, []),
    ...{ kind: 'p', partitionKey: 'HASH (aid)' },
  };
  const leaves = Array.from({ length: partitions }, (_, i) => ({
    ...leaf(`accounts_${i}`),
    parent: { schema: 'public', name: 'accounts' },
    bound: `FOR VALUES WITH (modulus ${partitions}, remainder ${i})`,
  }));
  const name = partitions > 0 ? 'accounts_0' : 'accounts';
  const plan = node('Index Scan', {
    ...{ 'Relation Name': name, Schema: 'public', Alias: 'accounts', 'Index Name': `${name}_pkey` },
    'Index Cond': '(accounts.aid = $1)',
  });
  return {
    ...answer([{ generic: plan, custom: [plan] }]),
    catalog: { tables: partitions > 0 ? [root, ...leaves] : [leaf('accounts')] },
    facts: { accounts: { rows: ROWS, columns: {} } },
  };
}

function played(partitions: number) {
  // each partition has been opened before anything is measured
  const warmup = 300 + 0.6 * partitions;
  const text = JSON.stringify({
    warmup: `${warmup}ms`,
    duration: `${warmup + 200}ms`,
    network: { zones: { a: 'us-east-1' } },
    hardware: { box: { cores: 4, memory: '16GB' } },
    servers: {
      main: { zone: 'a', hardware: 'box', postgresql: { version: 15, shared_buffers: '2GB' } },
    },
    workload: {
      schema: 'CREATE TABLE accounts ()',
      transactions: {
        it: `\\set aid random(1, ${ROWS})\nSELECT abalance FROM accounts WHERE aid = :aid;`,
      },
      clients: { one: { zone: 'a', count: 1, connect: 'main', run: 'it', protocol: 'simple' } },
    },
  });
  const result = play(text, { plans: () => ({ ok: true, answer: accounts(partitions) }) });
  const of = (name: string) => metric(result, `transactions.it.${name}.mean`) * 1e6;
  return { planning: of('planning_time'), execution: of('execution_time') };
}

describe('P8.1: planning a look-up by the number of hash partitions', () => {
  const whole = played(0);
  const all = new Map(PUBLISHED.map(([partitions]) => [partitions, played(partitions)]));
  /** All that the simple protocol adds: parsing, analysing, planning. */
  const before = DEFAULT_COSTS.statements.select.plan / 1000;
  const growth = (partitions: number) =>
    (100 * (all.get(partitions as 16)!.planning - whole.planning)) / before;

  test.each(PUBLISHED)('%i partitions: %d %% more, within 25 points', (partitions, published) => {
    expect(Math.abs(growth(partitions) - published)).toBeLessThan(25);
  });

  test('a step to the first partitions, then little, far from linear', () => {
    const grown = PUBLISHED.map(([partitions]) => growth(partitions));
    expect(grown).toEqual([...grown].sort((a, b) => a - b));
    // published: 58.2 - 51.8, and 2.49 times as much with 256 times as many
    expect(grown[1]! - grown[0]!).toBeLessThan(10);
    expect(grown[4]! / grown[0]!).toBeGreaterThan(1.8);
    expect(grown[4]! / grown[0]!).toBeLessThan(256 / 10);
  });

  test('execution is the same, within 6 %', () => {
    for (const { execution } of all.values()) {
      expect(Math.abs(execution / whole.execution - 1)).toBeLessThan(0.06);
    }
  });
});
