import type { Nanoseconds } from '../../kernel/time.ts';
import { CLIENT_READ, CLIENT_READ_IN_TRANSACTION } from '../../postgres/waits.ts';
import type { MetricFamily, MetricSheet } from '../family.ts';
import type { Observed, ObservedServer } from '../observed.ts';

const STATES = ['active', 'idle', 'idle_in_transaction'] as const;

/** Time that client backends have spent in each state of pg_stat_activity, in nanoseconds. */
type Spent = Readonly<Record<(typeof STATES)[number], Nanoseconds>>;

class ActivityMeter {
  private readonly server: ObservedServer;
  private before: Spent;

  constructor(server: ObservedServer) {
    this.server = server;
    this.before = this.spent();
  }

  restart(): void {
    this.before = this.spent();
  }

  report(sheet: MetricSheet): void {
    const spent = this.spent();
    for (const state of STATES) {
      const time = spent[state] - this.before[state];
      const name = `servers.${this.server.name}.connections.${state}`;
      sheet.put(name, sheet.elapsed > 0 ? time / sheet.elapsed : null);
    }
  }

  /** Up to this instant, what backends are doing now included. */
  private spent(): Spent {
    const { backends, waits } = this.server;
    for (const { wait } of backends) wait.settle();
    let active = 0;
    for (let i = 0; i < waits.total.length; i++) active += waits.total[i]!;
    const idle = waits.total[CLIENT_READ]!;
    const inTransaction = waits.total[CLIENT_READ_IN_TRANSACTION]!;
    return { active: active - idle - inTransaction, idle, idle_in_transaction: inTransaction };
  }
}

/** `SELECT state, count(*) FROM pg_stat_activity GROUP BY state`, on average over the run. */
export const activityFamily: MetricFamily = {
  metrics: [
    {
      name: 'servers.<server>.connections.{active,idle,idle_in_transaction}',
      kind: 'number',
      unit: 'count',
      doc:
        'Client backends in this state of pg_stat_activity, on average over time; one that ' +
        'starts or waits for a lock, a page or the disk is active.',
    },
  ],
  measure: (run: Observed) => {
    const meters = run.instances.map(({ server }) => new ActivityMeter(server));
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
