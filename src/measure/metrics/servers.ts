import type { DiskUsage } from '../../hardware/disk.ts';
import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import { PAGE_BYTES } from '../../postgres/buffers/page.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { Gauge } from '../gauge.ts';
import { Histogram } from '../histogram.ts';
import type { Observed, ObservedServer } from '../observed.ts';

function number(name: string, unit: MetricDefinition['unit'], doc: string): MetricDefinition {
  return { name: `servers.<server>.${name}`, kind: 'number', unit, doc };
}

function gauge(name: string, doc: string): MetricDefinition {
  return { name: `servers.<server>.${name}`, kind: 'gauge', unit: 'bytes', doc };
}

const DEFINITIONS: readonly MetricDefinition[] = [
  number('cpu.utilization', 'fraction', 'Time that the host’s cores were busy, of all they had.'),
  number(
    'cpu.switching',
    'fraction',
    'Of the time of the host’s cores, what changing from one process to another took: the ' +
      'switches themselves and the caches that are filled anew.',
  ),
  number('cpu.switches', 'count', 'Times that a process had to wait for a core to change to it.'),
  number(
    'disk.utilization',
    'fraction',
    'Of what the host’s volume could have done, by the tightest of its parallel requests and ' +
      'limits; at 1 it is the bottleneck.',
  ),
  number('wal.bytes', 'bytes', 'WAL inserted, page headers included.'),
  number('wal.records', 'count', 'WAL records inserted.'),
  number('wal.flushes', 'count', 'Times that the server made its own WAL durable.'),
  number('wal.fpi', 'count', 'Full-page images in the WAL.'),
  number('wal.fpi_bytes', 'bytes', 'What those images are of the WAL.'),
  number('wal.buffers_full', 'count', 'Pages of WAL that an inserter had to write out itself.'),
  gauge('wal.size', 'The files in pg_wal, those included that are kept ready.'),
  number('oom_kills', 'count', 'Backends that the kernel of its host killed for want of memory.'),
  number('panics', 'count', 'Crashes by PANIC: WAL that had no room on the disk.'),
  number('archiver.archived', 'count', 'WAL segments archived.'),
  number('archiver.failed', 'count', 'Attempts to archive a segment that failed.'),
  gauge('archiver.backlog', 'Finished WAL segments that are not in the archive.'),
  gauge('disk.used', 'What is not free of the host’s volume: data, WAL, whatever else fills it.'),
  {
    name: 'servers.<server>.wal.rate',
    kind: 'distribution',
    unit: 'bytes/s',
    doc: 'WAL flushed in each whole second after the warm-up, as a primary.',
  },
  number(
    'checkpoints.{timed,requested}',
    'count',
    'Checkpoints by checkpoint_timeout, and by max_wal_size or because somebody asked; as in ' +
      'pg_stat_checkpointer (num_timed, num_requested) those included that had nothing to do.',
  ),
  number('checkpoints.buffers', 'count', 'Pages that checkpoints wrote; those that ended.'),
  number('checkpoints.write_time', 'seconds', 'What checkpoints spent on writing, naps included.'),
  number('checkpoints.sync_time', 'seconds', 'What checkpoints spent on fsyncs of data files.'),
  {
    name: 'servers.<server>.checkpoints.duration',
    kind: 'distribution',
    unit: 'seconds',
    doc: 'Writes and fsyncs of a checkpoint or restartpoint that ended after the warm-up.',
  },
  number('locks.waits', 'count', 'Waits for heavyweight locks; a row can take two.'),
  number('buffers.hits', 'count', 'Accesses that found their page in shared buffers.'),
  number('buffers.reads', 'count', 'Pages read into shared buffers.'),
  number('temporary.files', 'count', 'Temporary files: of a join’s batches one for each side.'),
  number('temporary.bytes', 'bytes', 'Written to them (pg_stat_database.temp_bytes).'),
  number('buffers.hit_ratio', 'fraction', 'Hits as a share of all accesses; null without any.'),
  number(
    'buffers.hit_ratio.error',
    'fraction',
    'How far hit_ratio is from the true one at most, in 99 of 100 samples of pages; 0 where all ' +
      'pages are followed.',
  ),
  number(
    'buffers.sampled_one_of',
    'count',
    'One of so many pages is followed, and the others fare as these do; 1: all are followed.',
  ),
  number(
    'buffers.written_by.{checkpointer,bgwriter,backend}',
    'count',
    'Pages written out of shared buffers to the operating system, by who did it.',
  ),
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

const COUNTS = [
  ...(['wal.bytes', 'wal.records', 'wal.flushes', 'wal.fpi', 'wal.fpi_bytes'] as const),
  ...(['wal.buffers_full', 'archiver.archived', 'archiver.failed'] as const),
  ...(['locks.waits', 'locks.deadlocks', 'buffers.hits', 'buffers.reads'] as const),
  ...(['temporary.files', 'temporary.bytes'] as const),
  'buffers.written_by.checkpointer',
  'buffers.written_by.bgwriter',
  'buffers.written_by.backend',
  'checkpoints.timed',
  'checkpoints.requested',
] as const;
type Counts = Readonly<Record<(typeof COUNTS)[number], number>>;

function countsOf(server: ObservedServer): Counts {
  const { wal, storage, checkpointer, lockWaits, deadlocks, temporary } = server;
  const { pool, written } = storage;
  return {
    'wal.bytes': wal.bytes,
    'wal.records': wal.records,
    'wal.flushes': wal.flushes,
    'wal.fpi': wal.images,
    'wal.fpi_bytes': wal.imageBytes,
    'wal.buffers_full': wal.buffersFull,
    'archiver.archived': wal.archiver.archived,
    'archiver.failed': wal.archiver.failed,
    'locks.waits': lockWaits,
    'locks.deadlocks': deadlocks,
    'buffers.hits': pool.hits,
    'buffers.reads': pool.reads,
    'temporary.files': temporary.files,
    'temporary.bytes': temporary.pages * PAGE_BYTES,
    'checkpoints.timed': checkpointer.timed,
    'checkpoints.requested': checkpointer.requested,
    'buffers.written_by.checkpointer': written.checkpointer,
    'buffers.written_by.bgwriter': written.bgwriter,
    'buffers.written_by.backend': written.backend,
  };
}

function switchingOf({ host }: ObservedServer): [count: number, time: Nanoseconds] {
  const { switches = 0, switchTime = 0 } = host.cpu;
  return [switches, switchTime];
}

const NONE_SAMPLED = new Float64Array(0);

/** Everything about one server that its counters tell. */
class ServerMeter {
  readonly connections: Gauge;
  readonly rate: WalRate;
  /** Of those that ended: pages, and seconds in each phase. */
  readonly phases: [buffers: number, writeTime: number, syncTime: number] = [0, 0, 0];
  durations = new Histogram();
  private readonly server: ObservedServer;
  private served = 0;
  private offered = 0;
  private kills = 0;
  private switching: [count: number, time: Nanoseconds] = [0, 0];
  private disk: DiskUsage;
  panics = 0;
  readonly walSize: Gauge;
  readonly backlog: Gauge;
  readonly used: Gauge;
  private before: Counts;
  private sampledBefore = NONE_SAMPLED;

  constructor(run: Observed, server: ObservedServer) {
    this.server = server;
    this.connections = new Gauge(run.clock);
    this.rate = new WalRate(run.clock.now, server.wal.flushed.value);
    this.disk = server.host.disk.usage();
    this.walSize = new Gauge(run.clock, server.wal.segments.bytes);
    this.backlog = new Gauge(run.clock);
    this.used = new Gauge(run.clock, server.host.disk.occupiedBytes);
    this.before = countsOf(server);
    this.remember();
  }

  restart(now: Nanoseconds): void {
    for (const gauge of [this.connections, this.walSize, this.backlog, this.used]) gauge.restart();
    this.rate.restart(now);
    this.phases.fill(0);
    this.durations = new Histogram();
    this.panics = 0;
    this.remember();
  }

  lookAtDisk(): void {
    this.used.set(this.server.host.disk.occupiedBytes);
  }

  report(sheet: MetricSheet, now: Nanoseconds): void {
    this.lookAtDisk();
    const { host, name } = this.server;
    const prefix = `servers.${name}.`;
    const { elapsed } = sheet;
    const busy = host.cpu.served - this.served;
    const offered = (host.cpu.offered ?? elapsed * host.cores) - this.offered;
    sheet.put(`${prefix}cpu.utilization`, offered > 0 ? busy / offered : null);
    const [switches, time] = switchingOf(this.server);
    const lost = time - this.switching[1];
    sheet.put(`${prefix}cpu.switching`, offered > 0 ? lost / offered : null);
    sheet.put(`${prefix}cpu.switches`, switches - this.switching[0]);
    sheet.put(`${prefix}disk.utilization`, elapsed > 0 ? host.disk.utilization(this.disk) : null);
    const counts = countsOf(this.server);
    for (const each of COUNTS) sheet.put(`${prefix}${each}`, counts[each] - this.before[each]);
    sheet.put(`${prefix}oom_kills`, host.memory.kills - this.kills);
    sheet.put(`${prefix}panics`, this.panics);
    sheet.gauge(`${prefix}wal.size`, this.walSize.summary());
    sheet.gauge(`${prefix}archiver.backlog`, this.backlog.summary());
    sheet.gauge(`${prefix}disk.used`, this.used.summary());
    sheet.distribution(`${prefix}wal.rate`, this.rate.distribution(now), 1);
    sheet.put(`${prefix}checkpoints.buffers`, this.phases[0]);
    sheet.put(`${prefix}checkpoints.write_time`, this.phases[1] / SECOND);
    sheet.put(`${prefix}checkpoints.sync_time`, this.phases[2] / SECOND);
    sheet.distribution(`${prefix}checkpoints.duration`, this.durations, 1e-9);
    const used = counts['buffers.hits'] - this.before['buffers.hits'];
    const read = counts['buffers.reads'] - this.before['buffers.reads'];
    const ratio = used + read > 0 ? used / (used + read) : null;
    sheet.put(`${prefix}buffers.hit_ratio`, ratio);
    sheet.put(`${prefix}buffers.hit_ratio.error`, ratio === null ? null : this.errorOf(ratio));
    sheet.put(`${prefix}buffers.sampled_one_of`, this.server.storage.sampled?.sample.oneOf ?? 1);
    sheet.gauge(`${prefix}connections`, this.connections.summary());
  }

  /** The sample's own estimate may lie beside what was counted; the error is that of both. */
  private errorOf(ratio: number): number {
    const { sampled } = this.server.storage;
    if (!sampled) return 0;
    const { share, error } = sampled.hitRatio(this.sampledBefore);
    return Math.min(1, error + Math.abs(ratio - share));
  }

  private remember(): void {
    const { host, storage } = this.server;
    this.sampledBefore = storage.sampled?.sample.counts.slice() ?? NONE_SAMPLED;
    this.served = host.cpu.served;
    this.offered = host.cpu.offered ?? 0;
    this.kills = host.memory.kills;
    this.switching = switchingOf(this.server);
    this.disk = host.disk.usage();
    this.before = countsOf(this.server);
  }
}

/** What servers use of their hosts, and what they do with it. */
export const serverFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => {
    const { postgres, clock } = run;
    const meters = run.instances.map(({ server }) => new ServerMeter(run, server));
    postgres.connections.observe((_, server, count) => meters[server]!.connections.set(count));
    postgres.checkpointCompleted.observe((_, server, buffers, writeTime, syncTime) => {
      const { phases, durations } = meters[server]!;
      durations.record(writeTime + syncTime);
      phases[0] += buffers;
      phases[1] += writeTime;
      phases[2] += syncTime;
    });
    const look = () => {
      for (const meter of meters) meter.lookAtDisk();
    };
    run.faults.began.observe(look);
    run.faults.ended.observe(look);
    postgres.panic.observe((_, server) => {
      meters[server]!.panics++;
    });
    postgres.walFiles.observe((_, server, bytes, backlog) => {
      const meter = meters[server]!;
      meter.walSize.set(bytes);
      meter.backlog.set(backlog);
      meter.lookAtDisk();
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
