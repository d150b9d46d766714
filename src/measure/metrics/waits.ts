import { CLIENT_READ, CLIENT_READ_IN_TRANSACTION, WAIT_EVENTS } from '../../postgres/waits.ts';
import type { MetricFamily, MetricSheet } from '../family.ts';
import type { Observed } from '../observed.ts';

/** What the model's wait events are called in a version (wait_event_names.txt). */
export function waitEventName(event: string, postgresVersion: number): string {
  if (postgresVersion >= 17) return event;
  if (event === 'IO.WalSync') return 'IO.WALSync';
  return event === 'IO.WalWrite' ? 'IO.WALWrite' : event;
}

class WaitMeter {
  private readonly run: Observed;
  private before: Float64Array;

  constructor(run: Observed) {
    this.run = run;
    this.before = this.totals();
  }

  restart(): void {
    this.before = this.totals();
  }

  report(sheet: MetricSheet): void {
    const spent = this.totals().map((total, event) => total - this.before[event]!);
    const all = spent.reduce((sum, time) => sum + time, 0);
    WAIT_EVENTS.forEach((event, i) => {
      const name = waitEventName(event, this.run.postgresVersion);
      sheet.put(`waits.${name}`, all > 0 ? spent[i]! / all : null);
    });
  }

  /** Up to this instant, what backends are doing now included. */
  private totals(): Float64Array {
    const totals = new Float64Array(WAIT_EVENTS.length);
    for (const { server } of this.run.instances) {
      for (const { wait } of server.backends) wait.settle();
      for (let i = 0; i < totals.length; i++) totals[i]! += server.waits.total[i]!;
      totals[CLIENT_READ]! += server.waits.total[CLIENT_READ_IN_TRANSACTION]!;
    }
    return totals;
  }
}

/** What client backends did with their time. */
export const waitFamily: MetricFamily = {
  metrics: [
    {
      name: 'waits.<type>.<event>',
      kind: 'number',
      unit: 'fraction',
      doc: 'Share of all client backends’ time, from fork to exit, in a wait event of Postgres.',
    },
    { name: 'waits.CPU', kind: 'number', unit: 'fraction', doc: 'The share in none of them.' },
  ],
  measure: (run) => new WaitMeter(run),
};
