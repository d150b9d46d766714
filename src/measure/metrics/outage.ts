import { type Nanoseconds, toSeconds } from '../../kernel/time.ts';
import type { MetricDefinition, MetricFamily, MetricSheet, SharedMeters } from '../family.ts';
import { groupsOfSessions, type Observed } from '../observed.ts';

const DEFINITIONS: readonly MetricDefinition[] = ['', 'clients.<clients>.'].flatMap((prefix) => [
  {
    name: `${prefix}outage.{read,write}`,
    kind: 'number' as const,
    unit: 'seconds' as const,
    doc:
      'The longest time without a success while one was asked for: from a success, or from the ' +
      'first transaction or connection asked for after it, to the next success or the end of ' +
      'the run. Over all clients together; under `clients.` over one group.',
  },
  {
    name: `${prefix}availability.{read,write}`,
    kind: 'number' as const,
    unit: 'fraction' as const,
    doc:
      'Acknowledged transactions per attempt. One in flight at the end is an attempt if it has ' +
      'taken longer already than any that was acknowledged.',
  },
]);

/**
 * The attempts of one kind (reads or writes), of one group of clients or of all. A single group is
 * all there is, and shares the demand of all.
 */
class Demand {
  pending = 0;
  acknowledged = 0;
  attempts = 0;
  slowest: Nanoseconds = 0;
  private longest: Nanoseconds = -1;
  /** Since when success has been missing while it was asked for; -1: nothing is missing. */
  private missingSince: Nanoseconds = -1;

  ask(at: Nanoseconds): void {
    this.pending++;
    this.miss(at);
  }

  /** Somebody was refused without having a transaction in flight. */
  miss(at: Nanoseconds): void {
    if (this.missingSince < 0) this.missingSince = at;
  }

  succeed(at: Nanoseconds, latency: Nanoseconds): void {
    this.pending--;
    this.acknowledged++;
    this.attempts++;
    if (latency > this.slowest) this.slowest = latency;
    const lasted = at - this.missingSince;
    if (this.missingSince >= 0 && lasted > this.longest) this.longest = lasted;
    this.missingSince = this.pending > 0 ? at : -1;
  }

  fail(at: Nanoseconds): void {
    this.pending--;
    this.attempts++;
    this.miss(at);
  }

  restart(at: Nanoseconds): void {
    this.acknowledged = this.attempts = this.slowest = 0;
    this.longest = -1;
    if (this.missingSince >= 0) this.missingSince = at;
  }

  /** The longest time without success up to now; null if none was ever asked for. */
  outage(now: Nanoseconds): Nanoseconds | null {
    const open = this.missingSince < 0 ? -1 : now - this.missingSince;
    const longest = Math.max(open, this.longest);
    return longest < 0 ? null : longest;
  }
}

/** 0 reads, 1 writes: of all clients first, then of each group. */
class OutageMeter {
  private readonly run: Observed;
  private readonly shared: SharedMeters;
  private readonly demands: readonly Demand[];
  private readonly isSingle: boolean;
  private readonly groupOf: Int32Array;
  private readonly kindOf: Uint8Array;

  constructor(run: Observed, shared: SharedMeters) {
    this.run = run;
    this.shared = shared;
    const all = [new Demand(), new Demand()];
    this.isSingle = run.groups.length === 1;
    const ofGroup = () => (this.isSingle ? all : [new Demand(), new Demand()]);
    this.demands = [...all, ...run.groups.flatMap(ofGroup)];
    this.groupOf = groupsOfSessions(run.groups);
    this.kindOf = Uint8Array.from(run.transactions, ({ writes }) => (writes ? 1 : 0));
    this.observe(run);
  }

  restart(): void {
    for (const demand of this.demands) demand.restart(this.run.clock.now);
  }

  report(sheet: MetricSheet): void {
    const { now } = this.run.clock;
    const stuck = this.demands.map(() => 0);
    this.shared.inFlight.forEach((group, transaction, since) => {
      const kind = this.kindOf[transaction]!;
      for (const place of [kind, 2 * group + 2 + kind]) {
        if (now - since > this.demands[place]!.slowest) stuck[place]!++;
      }
    });
    const prefixes = ['', ...this.run.groups.map(({ options }) => `clients.${options.name}.`)];
    this.demands.forEach((demand, place) => {
      const prefix = prefixes[place >> 1]!;
      const kind = place & 1 ? 'write' : 'read';
      const outage = demand.outage(now);
      const attempts = demand.attempts + stuck[place]!;
      sheet.put(`${prefix}outage.${kind}`, outage === null ? null : toSeconds(outage));
      const availability = attempts === 0 ? null : demand.acknowledged / attempts;
      sheet.put(`${prefix}availability.${kind}`, availability);
    });
  }

  private observe({ workload, groups }: Observed): void {
    const { demands, groupOf, kindOf, isSingle } = this;
    workload.invoked.observe((at, session, transaction) => {
      const kind = kindOf[transaction]!;
      demands[kind]!.ask(at);
      if (isSingle) return;
      const group = session < 0 ? -1 - session : groupOf[session]!;
      demands[2 * group + 2 + kind]!.ask(at);
    });
    workload.acknowledged.observe((at, session, transaction, latency) => {
      const kind = kindOf[transaction]!;
      demands[kind]!.succeed(at, latency);
      if (!isSingle) demands[2 * groupOf[session]! + 2 + kind]!.succeed(at, latency);
    });
    const fail = (at: Nanoseconds, session: number, transaction: number) => {
      const kind = kindOf[transaction]!;
      demands[kind]!.fail(at);
      if (!isSingle) demands[2 * groupOf[session]! + 2 + kind]!.fail(at);
    };
    workload.failed.observe(fail);
    workload.unknown.observe(fail);
    workload.connectionFailed.observe((at, session) => {
      const group = groupOf[session]!;
      for (const { script } of groups[group]!.options.mix) {
        const kind = script.writes ? 1 : 0;
        demands[kind]!.miss(at);
        demands[2 * group + 2 + kind]!.miss(at);
      }
    });
  }
}

/** How long nothing worked, and which share of the attempts did. */
export const outageFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run, shared) => new OutageMeter(run, shared),
};
