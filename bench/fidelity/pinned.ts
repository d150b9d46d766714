/**
 * What C2b tells of one client and its server, each pinned to a core: its columns, and what cold
 * caches, wake-ups and flushes have in them, each apart from the rest.
 */
import { LINUX_SWITCHING } from '../../src/hardware/cores.ts';
import { type CalibrationData, missingFrom, type PinnedPoint } from './calibration-data.ts';
import { mean, slopeThroughOrigin } from './statistics.ts';

/** Statements of pgbench's builtin scripts, each a message with the prepared protocol. */
export const MESSAGES: Readonly<Record<string, number>> = {
  'select 1': 1,
  'select-only': 1,
  'simple-update': 5,
  'tpcb-like': 7,
};

type Column =
  | 'server_cpu_us_per_txn'
  | 'server_user_us'
  | 'server_sys_us'
  | 'client_cpu_us_per_txn'
  | 'p50';

/** The mean over repeats of one column of C2b; the median latency in microseconds. */
export function pinned(
  data: CalibrationData,
  workload: string,
  column: Column,
  placement: PinnedPoint['placement'] = 'same',
  sync: 'on' | 'off' = workload.startsWith('select') ? 'on' : 'off',
): number {
  const found = data.c2b.points.filter(
    (point) =>
      point.workload === workload && point.placement === placement && point.sync_commit === sync,
  );
  if (found.length === 0) {
    const missing = `${workload}, placement ${placement}, synchronous_commit ${sync}`;
    throw missingFrom(data, 'C2b', `there is no point of ${missing}`);
  }
  return mean(found.map((p) => (column === 'p50' ? p.lat.p50_ms * 1000 : p[column])));
}

export const WORKLOADS = ['select 1', 'select-only', 'simple-update', 'tpcb-like'];

/** What of a visit has gone when others have done so much on its core in between. */
function gone(othersMicroseconds: number): number {
  return othersMicroseconds / (othersMicroseconds + LINUX_SWITCHING.halfWork / 1000);
}

/** Visits that find their caches alike, and what lies between them and the last of their kind. */
interface Visits {
  /** Of the client's work for a transaction, */
  readonly gap: number;
  /** and whether that was in the transaction before, ahead of its commit. */
  readonly overCommit: boolean;
}

/**
 * Statements of one verb share their caches (src/postgres/backend.ts): the updates of tpcb-like
 * come as the second, fourth and fifth of seven.
 */
const UPDATES: readonly Visits[] = [
  { gap: 4 / 7, overCommit: true },
  { gap: 2 / 7, overCommit: false },
  { gap: 1 / 7, overCommit: false },
];

/**
 * What is gone of a whole transaction's caches, by others' work in it and at its commit; one update
 * is this share of tpcb-like's service.
 */
function goneOf(workload: string, updateShare: number, others: number, atCommit = 0): number {
  const whole = gone(others + atCommit);
  if (workload !== 'tpcb-like') return whole;
  return UPDATES.reduce((sum, { gap, overCommit }) => {
    return sum + updateShare * (gone(gap * others + (overCommit ? atCommit : 0)) - whole);
  }, whole);
}

/** The share of an update: tpcb-like has two more than simple-update, and nothing else. */
function updateShareOf(data: CalibrationData, refill: number): number {
  const of = (workload: string) => {
    const server = pinned(data, workload, 'server_cpu_us_per_txn');
    const client = pinned(data, workload, 'client_cpu_us_per_txn');
    return { server, client, cold: 1 + refill * gone(client) };
  };
  const few = of('simple-update');
  const many = of('tpcb-like');
  const fewWarm = few.server / few.cold;
  const warmer = refill * (goneOf('tpcb-like', 1, many.client) - gone(many.client));
  const update = (many.server - fewWarm * many.cold) / (2 * many.cold + warmer);
  return Math.min(1 / 3, Math.max(0, update / (fewWarm + 2 * update)));
}

/**
 * CPU time of a flush and of going on after it, for which none of the statements' caches is any
 * good: what synchronous_commit adds beyond the share by which user time grows.
 */
function flushWork(data: CalibrationData, workload: string): number {
  const of = (column: Column, sync: 'on' | 'off') => pinned(data, workload, column, 'same', sync);
  const growth = of('server_user_us', 'on') / of('server_user_us', 'off');
  const off = of('server_cpu_us_per_txn', 'off');
  return Math.max(0, of('server_cpu_us_per_txn', 'on') - off * growth);
}

interface Caches {
  /** By which share service takes longer with nothing left in the caches. */
  readonly refill: number;
  /** An idle core has lost as much as by so much work of others, in microseconds. */
  readonly idleWork: number;
  /** What one update of tpcb-like is of its service. */
  readonly updateShare: number;
}

/**
 * In `same` client and server evict one another a little, and so do a flush and the idle core
 * while it waits; in `cross` they do not, but each message finds two idle cores, of two. User time
 * tells how much, for it has no wake-ups in it. Both unknowns follow from each other's equation,
 * each by least squares over the workloads, in turns until they stay.
 */
export function cachesOf(data: CalibrationData): Caches {
  const points = WORKLOADS.map((workload) => {
    const of = (column: Column, placement?: PinnedPoint['placement']) =>
      pinned(data, workload, column, placement);
    const client = of('client_cpu_us_per_txn');
    const cross = of('server_user_us', 'cross');
    const flushes = workload.startsWith('select')
      ? null
      : pinned(data, workload, 'server_user_us', 'same', 'on');
    const flush = flushes === null ? 0 : flushWork(data, workload);
    const messages = MESSAGES[workload]!;
    return { workload, messages, same: of('server_user_us'), client, cross, flushes, flush };
  });
  let caches: Caches = { refill: 1, idleWork: 100, updateShare: 0 };
  for (let turn = 0; turn < 400; turn++) {
    const { refill } = caches;
    const updateShare = updateShareOf(data, refill);
    const warm = points.map(
      ({ workload, same, client }) => same / (1 + refill * goneOf(workload, updateShare, client)),
    );
    const excess = (idleWork: number) =>
      points.reduce((sum, { workload, flushes, flush, client }, i) => {
        const cold = goneOf(workload, updateShare, client, idleWork + flush);
        const expected = warm[i]! * (1 + refill * cold);
        return flushes === null ? sum : sum + warm[i]! * (expected - flushes);
      }, 0);
    const idleWork = rootOf(excess);
    const cold = points.map(({ workload, messages, cross }, i): [number, number] => {
      const share = goneOf(workload, updateShare, messages * idleWork);
      return [warm[i]! * share, cross - warm[i]!];
    });
    const middle = (refill + slopeThroughOrigin(cold)) / 2;
    caches = { refill: Math.max(0.01, middle), idleWork, updateShare };
  }
  return caches;
}

/** Where a function that grows is 0, between 0 and 10 ms; else the nearer end. */
function rootOf(grows: (microseconds: number) => number): number {
  let low = 0;
  let high = 10_000;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (grows(middle) < 0) low = middle;
    else high = middle;
  }
  return low;
}

/** Warm service of what took so long with others doing so much on its core in between. */
export function amongOthers(data: CalibrationData, microseconds: number, others: number): number {
  return microseconds / (1 + cachesOf(data).refill * gone(others));
}

/** Service on a core that has been idle, of what would take so long with warm caches. */
export function onIdleCore(data: CalibrationData, warmMicroseconds: number): number {
  const { refill, idleWork } = cachesOf(data);
  return warmMicroseconds * (1 + refill * gone(idleWork));
}

/** CPU time of the server in `same` without what it loses by the client's visits in between. */
export function warmServer(data: CalibrationData, workload: string): number {
  const client = pinned(data, workload, 'client_cpu_us_per_txn');
  const { refill, updateShare } = cachesOf(data);
  const cold = refill * goneOf(workload, updateShare, client);
  return pinned(data, workload, 'server_cpu_us_per_txn') / (1 + cold);
}

/** The same of the client, which does with each message what it did with the last. */
export function warmClient(data: CalibrationData, workload: string): number {
  const between = pinned(data, workload, 'server_cpu_us_per_txn') / MESSAGES[workload]!;
  const cold = cachesOf(data).refill * gone(between);
  return pinned(data, workload, 'client_cpu_us_per_txn') / (1 + cold);
}

/** Two wake-ups of an idle core in each round trip of C2b's `cross`, none in `same`. */
export function wakeup(data: CalibrationData): number {
  const { refill, idleWork } = cachesOf(data);
  const warm = warmServer(data, 'select 1') + warmClient(data, 'select 1');
  const cross = pinned(data, 'select 1', 'p50', 'cross') - warm * (1 + refill * gone(idleWork));
  return Math.max(0, cross / 2);
}

/** What of such a wake-up is CPU time, of who wakes and of who is woken, beside cold caches. */
export function wakeupWork(data: CalibrationData): number {
  const { refill, idleWork } = cachesOf(data);
  const cross =
    pinned(data, 'select 1', 'server_cpu_us_per_txn', 'cross') +
    pinned(data, 'select 1', 'client_cpu_us_per_txn', 'cross');
  const warm = warmServer(data, 'select 1') + warmClient(data, 'select 1');
  const work = (cross - warm * (1 + refill * gone(idleWork))) / 2;
  return Math.min(wakeup(data), Math.max(0, work));
}

/**
 * CPU time of waking a process on another core that is busy, as a share of what it takes on an idle
 * one: pairs of processes that send each other 60 and 100 bytes through a Unix socket took 8.7 us
 * of CPU a round trip where a pair shared a core and 31.5 where it had two that idled; 32 pairs,
 * which kept two cores busy, 12.3 and 18.6 (least of seven runs, Linux 6.18 on an EPYC as a virtual
 * machine, another one than that of the measurements): 6.3 of 22.8.
 */
const BUSY_SHARE = 0.28;

/** CPU time of waking a process on another core that is busy. */
export function crossing(data: CalibrationData): number {
  const of = (placement: PinnedPoint['placement']) =>
    pinned(data, 'select 1', 'server_cpu_us_per_txn', placement) +
    pinned(data, 'select 1', 'client_cpu_us_per_txn', placement);
  return Math.max(0, (BUSY_SHARE * (of('cross') - of('same'))) / 2);
}

/** What a process that slept takes on a core that has gone idle until it can go on. */
export function goingOn(data: CalibrationData): number {
  return wakeup(data) + goingToSleep(data);
}

/** Falling asleep and going on, on a core that has gone idle. */
function goingToSleep(data: CalibrationData): number {
  return onIdleCore(data, pinned(data, 'select 1', 'server_sys_us') / 2);
}

/** What the statements of a transaction take longer because a core has gone idle in it. */
export function cooled(
  data: CalibrationData,
  workload: string,
): { server: number; client: number } {
  const { refill, idleWork, updateShare } = cachesOf(data);
  const client = pinned(data, workload, 'client_cpu_us_per_txn');
  const server = pinned(data, workload, 'server_cpu_us_per_txn');
  const messages = MESSAGES[workload]!;
  const atCommit = idleWork + flushWork(data, workload);
  const once = gone(server / messages + atCommit) - gone(server / messages);
  const more =
    goneOf(workload, updateShare, client, atCommit) - goneOf(workload, updateShare, client);
  return {
    server: warmServer(data, workload) * refill * more,
    client: (warmClient(data, workload) / messages) * refill * once,
  };
}

/** CPU time that a synchronous commit adds, of which each makes one flush, beside going on. */
export function flushCpu(data: CalibrationData): number {
  const added = (workload: string) =>
    pinned(data, workload, 'server_cpu_us_per_txn', 'same', 'on') -
    pinned(data, workload, 'server_cpu_us_per_txn') -
    cooled(data, workload).server;
  return Math.max(
    0,
    mean([added('simple-update'), added('tpcb-like')]) - wakeupWork(data) - goingToSleep(data),
  );
}

/**
 * CPU time of the kernel's threads for a flush, by what was neither Postgres nor pgbench: what
 * synchronous_commit adds to it, by the flush. Null where it was not measured.
 */
export function flushInKernel(data: CalibrationData): number | null {
  const added = ['simple-update', 'tpcb-like'].map((workload) => {
    const of = (sync: string) =>
      data.c2b.points.filter(
        (point) =>
          point.workload === workload && point.placement === 'same' && point.sync_commit === sync,
      );
    const cores = (points: readonly PinnedPoint[]) =>
      mean(points.map((point) => point.foreign_cpu_cores ?? Number.NaN));
    const rate = mean(of('on').map(({ tps }) => tps ?? Number.NaN));
    return ((cores(of('on')) - cores(of('off'))) / rate) * 1e6;
  });
  const microseconds = mean(added);
  return Number.isNaN(microseconds) ? null : Math.max(0, microseconds);
}

/**
 * Interruptions of a process that nobody competes with (the clock's ticks, devices, the hypervisor
 * that takes the core away), in microseconds of service between two and of one, in the mean. They
 * come by chance and last exponentially, so that of a transaction of length T a share of
 * T / every x exp(-x / lasting) takes more than x longer: both follow from the 99th percentiles of
 * the shortest and of a longer transaction. Null where those tell of none.
 */
export function interruptions(data: CalibrationData): { every: number; lasting: number } | null {
  const of = (workload: string, sync: string) => {
    const points = data.c2b.points.filter(
      (point) =>
        point.workload === workload && point.placement === 'same' && point.sync_commit === sync,
    );
    const length = mean(points.map(({ lat }) => lat.p50_ms * 1000));
    return { length, longer: mean(points.map(({ lat }) => lat.p99_ms * 1000)) - length };
  };
  const short = of('select-only', 'on');
  const long = of('simple-update', 'off');
  const lasting = (long.longer - short.longer) / Math.log(long.length / short.length);
  if (!(lasting > 0) || !(short.longer > 0)) return null;
  return { every: (100 * short.length) / Math.exp(short.longer / lasting), lasting };
}
