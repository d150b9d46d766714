import type { InFlight } from '../in-flight.ts';
import type { Ledger } from '../ledger.ts';
import type { Observed } from '../observed.ts';
import { isClose, type Law } from './law.ts';

/** Every acknowledged commit is durable or lost, and each loss has a cause. */
export function acknowledgedIsDurableOrLost(run: Observed, ledger: Ledger): Law {
  return {
    broken: () => {
      const { all, causes } = ledger.report;
      const told = run.workload.commitAcknowledged.count;
      const explained = [...causes.values()].reduce((sum, count) => sum + count, 0);
      if (all.durable + all.lost === told && explained === all.lost && !causes.has('')) return [];
      return [
        `acknowledged = durable + lost: ${told} commits were acknowledged, ${all.durable} are ` +
          `durable and ${all.lost} lost, ${explained} of them with a cause`,
      ];
    },
  };
}

/** Every transaction invoked was acknowledged, failed, is of unknown outcome, or is in flight. */
export function invokedIsAccountedFor(run: Observed, inFlight: InFlight): Law {
  return {
    broken: () => {
      const { invoked, acknowledged, failed, unknown } = run.workload;
      const queued = run.groups.reduce((sum, group) => sum + group.queueLength, 0);
      const { running } = inFlight;
      const ended = acknowledged.count + failed.count + unknown.count;
      const sentences = inFlight.disorder ? [inFlight.disorder] : [];
      if (ended + running + queued === invoked.count) return sentences;
      return [
        ...sentences,
        `invoked = acknowledged + failed + unknown + in flight: ${invoked.count} invoked, ` +
          `${acknowledged.count} acknowledged, ${failed.count} failed, ${unknown.count} unknown, ` +
          `${running} run by sessions and ${queued} queued`,
      ];
    },
  };
}

/** The integral of the number of transactions in flight = the sum of the times they took. */
export function little(inFlight: InFlight): Law {
  return {
    broken: () => {
      const { area, sojourns } = inFlight.little();
      if (isClose(area, sojourns)) return [];
      return [
        `Little’s law: transactions in flight add up to ${area} ns over the run, ` +
          `the times that they took to ${sojourns} ns`,
      ];
    },
  };
}
