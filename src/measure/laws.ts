import type { SharedMeters } from './family.ts';
import type { Law } from './laws/law.ts';
import { ReplicationOrder } from './laws/replication-order.ts';
import { busyAndIdleFillTheTime, ClockIsMonotone, WaitsFillConnections } from './laws/resources.ts';
import { acknowledgedIsDurableOrLost, invokedIsAccountedFor, little } from './laws/transactions.ts';
import type { Observed } from './observed.ts';

/** What is checked in every run, from its first event to its last, warm-up included. */
export function lawsOf(run: Observed, { ledger, inFlight }: SharedMeters): Law[] {
  return [
    acknowledgedIsDurableOrLost(run, ledger),
    invokedIsAccountedFor(run, inFlight),
    little(inFlight),
    new ReplicationOrder(run),
    busyAndIdleFillTheTime(run),
    new WaitsFillConnections(run),
    new ClockIsMonotone(run),
  ];
}
