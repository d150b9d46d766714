import type { MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { Histogram } from '../histogram.ts';
import type { Observed } from '../observed.ts';

function metric(
  name: string,
  doc: string,
  unit: MetricDefinition['unit'] = 'count',
): MetricDefinition {
  const of = ' Of transactions on tables of a schema of one’s own; null for those on pgbench’s.';
  return {
    name: `transactions.<transaction>.${name}`,
    kind: 'distribution',
    unit,
    doc: doc + of,
  };
}

const DEFINITIONS: readonly MetricDefinition[] = [
  metric(
    'partitions_scanned',
    'Partitions into which the statements of an acknowledged transaction have looked.',
  ),
  metric('buffers_hit', 'Accesses of its statements to pages that were in shared buffers.'),
  metric('buffers_read', 'Pages that its statements have read into shared buffers.'),
  metric(
    'planning_time',
    'From the first lock of a statement’s planner to its plan, summed over the statements; of ' +
      'plans that were kept, their locks.',
    'seconds',
  ),
  metric('execution_time', 'From the plan to the answer, summed over the statements.', 'seconds'),
];

class Usage {
  readonly partitions = new Histogram();
  readonly hits = new Histogram();
  readonly reads = new Histogram();
  readonly planning = new Histogram();
  readonly execution = new Histogram();
}

class UsageMeter {
  private readonly run: Observed;
  private readonly cells: (Usage | undefined)[] = [];

  constructor(run: Observed) {
    this.run = run;
    run.workload.used.observe((_, transaction, hits, reads, partitions) => {
      this.cells[transaction] ??= new Usage();
      const cell = this.cells[transaction];
      cell.partitions.record(partitions);
      cell.hits.record(hits);
      cell.reads.record(reads);
    });
    run.workload.timed.observe((_, transaction, planning, execution) => {
      this.cells[transaction] ??= new Usage();
      this.cells[transaction].planning.record(planning);
      this.cells[transaction].execution.record(execution);
    });
  }

  restart(): void {
    this.cells.length = 0;
  }

  report(sheet: MetricSheet): void {
    for (const { name, index } of this.run.transactions) {
      const { partitions, hits, reads, planning, execution } = this.cells[index] ?? new Usage();
      sheet.distribution(`transactions.${name}.partitions_scanned`, partitions, 1);
      sheet.distribution(`transactions.${name}.buffers_hit`, hits, 1);
      sheet.distribution(`transactions.${name}.buffers_read`, reads, 1);
      sheet.distribution(`transactions.${name}.planning_time`, planning, 1e-9);
      sheet.distribution(`transactions.${name}.execution_time`, execution, 1e-9);
    }
  }
}

/** What transactions have used of shared buffers, and how many partitions they saw. */
export const usageFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => new UsageMeter(run),
};
