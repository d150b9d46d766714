import { describe, expect, test } from 'vitest';
import { SECOND } from '../../../src/kernel/index.ts';
import type { Instance } from '../../../src/replication/instance.ts';
import { buildWorld } from '../../../src/scenario/build/world.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import { FAILURES } from '../../../src/workload/events.ts';
import type { CatalogTable } from '../../../src/workload/planner/catalog.ts';
import { NO_FACTS } from '../../../src/workload/planner/facts.ts';
import { answer, bigint, column, index, node, table } from './fixtures.ts';

const COLUMNS = [column('id', bigint), column('ts'), column('customer')];
const indexes = (name: string) => [
  index(`${name}_pkey`, [1, 2], COLUMNS, { unique: true, primary: true }),
  index(`${name}_customer_idx`, [3], COLUMNS),
];

/** Three partitions of 100,000 rows and a table that may become the fourth. */
function catalog(checks: string[]) {
  const root: CatalogTable = { ...table('ev', COLUMNS, []), kind: 'p', partitionKey: 'RANGE (ts)' };
  const leaves = [0, 1, 2].map((i) => ({
    ...table(`ev_${i}`, COLUMNS, indexes(`ev_${i}`)),
    parent: { schema: 'public', name: 'ev' },
    bound: `FOR VALUES FROM (${i * 100}) TO (${i * 100 + 100})`,
  }));
  return { tables: [root, ...leaves, { ...table('ev_3', COLUMNS, indexes('ev_3')), checks }] };
}

const FACTS = {
  ev: { rows: 300_000, columns: { customer: { ...NO_FACTS, distinct: 100_000 } } },
  ev_3: { rows: 100_000, columns: {} },
};
const scan = (month: number) =>
  node('Index Scan', {
    'Relation Name': `ev_${month}`,
    Schema: 'public',
    Alias: `ev_${month}`,
    'Index Name': `ev_${month}_customer_idx`,
    'Index Cond': `(ev_${month}.customer = $1)`,
  });
const READ = node('Append', { Plans: [0, 1, 2].map(scan) });
const INSERT = node('ModifyTable', {
  Operation: 'Insert',
  'Relation Name': 'ev',
  Schema: 'public',
  Plans: [node('Result', { Output: ['1', '250', '$1'] })],
});

interface Options {
  readonly commands: Record<string, string>;
  readonly starts?: Record<string, string>;
  readonly checks?: string[];
  readonly version?: number;
  /** A reader that stays in its transaction. */
  readonly sleep?: string;
  readonly duration?: string;
}

/** A writer each 5 ms, a reader, and each command once, at its time. */
function run(options: Options) {
  const { commands, starts = {}, checks = [], version = 18, sleep, duration = '3s' } = options;
  const read = 'SELECT * FROM ev WHERE customer = :c;';
  const plain = `\\set c random(1, 100000)\n`;
  const once = (name: string) => ({
    ...{ zone: 'a', count: 1, think: '1h', connect: 'main', run: name },
    starts: starts[name] ?? '1s',
  });
  const text = JSON.stringify({
    duration,
    network: { zones: { a: 'us-east-1' } },
    servers: { main: { zone: 'a', postgresql: { version, shared_buffers: '1GB' } } },
    workload: {
      schema: 'CREATE TABLE ev ()',
      transactions: {
        a_read: sleep ? `${plain}BEGIN; ${read}\n\\sleep ${sleep}\nEND;` : plain + read,
        b_write: `${plain}INSERT INTO ev VALUES (1, 250, :c);`,
        ...commands,
      },
      clients: {
        reader: { zone: 'a', count: 1, think: '5ms', connect: 'main', run: 'a_read' },
        writer: { zone: 'a', count: 1, think: '5ms', connect: 'main', run: 'b_write' },
        ...Object.fromEntries(Object.keys(commands).map((name) => [`x_${name}`, once(name)])),
      },
    },
  });
  const statements = [READ, INSERT].map((plan) => ({ generic: plan, custom: [plan] }));
  const given = { ...answer(statements), catalog: catalog(checks), facts: FACTS };
  const loaded = loadScenario(text, { plans: () => ({ ok: true, answer: given }) });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { sim, observed } = buildWorld(loaded.scenario, 1);
  const failures: string[] = [];
  const latencies: Record<number, number> = {};
  observed.workload.failed.observe((_at, _session, _t, failure) => {
    failures.push(FAILURES[failure]!);
  });
  observed.workload.acknowledged.observe((_at, _session, transaction, latency) => {
    latencies[transaction] = Math.max(latencies[transaction] ?? 0, latency);
  });
  sim.run(Number.parseInt(duration, 10) * SECOND);
  const { server } = observed.instances[0] as Instance;
  return { server, failures, latencies, partitions: server.storage.database.partitions };
}

const DETACH = 'ALTER TABLE ev DETACH PARTITION ev_0;';

describe('commands on partitions', () => {
  test('DETACH and DROP: the files are gone, with few kB of WAL', () => {
    const { server, partitions, failures } = run({
      commands: { detach: DETACH, drop: 'DROP TABLE ev_0;' },
      starts: { drop: '2s' },
    });
    expect(failures).toEqual([]);
    expect(partitions.isAttached(0, true)).toBe(false);
    expect(partitions.isDropped(0)).toBe(true);
    expect(server.storage.tables[0]!.heap.live).toBe(0);
    // pg_waldump of version 15, two indexes, no checkpoint before: 21 and 29 records
    const written = server.wal.counts.of('Heap/catalogs');
    expect(Math.abs(written.records - (21 + 29))).toBeLessThanOrEqual(10);
  });

  test('DETACH waits for a reader, and all others wait behind it', () => {
    const { latencies, failures, partitions } = run({ commands: { detach: DETACH }, sleep: '2 s' });
    expect(failures).toEqual([]);
    expect(partitions.isAttached(0, true)).toBe(false);
    const [, write] = [latencies[0]!, latencies[1]!];
    expect(write / SECOND).toBeGreaterThan(0.9); // from 1 s to the end of the reader's transaction
  });

  test('CONCURRENTLY waits for him as well, and nobody waits behind it', () => {
    const concurrent = 'ALTER TABLE ev DETACH PARTITION ev_0 CONCURRENTLY;';
    const { latencies, failures, partitions } = run({
      commands: { detach: concurrent },
      sleep: '2 s',
    });
    expect(failures).toEqual([]);
    expect(partitions.isAttached(0, true)).toBe(false);
    expect(latencies[1]! / SECOND).toBeLessThan(0.05);
    expect(latencies[2]! / SECOND).toBeGreaterThan(0.9);
  });

  test('but not in a block, and not before version 14', () => {
    const concurrent = 'ALTER TABLE ev DETACH PARTITION ev_0 CONCURRENTLY;';
    const { failures } = run({ commands: { detach: `BEGIN; ${concurrent} END;` } });
    expect(failures).toEqual(['25001']);
    expect(() => run({ commands: { detach: concurrent }, version: 13 })).toThrow();
  });

  test('a month without a partition is error 23514 until one is attached', () => {
    const attach = 'ALTER TABLE ev ATTACH PARTITION ev_3 FOR VALUES FROM (200) TO (300);';
    const { failures, partitions, server } = run({
      commands: { detach: 'ALTER TABLE ev DETACH PARTITION ev_2;', attach },
      starts: { attach: '2s' },
    });
    expect(new Set(failures)).toEqual(new Set(['23514']));
    expect(failures.length).toBeGreaterThan(100); // a second of one each 5 ms
    expect(failures.length).toBeLessThan(220);
    expect(partitions.isAttached(3, false)).toBe(true);
    expect(server.storage.tables[3]!.heap.live).toBeGreaterThan(100_000);
  });

  test('ATTACH scans the table, unless a CHECK says what the bounds say', () => {
    const attach = 'ALTER TABLE ev ATTACH PARTITION ev_3 FOR VALUES FROM (300) TO (400);';
    const scanned = run({ commands: { x_attach: attach } });
    const checked = run({
      commands: { x_attach: attach },
      checks: ['CHECK (ts >= 300 AND ts < 400)'],
    });
    // 100,000 rows at 45 ns
    const saved = scanned.latencies[2]! - checked.latencies[2]!;
    expect(saved / SECOND).toBeGreaterThan(0.004);
    expect(saved / SECOND).toBeLessThan(0.008);
  });

  test('what is gone cannot be dropped again, and what is no partition not be detached', () => {
    const { failures } = run({
      commands: { drop: 'DROP TABLE ev_0;', again: 'DROP TABLE ev_0;', detach: DETACH },
      starts: { again: '2s', detach: '2s' },
    });
    expect(failures).toEqual(['42P01', '42P01']);
  });
});
