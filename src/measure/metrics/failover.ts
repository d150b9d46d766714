import { type Failovers, PHASES } from '../failovers.ts';
import type { MetricDefinition, MetricFamily, MetricSheet, SharedMeters } from '../family.ts';
import { Histogram } from '../histogram.ts';
import type { Observed } from '../observed.ts';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: 'failover.count',
    kind: 'number',
    unit: 'count',
    doc: 'Changes of leader to another server that nobody asked for.',
  },
  {
    name: 'switchover.count',
    kind: 'number',
    unit: 'count',
    doc: 'Changes of leader that somebody asked for.',
  },
  { name: 'promotions.count', kind: 'number', unit: 'count', doc: 'New timelines.' },
  {
    name: 'failover.etcd_leader_changed',
    kind: 'number',
    unit: 'count',
    doc:
      'Failovers in which an etcd member became leader between the failure and the new key: a ' +
      'new etcd leader begins every lease anew, which can prolong the detection by up to ttl.',
  },
  ...PHASES.map(({ name, doc }) => ({
    name: `failover.${name}`,
    kind: 'distribution' as const,
    unit: 'seconds' as const,
    doc,
  })),
];

class FailoverMeter {
  private readonly run: Observed;
  private readonly failovers: Failovers;
  private switchoversBefore = 0;
  private promotionsBefore = 0;

  constructor(run: Observed, { failovers }: SharedMeters) {
    this.run = run;
    this.failovers = failovers;
  }

  restart(): void {
    this.switchoversBefore = this.failovers.switchovers;
    this.promotionsBefore = this.failovers.promotions;
  }

  report(sheet: MetricSheet): void {
    const { failovers, run } = this;
    const list = failovers.list.filter(({ acquiredAt }) => acquiredAt >= run.warmup);
    sheet.put('failover.count', list.length);
    sheet.put('switchover.count', failovers.switchovers - this.switchoversBefore);
    sheet.put('promotions.count', failovers.promotions - this.promotionsBefore);
    const changed = list.filter(({ etcdLeaderChanged }) => etcdLeaderChanged).length;
    sheet.put('failover.etcd_leader_changed', changed);
    for (const { name, of } of PHASES) {
      const lengths = new Histogram();
      for (const failover of list) {
        const length = of(failover);
        if (length !== null) lengths.record(length);
      }
      sheet.distribution(`failover.${name}`, lengths, 1e-9);
    }
  }
}

/** Changes of leader and how long each of their phases took. */
export const failoverFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run, shared) => new FailoverMeter(run, shared),
};
