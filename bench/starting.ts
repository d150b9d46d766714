/**
 * What it takes until a scenario of 500 partitions and ten statements can begin: the first time,
 * when PGlite plans it, and from the plans that were kept then. Each time in a process of its own,
 * on the built program, with a cache of its own; of starts from the cache the fastest counts, which
 * was disturbed least.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row } from './table.ts';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const MODEL = new URL('../dist/cli/pgherd.js', import.meta.url).href;
const ROUNDS = 9;
const COLD_TARGET_SECONDS = 10;
const WARM_TARGET_SECONDS = 0.3;

const STATEMENTS = [
  "SELECT id FROM events WHERE customer = :c AND day >= '2024-06-01' AND day < '2024-07-01'",
  'SELECT id FROM events WHERE customer = :c',
  'SELECT id, amount FROM events WHERE id = :i',
  "SELECT amount FROM events WHERE id = :i AND day = '2024-06-15'",
  "SELECT count(*) FROM events WHERE day >= '2024-06-01' AND day < '2024-06-03'",
  'SELECT name FROM customers WHERE id = :c',
  "INSERT INTO events (customer, kind, amount, day) VALUES (:c, 1, 2, '2024-03-03')",
  "UPDATE events SET amount = amount + 1 WHERE id = :i AND day = '2024-06-15'",
  "DELETE FROM events WHERE id = :i AND day = '2024-06-15'",
  'SELECT kind, count(*) FROM events WHERE customer = :c GROUP BY kind',
];

const SCENARIO = {
  duration: '1s',
  network: { zones: { a: 'us-east-1' } },
  servers: { main: { zone: 'a', postgresql: { version: 15, shared_buffers: '1GB' } } },
  workload: {
    schema: `CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, customer int NOT NULL,
        kind int NOT NULL, amount int NOT NULL, day date NOT NULL, PRIMARY KEY (id, day)
      ) PARTITION BY RANGE (day);
      CREATE INDEX ON events (customer);
      CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);`,
    // 500 days from the first on
    partitions: { events: { from: '2024-01-01', to: '2025-05-15', every: '1 day' } },
    statistics: {
      events: {
        rows: 5_000_000,
        columns: { customer: { distinct: 100_000 }, kind: { distinct: 10 } },
      },
      customers: { rows: 100_000 },
    },
    transactions: {
      all: `\\set c random(1, 100000)\n\\set i random(1, 5000000)\n${STATEMENTS.join(';\n')};`,
    },
    clients: { app: { zone: 'a', count: 1, run: 'all', connect: 'main' } },
  },
};

/** Reads the scenario as the program does, once its modules are there. */
const READ = `
  import { readFileSync } from 'node:fs';
  const { model } = await import('${MODEL}');
  const file = process.argv[1];
  const began = performance.now();
  const loaded = await model.load({ file, text: readFileSync(file, 'utf8') }, []);
  if (!loaded.ok) throw new Error('the scenario is wrong');
  process.stdout.write(String((performance.now() - began) / 1000));`;

export async function starting(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pgherd-bench-'));
  try {
    const file = join(folder, 'scenario.yaml');
    writeFileSync(file, JSON.stringify(SCENARIO));
    const cold = secondsOf(folder, [PROGRAM, 'check', file]).wall;
    const warm = rounds(() => secondsOf(folder, [PROGRAM, 'check', file]).wall);
    const own = ['--input-type=module', '-e', READ, file];
    const read = rounds(() => Number(secondsOf(folder, own).printed));
    const verdict = (seconds: number, target: number) =>
      `${seconds <= target ? 'within' : 'ABOVE'} the target of ${target} s`;
    const row = (what: string, seconds: number): Row => ({
      what: `500 partitions, ten statements: ${what}`,
      nanoseconds: seconds * 1e9,
      per: 'start',
    });
    return [
      row(`planned cold, program included (${verdict(cold, COLD_TARGET_SECONDS)})`, cold),
      row(`read from the cache (${verdict(read, WARM_TARGET_SECONDS)})`, read),
      row('the same, program included', warm),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rounds(measure: () => number): number {
  return Math.min(...Array.from({ length: ROUNDS }, measure));
}

function secondsOf(folder: string, words: readonly string[]): { wall: number; printed: string } {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: { ...process.env, XDG_CACHE_HOME: folder },
  });
  if (status !== 0) throw new Error(stderr);
  return { wall: (performance.now() - began) / 1000, printed: stdout };
}
