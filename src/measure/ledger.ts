import { type Nanoseconds, toSeconds } from '../kernel/time.ts';
import { formatLsn, type Lsn } from '../postgres/lsn.ts';
import { crashCause, forkCause } from './causes.ts';
import { Chronicle } from './chronicle.ts';
import { CommitColumns } from './columns.ts';
import { CrashLosses } from './crash-losses.ts';
import { groupsOfSessions, type Observed, type ObservedServer, sessionName } from './observed.ts';
import type { LostCommit } from './result.ts';
import { type Kept, keptBranches, survivorsOf } from './survivor.ts';

/** Commits by what became of them. */
export interface CommitCounts {
  /** A client was told that they are committed. */
  acknowledged: number;
  /** Of these, in the history that survives, and not. */
  durable: number;
  lost: number;
  /** Acknowledged with Postgres's warning that the wait for standbys was cancelled. */
  unreplicated: number;
  /** The connection broke before the answer. */
  unknown: number;
  /** Of these, in the history that survives. */
  phantom: number;
}

export interface LedgerReport {
  /** The whole run, warm-up included. */
  readonly all: CommitCounts;
  /** After the warm-up: of all, and by group of clients. */
  readonly counted: CommitCounts;
  readonly byGroup: readonly CommitCounts[];
  /** Servers whose WAL is what survives, one for each cluster. */
  readonly survivors: readonly ObservedServer[];
  /** How many commits were lost for what reason, warm-up included; first loss first. */
  readonly causes: ReadonlyMap<string, number>;
  /** The first of those lost after the warm-up, at most 100,000. */
  readonly losses: readonly LostCommit[];
}

/** Losses that are listed one by one: all of any run but a monstrous one. */
const MOST_LOSSES = 100_000;

/**
 * Every commit that a client was told of, and every one whose answer never came; and after the run
 * what became of each, in the history that survives (`survivor.ts`): the WAL of the server that
 * leads at the end. Invariant: acknowledged = durable + lost, each loss with its cause.
 */
export class Ledger {
  readonly acknowledged = new CommitColumns();
  readonly unknown = new CommitColumns();
  private readonly run: Observed;
  private readonly chronicle: Chronicle;
  private readonly crashes: CrashLosses;
  private closed: LedgerReport | null = null;

  constructor(run: Observed) {
    this.run = run;
    this.chronicle = new Chronicle(run);
    this.crashes = new CrashLosses(run);
    run.workload.commitAcknowledged.observe((at, session, branch, lsn, unreplicated) => {
      this.acknowledged.push(session, branch, lsn, at, unreplicated);
    });
    run.workload.commitUnknown.observe((at, session, branch, lsn) => {
      this.unknown.push(session, branch, lsn, at, 0);
    });
  }

  /** What became of all commits so far: asked for once, when the run is over. */
  get report(): LedgerReport {
    this.closed ??= new Audit(this.run, this.chronicle, this.crashes).report(this, MOST_LOSSES);
    return this.closed;
  }
}

/** Holds every commit against the histories that survive. */
class Audit {
  private readonly run: Observed;
  private readonly chronicle: Chronicle;
  private readonly crashes: CrashLosses;
  private readonly survivors: ObservedServer[];
  private readonly kept: Map<number, Kept>;
  private readonly groupOf: Int32Array;
  private readonly all = noCommits();
  private readonly counted = noCommits();
  private readonly byGroup: CommitCounts[];
  private readonly beforeWarmup = [this.all];
  private readonly ofNoGroup = [this.all, this.counted];
  /** By group. */
  private readonly afterWarmup: (readonly CommitCounts[])[];
  private readonly causes = new Map<string, number>();
  private readonly losses: LostCommit[] = [];

  constructor(run: Observed, chronicle: Chronicle, crashes: CrashLosses) {
    this.run = run;
    this.chronicle = chronicle;
    this.crashes = crashes;
    this.survivors = survivorsOf(run, chronicle.leaderKeyHolder);
    this.kept = keptBranches(this.survivors);
    this.groupOf = groupsOfSessions(run.groups);
    this.byGroup = run.groups.map(noCommits);
    this.afterWarmup = this.byGroup.map((group) => [this.all, this.counted, group]);
  }

  report(ledger: Ledger, mostLosses: number): LedgerReport {
    const { acknowledged, unknown } = ledger;
    for (let row = 0; row < acknowledged.length; row++) this.judge(acknowledged, row, mostLosses);
    for (let row = 0; row < unknown.length; row++) {
      const survives = this.survives(unknown, row);
      for (const counts of this.countsOf(unknown, row)) {
        counts.unknown++;
        if (survives) counts.phantom++;
      }
    }
    const { all, counted, byGroup, survivors, causes, losses } = this;
    return { all, counted, byGroup, survivors, causes, losses };
  }

  private judge(commits: CommitColumns, row: number, mostLosses: number): void {
    const survives = this.survives(commits, row);
    const isUnreplicated = commits.isUnreplicated(row);
    for (const counts of this.countsOf(commits, row)) {
      counts.acknowledged++;
      if (survives) counts.durable++;
      else counts.lost++;
      if (isUnreplicated) counts.unreplicated++;
    }
    if (survives) return;
    const at = commits.at(row);
    const cause = this.causeOf(commits, row);
    this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
    if (at < this.run.warmup || this.losses.length >= mostLosses) return;
    this.losses.push({
      session: sessionName(this.run.groups, commits.session(row)),
      lsn: formatLsn(commits.lsn(row)),
      acknowledgedAt: toSeconds(at),
      cause,
    });
  }

  private survives(commits: CommitColumns, row: number): boolean {
    const branch = commits.branch(row);
    const lsn: Lsn = commits.lsn(row);
    const limit = this.kept.get(branch)?.limit;
    if (limit === undefined || lsn > limit) return false;
    return this.crashes.crashOf(branch, lsn, commits.at(row)) === null;
  }

  private causeOf(commits: CommitColumns, row: number): string {
    const branch = commits.branch(row);
    const at: Nanoseconds = commits.at(row);
    const crash = this.crashes.crashOf(branch, commits.lsn(row), at);
    const cause = crash
      ? crashCause(crash)
      : forkCause(this.chronicle, this.kept, this.run.branches[branch]!, at);
    if (!commits.isUnreplicated(row)) return cause;
    return `acknowledged with the warning that it might not be replicated; ${cause}`;
  }

  /** Where a commit counts: before the warm-up ends only in `all`. */
  private countsOf(commits: CommitColumns, row: number): readonly CommitCounts[] {
    if (commits.at(row) < this.run.warmup) return this.beforeWarmup;
    const group = this.groupOf[commits.session(row)] ?? -1;
    return this.afterWarmup[group] ?? this.ofNoGroup;
  }
}

function noCommits(): CommitCounts {
  return { acknowledged: 0, durable: 0, lost: 0, unreplicated: 0, unknown: 0, phantom: 0 };
}
