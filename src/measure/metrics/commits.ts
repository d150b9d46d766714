import type { MetricDefinition, MetricFamily, MetricSheet, SharedMeters } from '../family.ts';
import type { CommitCounts } from '../ledger.ts';
import type { Observed } from '../observed.ts';

const KINDS: readonly (readonly [name: keyof CommitCounts, doc: string])[] = [
  ['acknowledged', 'Commits that a client was told of.'],
  ['lost', 'Of these, not in the history of the server that leads at the end.'],
  [
    'unreplicated',
    'Commits acknowledged with Postgres’s warning of a cancelled wait for standbys.',
  ],
  ['unknown', 'Commits whose answer never came because the connection broke.'],
  ['phantom', 'Of the unknown ones, those in the history that survives.'],
];

const DEFINITIONS: readonly MetricDefinition[] = ['', 'clients.<clients>.'].flatMap((prefix) =>
  KINDS.map(([name, doc]) => ({
    name: `${prefix}commits.${name}`,
    kind: 'number',
    unit: 'count',
    doc,
  })),
);

class CommitMeter {
  private readonly run: Observed;
  private readonly shared: SharedMeters;

  constructor(run: Observed, shared: SharedMeters) {
    this.run = run;
    this.shared = shared;
  }

  restart(): void {} // the ledger itself tells what came before

  report(sheet: MetricSheet): void {
    const { counted, byGroup } = this.shared.ledger.report;
    for (const [name] of KINDS) {
      sheet.put(`commits.${name}`, counted[name]);
      this.run.groups.forEach(({ options }, group) => {
        sheet.put(`clients.${options.name}.commits.${name}`, byGroup[group]![name]);
      });
    }
  }
}

/** What became of the commits that clients were told of. */
export const commitFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run, shared) => new CommitMeter(run, shared),
};
