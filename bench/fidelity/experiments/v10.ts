import { z } from 'zod';
import {
  formatMoment,
  type Moment,
  parseMoment,
  stepsAfter,
} from '../../../src/workload/calendar.ts';
import type { Calibration } from '../calibrate.ts';
import {
  clientCpu,
  type Experiment,
  type Metrics,
  machine,
  type Point,
  postgresql,
  type ScenarioFile,
} from '../experiment.ts';
import { type Meta, meta, readMeasurements } from '../measurements.ts';
import type { Predicted } from '../row.ts';

const number = z.number({ error: 'is not a number' });

const explained = z.object({
  plan_ms: number,
  exec_ms: number,
  hit: number.optional(),
  read: number.optional(),
});

const pgbench = z.object({ lat: z.object({ p50_ms: number }), server_cpu_us: number });

const file = z.object({
  meta,
  points: z
    .array(
      z.object({
        partitions: number,
        pruned: explained,
        pruned_const: explained,
        pruned_stable_expr: explained,
        fanout: explained,
        fanout_fresh_session: explained,
        pruned_pgbench_simple: pgbench,
        pruned_pgbench_prepared: pgbench,
        fanout_pgbench_simple: pgbench,
        fanout_pgbench_prepared: pgbench,
      }),
    )
    .min(1),
  retention: z.array(z.object({ op: z.string(), secs: number, wal_bytes: number })),
});
type File = z.output<typeof file>;

const DAYS = 365;
const ROWS = 2_000_000;
const CUSTOMERS = 20_000;
/** Bytes of a `payload`. */
const PAYLOAD = 100;

const HOUR = '\\set h random(0, 8758)\nSELECT count(*), sum(amount) FROM ev WHERE ts >= ';
const QUERIES = {
  pruned:
    `${HOUR}timestamp '2023-01-01' + :h * interval '1 hour' ` +
    "AND ts < timestamp '2023-01-01' + (:h + 1) * interval '1 hour';",
  pruned_const:
    'SELECT count(*), sum(amount) FROM ev ' +
    "WHERE ts >= '2023-06-15 12:00:00' AND ts < '2023-06-15 13:00:00';",
  pruned_stable_expr:
    `${HOUR}timestamptz '2023-01-01' + :h * interval '1 hour' ` +
    "AND ts < timestamptz '2023-01-01' + (:h + 1) * interval '1 hour';",
  fanout:
    `\\set c random(1, ${CUSTOMERS})\n` +
    `SELECT count(*), sum(amount) FROM ev WHERE customer = :c;`,
} as const;
type Query = keyof typeof QUERIES;

/** V10: planning and execution by the number of partitions, and both ways of retention. */
export const v10: Experiment = {
  name: 'V10',
  title: 'Partitions',
  differences: [
    'The queries’ select lists are not in the data: count(*) and a sum are taken, and hours and ' +
      'customers that are drawn anew for each execution.',
    'What EXPLAIN told is compared with one client of the simple protocol that pauses for 5 ms ' +
      'between its queries. Its instrumentation is added to the execution: two looks at the ' +
      'clock, as long as C1 says, for each row that a node gives and once more for its end.',
    'Plans are those of version 18 for the same tables.',
    'Retention runs on tables without other load; DELETE removes the first 30 days and 10 hours.',
  ],
  ablated: false,
  points(folder, calibration) {
    const read = readMeasurements(folder, 'V10', file);
    const tables = { meta: read.meta, calibration, clock: clockOf(folder) };
    return [
      ...read.points.flatMap((point) => queryPoints(point, tables)),
      ...read.retention.map((each) => retentionPoint(each, tables)),
    ];
  },
};

interface Given {
  readonly meta: Meta;
  /** One look at the clock, in milliseconds. */
  readonly clock: number;
  readonly calibration: Calibration;
}

function queryPoints(point: File['points'][number], given: Given): Point[] {
  const { partitions } = point;
  const name = (what: string) => `${what.replaceAll('_', ' ')}, ${partitions} partitions`;
  const explain = (what: Query, isFresh: boolean): Point => {
    const { plan_ms, exec_ms, hit, read } = point[isFresh ? 'fanout_fresh_session' : what];
    const client = {
      protocol: 'simple',
      think: '5ms',
      ...(isFresh && { connection: 'per-transaction' }),
    };
    return {
      name: name(isFresh ? 'fanout_fresh_session' : what),
      measured: {
        plan_ms: [plan_ms],
        exec_ms: [exec_ms],
        ...(hit !== undefined && { buffers: [hit + (read ?? 0)] }),
      },
      scenario: scenarioOf(given, partitions, QUERIES[what], client),
      ...ONCE,
      predict: (metrics) => usageOf(metrics, 2 * given.clock * callsOf(what, partitions)),
    };
  };
  const run = (what: 'pruned' | 'fanout', protocol: 'simple' | 'prepared'): Point => {
    const { lat } = point[`${what}_pgbench_${protocol}`];
    return {
      name: name(`${what} pgbench ${protocol}`),
      measured: { latency_ms: [lat.p50_ms] },
      scenario: scenarioOf(given, partitions, QUERIES[what], { protocol }),
      ...ONCE,
      predict: (metrics) => ({ latency_ms: milli(metrics['transactions.it.latency.p50']) }),
    };
  };
  const queries = ['pruned', 'pruned_const', 'pruned_stable_expr', 'fanout'] as const;
  return [
    ...queries.map((each) => explain(each, false)),
    explain('fanout', true),
    ...(['pruned', 'fanout'] as const).flatMap((what) => [
      run(what, 'simple'),
      run(what, 'prepared'),
    ]),
  ];
}

const ONCE = { needs: [], seeds: 1 } as const;

function milli(seconds: number | null | undefined): number | null {
  return seconds == null ? null : seconds * 1000;
}

/** pg_test_timing of C1; without it nothing is added. */
function clockOf(folder: string): number {
  const { pg_test_timing_raw: raw } = readMeasurements(folder, 'C1', timing);
  const found = /Per loop time including overhead: ([\d.]+) ns/.exec(raw ?? '');
  return Number(found?.[1] ?? 0) / 1e6;
}

const timing = z.object({ pg_test_timing_raw: z.string().optional() });

/** How often nodes are asked for a row: each scan, the Append, the aggregate. */
function callsOf(what: Query, partitions: number): number {
  const isFan = what === 'fanout';
  const rows = isFan ? ROWS / CUSTOMERS : ROWS / (DAYS * 24);
  const scans = isFan ? Math.max(1, partitions) : 1;
  const appended = isFan && partitions > 0 ? rows + 1 : 0;
  return rows + scans + appended + 1;
}

function usageOf(metrics: Metrics, instrumentation: number): Predicted {
  const of = (name: string) => metrics[`transactions.it.${name}.p50`] ?? null;
  return {
    plan_ms: milli(of('planning_time')),
    exec_ms: (milli(of('execution_time')) ?? Number.NaN) + instrumentation,
    buffers: (of('buffers_hit') ?? 0) + (of('buffers_read') ?? 0),
  };
}

/** The table whole, or in so many equal ranges of time. */
function schemaOf(partitions: number): string {
  const columns = 'id bigint, ts timestamp, customer int, amount int, payload text';
  const tail = partitions > 0 ? ' PARTITION BY RANGE (ts)' : '';
  const step = { months: 0, days: 0, seconds: (DAYS * 86_400) / Math.max(1, partitions) };
  const bound = (place: number) => `'${formatMoment(stepsAfter(START, step, place))}'`;
  const parts = Array.from(
    { length: partitions },
    (_, i) =>
      `CREATE TABLE ev_${i} PARTITION OF ev FOR VALUES FROM (${bound(i)}) TO (${bound(i + 1)});`,
  );
  const indexes = ['CREATE INDEX ON ev (ts);', 'CREATE INDEX ON ev (customer);'];
  return [`CREATE TABLE ev (${columns})${tail};`, ...parts, ...indexes].join('\n');
}

function momentOf(text: string): Moment {
  const parsed = parseMoment(text);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
}

const START = momentOf('2023-01-01');
const END = momentOf('2024-01-01');

function scenarioOf(
  { meta: about, calibration }: Given,
  partitions: number,
  script: string,
  client: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): ScenarioFile {
  const columns = {
    id: { distinct: ROWS, correlation: 1 },
    ts: { distinct: ROWS, correlation: 1, histogram: [formatMoment(START), formatMoment(END)] },
    customer: { distinct: CUSTOMERS },
    payload: { width: PAYLOAD },
  };
  return {
    seed: 1,
    warmup: '500ms',
    duration: '2500ms',
    hardware: { box: machine(about, calibration) },
    hosts: { box: { hardware: 'box' } },
    postgresql: postgresql(about),
    servers: { pg1: { host: 'box' } },
    workload: {
      schema: schemaOf(partitions),
      statistics: { ev: { rows: ROWS, columns } },
      transactions: { it: script },
      clients: {
        one: {
          host: 'box',
          count: 1,
          cpu: clientCpu('it', 1, calibration),
          run: 'it',
          connect: 'pg1',
          ...client,
        },
      },
    },
    ...more,
  };
}

/** `DETACH CONCURRENTLY + DROP 1 of 12 partitions`: what it does, and to how many of how many. */
const OPERATION = /^(?:(DETACH)( CONCURRENTLY)? \+ )?DROP (\d+) of (\d+) partitions$/;

function retentionPoint({ op, secs, wal_bytes }: File['retention'][number], given: Given): Point {
  const found = OPERATION.exec(op);
  const script =
    found === null ? DELETED : dropped(found[1] !== undefined, found[2] ?? '', Number(found[3]));
  const more = { warmup: '300ms', duration: '4s' };
  const scenario = op.startsWith('VACUUM')
    ? vacuumed(given)
    : scenarioOf(given, Number(found?.[4] ?? 0), script, { ...ALONE, starts: '400ms' }, more);
  return {
    name: op,
    measured: { op_ms: [secs * 1000], wal_bytes: [wal_bytes] },
    scenario,
    ...ONCE,
    predict: (metrics) => ({
      op_ms: milli(metrics['transactions.it.latency.max']),
      wal_bytes: metrics['servers.pg1.wal.bytes'] ?? null,
    }),
  };
}

const ALONE = { think: '1h', protocol: 'simple' } as const;

/** The DELETE happens while nobody measures. */
function vacuumed(given: Given): ScenarioFile {
  const own = { ...ALONE, starts: '2100ms' };
  const first = { ...ALONE, starts: '400ms', run: 'before' };
  const file = scenarioOf(given, 0, 'VACUUM ev;', own, { warmup: '2s', duration: '10s' });
  const workload = file['workload'] as Readonly<Record<'transactions' | 'clients', Entries>>;
  const { transactions, clients } = workload;
  const before = { ...transactions, before: DELETED };
  const both = { ...clients, first: { ...(clients['one'] as Entries), ...first } };
  return { ...file, workload: { ...workload, transactions: before, clients: both } };
}

type Entries = Readonly<Record<string, unknown>>;

const DELETED = "DELETE FROM ev WHERE ts < '2023-01-31 10:00:00';";

function dropped(detaches: boolean, concurrently: string, count: number): string {
  return Array.from({ length: count }, (_, i) => [
    ...(detaches ? [`ALTER TABLE ev DETACH PARTITION ev_${i}${concurrently};`] : []),
    `DROP TABLE ev_${i};`,
  ])
    .flat()
    .join('\n');
}
