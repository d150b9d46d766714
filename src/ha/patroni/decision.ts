import type { Nanoseconds } from '../../kernel/time.ts';
import type { Lsn } from '../../postgres/lsn.ts';
import type { PatroniSettings } from '../patroni-settings.ts';
import type { ClusterView, SyncState, Tags } from './cluster.ts';

/**
 * The input and output of Patroni's decision (`decide.ts`), in Patroni's nouns. One cycle of the HA
 * loop is a short conversation: the agent asks for a decision, carries it out, and, if it was a
 * step (renew, ask, acquire, ...), asks again with the outcome added to `progress`. Any other
 * decision ends the cycle.
 */

/** What `pg_controldata` calls the database cluster state. */
export type ControlState =
  | 'in production'
  | 'shutting down'
  | 'shut down'
  | 'in crash recovery'
  | 'in archive recovery'
  | 'shut down in recovery';

/** The local Postgres, as the agent sees it. */
export interface PostgresView {
  /** `crashed`: it was running under this agent and is gone; `stopped`: it was not. */
  readonly state: 'running' | 'starting' | 'stopped' | 'crashed';
  /** `promoted`: told to promote, still in recovery; `demoted`: told to stop being a primary. */
  readonly role: 'primary' | 'replica' | 'promoted' | 'demoted';
  /** Null: a standby whose timeline is not known. */
  readonly timeline: number | null;
  /** pg_current_wal_flush_lsn() of a primary. */
  readonly currentLsn: Lsn;
  readonly receivedLsn: Lsn;
  readonly replayedLsn: Lsn;
  /** The member in `primary_conninfo`, or null. */
  readonly following: string | null;
  readonly replicationState: 'streaming' | 'in archive recovery' | null;
  readonly stateSince: Nanoseconds;
  readonly controlState: ControlState;
  readonly dataDirectory: 'present' | 'empty';
}

/** One answer to GET /patroni, or none within 2 s. */
export type MemberAnswer =
  | {
      readonly inRecovery: boolean;
      /** The larger of received and replayed; 0 on a primary or with Postgres down. */
      readonly lsn: Lsn;
      readonly timeline: number | null;
      readonly tags: Tags;
      readonly watchdogFailed?: boolean;
    }
  | 'unreachable';

export type Answers = ReadonlyMap<string, MemberAnswer>;

/** What the members are asked for: each purpose is a round of its own. */
export type Purpose = 'race' | 'failover' | 'candidate';

/** What has been learnt in this cycle since the cluster was read. */
export interface CycleProgress {
  readonly renewal: 'renewed' | 'refused' | null;
  /** `abstained` and `lost` go with a view of the cluster read after that. */
  readonly race: 'won' | 'lost' | 'abstained' | null;
  readonly raceAnswers: Answers | null;
  readonly failoverAnswers: Answers | null;
  readonly candidateAnswers: Answers | null;
  /** Who accepted POST /failsafe. */
  readonly failsafeAnswers: ReadonlyMap<string, boolean> | null;
}

export const CYCLE_START: CycleProgress = {
  renewal: null,
  race: null,
  raceAnswers: null,
  failoverAnswers: null,
  candidateAnswers: null,
  failsafeAnswers: null,
};

/** An action of the agent that runs beside its loop. */
export type AsyncAction =
  | 'promote'
  | 'restart'
  | 'starting primary after failure'
  | 'restarting after failure'
  | 'starting after demotion'
  | 'demote'
  | 'crash recovery'
  | 'pg_rewind'
  | 'reinitialize';

export interface HaInput {
  readonly me: string;
  readonly tags: Tags;
  readonly settings: PatroniSettings;
  readonly now: Nanoseconds;
  /** Read in this cycle, or `unreachable` if any request of the cycle failed for good. */
  readonly cluster: ClusterView | 'unreachable';
  /** The last view that had a leader: its members take part in the race. */
  readonly lastHealthyCluster: ClusterView | null;
  /** `/failsafe` as last read or written. */
  readonly failsafeTopology: readonly string[] | null;
  /** Who has posted /failsafe to this member within the last ttl. */
  readonly failsafeLeader: string | null;
  readonly postgres: PostgresView;
  /** When this member last renewed or got the leader key, or null. */
  readonly lastRenewal: Nanoseconds | null;
  readonly asyncAction: AsyncAction | null;
  readonly asyncSince: Nanoseconds;
  /** The previous cycle tried to start Postgres. */
  readonly recovering: boolean;
  /** Crash recovery in single-user mode has been run since Postgres last came up. */
  readonly crashRecoveryDone: boolean;
  /** How the local history relates to the leader's (`rewind.ts`); `unknown` if not checked. */
  readonly divergence: 'unknown' | 'none' | 'diverged';
  /** pg_rewind or the copy that replaced it has been tried and failed. */
  readonly rewindFailed: boolean;
  /** `unusable`: the watchdog is required and cannot be activated. */
  readonly watchdog: 'off' | 'usable' | 'unusable';
  /** `none` never demotes itself until it reads another leader's key; all others do as Patroni. */
  readonly fencing: 'none' | 'lease' | 'watchdog' | 'stonith' | 'storage';
  /** The own WAL position published in the previous cycle. */
  readonly previousLsn: Lsn | null;
  /** Since when the cluster has been seen without a leader, or null. */
  readonly unlockedSince: Nanoseconds | null;
  readonly progress: CycleProgress;
}

/** ha.py:demote's modes; `demotion.ts` says what each does. */
export type DemoteMode = 'graceful' | 'immediate' | 'immediate-nolock' | 'offline';

/** What a new leader sets before it promotes (`synchronous.ts`). */
export interface BeforePromotion {
  /** Written to `/sync` first if not null; if that fails the promotion is postponed. */
  readonly writeSync: SyncState | null;
  readonly synchronousStandbyNames: string;
}

/** A step: carry it out, put the outcome into `progress` or the views, and decide again. */
export type Step =
  /** Keep the lease alive; `publish`: also write optime and slots to `/status`. */
  | { readonly kind: 'renew'; readonly publish: boolean; readonly message: string }
  /** GET /patroni of all these at once, 2 s, no retry. */
  | {
      readonly kind: 'ask';
      readonly purpose: Purpose;
      readonly members: readonly string[];
      readonly message: string;
    }
  /** POST /failsafe to all these at once, 2 s, one retry. */
  | { readonly kind: 'ask failsafe'; readonly members: readonly string[]; readonly message: string }
  /** Create the leader key if nobody has, then read the cluster again: race is won or lost. */
  | { readonly kind: 'acquire'; readonly message: string }
  /** Wait, read the cluster again: race is abstained. */
  | { readonly kind: 'reread'; readonly after: Nanoseconds; readonly message: string }
  /** Delete `/failover` and drop it from the view. */
  | { readonly kind: 'clear failover'; readonly message: string };

/** The end of the cycle. */
export type Outcome =
  /** Go on as the leader; with `failsafe` although the DCS cannot be reached. */
  | { readonly kind: 'lead'; readonly failsafe: boolean; readonly message: string }
  | { readonly kind: 'promote'; readonly before: BeforePromotion | null; readonly message: string }
  | { readonly kind: 'demote'; readonly mode: DemoteMode; readonly message: string }
  /** Change primary_conninfo of the running standby. */
  | { readonly kind: 'follow'; readonly leader: string | null; readonly message: string }
  /** Start Postgres: as a primary in place, or as a standby of `leader` (null: of nobody). */
  | {
      readonly kind: 'start';
      readonly role: 'primary' | 'replica';
      readonly leader: string | null;
      readonly message: string;
    }
  /** Start and stop in single-user mode, so that the data directory is clean. */
  | { readonly kind: 'crash recovery'; readonly message: string }
  | { readonly kind: 'rewind'; readonly leader: string; readonly message: string }
  | { readonly kind: 'reinitialize'; readonly leader: string | null; readonly message: string }
  /** Delete the leader key, then go on as before. */
  | { readonly kind: 'release'; readonly message: string }
  /** Stop the promotion that has not been signalled yet. */
  | { readonly kind: 'cancel promotion'; readonly message: string }
  | { readonly kind: 'nothing'; readonly message: string };

export type Decision = Step | Outcome;

const STEPS = ['renew', 'ask', 'ask failsafe', 'acquire', 'reread', 'clear failover'];

/** Whether the cycle goes on after this decision has been carried out. */
export function isStep(decision: Decision): decision is Step {
  return STEPS.includes(decision.kind);
}

/** ha.py's wal position: of a primary the flushed one, else max(received, replayed). */
export function walPosition(postgres: PostgresView): Lsn {
  if (isPrimary(postgres)) return postgres.currentLsn;
  return Math.max(postgres.receivedLsn, postgres.replayedLsn);
}

/** Whether a postmaster is there. */
export function isRunning(postgres: PostgresView): boolean {
  return postgres.state === 'running' || postgres.state === 'starting';
}

/** Whether it runs, or starts, as a primary. */
export function isPrimary(postgres: PostgresView): boolean {
  return isRunning(postgres) && postgres.role === 'primary';
}

/** Whether the holder of the leader key in this view is this member. */
export function hasLock(input: HaInput, cluster: ClusterView): boolean {
  return cluster.leader?.name === input.me;
}

/**
 * The REST API's idea of leadership: the key was got or renewed less than ttl ago
 * (ha.py:is_leader).
 */
export function isLeader(
  lastRenewal: Nanoseconds | null,
  ttl: Nanoseconds,
  now: Nanoseconds,
): boolean {
  return lastRenewal !== null && now < lastRenewal + ttl;
}

/** Synchronous mode is asked for and `/sync` has been initialised by a primary. */
export function isSyncActive(settings: PatroniSettings, cluster: ClusterView): boolean {
  return settings.synchronous_mode !== 'off' && cluster.sync.leader !== null;
}

/** The same of quorum commit. */
export function isQuorumActive(settings: PatroniSettings, cluster: ClusterView): boolean {
  return settings.synchronous_mode === 'quorum' && cluster.sync.leader !== null;
}
