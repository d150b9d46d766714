import { FaultEvents } from '../../src/faults/events.ts';
import { HaEvents } from '../../src/ha/events.ts';
import type { DiskUsage } from '../../src/hardware/disk.ts';
import type { HostState } from '../../src/hardware/host.ts';
import { SECOND, Trace } from '../../src/kernel/index.ts';
import { Measures } from '../../src/measure/measures.ts';
import type { Observed } from '../../src/measure/observed.ts';
import { PostgresEvents, SERVER_STATES, type ServerState } from '../../src/postgres/events.ts';
import type { HolderKind } from '../../src/postgres/procarray/index.ts';
import { type Branch, History } from '../../src/postgres/timeline.ts';
import { WAIT_EVENTS } from '../../src/postgres/waits.ts';
import { WorkloadEvents } from '../../src/workload/events.ts';

const NO_USE: DiskUsage = {
  at: 0,
  reads: 0,
  writes: 0,
  fsyncs: 0,
  bytesRead: 0,
  bytesWritten: 0,
  busyTime: 0,
  served: 0,
  waitTime: 0,
  taken: [],
  balances: [],
};

/** A host as plain numbers. */
class StageHost {
  readonly name: string;
  readonly cores = 2;
  state: HostState = 'up';
  readonly cpu = { servers: 2, served: 0, idle: 0, switches: 0, switchTime: 0 };
  readonly memory = { kills: 0 };
  diskShare = 0;
  readonly disk = { occupiedBytes: 0, usage: () => NO_USE, utilization: () => this.diskShare };
  private readonly listeners: ((reachable: boolean) => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  onReachabilityChange(listener: (reachable: boolean) => void): void {
    this.listeners.push(listener);
  }

  become(state: HostState): void {
    this.state = state;
    for (const listener of this.listeners) listener(state === 'up');
  }
}

/** A server as plain numbers: a test says what happens to it. */
export class StageServer {
  readonly name: string;
  readonly index: number;
  readonly host: StageHost;
  readonly group = { frozen: false };
  state: ServerState = 'shut down';
  readonly wal: {
    branch: Branch;
    insertLsn: number;
    written: number;
    flushed: { value: number };
    records: number;
    bytes: number;
    flushes: number;
    images: number;
    imageBytes: number;
    buffersFull: number;
    segments: { bytes: number };
    archiver: { archived: number; failed: number };
  };
  readonly waits = { total: new Float64Array(WAIT_EVENTS.length + 1) };
  readonly procArray = {
    snapshotTime: 0,
    array: { snapshots: 0, nextXid: 3, holder: (): Holder => null },
  };
  readonly memory = { used: 0 };
  readonly checkpointer = { timed: 0, requested: 0 };
  readonly storage = {
    tables: [],
    database: { catalog: [], partitions: { isAttached: () => true }, compressed: new Map() },
    pool: { hits: 0, reads: 0, pagesByFile: () => new Map<number, number>() },
    cache: { oneOf: 1 },
    fileOf: (relation: number) => relation,
    sampled: null,
    written: { checkpointer: 0, bgwriter: 0, backend: 0 },
  };
  readonly autovacuum = { statistics: [], limits: { refusals: 0 } };
  readonly temporary = { files: 0, pages: 0 };
  lockWaits = 0;
  deadlocks = 0;
  readonly backends: { wait: { settle(): void } }[] = [];

  constructor(name: string, index: number, branch: Branch) {
    this.name = name;
    this.index = index;
    this.host = new StageHost(name);
    const flushed = { value: 0 };
    const counts = { records: 0, bytes: 0, flushes: 0, images: 0, imageBytes: 0, buffersFull: 0 };
    const files = { segments: { bytes: 0 }, archiver: { archived: 0, failed: 0 } };
    this.wal = { branch, insertLsn: 0, written: 0, flushed, ...counts, ...files };
  }

  /** All of its WAL, on disk, ends here. */
  stand(lsn: number): void {
    this.wal.insertLsn = this.wal.written = this.wal.flushed.value = lsn;
  }
}

type Holder = { readonly since: number; readonly kind: HolderKind } | null;

interface StageInstance {
  readonly server: StageServer;
  readonly senders: { standby: number; sent: number }[];
}

export interface StageOptions {
  readonly servers?: number;
  readonly managed?: boolean;
  readonly warmup?: number;
  readonly duration?: number;
  readonly victims?: readonly (readonly number[])[];
  readonly rate?: number | null;
  readonly prices?: readonly (number | null)[];
  readonly version?: number;
}

/** Reads are transaction 0, writes 1; sessions 0 to 3 are of `app`, 4 and 5 of `batch`. */
const TRANSACTIONS = [
  {
    name: 'lookup',
    index: 0,
    writes: false,
    statements: 1,
    execution: () => ({ start: () => {}, next: () => null }),
  },
  {
    name: 'transfer',
    index: 1,
    writes: true,
    statements: 5,
    execution: () => ({ start: () => {}, next: () => null }),
  },
] as const;

/** A run that a test plays by hand, in seconds. The first server is primary, others standbys. */
export class Stage {
  readonly clock = { now: 0 };
  readonly trace = new Trace(this.clock);
  readonly postgres = new PostgresEvents(this.trace);
  readonly workload = new WorkloadEvents(this.trace);
  readonly ha = new HaEvents(this.trace);
  readonly faults = new FaultEvents(this.trace);
  readonly history = new History();
  readonly instances: StageInstance[];
  readonly groups: (Observed['groups'][number] & { queueLength: number })[];
  readonly observed: Observed;

  constructor(options: StageOptions = {}) {
    const { servers = 2, managed = true, warmup = 0, duration = 100, rate = null } = options;
    const first = this.history.begin('pg1');
    this.instances = Array.from({ length: servers }, (_, index) => ({
      server: new StageServer(`pg${index + 1}`, index, first),
      senders: [],
    }));
    this.instances.forEach(({ server }, index) => {
      server.state = index === 0 ? 'primary' : 'hot standby';
    });
    const mix = TRANSACTIONS.map((script) => ({ script, weight: 1 }));
    const group = (name: string, index: number, firstSession: number, sessions: number) => ({
      options: { name, index, firstSession, sessions, rate, connectionPerTransaction: false, mix },
      queueLength: 0,
    });
    this.groups = [group('app', 0, 0, 4), group('batch', 1, 4, 2)];
    this.observed = {
      clock: this.clock,
      postgres: this.postgres,
      workload: this.workload,
      ha: this.ha,
      faults: this.faults,
      instances: this.instances,
      clusterOf: this.instances.map(() => 0),
      branches: this.history.branches,
      groups: this.groups,
      transactions: TRANSACTIONS,
      hosts: this.instances.map(({ server }) => server.host),
      faultVictims: options.victims ?? [],
      initialLeader: managed ? 0 : -1,
      leaderTtl: managed ? 30 * SECOND : null,
      postgresVersion: options.version ?? 18,
      warmup: warmup * SECOND,
      duration: duration * SECOND,
      monthlyPrices: options.prices ?? [],
    };
  }

  server(index: number): StageServer {
    return this.instances[index]!.server;
  }

  /** The clock shows so many seconds; what a test says next happens then. */
  at(seconds: number): this {
    this.clock.now = Math.round(seconds * SECOND);
    return this;
  }

  state(index: number, state: ServerState): void {
    this.server(index).state = state;
    this.postgres.state.emit(index, SERVER_STATES.indexOf(state));
  }

  /** A commit record is inserted, ending at the position. */
  insert(index: number, lsn: number): void {
    const { wal } = this.server(index);
    wal.insertLsn = lsn;
    this.postgres.committed.emit(index, wal.branch.index, lsn);
  }

  flush(index: number, lsn: number): void {
    const { wal } = this.server(index);
    wal.written = wal.flushed.value = lsn;
    wal.insertLsn = Math.max(wal.insertLsn, lsn);
    this.postgres.flushed.emit(index, lsn);
  }

  /** A commit on the server's branch, flushed there, of which the session is told now. */
  commit(index: number, lsn: number, session = 0): void {
    this.insert(index, lsn);
    this.flush(index, lsn);
    this.tell(index, lsn, session);
  }

  tell(index: number, lsn: number, session = 0, unreplicated = 0): void {
    const { branch } = this.server(index).wal;
    this.workload.commitAcknowledged.emit(session, branch.index, lsn, unreplicated);
  }

  /** The standby has received, flushed and replayed everything up to here. */
  replicate(standby: number, lsn: number): void {
    this.server(standby).stand(lsn);
  }

  crash(index: number, keeps: number, power = false): void {
    const server = this.server(index);
    if (power) server.host.state = 'off';
    server.stand(keeps);
    this.state(index, 'crashed');
    if (power) server.host.become('off');
  }

  promote(index: number): Branch {
    const { server } = this.instances[index]!;
    const branch = this.history.fork(server.wal.branch, server.wal.insertLsn, server.name);
    server.wal.branch = branch;
    this.postgres.promoted.emit(index, branch.index, branch.forkLsn);
    this.state(index, 'primary');
    return branch;
  }

  /** A closed-loop transaction from its start to its answer. */
  transact(session: number, transaction: number, starts: number, ends: number): void {
    this.at(starts).workload.invoked.emit(session, transaction);
    const latency = Math.round((ends - starts) * SECOND);
    this.at(ends).workload.acknowledged.emit(session, transaction, latency, latency);
  }
}

/** Plays a run by hand and measures it. */
export function play(options: StageOptions, steps: (stage: Stage, measures: Measures) => void) {
  const stage = new Stage(options);
  const measures = new Measures(stage.observed);
  steps(stage, measures);
  const { metrics, series } = measures.finish();
  const get = (name: string) => {
    if (!metrics.has(name)) throw new Error(`no metric is called ${name}`);
    return metrics.get(name)!;
  };
  return { get, metrics, series };
}
