import { type Nanoseconds, NEVER } from '../../kernel/time.ts';
import type { HolderKind } from '../../postgres/procarray/ordered-xids.ts';
import { PROC_ARRAY, PROC_ARRAY_GROUP_UPDATE } from '../../postgres/waits.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { AgeGauge, Gauge } from '../gauge.ts';
import type { Observed, ObservedServer } from '../observed.ts';

/** Who holds the horizon is looked up at commits, and not more often than this. */
const SAMPLE_INTERVAL: Nanoseconds = 10_000_000;

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: 'servers.<server>.procarray.wait',
    kind: 'number',
    unit: 'fraction',
    doc: 'Share of its backends’ time in waits for ProcArrayLock and for group clearing.',
  },
  {
    name: 'servers.<server>.procarray.snapshot_time',
    kind: 'number',
    unit: 'seconds',
    doc: 'Processor time of a snapshot, on average; it grows with the connections.',
  },
  {
    name: 'servers.<server>.xmin_horizon.age',
    kind: 'gauge',
    unit: 'seconds',
    doc:
      'For how long the oldest transaction, snapshot, slot or standby has held the horizon of ' +
      'removable rows; 0 while nobody holds it. Looked up at commits, on standbys when WAL is ' +
      'replayed, 100 times a second at most.',
  },
  {
    name: 'servers.<server>.xmin_horizon.held_by.{backend,prepared_transaction,slot,standby}',
    kind: 'number',
    unit: 'fraction',
    doc:
      'Share of the time in which it was one of these who held it: a transaction or snapshot ' +
      'here, a prepared transaction, a slot (of a standby with feedback too), a standby without ' +
      'one.',
  },
  {
    name: 'servers.<server>.memory',
    kind: 'gauge',
    unit: 'bytes',
    doc: 'Memory of the host that the server has: shared memory and all its backends.',
  },
];

/** As `held_by` names them. */
const HOLDERS: Readonly<Record<HolderKind, string>> = {
  backend: 'backend',
  'prepared transaction': 'prepared_transaction',
  slot: 'slot',
  'standby feedback': 'standby',
};

class ProcArrayMeter {
  /** How long each has held the horizon, and who has since the last look at it. */
  private readonly held = new Map<HolderKind, Nanoseconds>();
  private holder: HolderKind | null = null;
  private sampledAt: Nanoseconds = 0;
  private readonly clock: { readonly now: Nanoseconds };
  readonly memory: Gauge;
  private readonly horizon: AgeGauge;
  private readonly server: ObservedServer;
  private nextSample: Nanoseconds = 0;
  private snapshots = 0;
  private snapshotTime: Nanoseconds = 0;
  private waited: Nanoseconds = 0;
  private lived: Nanoseconds = 0;

  constructor(run: Observed, server: ObservedServer) {
    this.server = server;
    this.clock = run.clock;
    this.memory = new Gauge(run.clock, server.memory.used);
    this.horizon = new AgeGauge(run.clock);
    this.remember();
  }

  committed(at: Nanoseconds): void {
    if (at >= this.nextSample) this.sample(at);
  }

  restart(): void {
    this.memory.restart();
    this.horizon.restart();
    this.sample(this.clock.now);
    this.held.clear();
    this.remember();
  }

  report(sheet: MetricSheet, now: Nanoseconds): void {
    this.sample(now);
    const { name, procArray } = this.server;
    const prefix = `servers.${name}.`;
    const [waited, lived] = this.waits();
    const all = lived - this.lived;
    const taken = procArray.array.snapshots - this.snapshots;
    const time = (procArray.snapshotTime - this.snapshotTime) * 1e-9;
    sheet.put(`${prefix}procarray.wait`, all > 0 ? (waited - this.waited) / all : null);
    sheet.put(`${prefix}procarray.snapshot_time`, taken > 0 ? time / taken : null);
    sheet.gauge(`${prefix}xmin_horizon.age`, this.horizon.summary(1e-9));
    for (const [kind, name] of Object.entries(HOLDERS)) {
      const time = this.held.get(kind as HolderKind) ?? 0;
      const share = sheet.elapsed > 0 ? time / sheet.elapsed : null;
      sheet.put(`${prefix}xmin_horizon.held_by.${name}`, share);
    }
    sheet.gauge(`${prefix}memory`, this.memory.summary());
  }

  private sample(at: Nanoseconds): void {
    this.nextSample = at + SAMPLE_INTERVAL;
    const { holder: former } = this;
    if (former !== null) {
      this.held.set(former, (this.held.get(former) ?? 0) + at - this.sampledAt);
    }
    const holder = this.server.procArray.array.holder();
    this.holder = holder?.kind ?? null;
    this.sampledAt = at;
    this.horizon.bornAt(holder?.since ?? NEVER);
  }

  private remember(): void {
    const { procArray } = this.server;
    this.snapshots = procArray.array.snapshots;
    this.snapshotTime = procArray.snapshotTime;
    [this.waited, this.lived] = this.waits();
  }

  /** In the two waits, and in all that backends do, up to this instant. */
  private waits(): [waited: Nanoseconds, lived: Nanoseconds] {
    const { backends, waits } = this.server;
    for (const { wait } of backends) wait.settle();
    let lived = 0;
    for (let i = 0; i < waits.total.length; i++) lived += waits.total[i]!;
    return [waits.total[PROC_ARRAY]! + waits.total[PROC_ARRAY_GROUP_UPDATE]!, lived];
  }
}

/** What connections cost: snapshots, the horizon that they hold, memory. */
export const procArrayFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => {
    const meters = run.instances.map(({ server }) => new ProcArrayMeter(run, server));
    run.postgres.committed.observe((at, server) => meters[server]!.committed(at));
    run.postgres.replayed.observe((at, server) => meters[server]!.committed(at));
    run.postgres.memory.observe((_, server, bytes) => meters[server]!.memory.set(bytes));
    return {
      restart: () => {
        for (const meter of meters) meter.restart();
      },
      report: (sheet) => {
        for (const meter of meters) meter.report(sheet, run.clock.now);
      },
    };
  },
};
