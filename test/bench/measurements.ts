import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Measurements of a machine that does not exist, whose costs are known: what the calibration has to
 * find, and what the simulator then has to predict.
 */

/** In microseconds. */
export const TRUTH = {
  message: 5,
  select: 3,
  update: 9,
  /** BEGIN, INSERT and COMMIT beyond their messages. */
  rest: 12,
  client: 4,
  /** Server CPU of a flush, the wake-up of its core included. */
  flush: 46,
  /** A median of the loop, and how much longer it takes in Postgres. */
  loop: 100,
  longer: 50,
  wakeLatency: 10,
  wakeCpu: 6,
  cold: 2,
  connection: 3_000,
} as const;

const SCRIPTS = [
  { workload: 'select 1', messages: 1, execute: 0 },
  { workload: 'select-only', messages: 1, execute: TRUTH.select },
  {
    workload: 'simple-update',
    messages: 5,
    execute: TRUTH.update + TRUTH.select + TRUTH.rest,
  },
  {
    workload: 'tpcb-like',
    messages: 7,
    execute: 3 * TRUTH.update + TRUTH.select + TRUTH.rest,
  },
] as const;

function pinned(script: (typeof SCRIPTS)[number], placement: string, sync_commit: string) {
  const { workload, messages, execute } = script;
  const writes = messages > 1;
  const flushes = writes && sync_commit === 'on' ? 1 : 0;
  const wakes = placement === 'cross' ? messages : 0; // of each side
  const server = TRUTH.message * messages + execute + flushes * TRUTH.flush;
  const client = TRUTH.client * messages;
  const wall = server - flushes * TRUTH.flush + client + flushes * (TRUTH.loop + TRUTH.longer);
  return {
    workload,
    placement,
    sync_commit,
    transport: 'unix',
    server_cpu_us_per_txn: server + wakes * TRUTH.wakeCpu,
    server_user_us: server / 2 + wakes * TRUTH.cold,
    client_cpu_us_per_txn: client + wakes * TRUTH.wakeCpu,
    lat: { p50_ms: (wall + 2 * wakes * TRUTH.wakeLatency) / 1000, p99_ms: 1 },
  };
}

/** The files of a directory by name. */
export function syntheticFiles(): Record<string, unknown> {
  const meta = { hardware: '2 vCPU of nobody, 8 GB RAM', pg_version: '15.18', scale: 1 };
  const points = SCRIPTS.flatMap((script) =>
    ['same', 'cross'].flatMap((placement) =>
      (script.messages > 1 ? ['on', 'off'] : ['on']).map((sync) => pinned(script, placement, sync)),
    ),
  );
  const loop = {
    test: 'overwrite8k_fdatasync',
    mean_us: TRUTH.loop,
    min_us: TRUTH.loop,
    p50_us: TRUTH.loop,
    p999_us: TRUTH.loop,
    max_us: TRUTH.loop,
  };
  const connecting = TRUTH.connection + TRUTH.message + TRUTH.select;
  return {
    C1: { meta, tests: [loop] },
    C2b: { meta, points },
    C3: { points: [{ clients: 1, transport: 'unix', server_cpu_us_per_txn: connecting }] },
  };
}

/** One point of V1 with two repeats. */
export function syntheticV1(tps = 80_000) {
  const run = (rep: number) => ({
    workload: 'select-only',
    sync_commit: 'on',
    clients: 1,
    rep,
    tps: tps * (rep === 0 ? 0.95 : 1.05),
    lat: { p50_ms: 0.012, p99_ms: 0.02 },
    wal_sync_per_txn: 0,
  });
  const meta = { settings: { shared_buffers: '128MB', max_connections: '100' }, scale: 1 };
  return { meta, points: [run(0), run(1)] };
}

/** Writes files into a new directory; texts as they are, values as JSON. */
export function directoryOf(files: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), 'fidelity-'));
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content, null, 1);
    writeFileSync(join(folder, `${name}.json`), text);
  }
  return folder;
}
