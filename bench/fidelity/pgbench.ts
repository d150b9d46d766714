/** Points that are runs of pgbench against one primary: the same scenario but for a few values. */
import { type Calibration, MESSAGES } from './calibrate.ts';
import {
  clientCpu,
  type Metrics,
  machine,
  type Point,
  postgresql,
  type ScenarioFile,
  tables,
} from './experiment.ts';
import type { Meta, PgbenchRun } from './measurements.ts';
import type { Measured, Predicted } from './row.ts';

/** A run is long enough for so many transactions, and neither very short nor very long. */
const TRANSACTIONS = 50_000;
const SHORTEST_SECONDS = 1.5;
const LONGEST_SECONDS = 8;
/** Starting a backend takes about 4 ms of two cores, and the first transactions meet each other. */
const WARMUP_SECONDS = 0.5;
const WARMUP_SECONDS_PER_CLIENT = 0.008;

export interface PgbenchPlan {
  readonly meta: Meta;
  readonly calibration: Calibration;
  readonly builtin: string;
  readonly clients: number;
  /** About how many transactions a second are to be expected: how long to simulate. */
  readonly expected: number;
  readonly settings?: Record<string, unknown>;
  readonly servers?: Record<string, unknown>;
  readonly hosts?: Record<string, unknown>;
  readonly more?: Record<string, unknown>;
  readonly rate?: number;
  /** Instead of a length by the expected number of transactions. */
  readonly seconds?: number;
  /** It ran long after the tables were loaded or vacuumed. */
  readonly isAged?: boolean;
}

/** How experiments that ran long after a checkpoint are set up; a run begins just after one. */
export const STEADY =
  'It was measured long after a checkpoint, when every page had its image in the WAL; the ' +
  'scenario begins at one, so full_page_writes is off in it.';

/**
 * A page that has been updated is pruned at each further update, of which WAL tells: the tables of
 * experiments that ran late had been updated all over. Before the warm-up sessions that nobody
 * measures update each page three times in the mean; of pgbench's rows some 50 are on one.
 */
const AGEING = {
  clients: 8,
  perSecond: 8_000,
  updatesPerPage: 3,
  rowsPerPage: 50,
  script: [
    '\\set aid random(1, 100000 * :scale)',
    'BEGIN;',
    'SET LOCAL synchronous_commit TO off;',
    'UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;',
    'END;',
  ].join('\n'),
} as const;

function ageingSeconds(meta: Meta): number {
  const pages = ((meta.scale ?? 1) * 100_000) / AGEING.rowsPerPage;
  return Math.ceil((pages * AGEING.updatesPerPage) / AGEING.perSecond);
}

/** How writing experiments that came late are set up. */
export const AGED =
  'Tables had been updated all over where somebody writes: sessions that nobody measures update ' +
  'each page three times in the mean before the warm-up.';

/** Clients and the primary `pg1` on one host named `box`. */
export function pgbenchScenario(plan: PgbenchPlan): ScenarioFile {
  const { meta, calibration, builtin, clients } = plan;
  const ageing = plan.isAged ? ageingSeconds(meta) : 0;
  const warmup = ageing + WARMUP_SECONDS + clients * WARMUP_SECONDS_PER_CLIENT;
  const wanted = TRANSACTIONS / Math.max(1, plan.expected);
  const seconds = plan.seconds ?? Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, wanted));
  return {
    seed: 1,
    warmup: `${Math.round(warmup * 1000)}ms`,
    duration: `${Math.round((warmup + seconds) * 1000)}ms`,
    hardware: { box: machine(meta, calibration) },
    hosts: { box: { hardware: 'box' }, ...plan.hosts },
    postgresql: postgresql(meta, plan.settings),
    servers: { pg1: { host: 'box' }, ...plan.servers },
    workload: {
      pgbench: tables(meta),
      transactions: { txn: { builtin }, ...(ageing > 0 && { ageing: { script: AGEING.script } }) },
      clients: {
        ...(ageing > 0 && { ageing: ageingClients(ageing) }),
        pgbench: {
          host: 'box',
          threads: Math.min(clients, 2),
          cpu: clientCpu(builtin, MESSAGES[builtin] ?? 0, calibration),
          count: clients,
          run: 'txn',
          connect: 'pg1',
          protocol: 'prepared',
          ...(ageing > 0 && { starts: `${ageing}s` }),
          ...(plan.rate === undefined ? {} : { rate: `${plan.rate}/s` }),
        },
      },
    },
    ...plan.more,
  };
}

function ageingClients(seconds: number) {
  const { clients, perSecond } = AGEING;
  const times = { ends: `${seconds}s`, rate: `${perSecond}/s` };
  return {
    host: 'box',
    count: clients,
    run: 'ageing',
    connect: 'pg1',
    protocol: 'prepared',
    ...times,
  };
}

/** What repeats of one run measured. */
export function measuredOf(repeats: readonly PgbenchRun[]): Measured {
  const of = (pick: (run: PgbenchRun) => number | undefined) =>
    repeats.flatMap((run) => pick(run) ?? []);
  const isWriting = repeats.some(({ wal_sync_per_txn: syncs }) => (syncs ?? 0) > 0.0001);
  return {
    tps: of(({ tps }) => tps),
    p50_ms: of(({ lat }) => lat.p50_ms),
    p99_ms: of(({ lat }) => lat.p99_ms),
    cpu_us_per_txn: of(({ server_cpu_us_per_txn: server, client_cpu_us_per_txn: client }) =>
      server === undefined || client === undefined ? undefined : server + client,
    ),
    ...(isWriting && {
      wal_bytes_per_txn: of((run) => run.lsn_bytes_per_txn),
      flushes_per_txn: of((run) => run.wal_sync_per_txn),
    }),
  };
}

/** The same of a simulated run. */
export function predictedOf(metrics: Metrics, cores: number, flushInKernel = 0): Predicted {
  const tps = metrics['throughput.tps'] ?? null;
  const count = metrics['latency.count'] ?? 0;
  const per = (total: number | null | undefined, scale = 1) =>
    total == null || count === 0 ? null : (total * scale) / count;
  const milli = (seconds: number | null | undefined) => (seconds == null ? null : seconds * 1000);
  const busy = metrics['servers.pg1.cpu.utilization'] ?? null;
  const flushes = per(metrics['servers.pg1.wal.flushes']);
  // measured was the time of Postgres and pgbench, without the kernel's threads
  const inKernel = (flushes ?? 0) * flushInKernel;
  return {
    tps,
    p50_ms: milli(metrics['latency.p50']),
    p99_ms: milli(metrics['latency.p99']),
    cpu_us_per_txn: busy === null || !tps ? null : (busy * cores * 1e6) / tps - inKernel,
    wal_bytes_per_txn: per(metrics['servers.pg1.wal.bytes']),
    flushes_per_txn: flushes,
  };
}

/** A point whose scenario and columns are those of pgbench alone. */
export function pgbenchPoint(
  name: string,
  repeats: readonly PgbenchRun[],
  plan: PgbenchPlan,
): Point {
  const scenario = pgbenchScenario(plan);
  const { cores } = machine(plan.meta, plan.calibration);
  return {
    name,
    measured: measuredOf(repeats),
    scenario,
    needs: [],
    seeds: 1,
    predict: (metrics) => predictedOf(metrics, Number(cores), plan.calibration.flushInKernel),
  };
}
