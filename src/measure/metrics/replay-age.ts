import { NEVER } from '../../kernel/time.ts';
import { SERVER_STATES } from '../../postgres/events.ts';
import type { Lsn } from '../../postgres/lsn.ts';
import type { Meter, MetricDefinition, MetricFamily, MetricSheet } from '../family.ts';
import { AgeGauge } from '../gauge.ts';
import type { Observed } from '../observed.ts';
import { TimedPositions } from './timed-positions.ts';

const NAME = 'servers.<server>.replication.last_xact_replay_age';

const DEFINITIONS: readonly MetricDefinition[] = [
  {
    name: NAME,
    kind: 'gauge',
    unit: 'seconds',
    doc:
      'What now() - pg_last_xact_replay_timestamp() says on this standby: how long ago the last ' +
      'transaction that it has replayed was committed. Where nothing is written it grows, ' +
      'although nothing is missing; 0 before the first one, and while it leads.',
  },
];

const PRIMARY = SERVER_STATES.indexOf('primary');

/** The commits of one cluster, in the order of its WAL, and how far each server has replayed. */
class Commits {
  /** Who was promoted last; what another one commits is not part of this history. */
  leader = -1;
  readonly log = new TimedPositions();
  /** By member, the number of the first commit that it has not replayed. */
  readonly next = new Map<number, number>();

  /** Commits beyond the fork never were. */
  fork(leader: number, lsn: Lsn): void {
    this.leader = leader;
    this.log.dropBeyond(lsn);
    for (const [member, next] of this.next) this.next.set(member, Math.min(next, this.log.end));
  }

  forgetReplayed(): void {
    let least = this.log.end;
    for (const next of this.next.values()) least = Math.min(least, next);
    this.log.forgetBefore(least);
  }
}

class ReplayAgeMeter implements Meter {
  private readonly run: Observed;
  private readonly clusters: readonly Commits[];
  private readonly ages: readonly AgeGauge[];
  private readonly leads: boolean[];
  private readonly wasStandby: boolean[];

  constructor(run: Observed) {
    this.run = run;
    const { instances, clusterOf } = run;
    this.clusters = Array.from({ length: Math.max(0, ...clusterOf) + 1 }, () => new Commits());
    this.ages = instances.map(() => new AgeGauge(run.clock));
    this.leads = instances.map(({ server }) => server.state === 'primary');
    this.wasStandby = this.leads.map((leads) => !leads);
    instances.forEach((_, index) => {
      if (this.leads[index]) this.clusterOf(index).leader = index;
      else this.clusterOf(index).next.set(index, 0);
    });
    this.observe(run);
  }

  restart(): void {
    for (const age of this.ages) age.restart();
    this.leads.forEach((leads, index) => {
      this.wasStandby[index] = !leads;
    });
  }

  report(sheet: MetricSheet): void {
    this.run.instances.forEach(({ server: { name } }, index) => {
      if (!this.wasStandby[index]) return;
      sheet.gauge(NAME.replace('<server>', name), this.ages[index]!.summary(1e-9));
    });
  }

  private clusterOf(server: number): Commits {
    return this.clusters[this.run.clusterOf[server]!]!;
  }

  private observe({ postgres, clusterOf }: Observed): void {
    postgres.state.observe((_, server, state) => this.changed(server, state === PRIMARY));
    postgres.committed.observe((at, server, _, lsn) => {
      const { leader, log, next } = this.clusterOf(server);
      if (server === leader && next.size > 0) log.push(lsn, at);
    });
    postgres.promoted.observe((_, server, __, fork) => {
      this.clusterOf(server).fork(server, fork);
      clusterOf.forEach((of, other) => {
        if (of === clusterOf[server] && other !== server) this.changed(other, false);
      });
    });
    postgres.replayed.observe((_, standby, lsn) => this.replayed(standby, lsn));
  }

  /** A former primary comes back as a standby, and replays from where the others are. */
  private changed(server: number, leads: boolean): void {
    if (this.leads[server] === leads) return;
    this.leads[server] = leads;
    const { log, next } = this.clusterOf(server);
    if (leads) {
      next.delete(server);
      this.ages[server]!.bornAt(NEVER);
      return;
    }
    this.wasStandby[server] = true;
    next.set(server, log.end);
  }

  private replayed(standby: number, lsn: Lsn): void {
    const commits = this.clusterOf(standby);
    const { log, next } = commits;
    const before = next.get(standby);
    if (before === undefined) return;
    let first = before;
    while (first < log.end && log.lsnOf(first) <= lsn) first++;
    if (first === before) return;
    this.ages[standby]!.bornAt(log.atOf(first - 1));
    next.set(standby, first);
    commits.forgetReplayed();
  }
}

/** How old standbys seem by the timestamp of what they have replayed last. */
export const replayAgeFamily: MetricFamily = {
  metrics: DEFINITIONS,
  measure: (run) => new ReplayAgeMeter(run),
};
