import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LINUX_SWITCHING } from '../../src/hardware/cores.ts';

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
  /** Server CPU of a flush. */
  flush: 30,
  /** A median of the loop, and how much longer the device takes in Postgres. */
  loop: 100,
  longer: -12,
  wakeLatency: 10,
  /** What of it is CPU time. */
  wakeWork: 7,
  /** CPU time of the kernel's threads for a flush. */
  flushInKernel: 6,
  /** With nothing in the caches service takes 2.5 times as long. */
  refill: 1.5,
  /** What an idle core has lost, as work of others. */
  idleWork: 100,
  /** System time of `select 1` on the server. */
  system: 3,
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

/** The share of a cache that is gone after so much work of others. */
const gone = (work: number) => work / (work + LINUX_SWITCHING.halfWork / 1000);

/** A script's service, each statement cooled by others' work since the last one of its verb. */
function cooledBy(script: (typeof SCRIPTS)[number], work: number, atCommit = 0): number {
  const { refill, message, update } = TRUTH;
  const { messages, execute, workload } = script;
  const all = message * messages + execute;
  const over = (service: number, others: number) => service * (1 + refill * gone(others));
  if (workload !== 'tpcb-like') return over(all, work + atCommit);
  const one = message + update; // the second, fourth and fifth of seven statements
  const inside = over(one, (2 / 7) * work) + over(one, work / 7);
  return over(all - 3 * one, work + atCommit) + inside + over(one, (4 / 7) * work + atCommit);
}

/** Server and client on one core, each cooled by the other's visits in between. */
function onOneCore(script: (typeof SCRIPTS)[number], warmClient: number) {
  const { messages } = script;
  let server = 0;
  let client = warmClient;
  for (let turn = 0; turn < 50; turn++) {
    server = cooledBy(script, client);
    client = warmClient * (1 + TRUTH.refill * gone(server / messages));
  }
  return { server, client };
}

function pinned(script: (typeof SCRIPTS)[number], placement: string, sync_commit: string) {
  const { workload, messages, execute } = script;
  const { refill, idleWork, wakeLatency, wakeWork, flush, loop, longer, system } = TRUTH;
  const flushes = messages > 1 && sync_commit === 'on';
  const warmServer = TRUTH.message * messages + execute;
  const warmClient = TRUTH.client * messages;
  const once = 1 + refill * gone(idleWork);
  const same = onOneCore(script, warmClient);
  const isCross = placement === 'cross';
  const sleep = (system / 2) * once;
  const beside = flushes ? flush + wakeWork + sleep : 0;
  const atCommit = idleWork + beside;
  const cooled = flushes
    ? {
        server: cooledBy(script, same.client, atCommit) - same.server,
        client:
          (warmClient / messages) *
          refill *
          (gone(same.server / messages + atCommit) - gone(same.server / messages)),
      }
    : { server: 0, client: 0 };
  const server = (isCross ? cooledBy(script, messages * idleWork) : same.server) + cooled.server;
  const client = (isCross ? warmClient * once : same.client) + cooled.client;
  const wakes = isCross ? messages : 0; // of each side
  const idle = wakeLatency - wakeWork; // of the core, in each wake-up
  const waiting = 2 * wakes * wakeLatency + (flushes ? idle + loop + longer : 0);
  // The latency of a round trip of one message: it alone is asked of `cross`.
  const trip = isCross ? (warmServer + warmClient) * once : server + client;
  const latency = trip + beside + waiting;
  return {
    workload,
    placement,
    sync_commit,
    transport: 'unix',
    tps: 1e6 / latency,
    foreign_cpu_cores: 0.1 + (flushes ? TRUTH.flushInKernel / latency : 0),
    server_cpu_us_per_txn: server + beside + wakes * wakeWork,
    server_user_us: server / 2,
    server_sys_us: workload === 'select 1' ? system : server / 2,
    client_cpu_us_per_txn: client + wakes * wakeWork,
    lat: { p50_ms: latency / 1000, p99_ms: 1 },
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
