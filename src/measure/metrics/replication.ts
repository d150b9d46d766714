import { type Nanoseconds, NEVER } from '../../kernel/time.ts';
import { SERVER_STATES } from '../../postgres/events.ts';
import type { Lsn } from '../../postgres/lsn.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { AgeGauge, Gauge } from '../gauge.ts';
import { Histogram } from '../histogram.ts';
import type { Observed } from '../observed.ts';
import { TimedPositions } from './timed-positions.ts';

/** The steps of a piece of WAL on its way to a standby, in their order. */
const STEPS = ['sent', 'write', 'flush', 'replay'] as const;
const REPORTED = ['write', 'flush', 'replay'] as const;
const PREFIX = 'servers.<server>.replication.';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: `${PREFIX}{sent,write,flush,replay}_lag`,
    kind: 'gauge',
    unit: 'seconds',
    doc:
      'The age of the oldest WAL that its cluster’s primary has on disk and that this standby ' +
      'has not been sent, written, flushed, replayed; 0 if there is none, or while it leads.',
  },
  {
    name: `${PREFIX}{sent,write,flush,replay}_lag.bytes`,
    kind: 'gauge',
    unit: 'bytes',
    doc: 'How much WAL that is.',
  },
  {
    name: `${PREFIX}reported.{write,flush,replay}_lag`,
    kind: 'distribution',
    unit: 'seconds',
    doc:
      'The columns write_lag, flush_lag and replay_lag of pg_stat_replication on its upstream, ' +
      'one observation for each reply that brought them up to date.',
  },
];

/** What happened to the WAL of a cluster and is not accounted for yet. */
class Log {
  length = 0;
  readonly at = new Float64Array(LOG_ENTRIES);
  readonly lsn = new Float64Array(LOG_ENTRIES);
  /** `FLUSHED`, or which step of which standby. */
  readonly what = new Int32Array(LOG_ENTRIES);

  get isFull(): boolean {
    return this.length === LOG_ENTRIES;
  }

  push(what: number, lsn: Lsn, at: Nanoseconds): void {
    const i = this.length++;
    this.what[i] = what;
    this.lsn[i] = lsn;
    this.at[i] = at;
  }
}

const LOG_ENTRIES = 4096;
const FLUSHED = -1;

/** One step of one standby: how far it is, and the first flush it has not come to. */
class Lag {
  readonly age: AgeGauge;
  readonly bytes: Gauge;
  position: Lsn;
  private next = 0;
  /** What time it is for the gauges: that of the entry that is read. */
  private readonly clock: { now: Nanoseconds };

  constructor(now: Nanoseconds, position: Lsn) {
    this.clock = { now };
    this.age = new AgeGauge(this.clock);
    this.bytes = new Gauge(this.clock);
    this.position = position;
  }

  /** The number of the first flush that it may still ask for. */
  get needs(): number {
    return this.next;
  }

  /** Reads the log, which begins after so many flushes and ends now. */
  read(
    log: Log,
    what: number,
    flushes: TimedPositions,
    flushesBefore: number,
    now: Nanoseconds,
  ): void {
    let count = flushesBefore;
    for (let i = 0; i < log.length; i++) {
      if (log.what[i] === FLUSHED) {
        this.clock.now = log.at[i]!;
        this.fallBehind(flushes, count++, log.lsn[i]!);
      } else if (log.what[i] === what) {
        this.clock.now = log.at[i]!;
        this.catchUp(flushes, count, log.lsn[i]!);
      }
    }
    this.clock.now = now;
  }

  /** The primary has flushed once more; it is the flush with this number. */
  private fallBehind(flushes: TimedPositions, last: number, lsn: Lsn): void {
    if (this.next === last) {
      if (this.position >= lsn) this.next++;
      else this.age.bornAt(flushes.atOf(last));
    }
    this.bytes.set(Math.max(0, lsn - this.position));
  }

  private catchUp(flushes: TimedPositions, count: number, position: Lsn): void {
    this.position = position;
    while (this.next < count && flushes.lsnOf(this.next) <= position) this.next++;
    this.age.bornAt(this.next < count ? flushes.atOf(this.next) : NEVER);
    this.bytes.set(Math.max(0, flushes.lastLsn(count) - position));
  }

  /** Measured against another history from now on, of which it has no more than `forkLsn`. */
  begin(next: number, forkLsn: Lsn): void {
    this.next = next;
    this.position = Math.min(this.position, forkLsn);
    this.age.bornAt(NEVER);
    this.bytes.set(0);
  }
}

/**
 * A cluster: its primary's flushes, and the lags of all its servers. What happens is only noted at
 * first, and read later by one lag after the other: that costs a third of moving eight lags at each
 * event.
 */
class ClusterMeter {
  readonly lags: (readonly Lag[] | null)[];
  private readonly run: Observed;
  private readonly members: number[];
  private leader = -1;
  private readonly flushes = new TimedPositions();
  private readonly log = new Log();
  private flushesBeforeLog = 0;

  constructor(run: Observed, cluster: number) {
    this.run = run;
    this.members = run.clusterOf.flatMap((of, index) => (of === cluster ? [index] : []));
    this.lags = run.instances.map(({ server }, index) =>
      run.clusterOf[index] === cluster
        ? STEPS.map(() => new Lag(run.clock.now, server.wal.flushed.value))
        : null,
    );
    for (const index of this.members) {
      const { state, wal } = run.instances[index]!.server;
      if (state === 'primary') this.lead(index, wal.flushed.value);
    }
  }

  lead(server: number, lsn: Lsn): void {
    if (this.leader === server) return;
    this.settle();
    for (const lag of this.lags[this.leader] ?? []) lag.position = this.flushes.newestLsn;
    this.leader = server; // the one before had all of its own WAL
    this.flushes.begin(lsn);
    this.eachLag((lag) => lag.begin(this.flushes.end, lsn));
    this.flushesBeforeLog = this.flushes.end;
  }

  isStandby(server: number): boolean {
    return this.lags[server] !== null && this.leader >= 0 && this.leader !== server;
  }

  flushed(server: number, lsn: Lsn, at: Nanoseconds): void {
    if (server !== this.leader) return;
    this.flushes.push(lsn, at);
    this.note(FLUSHED, lsn, at);
  }

  reached(standby: number, step: number, lsn: Lsn, at: Nanoseconds): void {
    if (standby !== this.leader) this.note(standby * STEPS.length + step, lsn, at);
  }

  /** Accounts for all that was noted, up to now. */
  settle(): void {
    const { log, flushes, flushesBeforeLog } = this;
    const { now } = this.run.clock;
    let needed = flushes.end;
    for (const member of this.members) {
      this.lags[member]!.forEach((lag, step) => {
        if (member === this.leader) lag.read(NOTHING, 0, flushes, flushesBeforeLog, now);
        else {
          lag.read(log, member * STEPS.length + step, flushes, flushesBeforeLog, now);
          needed = Math.min(needed, lag.needs);
        }
      });
    }
    flushes.forgetBefore(needed);
    log.length = 0;
    this.flushesBeforeLog = flushes.end;
  }

  eachLag(visit: (lag: Lag) => void): void {
    for (const member of this.members) for (const lag of this.lags[member]!) visit(lag);
  }

  private note(what: number, lsn: Lsn, at: Nanoseconds): void {
    this.log.push(what, lsn, at);
    if (this.log.isFull) this.settle();
  }
}

const NOTHING = new Log();

const PRIMARY = SERVER_STATES.indexOf('primary');

class ReplicationMeter {
  private readonly run: Observed;
  private readonly clusters: readonly ClusterMeter[];
  private readonly reported: readonly (readonly Histogram[])[];
  /** Has been a standby at some time after the warm-up. */
  private readonly counts: boolean[];

  constructor(run: Observed) {
    this.run = run;
    const clusters = Math.max(0, ...run.clusterOf) + 1;
    this.clusters = Array.from({ length: clusters }, (_, i) => new ClusterMeter(run, i));
    this.reported = run.instances.map(() => REPORTED.map(() => new Histogram()));
    this.counts = run.instances.map(() => false);
    this.notice();
    this.observe(run);
  }

  restart(): void {
    for (const cluster of this.clusters) {
      cluster.settle();
      cluster.eachLag(({ age, bytes }) => {
        age.restart();
        bytes.restart();
      });
    }
    for (const histograms of this.reported) for (const each of histograms) each.clear();
    this.counts.fill(false);
    this.notice();
  }

  report(sheet: MetricSheet): void {
    for (const cluster of this.clusters) cluster.settle();
    this.run.instances.forEach(({ server: { name } }, index) => {
      if (!this.counts[index]) return;
      const prefix = `servers.${name}.replication.`;
      const lags = this.of(index).lags[index]!;
      STEPS.forEach((step, i) => {
        sheet.gauge(`${prefix}${step}_lag`, lags[i]!.age.summary(1e-9));
        sheet.gauge(`${prefix}${step}_lag.bytes`, lags[i]!.bytes.summary());
      });
      REPORTED.forEach((step, i) => {
        sheet.distribution(`${prefix}reported.${step}_lag`, this.reported[index]![i]!, 1e-9);
      });
    });
  }

  private of(server: number): ClusterMeter {
    return this.clusters[this.run.clusterOf[server]!]!;
  }

  private notice(): void {
    this.counts.forEach((_, index) => {
      if (this.of(index).isStandby(index)) this.counts[index] = true;
    });
  }

  private observe({ postgres, instances }: Observed): void {
    postgres.state.observe((_, server, state) => {
      if (state !== PRIMARY) return;
      this.of(server).lead(server, instances[server]!.server.wal.flushed.value);
      this.notice();
    });
    postgres.flushed.observe((at, server, lsn) => this.of(server).flushed(server, lsn, at));
    const { sent, standbyWritten, standbyFlushed, replayed, lag } = postgres;
    [sent, standbyWritten, standbyFlushed, replayed].forEach((topic, step) => {
      topic.observe((at, standby, lsn) => this.of(standby).reached(standby, step, lsn, at));
    });
    lag.observe((_, standby, write, flush, replay) => {
      const histograms = this.reported[standby]!;
      if (write >= 0) histograms[0]!.record(write);
      if (flush >= 0) histograms[1]!.record(flush);
      if (replay >= 0) histograms[2]!.record(replay);
    });
  }
}

/** How far standbys are behind. */
export const replicationFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => new ReplicationMeter(run),
};
