/**
 * The hardware profile of the machine that was measured, from C1 to C3 alone: the disk's laws, the
 * CPU time of each step of server and client, the price of waking an idle core, of losing one's
 * caches, and of a connection. Each value says how it was derived, for the report.
 *
 * A statement that is sent costs a message; what C2b measures of whole transactions are sums of
 * messages, executions and a commit, so that the parts follow by differences. BEGIN, the insertion
 * into pgbench_history and COMMIT always occur together: their sum is split as the defaults are.
 */
import { DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import type { CalibrationData } from './calibration-data.ts';
import { type Derived, us, value } from './derived.ts';
import { diskLaws, meansOf } from './disk-laws.ts';
import {
  cachesOf,
  crossing,
  flushCpu,
  flushInKernel,
  interruptions,
  MESSAGES,
  pinned,
  WORKLOADS,
  wakeup,
  wakeupWork,
  warmClient,
  warmServer,
} from './pinned.ts';
import { mean, slopeThroughOrigin } from './statistics.ts';

export interface Calibration {
  /** `hardware.X.profile`, as a scenario has it. */
  readonly profile: Readonly<Record<string, unknown>>;
  /** CPU time of pgbench for each statement, in microseconds. */
  readonly clientMessage: number;
  /** CPU time of the kernel's threads for a flush, in microseconds. */
  readonly flushInKernel: number;
  readonly derived: readonly Derived[];
  /** The round trip through the delay proxy in milliseconds, by its one-way delay. */
  roundTrip(oneWayMilliseconds: number): number;
}

export { MESSAGES } from './pinned.ts';

export function calibrate(data: CalibrationData): Calibration {
  const server = serverCosts(data);
  const disk = diskLaws(data);
  const processor = processorCosts(data);
  const client = clientCost(data);
  const derived = [...server.derived, ...client.derived, ...processor.derived, ...disk.derived];
  const readCosts = disk.diskRead === null ? {} : { disk_read: us(disk.diskRead) };
  return {
    profile: {
      loopback: 0,
      costs: { ...server.costs, ...readCosts },
      disk: disk.disk,
      processor: processor.processor,
    },
    clientMessage: client.message,
    flushInKernel: server.inKernel,
    derived,
    roundTrip: (oneWay) => roundTrip(data, oneWay),
  };
}

function serverCosts(data: CalibrationData) {
  const cpu = (workload: string) => warmServer(data, workload);
  const message = cpu('select 1');
  const select = Math.max(0, cpu('select-only') - message);
  const update = Math.max(0, (cpu('tpcb-like') - cpu('simple-update')) / 2 - message);
  const rest = Math.max(0, cpu('simple-update') - 5 * message - update - select);
  const { begin, insert, commit } = DEFAULT_COSTS.statements;
  const usual = begin.execute + insert.execute + commit.execute + DEFAULT_COSTS.commit;
  const share = (part: number) => rest * (part / usual);
  const sleep = pinned(data, 'select 1', 'server_sys_us') / 2;
  const flush = flushCpu(data);
  const inKernel = flushInKernel(data);
  const connection = connectionCost(data, message + select);
  const images = imageCost(data);
  const costs = {
    message: us(message),
    statements: {
      begin: { execute: us(share(begin.execute)) },
      select: { execute: us(select) },
      update: { execute: us(update) },
      insert: { execute: us(share(insert.execute)) },
      commit: { execute: us(share(commit.execute)) },
    },
    commit: us(share(DEFAULT_COSTS.commit)),
    flush: us(flush),
    ...(inKernel === null ? {} : { flush_in_kernel: us(inKernel) }),
    wake: us(sleep),
    sleep: us(sleep),
    page_read: us(mean(meansOf(data, 'randread8k_pagecache'))),
    ...connection.costs,
    ...(images === null ? {} : { full_page_image: us(images) }),
  };
  const derived = [
    ...derivedOfServer({ message, select, update, rest, flush, sleep }),
    ...(inKernel === null
      ? []
      : [
          value(
            'costs.flush_in_kernel',
            inKernel,
            'C2b same core: foreign_cpu_cores with synchronous_commit on less off, by the flush ' +
              '(from 28 and 0 in the two workloads: read by ticks of the clock)',
          ),
        ]),
    ...connection.derived,
    ...(images === null
      ? []
      : [value('costs.full_page_image', images, 'C2: just after a checkpoint less steady')]),
  ];
  return { costs, derived, inKernel: inKernel ?? 0 };
}

function derivedOfServer(of: Readonly<Record<string, number>>): Derived[] {
  return [
    value('costs.message', of['message']!, 'C2b same core: `select 1`, server'),
    value('costs.statements.select', of['select']!, 'C2b same core: `select-only` less a message'),
    value(
      'costs.statements.update',
      of['update']!,
      'C2b same core, asynchronous: (tpcb-like - simple-update) / 2 less a message',
    ),
    value(
      'begin + insert + commit',
      of['rest']!,
      'C2b same core, asynchronous: simple-update less 5 messages, an update and a select',
    ),
    value(
      'costs.flush',
      of['flush']!,
      'C2b same core: server CPU with synchronous_commit on less off, less the wake-up of the core',
    ),
    value(
      'costs.wake, costs.sleep',
      of['sleep']!,
      'C2b same core: half the system time of `select 1` each, at most: a message wakes another ' +
        'process, and sleeps',
    ),
  ];
}

function processorCosts(data: CalibrationData) {
  const latency = wakeup(data);
  const work = wakeupWork(data);
  const busy = crossing(data);
  const breaks = interruptions(data);
  const { refill, idleWork } = cachesOf(data);
  return {
    processor: {
      context_switch: us(0),
      cache_refill: refill,
      core_wakeup: us(latency),
      core_wakeup_work: us(work),
      crossing: us(busy),
      idle_work: us(idleWork),
      ...(breaks === null
        ? {}
        : { interrupted_every: us(breaks.every), interruption: us(breaks.lasting) }),
    },
    derived: derivedOfProcessor({ refill, idleWork, latency, work, busy }, breaks),
  };
}

function derivedOfProcessor(
  of: Readonly<Record<string, number>>,
  breaks: ReturnType<typeof interruptions>,
): Derived[] {
  return [
    value(
      'processor.context_switch',
      0,
      'C2b same core: each message has its switch, whose time is part of the costs above',
    ),
    {
      name: 'processor.cache_refill',
      value: of['refill']!,
      unit: 'of the service',
      how: 'C2b: growth of the server’s user time from one core to two, which idle',
    },
    value(
      'processor.idle_work',
      of['idleWork']!,
      'C2b same core: growth of the server’s user time with synchronous_commit on: it idles',
    ),
    value(
      'processor.core_wakeup',
      of['latency']!,
      'C2b: half of what a round trip of `select 1` takes longer across cores, less cold caches',
    ),
    value(
      'processor.core_wakeup_work',
      of['work']!,
      'C2b: half of the CPU time that `select 1` takes more across cores, less cold caches',
    ),
    value(
      'processor.crossing',
      of['busy']!,
      'C2b: 0.28 of half of the CPU time that `select 1` takes more across cores (the share of ' +
        'a busy core, measured elsewhere by pairs of processes: `bench/fidelity/pinned.ts`)',
    ),
    ...(breaks === null
      ? []
      : [
          value(
            'processor.interrupted_every',
            breaks.every,
            'C2b same core: 99th percentiles of `select-only` and asynchronous simple-update',
          ),
          value('processor.interruption', breaks.lasting, 'the same'),
        ]),
  ];
}

function clientCost(data: CalibrationData) {
  const message = slopeThroughOrigin(
    WORKLOADS.map((each) => [MESSAGES[each]!, warmClient(data, each)]),
  );
  const how = 'C2b same core, asynchronous: least squares over four workloads';
  return { message, derived: [value('client, per statement', message, how)] };
}

/** A connection's CPU time, shared between its steps as the defaults are. */
function connectionCost({ c3 }: CalibrationData, statement: number) {
  const points = c3?.points.filter((each) => each.clients === 1 && each.transport === 'unix') ?? [];
  if (points.length === 0) return { costs: {}, derived: [] };
  const cpu = Math.max(0, mean(points.map((each) => each.server_cpu_us_per_txn)) - statement);
  const { fork, backendStart, firstQuery, backendExit } = DEFAULT_COSTS;
  const share = (part: number) =>
    us((cpu * part) / (fork + backendStart + firstQuery + backendExit));
  return {
    costs: {
      fork: share(fork),
      backend_start: share(backendStart),
      first_query: share(firstQuery),
      backend_exit: share(backendExit),
    },
    derived: [
      value('fork, start, first query, exit', cpu, 'C3: 1 client, Unix socket, less its select'),
    ],
  };
}

/** What full-page images add just after a checkpoint, where C2 has pairs of the same repeat. */
function imageCost({ c2 }: CalibrationData): number | null {
  const points = c2?.points.filter(({ transport }) => transport === 'unix') ?? [];
  const costs = points.flatMap((after) => {
    const images = after.wal_fpi_per_txn ?? 0;
    if (after.fpw_phase !== 'just_after_checkpoint' || after.sync_commit !== 'off') return [];
    const steady = points.filter(
      ({ fpw_phase, workload, sync_commit, lat }) =>
        fpw_phase === 'steady' &&
        workload === after.workload &&
        sync_commit === 'off' &&
        Math.abs(lat.p50_ms / after.lat.p50_ms - 1) < 0.15, // the same regime of placement
    );
    if (images < 0.1 || steady.length === 0) return [];
    const before = mean(steady.map((each) => each.server_cpu_us_per_txn));
    return [[images, after.server_cpu_us_per_txn - before] as const];
  });
  return costs.length === 0 ? null : Math.max(0, slopeThroughOrigin(costs));
}

/** Twice the delay, and what the proxy itself took in C1 at the nearest delay. */
function roundTrip({ c1 }: CalibrationData, oneWay: number): number {
  const measured = Object.entries(c1.delay_proxy_pingpong_rtt ?? {}).flatMap(
    ([name, { p50_us }]) => {
      const delay = /^oneway_us_(\d+)$/.exec(name);
      return delay ? [{ delay: Number(delay[1]) / 1000, rtt: p50_us / 1000 }] : [];
    },
  );
  const [nearest] = measured.sort(
    (a, b) => Math.abs(a.delay - oneWay) - Math.abs(b.delay - oneWay),
  );
  const own = nearest ? Math.max(0, nearest.rtt - 2 * nearest.delay) : 0;
  return 2 * oneWay + own;
}
