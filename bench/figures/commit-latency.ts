/**
 * What a commit waits for at each level of `synchronous_commit`, against a closed form. One client,
 * constant delays, constant disks, nothing else on the machines: nothing queues, so a transaction
 * takes the sum of its parts, to the nanosecond.
 */
import { MICROSECOND, MILLISECOND, type Nanoseconds, SECOND } from '../../src/kernel/index.ts';
import { costsOf, DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { insertRecord, samePageUpdateRecord } from '../../src/postgres/heap/heap-records.ts';
import { recordBytes } from '../../src/postgres/heap/wal-record.ts';
import { COMMIT_BYTES } from '../../src/postgres/record-sizes.ts';
import { RESULT_BYTES } from '../../src/postgres/statement.ts';
import { REPLY_BYTES, WAL_HEADER_BYTES } from '../../src/replication/messages.ts';
import { ACCOUNTS, pgbenchTables } from '../../src/workload/pgbench.ts';
import { digits, type Figure } from './figure.ts';
import { play, scenarioOf } from './world.ts';

const COSTS = costsOf(DEFAULT_COSTS);

/** One way between servers, and between client and server. */
const ONE_WAY = 1 * MILLISECOND;
const CLIENT_ONE_WAY = 100 * MICROSECOND;
const FSYNC = { pg1: 0.8 * MILLISECOND, pg2: 0.5 * MILLISECOND, pg3: 3 * MILLISECOND };
const CARD_BITS_PER_SECOND = 10e9;
const WARMUP = 1 * SECOND;

/** What a transaction logs where pages have room and need no images. */
const [{ tupleBytes }, , , history] = pgbenchTables(1, 18) as [
  { tupleBytes: number },
  unknown,
  unknown,
  { tupleBytes: number },
];
const PAGE = { relation: 1, block: 1, pageBytes: 0, isNew: false };
const { changedBytes } = ACCOUNTS;
const UPDATE = samePageUpdateRecord(PAGE, { hot: true, tupleBytes, changedBytes, logical: false });
const INSERT = insertRecord(PAGE, history.tupleBytes);

const BASE = `
duration: 9s
network:
  zones: {a: us-east-1, b: us-east-1, c: us-east-1}
  rtt: {same-zone: 0.2ms, same-region: 2ms}
hardware:
  pg1: {cores: 8, memory: 16GB, network: 10Gbit, disk: {kind: nvme, fsync: 0.8ms},
    profile: {processor: {cache_refill: 0}}}
  pg2: {cores: 8, memory: 16GB, network: 10Gbit, disk: {kind: nvme, fsync: 0.5ms},
    profile: {processor: {cache_refill: 0}}}
  pg3: {cores: 8, memory: 16GB, network: 10Gbit, disk: {kind: nvme, fsync: 3ms},
    profile: {processor: {cache_refill: 0}}}
postgresql:
  wal_writer_delay: 10s   # so that nobody else flushes
  full_page_writes: off
servers:
  pg1: {zone: a, hardware: pg1}
  pg2: {zone: b, hardware: pg2, standby_of: pg1}
  pg3: {zone: c, hardware: pg3, standby_of: pg1}
workload:
  pgbench: {fillfactor: 50}
  transactions: {write: {builtin: simple-update}}
  clients: {app: {zone: a, count: 1, run: write, connect: pg1}}
`;

export interface Latency {
  readonly what: string;
  /** By the closed form. */
  readonly expected: Nanoseconds;
  readonly p50: Nanoseconds;
  readonly mean: number;
  readonly transactions: number;
}

/** The level, the standbys asked for, and whom a commit then waits for. */
const CASES = [
  ['local', '', []],
  ['remote_write', 'FIRST 1 (pg2)', ['pg2']],
  ['on', 'FIRST 1 (pg2)', ['pg2']],
  ['on', 'FIRST 1 (pg3)', ['pg3']],
  ['on', 'ANY 1 (pg2, pg3)', ['pg2']],
  ['on', 'ANY 2 (pg2, pg3)', ['pg3']],
  ['on', 'FIRST 2 (pg2, pg3)', ['pg3']],
  ['remote_apply', 'FIRST 1 (pg2)', ['pg2']],
  ['remote_apply', 'ANY 1 (pg2, pg3)', ['pg2']],
] as const;

type Level = (typeof CASES)[number][0];
type Standby = 'pg2' | 'pg3';

export function commitLatencies(): Latency[] {
  return CASES.map(([level, names, [standby]]) => {
    const what = names === '' ? level : `${level}, ${names}`;
    const expected = closedForm(level, standby ?? null);
    return { what, expected, ...measured(level, names) };
  });
}

/** p50 and mean, each within a microsecond of the closed form. */
export function commitLatencyFigures(): Figure[] {
  return commitLatencies().map(({ what, expected, p50, mean }) => ({
    what: `commit latency, ${what}: p50, mean (us)`,
    bound: `${digits(expected / MICROSECOND)} ± 1`,
    found: `${digits(p50 / MICROSECOND)}, ${digits(mean / MICROSECOND)}`,
    holds: Math.abs(p50 - expected) <= MICROSECOND && Math.abs(mean - expected) <= MICROSECOND,
  }));
}

/** The whole transaction: five statements, the local flush, and what the level adds. */
export function closedForm(level: Level, standby: Standby | null): Nanoseconds {
  const statements = (['begin', 'update', 'select', 'insert', 'commit'] as const).map(
    (verb) => 2 * CLIENT_ONE_WAY + COSTS.statement(verb, false) + onCard(RESULT_BYTES),
  );
  const flushed = DEFAULT_COSTS.flush + FSYNC.pg1 + DEFAULT_COSTS.sleep;
  const local = statements.reduce((sum, each) => sum + each, DEFAULT_COSTS.commit + flushed);
  return standby === null ? local : local + remotePart(level, standby) + DEFAULT_COSTS.sleep;
}

/** From the local flush to the standby's reply. The walsender of pg2 uses the card first. */
function remotePart(level: Level, standby: Standby): Nanoseconds {
  const bytes = [recordBytes(UPDATE), recordBytes(INSERT), COMMIT_BYTES]
    .map((record) => (record + 7) & ~7)
    .reduce((sum, record) => sum + record, 0);
  const sends = (standby === 'pg2' ? 1 : 2) * onCard(bytes + WAL_HEADER_BYTES);
  const written = DEFAULT_COSTS.walSender + sends + ONE_WAY + DEFAULT_COSTS.walReceiver;
  const back = onCard(REPLY_BYTES) + ONE_WAY;
  if (level === 'remote_write') return written + back;
  const flushed = written + FSYNC[standby];
  if (level === 'on') return flushed + back;
  return flushed + DEFAULT_COSTS.redoWake + Math.round(bytes * DEFAULT_COSTS.redoPerByte) + back;
}

function onCard(bytes: number): Nanoseconds {
  return Math.round((bytes * 8 * SECOND) / CARD_BITS_PER_SECOND);
}

function measured(level: Level, names: string) {
  const scenario = scenarioOf(BASE, [
    `postgresql.synchronous_commit="${level}"`,
    `servers.pg1.postgresql.synchronous_standby_names="${names}"`,
  ]);
  const latencies = play(scenario, 1, ({ workload }) => {
    const found: Nanoseconds[] = [];
    workload.acknowledged.observe((at, _session, _transaction, latency) => {
      if (at >= WARMUP) found.push(latency);
    });
    return () => found.sort((a, b) => a - b);
  });
  const mean = latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
  return { p50: latencies[latencies.length >> 1]!, mean, transactions: latencies.length };
}
