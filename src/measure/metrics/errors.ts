import { FAILURES } from '../../workload/events.ts';
import {
  type MetricDefinition,
  type MetricFamily,
  type MetricSheet,
  type Scope,
  scopesOf,
  underScopes,
} from '../family.ts';
import { groupsOfSessions, type Observed } from '../observed.ts';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: 'errors',
    kind: 'number',
    unit: 'count',
    doc:
      'Transactions that failed or whose outcome nobody knows, and failed attempts to connect ' +
      'outside of a transaction.',
  },
  {
    name: 'errors.<sqlstate>',
    kind: 'number',
    unit: 'count',
    doc: 'The same by SQLSTATE; 08007 (transaction_resolution_unknown) for unknown outcomes.',
  },
  { name: 'retries', kind: 'number', unit: 'count', doc: 'Transactions tried again.' },
];

/** Each failure's SQLSTATE: its first word. */
const SQLSTATES = FAILURES.map((failure) => failure.split(' ')[0]!);
const UNKNOWN = '08007';
/** In the order of the report. */
const ALL_STATES = [...new Set([...SQLSTATES, UNKNOWN])].sort();
const STATE_OF_FAILURE = SQLSTATES.map((state) => ALL_STATES.indexOf(state));

class ErrorMeter {
  private readonly run: Observed;
  /** [group][transaction][state]; the transaction after the last is none: a connection alone. */
  private readonly counts: Float64Array;
  /** [group][transaction]. */
  private readonly retries: Float64Array;

  constructor(run: Observed) {
    this.run = run;
    const { workload, groups, transactions } = run;
    const groupOf = groupsOfSessions(groups);
    const width = transactions.length + 1;
    this.counts = new Float64Array(groups.length * width * ALL_STATES.length);
    this.retries = new Float64Array(groups.length * width);
    workload.retried.observe((_, session, transaction) => {
      this.retries[groupOf[session]! * width + transaction]!++;
    });
    const count = (session: number, transaction: number, state: number) => {
      const place = (groupOf[session]! * width + transaction) * ALL_STATES.length + state;
      this.counts[place]!++;
    };
    workload.failed.observe((_, session, transaction, failure) =>
      count(session, transaction, STATE_OF_FAILURE[failure]!),
    );
    workload.unknown.observe((_, session, transaction) =>
      count(session, transaction, ALL_STATES.indexOf(UNKNOWN)),
    );
    workload.connectionFailed.observe((_, session, failure) => {
      const { connectionPerTransaction } = groups[groupOf[session]!]!.options;
      if (connectionPerTransaction) return; // told as the transaction's failure
      count(session, width - 1, STATE_OF_FAILURE[failure]!);
    });
  }

  restart(): void {
    this.counts.fill(0);
    this.retries.fill(0);
  }

  report(sheet: MetricSheet): void {
    for (const scope of scopesOf(this.run)) {
      const counts = ALL_STATES.map((_, state) => this.total(scope, state));
      const all = counts.reduce((sum, n) => sum + n, 0);
      sheet.put(`${scope.prefix}errors`, all);
      ALL_STATES.forEach((state, i) => {
        sheet.put(`${scope.prefix}errors.${state}`, counts[i]!);
      });
      sheet.put(
        `${scope.prefix}retries`,
        this.sum(scope, (place) => this.retries[place]!),
      );
    }
  }

  private total(scope: Scope, state: number): number {
    return this.sum(scope, (place) => this.counts[place * ALL_STATES.length + state]!);
  }

  private sum(scope: Scope, at: (place: number) => number): number {
    const width = this.run.transactions.length + 1;
    let total = 0;
    for (let group = 0; group < this.run.groups.length; group++) {
      if ((scope.group ?? group) !== group) continue;
      for (let transaction = 0; transaction < width; transaction++) {
        if ((scope.transaction ?? transaction) !== transaction) continue;
        total += at(group * width + transaction);
      }
    }
    return total;
  }
}

/** What went wrong, by SQLSTATE. */
export const errorFamily: MetricFamily = {
  metrics: underScopes(DEFINITIONS),
  measure: (run) => new ErrorMeter(run),
};
