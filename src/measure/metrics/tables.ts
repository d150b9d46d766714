import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import { PAGE_BYTES } from '../../postgres/buffers/page.ts';
import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { Gauge } from '../gauge.ts';
import { Histogram } from '../histogram.ts';
import type { Observed, ObservedServer, ObservedTable } from '../observed.ts';

/** Tables are looked at when a vacuum ends, and at commits, not more often than this. */
const SAMPLE_INTERVAL: Nanoseconds = SECOND / 4;
/** Shares of bloat below this are not told apart. */
const BLOAT_RESOLUTION = 1e-4;

function metric(
  name: string,
  kind: MetricDefinition['kind'],
  unit: MetricDefinition['unit'],
  doc: string,
): MetricDefinition {
  return { name: `servers.<server>.${name}`, kind, unit, doc };
}

const DEFINITIONS: readonly MetricDefinition[] = [
  metric(
    'tables.<table>.dead_tuples',
    'gauge',
    'count',
    'Dead row versions and the pointers they left, all that vacuum would remove or keep; ' +
      'looked at when a vacuum ends and at commits, four times a second at most.',
  ),
  metric('tables.<table>.live_tuples', 'gauge', 'count', 'Row versions that are not dead.'),
  metric('tables.<table>.bytes', 'gauge', 'bytes', 'Size of the table with its indexes.'),
  metric('tables.<table>.heap_bytes', 'gauge', 'bytes', 'Size of the table alone.'),
  metric('tables.<table>.index_bytes', 'gauge', 'bytes', 'Size of its indexes together.'),
  metric(
    'tables.<table>.partitions',
    'gauge',
    'count',
    'Of a partitioned table: its partitions; its tuples and bytes are those of all of them.',
  ),
  metric(
    'tables.<table>.bloat',
    'gauge',
    'fraction',
    'Share of the table’s pages that its live rows would not need if they were loaded anew.',
  ),
  metric('tables.<table>.vacuums', 'number', 'count', 'Vacuums that came to their end.'),
  metric(
    'tables.<table>.vacuum_time',
    'distribution',
    'seconds',
    'How long each of these vacuums took, its naps included.',
  ),
  metric(
    'tables.<table>.vacuum_pages',
    'number',
    'count',
    'Pages of the table, without its indexes, that vacuums have read, not those that they skipped.',
  ),
  metric(
    'tables.<table>.xid_age',
    'gauge',
    'count',
    'Transaction ids given out since the oldest that may be in the table unfrozen: ' +
      'age(relfrozenxid), looked at as the rest.',
  ),
  metric(
    'tables.<table>.buffered_bytes',
    'number',
    'bytes',
    'What of the table with its indexes is in shared buffers when the run ends (pg_buffercache).',
  ),
  metric('tables.<table>.analyzes', 'number', 'count', 'Analyzes, those of autovacuum included.'),
  metric('autovacuum.workers', 'gauge', 'count', 'Workers of autovacuum that run.'),
  metric('autovacuum.cancelled', 'number', 'count', 'Vacuums that others’ lock requests ended.'),
  metric(
    'autovacuum.refusals',
    'number',
    'count',
    'Transactions refused because transaction ids would have run out (SQLSTATE 54000).',
  ),
];

class TableMeter {
  private readonly gauges: {
    readonly dead: Gauge;
    readonly live: Gauge;
    readonly bytes: Gauge;
    readonly heapBytes: Gauge;
    readonly indexBytes: Gauge;
    readonly bloat: Gauge;
    readonly xidAge: Gauge;
  };
  private readonly server: ObservedServer;
  private readonly index: number;
  private readonly times = new Histogram();
  private began: Nanoseconds = 0;
  private analyzes = 0;
  private vacuumedPages = 0;

  constructor(run: Observed, server: ObservedServer, index: number) {
    this.server = server;
    this.index = index;
    const gauge = (resolution = 1) => new Gauge(run.clock, 0, resolution);
    this.gauges = {
      dead: gauge(),
      live: gauge(),
      bytes: gauge(),
      heapBytes: gauge(),
      indexBytes: gauge(),
      bloat: gauge(BLOAT_RESOLUTION),
      xidAge: gauge(),
    };
    this.sample();
  }

  /** Another one once it is dropped. */
  private get table(): ObservedTable {
    return this.server.storage.tables[this.index]!;
  }

  sample(): void {
    const { heap, indexes } = this.table;
    const { dead, live, bytes, heapBytes, indexBytes, bloat, xidAge } = this.gauges;
    const { procArray, storage } = this.server;
    const indexPages = indexes.reduce((sum, { pages }) => sum + pages, 0);
    dead.set(heap.deadInStatistics);
    live.set(heap.live);
    bytes.set((heap.pages + indexPages) * PAGE_BYTES);
    heapBytes.set(heap.pages * PAGE_BYTES);
    indexBytes.set(indexPages * PAGE_BYTES);
    xidAge.set(procArray.array.nextXid - storage.database.catalog[this.index]!.relfrozenxid);
    const needed = Math.ceil(heap.live / heap.rowsPerPage);
    bloat.set(heap.pages > 0 ? Math.max(0, 1 - needed / heap.pages) : 0);
  }

  vacuumBegan(at: Nanoseconds): void {
    this.began = at;
  }

  vacuumDone(at: Nanoseconds): void {
    this.times.record(at - this.began);
  }

  restart(): void {
    for (const gauge of Object.values(this.gauges)) gauge.restart();
    this.times.clear();
    this.analyzes = this.counters.analyzes + this.counters.autoanalyzes;
    this.vacuumedPages = this.counters.vacuumedPages;
  }

  report(sheet: MetricSheet, buffered: ReadonlyMap<number, number>): void {
    this.sample();
    const { dead, live, bytes, heapBytes, indexBytes, bloat, xidAge } = this.gauges;
    const { analyzes, autoanalyzes, vacuumedPages } = this.counters;
    const prefix = `servers.${this.server.name}.tables.${this.table.definition.name}.`;
    sheet.gauge(`${prefix}dead_tuples`, dead.summary());
    sheet.gauge(`${prefix}live_tuples`, live.summary());
    sheet.gauge(`${prefix}bytes`, bytes.summary());
    sheet.gauge(`${prefix}heap_bytes`, heapBytes.summary());
    sheet.gauge(`${prefix}index_bytes`, indexBytes.summary());
    sheet.gauge(`${prefix}bloat`, bloat.summary());
    sheet.put(`${prefix}vacuums`, this.times.count);
    sheet.distribution(`${prefix}vacuum_time`, this.times, 1e-9);
    sheet.put(`${prefix}vacuum_pages`, vacuumedPages - this.vacuumedPages);
    sheet.gauge(`${prefix}xid_age`, xidAge.summary());
    sheet.put(`${prefix}buffered_bytes`, this.pagesOf(buffered) * PAGE_BYTES);
    sheet.put(`${prefix}analyzes`, Math.max(0, analyzes + autoanalyzes - this.analyzes));
  }

  private pagesOf(buffered: ReadonlyMap<number, number>): number {
    const { storage } = this.server;
    const { relation, indexes } = this.table.definition;
    const own = [relation, ...indexes.map((index) => index.relation)];
    const pages = own.reduce((sum, one) => sum + (buffered.get(storage.fileOf(one)) ?? 0), 0);
    return pages * storage.cache.oneOf;
  }

  private get counters() {
    return this.server.autovacuum.statistics[this.index]!;
  }
}

/** A partitioned table: all of its partitions together. */
class PartitionedMeter {
  private readonly gauges: {
    readonly partitions: Gauge;
    readonly live: Gauge;
    readonly bytes: Gauge;
  };
  private readonly name: string;
  private readonly server: ObservedServer;
  private readonly indexes: readonly number[];

  constructor(run: Observed, server: ObservedServer, name: string, indexes: readonly number[]) {
    this.name = name;
    this.server = server;
    this.indexes = indexes;
    const gauge = () => new Gauge(run.clock);
    this.gauges = { partitions: gauge(), live: gauge(), bytes: gauge() };
    this.sample();
  }

  sample(): void {
    const { tables, database } = this.server.storage;
    let [partitions, live, pages] = [0, 0, 0];
    for (const index of this.indexes) {
      const { definition, heap, indexes } = tables[index]!;
      const isColumnar = definition.isColumnar === true;
      const isThere = isColumnar ? heap.pages > 0 : database.partitions.isAttached(index, true);
      if (!isThere) continue;
      if (!isColumnar) partitions++;
      const compressed = database.compressed.get(index)?.rows ?? 0;
      live += isColumnar ? 0 : heap.live + compressed;
      pages += indexes.reduce((sum, each) => sum + each.pages, heap.pages);
    }
    this.gauges.partitions.set(partitions);
    this.gauges.live.set(live);
    this.gauges.bytes.set(pages * PAGE_BYTES);
  }

  restart(): void {
    for (const gauge of Object.values(this.gauges)) gauge.restart();
  }

  report(sheet: MetricSheet): void {
    this.sample();
    const prefix = `servers.${this.server.name}.tables.${this.name}.`;
    sheet.gauge(`${prefix}partitions`, this.gauges.partitions.summary());
    sheet.gauge(`${prefix}live_tuples`, this.gauges.live.summary());
    sheet.gauge(`${prefix}bytes`, this.gauges.bytes.summary());
  }
}

/** By the name of the partitioned table. */
function partitionedMeters(run: Observed, server: ObservedServer): PartitionedMeter[] {
  const parts = new Map<string, number[]>();
  server.storage.tables.forEach(({ definition: { parent } }, index) => {
    if (parent === undefined) return;
    const known = parts.get(parent);
    if (known === undefined) parts.set(parent, [index]);
    else known.push(index);
  });
  return [...parts].map(([name, indexes]) => new PartitionedMeter(run, server, name, indexes));
}

class VacuumMeter {
  readonly workers: Gauge;
  private readonly server: ObservedServer;
  private readonly tables: readonly TableMeter[];
  private readonly partitioned: readonly PartitionedMeter[];
  private nextSample: Nanoseconds = 0;
  private cancelled = 0;
  private refusals = 0;

  constructor(run: Observed, server: ObservedServer) {
    this.server = server;
    this.workers = new Gauge(run.clock);
    this.tables = server.storage.tables.map((_, index) => new TableMeter(run, server, index));
    this.partitioned = partitionedMeters(run, server);
  }

  committed(at: Nanoseconds): void {
    if (at < this.nextSample) return;
    this.nextSample = at + SAMPLE_INTERVAL;
    for (const table of this.tables) table.sample();
    for (const each of this.partitioned) each.sample();
  }

  vacuumBegan(at: Nanoseconds, index: number): void {
    this.tables[index]!.vacuumBegan(at);
  }

  vacuumed(at: Nanoseconds, index: number, isDone: boolean): void {
    const table = this.tables[index]!;
    table.sample();
    if (isDone) table.vacuumDone(at);
    else this.cancelled++;
  }

  restart(): void {
    this.workers.restart();
    for (const table of this.tables) table.restart();
    for (const each of this.partitioned) each.restart();
    this.cancelled = 0;
    this.refusals = this.server.autovacuum.limits.refusals;
  }

  report(sheet: MetricSheet): void {
    const prefix = `servers.${this.server.name}.autovacuum.`;
    const buffered = this.server.storage.pool.pagesByFile();
    for (const table of this.tables) table.report(sheet, buffered);
    for (const each of this.partitioned) each.report(sheet);
    sheet.gauge(`${prefix}workers`, this.workers.summary());
    sheet.put(`${prefix}cancelled`, this.cancelled);
    sheet.put(`${prefix}refusals`, this.server.autovacuum.limits.refusals - this.refusals);
  }
}

/** Tables as they grow and are vacuumed. */
export const tableFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => {
    const { postgres } = run;
    const meters = run.instances.map(({ server }) => new VacuumMeter(run, server));
    postgres.committed.observe((at, server) => meters[server]!.committed(at));
    postgres.vacuumBegan.observe((at, server, table) => meters[server]!.vacuumBegan(at, table));
    postgres.vacuumEnded.observe((at, server, table, isDone) => {
      meters[server]!.vacuumed(at, table, isDone === 1);
    });
    postgres.autovacuumWorkers.observe((_, server, count) => meters[server]!.workers.set(count));
    return {
      restart: () => {
        for (const meter of meters) meter.restart();
      },
      report: (sheet) => {
        for (const meter of meters) meter.report(sheet);
      },
    };
  },
};
