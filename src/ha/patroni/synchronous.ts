import { MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { Lsn } from '../../postgres/lsn.ts';
import type { PatroniSettings } from '../patroni-settings.ts';
import {
  type ClusterView,
  EMPTY_SYNC,
  isNofailover,
  isNosync,
  type Member,
  type SyncState,
  syncMatches,
  syncMembers,
  syncPriority,
} from './cluster.ts';
import type { BeforePromotion } from './decision.ts';
import { quorumTransitions } from './quorum.ts';
import { minimumSynchronousNodes, wantedSynchronousNodes } from './settings.ts';
import { formatStandbyNames, parseStandbyNames, type StandbyNames } from './standby-names.ts';

/**
 * Which standbys are synchronous. The primary's agent keeps two things in step in each cycle:
 * synchronous_standby_names, which decides whom a commit waits for, and the key `/sync`, which
 * decides who may be promoted. A name goes into the first, is seen streaming as a sync standby past
 * the position at which it was added, and only then goes into `/sync`; it leaves `/sync` before it
 * leaves the names. So whoever is in `/sync` has every acknowledged commit.
 *
 * Source: patroni/postgresql/sync.py, patroni/ha.py: process_sync_replication and what it calls.
 */

/** One row of pg_stat_replication. */
export interface Walsender {
  readonly applicationName: string;
  readonly syncState: 'async' | 'potential' | 'sync' | 'quorum';
  /**
   * write_lsn with synchronous_commit remote_write, replay_lsn with remote_apply, else flush_lsn;
   * null while it is not streaming.
   */
  readonly lsn: Lsn | null;
}

/** What the agent remembers of the names between looks (SyncHandler). */
export interface SyncMemory {
  readonly names: string;
  /** The primary's position when it saw the names change: a new standby must reach it. */
  readonly minimumLsn: Lsn;
  /** Names that were seen in sync past it. */
  readonly ready: readonly string[];
}

export const NO_SYNC_MEMORY: SyncMemory = { names: '', minimumLsn: 0, ready: [] };

export interface SyncInput {
  readonly me: string;
  readonly settings: PatroniSettings;
  readonly sync: SyncState;
  readonly members: ReadonlyMap<string, Member>;
  /** The current synchronous_standby_names, and the operator's own for synchronous_mode off. */
  readonly standbyNames: string;
  readonly configuredNames: string;
  readonly walsenders: readonly Walsender[];
  readonly currentLsn: Lsn;
  readonly memory: SyncMemory;
  /** The steps of this cycle have already waited. */
  readonly waited: boolean;
}

/**
 * To be carried out in order; a write to `/sync` that is refused (somebody else wrote it) ends the
 * cycle's work, and after a wait the agent looks again with `waited`.
 */
export type SyncStep =
  | { readonly kind: 'write sync'; readonly sync: SyncState; readonly message: string }
  | { readonly kind: 'set names'; readonly standbyNames: string; readonly message: string }
  | { readonly kind: 'wait'; readonly duration: Nanoseconds; readonly message: string };

export interface SyncPlan {
  readonly steps: readonly SyncStep[];
  readonly memory: SyncMemory;
  /** Strict mode without a standby: commits wait. */
  readonly commitsWait: boolean;
}

/** The state of synchronous replication as SyncHandler.current_state has it. */
export interface ReplicationState {
  readonly names: StandbyNames;
  /** The best candidates, whether or not they are synchronous yet. */
  readonly active: readonly string[];
  /** Those of them that may go into `/sync`. */
  readonly confirmed: readonly string[];
}

/** What the primary's agent does about synchronous replication in this cycle. */
export function synchronousPlan(input: SyncInput): SyncPlan {
  const memory = remember(input);
  const done = { memory, commitsWait: false };
  if (input.settings.synchronous_mode === 'off') return { steps: switchOff(input), ...done };
  const steps: SyncStep[] = [];
  let sync = input.sync;
  if (sync.leader === null) {
    sync = { leader: input.me, standbys: [], quorum: 0 };
    steps.push({ kind: 'write sync', sync, message: 'enabling synchronous replication' });
  }
  const state = replicationState(input, memory);
  const plan =
    input.settings.synchronous_mode === 'quorum'
      ? quorumSteps(input, sync, state)
      : multisyncSteps(input, sync, state);
  return { steps: [...steps, ...plan.steps], memory, commitsWait: plan.commitsWait };
}

function switchOff(input: SyncInput): readonly SyncStep[] {
  const steps: SyncStep[] = [];
  if (input.sync.leader !== null) {
    steps.push({ kind: 'write sync', sync: EMPTY_SYNC, message: 'synchronous_mode is off' });
  }
  return [...steps, ...setNames(input, input.configuredNames, 'synchronous_mode is off')];
}

/** From setting the names until Patroni trusts that the reload has made them effective. */
export const RELOAD_WAIT: Nanoseconds = 100 * MILLISECOND;

/**
 * What the agent does RELOAD_WAIT after it has set the names (not for the placeholder alone): from
 * here on a new name counts as synchronous once it has reached the primary's current position.
 */
export function rememberNames(
  memory: SyncMemory,
  standbyNames: string,
  currentLsn: Lsn,
): SyncMemory {
  if (memory.names === standbyNames) return memory;
  const { names } = parseStandbyNames(standbyNames);
  const ready = memory.ready.filter((name) => names.includes(name));
  return { names: standbyNames, minimumLsn: currentLsn, ready };
}

/** Notices who has caught up since the names changed. */
function remember(input: SyncInput): SyncMemory {
  const { settings, sync, standbyNames } = input;
  const memory = rememberNames(input.memory, standbyNames, input.currentLsn);
  const { minimumLsn } = memory;
  const { names } = parseStandbyNames(standbyNames);
  const ready = [...memory.ready];
  for (const replica of eligibleReplicas(input)) {
    const name = replica.applicationName;
    if (ready.includes(name) || !names.includes(name)) continue;
    const reached = replica.lsn! >= minimumLsn;
    const confirmed =
      settings.synchronous_mode === 'quorum'
        ? reached && replica.syncState === 'quorum'
        : sync.standbys.includes(name) || (reached && replica.syncState === 'sync');
    if (confirmed) ready.push(name);
  }
  return { names: standbyNames, minimumLsn, ready };
}

/** Streaming standbys that want to be synchronous, the best first. */
function eligibleReplicas(input: SyncInput): readonly Walsender[] {
  const members = new Map<string, Member>();
  for (const [name, member] of input.members) {
    const fit = member.state === 'running' && !isNosync(member.tags) && name !== input.me;
    if (fit) members.set(name, member);
  }
  const connected = input.walsenders.filter(
    (walsender) => walsender.lsn !== null && members.has(walsender.applicationName),
  );
  const names = connected.map((walsender) => walsender.applicationName);
  const priority = (walsender: Walsender) =>
    syncPriority(members.get(walsender.applicationName)!.tags);
  return connected
    .filter((walsender) => !cascades(members, names, members.get(walsender.applicationName)!))
    .sort(
      (a, b) =>
        priority(b) - priority(a) ||
        (a.syncState < b.syncState ? 1 : a.syncState > b.syncState ? -1 : b.lsn! - a.lsn!),
    );
}

/** Whether a member is meant to stream from another standby that is connected here. */
function cascades(
  members: ReadonlyMap<string, Member>,
  connected: readonly string[],
  member: Member,
): boolean {
  const upstream = members.get(member.tags.replicatefrom ?? '');
  if (upstream === undefined) return false;
  if (upstream.tags.replicatefrom == null) return connected.includes(upstream.name);
  return cascades(members, connected, upstream);
}

/** Picks synchronous_node_count standbys: present ones first, those with nofailover last. */
export function replicationState(input: SyncInput, memory: SyncMemory): ReplicationState {
  const quorum = input.settings.synchronous_mode === 'quorum';
  const wanted = wantedSynchronousNodes(input.settings);
  const limit = input.settings.maximum_lag_on_syncnode;
  const replicas = eligibleReplicas(input);
  const farthest =
    replicas.length > 1 ? Math.max(...replicas.map((r) => r.lsn!)) : input.currentLsn;
  const nofailover = (r: Walsender) => isNofailover(input.members.get(r.applicationName)!.tags);
  const ordered = [...replicas.filter((r) => !nofailover(r)), ...replicas.filter(nofailover)];
  const active: string[] = [];
  const confirmed: string[] = [];
  for (const replica of ordered) {
    if (limit > 0 && farthest - replica.lsn! > limit) continue;
    // A quorum of promotable nodes only: another that is ahead of them could not take over.
    if (quorum && nofailover(replica) && active.length >= wanted) continue;
    if (!quorum && active.length >= wanted) break;
    active.push(replica.applicationName);
    const ready = memory.ready.includes(replica.applicationName);
    if (ready && (quorum || replica.syncState === 'sync')) confirmed.push(replica.applicationName);
  }
  return { names: parseStandbyNames(input.standbyNames), active, confirmed };
}

interface Steps {
  readonly steps: readonly SyncStep[];
  readonly commitsWait: boolean;
}

/** synchronous_mode on (_process_multisync_replication). */
function multisyncSteps(input: SyncInput, before: SyncState, state: ReplicationState): Steps {
  const steps: SyncStep[] = [];
  let sync = before;
  const write = (standbys: readonly string[], message: string) => {
    sync = { leader: input.me, standbys: [...standbys].sort(), quorum: 0 };
    steps.push({ kind: 'write sync', sync, message });
  };
  const { active, confirmed } = state;
  if (input.waited) {
    if (confirmed.length > 0 && !same(confirmed, sync.standbys)) {
      write(confirmed, `confirmed as synchronous: ${confirmed.join(', ')}`);
    }
    return { steps, commitsWait: false };
  }
  if (sync.leader !== input.me) write([], `/sync names ${sync.leader} as the leader, which I am`);
  if (same(active, sync.standbys) && !same(sync.standbys, confirmed)) {
    write(confirmed, `only ${confirmed.join(', ') || 'nobody'} is confirmed as synchronous`);
  }
  const strict = strictSteps(input, sync, state);
  steps.push(...strict.steps);
  if (strict.commitsWait || strict.steps.length > 0) return { ...strict, steps };
  const { names } = state;
  const steady =
    same(active, sync.standbys) && same(active, names.names) && names.num === active.length;
  if (steady && (names.type === 'priority' || active.length === 0)) {
    return { steps, commitsWait: false };
  }
  const common = sync.standbys.filter((name) => confirmed.includes(name));
  if (!same(common, sync.standbys)) write(common, 'leaves /sync before it leaves the names');
  const wanted = formatStandbyNames(active, null, false);
  steps.push(...setNames(input, wanted, wanted === '' ? 'no candidate is streaming' : 'picked'));
  if (active.length > 0 && !same(confirmed, active)) {
    const message = 'until the new names are in effect';
    steps.push({ kind: 'wait', duration: 2 * SECOND, message });
  } else if (confirmed.length > 0 && !same(confirmed, common)) {
    write(confirmed, `confirmed as synchronous: ${confirmed.join(', ')}`);
  }
  return { steps, commitsWait: false };
}

/** Too few standbys: strict keeps names so that commits wait, otherwise leftovers are cleared. */
function strictSteps(input: SyncInput, sync: SyncState, state: ReplicationState): Steps {
  const minimum = minimumSynchronousNodes(input.settings);
  const { names } = state;
  if (state.active.length < minimum) {
    const quorum = input.settings.synchronous_mode === 'quorum';
    const num = Math.max(minimum, sync.standbys.length - (quorum ? sync.quorum : 0));
    const type = quorum ? 'quorum' : 'priority';
    const kept = same(sync.standbys, names.names) && num === names.num && type === names.type;
    const wanted = formatStandbyNames(sync.standbys, num, quorum);
    const message = 'synchronous_mode_strict without a standby: commits wait';
    return { steps: kept ? [] : setNames(input, wanted, message), commitsWait: true };
  }
  const leftover = names.names.length > 0 || names.num > 0;
  const clear =
    minimum === 0 && state.active.length === 0 && sync.standbys.length === 0 && leftover;
  const message = 'no candidate is streaming: commits go on unprotected';
  return { steps: clear ? setNames(input, '', message) : [], commitsWait: false };
}

/** synchronous_mode quorum (_process_quorum_replication). */
function quorumSteps(input: SyncInput, sync: SyncState, state: ReplicationState): Steps {
  if (sync.leader === input.me) {
    const strict = strictSteps(input, sync, state);
    if (strict.commitsWait || strict.steps.length > 0) return strict;
  }
  const steps: SyncStep[] = [];
  const transitions = quorumTransitions({
    leader: sync.leader!,
    leaderWanted: input.me,
    quorum: sync.quorum,
    voters: sync.standbys,
    numsync: state.names.num,
    sync: state.names.names,
    numsyncConfirmed: state.confirmed.length,
    active: state.active,
    syncWanted: wantedSynchronousNodes(input.settings),
  });
  for (const { kind, leader, num, names } of transitions) {
    if (kind === 'quorum') {
      const next = { leader, standbys: [...names].sort(), quorum: num };
      const message = `quorum ${num} of ${next.standbys.join(', ') || 'nobody'}`;
      steps.push({ kind: 'write sync', sync: next, message });
    } else if (kind === 'sync') {
      const wanted = formatStandbyNames(names, num, true);
      steps.push({ kind: 'set names', standbyNames: wanted, message: 'quorum commit' });
    } else steps.push({ kind: 'wait', duration: SECOND, message: 'for standbys to catch up' });
  }
  if (transitions.length === 0 && state.names.type !== 'quorum' && state.names.names.length > 0) {
    const wanted = formatStandbyNames(state.names.names, state.names.num, true);
    steps.push({ kind: 'set names', standbyNames: wanted, message: 'from FIRST to ANY' });
  }
  return { steps, commitsWait: false };
}

function setNames(input: SyncInput, wanted: string, message: string): readonly SyncStep[] {
  if (wanted === input.standbyNames) return [];
  return [{ kind: 'set names', standbyNames: wanted, message }];
}

/**
 * What a standby that has won the race sets before it promotes; null with synchronous_mode off
 * (process_sync_replication_prepromote). In quorum mode the names satisfy the old `/sync`.
 */
export function beforePromotion(
  me: string,
  settings: PatroniSettings,
  sync: SyncState,
): BeforePromotion | null {
  const minimum = minimumSynchronousNodes(settings);
  const members = syncMembers(sync);
  const others = members.filter((name) => name !== me);
  if (settings.synchronous_mode === 'off') {
    if (sync.leader === null) return null;
    return { writeSync: EMPTY_SYNC, synchronousStandbyNames: '' };
  }
  if (settings.synchronous_mode === 'quorum') {
    const num = members.length - sync.quorum - (members.includes(me) ? 1 : 0);
    const confirmations = Math.max(num, minimum);
    return {
      writeSync: null,
      synchronousStandbyNames: formatStandbyNames(others, confirmations, true),
    };
  }
  const standbys = minimum > 0 ? [...others].sort() : [];
  const num = minimum > 0 && standbys.length === 0 ? minimum : null;
  return {
    writeSync: { leader: me, standbys, quorum: 0 },
    synchronousStandbyNames: formatStandbyNames(standbys, num, false),
  };
}

/**
 * Whether a standby has to be released before it stops or restarts: it publishes `nosync` with its
 * member key and looks again every RELEASE_POLL until it is not in `/sync`, for at most two
 * loop_waits (while_not_sync_standby).
 */
export function awaitsRelease(me: string, cluster: ClusterView): boolean {
  const { leader, sync } = cluster;
  return leader !== null && sync.leader === leader.name && syncMatches(sync, me);
}

/** How often a standby that wants to stop looks whether it has been released. */
export const RELEASE_POLL: Nanoseconds = 2 * SECOND;

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
