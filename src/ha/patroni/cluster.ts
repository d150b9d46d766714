import type { Lsn } from '../../postgres/lsn.ts';
import type { PatroniTags } from '../patroni-settings.ts';

/**
 * What Patroni keeps in the distributed configuration store (DCS) under `/service/<scope>/`, as one
 * member sees it after a read: leader, members, status, sync, failover, history, failsafe,
 * initialize. The dynamic configuration is the scenario's, the same for all members.
 *
 * Kept: every field that Patroni's decisions read. Left out: connection URLs (members are known by
 * name), scheduled switchovers and restarts, pause, standby clusters, Citus groups, and the
 * case-insensitive comparison of names (names of a scenario are compared as written).
 * Source: Patroni 4.1.4, patroni/dcs/__init__.py.
 */

/** The tags of `patroni.yml`; one that is not there has Patroni's default. */
export type Tags = Partial<PatroniTags>;

/** The state that a member publishes (PostgresqlState, those that matter here). */
export type MemberState = 'running' | 'starting' | 'restarting' | 'stopped' | 'crashed';

/** The key `/members/<name>`, written with the member's lease at the end of each cycle. */
export interface Member {
  readonly name: string;
  /** The lease that the key is bound to: it disappears with it. */
  readonly session: string | null;
  readonly state: MemberState;
  readonly role: 'primary' | 'replica' | 'promoted' | 'demoted' | 'uninitialized';
  /** `xlog_location`: on a standby the larger of received and replayed. */
  readonly lsn: Lsn | null;
  readonly timeline: number | null;
  readonly tags: Tags;
  /** Where its REST API answers, or null if it has published none. */
  readonly apiHost: string | null;
  /** False on a new leader that has not yet checkpointed: pg_rewind of others waits for it. */
  readonly checkpointAfterPromote?: boolean;
}

/** The key `/leader`: the lock. */
export interface LeaderKey {
  readonly name: string;
  readonly leaseId: string;
  readonly session: string;
}

/** The key `/sync`: who may be promoted in the synchronous modes. */
export interface SyncState {
  readonly leader: string | null;
  /** `sync_standby`: in quorum mode the voters. */
  readonly standbys: readonly string[];
  /** How many of the others must be seen not to be ahead; always 0 outside the quorum mode. */
  readonly quorum: number;
}

/** The key `/failover`: with `leader` it is a switchover, without it a manual failover. */
export interface FailoverRequest {
  readonly leader: string | null;
  readonly candidate: string | null;
}

/** One line of `/history`: the timeline that ended, and where the next one branched off. */
export interface HistoryLine {
  readonly timeline: number;
  readonly switchpoint: Lsn;
}

/** One consistent read of the DCS. */
export interface ClusterView {
  readonly leader: LeaderKey | null;
  /** In natural order of their names. */
  readonly members: ReadonlyMap<string, Member>;
  readonly status: { readonly optime: Lsn; readonly slots: ReadonlyMap<string, Lsn> };
  readonly sync: SyncState;
  readonly failover: FailoverRequest | null;
  /** Null if the key does not exist, empty on timeline 1. */
  readonly history: readonly HistoryLine[] | null;
  /** The system identifier, or null before bootstrap. */
  readonly initialize: string | null;
  /** Member names of the failsafe topology, or null if the key does not exist. */
  readonly failsafe: readonly string[] | null;
}

export const EMPTY_SYNC: SyncState = { leader: null, standbys: [], quorum: 0 };

/** Whether nobody holds the leader key. */
export function isUnlocked(cluster: ClusterView): boolean {
  return cluster.leader === null;
}

/** The last timeline in `/history` plus one; 1 for an empty history, 0 without one. */
export function clusterTimeline(cluster: ClusterView): number {
  if (cluster.history === null) return 0;
  const last = cluster.history[cluster.history.length - 1];
  return last ? last.timeline + 1 : 1;
}

/** Whether `/sync` names this member as a standby or, if asked, as the leader. */
export function syncMatches(sync: SyncState, name: string, alsoLeader = false): boolean {
  if (sync.leader === null) return false;
  return sync.standbys.includes(name) || (alsoLeader && sync.leader === name);
}

/** The leader and the standbys of `/sync`; empty if the key is. */
export function syncMembers(sync: SyncState): readonly string[] {
  return sync.leader === null ? [] : [sync.leader, ...sync.standbys];
}

/**
 * `nofailover`, or a `failover_priority` of zero or less. (An explicit `nofailover: false` beside
 * such a priority, which Patroni lets win, is not told from the default.)
 */
export function isNofailover(tags: Tags): boolean {
  return tags.nofailover === true || (tags.failover_priority ?? 1) <= 0;
}

/** `failover_priority`, 1 by default, 0 with `nofailover`. */
export function failoverPriority(tags: Tags): number {
  return tags.nofailover ? 0 : (tags.failover_priority ?? 1);
}

/** `nosync`, or a `sync_priority` of zero or less. */
export function isNosync(tags: Tags): boolean {
  return tags.nosync === true || (tags.sync_priority ?? 1) <= 0;
}

/** `sync_priority`, 1 by default, 0 with `nosync`. */
export function syncPriority(tags: Tags): number {
  return tags.nosync ? 0 : (tags.sync_priority ?? 1);
}

/** A number of bytes for a sentence: `1 MB`, `2.1 MB`, `512 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const rounded = Math.round(value * 10) / 10;
  return `${rounded} ${units[unit]}`;
}
