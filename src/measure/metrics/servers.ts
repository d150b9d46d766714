import type { DiskUsage } from '../../hardware/disk.ts';
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { Gauge } from '../gauge.ts';
import { Histogram } from '../histogram.ts';
import type { Observed, ObservedServer } from '../observed.ts';

function number(name: string, unit: MetricDefinition['unit'], doc: string): MetricDefinition {
  return { name: `servers.<server>.${name}`, kind: 'number', unit, doc };
}

const DEFINITIONS: readonly MetricDefinition[] = [
  number('cpu.utilization', 'fraction', 'Time that the host’s cores were busy, of all they had.'),
  number(
    'disk.utilization',
    'fraction',
    'Of what the host’s volume could have done, by the tightest of its parallel requests and ' +
      'limits; at 1 it is the bottleneck.',
  ),
  number('wal.bytes', 'bytes', 'WAL inserted, page headers included.'),
  number('wal.records', 'count', 'WAL records inserted.'),
  number('wal.flushes', 'count', 'WAL flushes by the server’s own commits.'),
  {
    name: 'servers.<server>.wal.rate',
    kind: 'distribution',
    unit: 'bytes/s',
    doc: 'WAL flushed in each whole second after the warm-up, as a primary.',
  },
  number('checkpoints.timed', 'count', 'Checkpoints by checkpoint_timeout.'),
  number('checkpoints.requested', 'count', 'Checkpoints by max_wal_size, or asked for.'),
  number('locks.waits', 'count', 'Waits for heavyweight locks; a row can take two.'),
  number('locks.deadlocks', 'count', 'Deadlocks found, each the error of one transaction.'),
  {
    name: 'servers.<server>.connections',
    kind: 'gauge',
    unit: 'count',
    doc: 'Client backends from fork to exit.',
  },
];

/** WAL flushed in each second, from the positions of the flushes. */
class WalRate {
  private readonly bytes: number[] = [];
  private start: Nanoseconds;
  private position: number;

  constructor(start: Nanoseconds, position: number) {
    this.start = start;
    this.position = position;
  }

  /** The position has moved without a flush: a new role, a start, a new timeline. */
  jump(position: number): void {
    this.position = position;
  }

  flushed(at: Nanoseconds, position: number): void {
    const second = Math.floor((at - this.start) / SECOND);
    while (this.bytes.length <= second) this.bytes.push(0);
    this.bytes[second]! += Math.max(0, position - this.position);
    this.position = position;
  }

  restart(at: Nanoseconds): void {
    this.bytes.length = 0;
    this.start = at;
  }

  /** Over whole seconds, those without any WAL included; none if nothing was flushed at all. */
  distribution(until: Nanoseconds): Histogram {
    const rates = new Histogram();
    const seconds = Math.floor((until - this.start) / SECOND);
    for (let i = 0; i < seconds && this.bytes.length > 0; i++) rates.record(this.bytes[i] ?? 0);
    return rates;
  }
}

/** Everything about one server that its counters tell. */
class ServerMeter {
  readonly connections: Gauge;
  readonly rate: WalRate;
  readonly checkpoints: [timed: number, requested: number] = [0, 0];
  private readonly server: ObservedServer;
  private served = 0;
  private disk: DiskUsage;
  private records = 0;
  private bytes = 0;
  private flushes = 0;
  private lockWaits = 0;
  private deadlocks = 0;

  constructor(run: Observed, server: ObservedServer) {
    this.server = server;
    this.connections = new Gauge(run.clock);
    this.rate = new WalRate(run.clock.now, server.wal.flushed.value);
    this.disk = server.host.disk.usage();
    this.remember();
  }

  restart(now: Nanoseconds): void {
    this.connections.restart();
    this.rate.restart(now);
    this.checkpoints.fill(0);
    this.remember();
  }

  report(sheet: MetricSheet, now: Nanoseconds): void {
    const { host, wal, name } = this.server;
    const prefix = `servers.${name}.`;
    const { elapsed } = sheet;
    const busy = host.cpu.served - this.served;
    sheet.put(`${prefix}cpu.utilization`, elapsed > 0 ? busy / (elapsed * host.cores) : null);
    sheet.put(`${prefix}disk.utilization`, elapsed > 0 ? host.disk.utilization(this.disk) : null);
    sheet.put(`${prefix}wal.bytes`, wal.bytes - this.bytes);
    sheet.put(`${prefix}wal.records`, wal.records - this.records);
    sheet.put(`${prefix}wal.flushes`, wal.flushes - this.flushes);
    sheet.distribution(`${prefix}wal.rate`, this.rate.distribution(now), 1);
    sheet.put(`${prefix}checkpoints.timed`, this.checkpoints[0]);
    sheet.put(`${prefix}checkpoints.requested`, this.checkpoints[1]);
    sheet.put(`${prefix}locks.waits`, this.server.lockWaits - this.lockWaits);
    sheet.put(`${prefix}locks.deadlocks`, this.server.deadlocks - this.deadlocks);
    sheet.gauge(`${prefix}connections`, this.connections.summary());
  }

  private remember(): void {
    const { host, wal } = this.server;
    this.served = host.cpu.served;
    this.disk = host.disk.usage();
    this.records = wal.records;
    this.bytes = wal.bytes;
    this.flushes = wal.flushes;
    this.lockWaits = this.server.lockWaits;
    this.deadlocks = this.server.deadlocks;
  }
}

/** What servers use of their hosts, and what they do with it. */
export const serverFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => {
    const { postgres, clock } = run;
    const meters = run.instances.map(({ server }) => new ServerMeter(run, server));
    postgres.connections.observe((_, server, count) => meters[server]!.connections.set(count));
    postgres.checkpoint.observe((_, server, __, requested) => {
      meters[server]!.checkpoints[requested ? 1 : 0]++;
    });
    postgres.flushed.observe((at, server, lsn) => meters[server]!.rate.flushed(at, lsn));
    postgres.state.observe((_, index) => {
      meters[index]!.rate.jump(run.instances[index]!.server.wal.flushed.value);
    });
    return {
      restart: () => {
        for (const meter of meters) meter.restart(clock.now);
      },
      report: (sheet) => {
        for (const meter of meters) meter.report(sheet, clock.now);
      },
    };
  },
};
