import { toSeconds } from '../../kernel/time.ts';
import {
  type MetricDefinition,
  type MetricFamily,
  type MetricSheet,
  type Scope,
  scopesOf,
  underScopes,
} from '../family.ts';
import { Histogram } from '../histogram.ts';
import { groupsOfSessions, type Observed } from '../observed.ts';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: 'throughput.{tps,read,write}',
    kind: 'number',
    unit: '1/s',
    doc: 'Acknowledged transactions per second: all, those that only read, those that write.',
  },
  {
    name: 'latency',
    kind: 'distribution',
    unit: 'seconds',
    doc: 'From the arrival of a transaction (closed loop: from its start) to its last answer.',
  },
  {
    name: 'latency.{read,write}',
    kind: 'distribution',
    unit: 'seconds',
    doc: 'The same for transactions that only read, or that write.',
  },
  {
    name: 'latency.service',
    kind: 'distribution',
    unit: 'seconds',
    doc: 'From the instant at which a session takes the transaction to its last answer.',
  },
];

/**
 * The latencies of one transaction from one group of clients: all other sums are made of these.
 * Most transactions wait for no session, and then their latency is their service.
 */
class Cell {
  readonly same = new Histogram();
  readonly latency = new Histogram();
  readonly service = new Histogram();

  record(latency: number, service: number): void {
    if (latency === service) this.same.record(latency);
    else {
      this.latency.record(latency);
      this.service.record(service);
    }
  }
}

class LatencyMeter {
  private readonly run: Observed;
  private readonly cells: (Cell | undefined)[] = [];

  constructor(run: Observed) {
    this.run = run;
    const groupOf = groupsOfSessions(run.groups);
    const width = run.transactions.length;
    const { cells } = this;
    run.workload.acknowledged.observe((_, session, transaction, latency, service) => {
      const place = groupOf[session]! * width + transaction;
      let cell = cells[place];
      if (!cell) {
        cell = new Cell();
        cells[place] = cell;
      }
      cell.record(latency, service);
    });
  }

  restart(): void {
    this.cells.length = 0;
  }

  report(sheet: MetricSheet): void {
    for (const scope of scopesOf(this.run)) this.reportScope(sheet, scope);
  }

  private reportScope(sheet: MetricSheet, scope: Scope): void {
    const [all, read, write, service] = [1, 2, 3, 4].map(() => new Histogram()) as Histogram[];
    this.run.groups.forEach((_, group) => {
      for (const { index, writes } of this.run.transactions) {
        const cell = this.cells[group * this.run.transactions.length + index];
        if (!cell || (scope.group ?? group) !== group) continue;
        if ((scope.transaction ?? index) !== index) continue;
        const ofKind = writes ? write! : read!;
        for (const part of [cell.same, cell.latency]) {
          all!.merge(part);
          ofKind.merge(part);
        }
        service!.merge(cell.same);
        service!.merge(cell.service);
      }
    });
    const { prefix } = scope;
    const seconds = toSeconds(sheet.elapsed);
    const perSecond = (count: number) => (seconds > 0 ? count / seconds : null);
    sheet.put(`${prefix}throughput.tps`, perSecond(all!.count));
    sheet.put(`${prefix}throughput.read`, perSecond(read!.count));
    sheet.put(`${prefix}throughput.write`, perSecond(write!.count));
    sheet.distribution(`${prefix}latency`, all!, 1e-9);
    sheet.distribution(`${prefix}latency.read`, read!, 1e-9);
    sheet.distribution(`${prefix}latency.write`, write!, 1e-9);
    sheet.distribution(`${prefix}latency.service`, service!, 1e-9);
  }
}

/** How many transactions were answered, and how fast. */
export const latencyFamily: MetricFamily = {
  metrics: underScopes(DEFINITIONS),
  measure: (run) => new LatencyMeter(run),
};
