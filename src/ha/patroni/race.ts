import { SECOND, toSeconds } from '../../kernel/time.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import {
  type ClusterView,
  clusterTimeline,
  failoverPriority,
  formatBytes,
  isNofailover,
  type Member,
  syncMatches,
  syncMembers,
} from './cluster.ts';
import {
  type Answers,
  type HaInput,
  isPrimary,
  isQuorumActive,
  isSyncActive,
  walPosition,
} from './decision.ts';

/**
 * The leader race. When the leader key is gone, every standby asks itself whether it may become
 * the leader (step one, without the others' answers), then whether it is the healthiest (step two,
 * with them), and those that say yes race to create the key: the DCS lets one win. Equal standbys
 * race at once, there is no random back-off.
 *
 * Source: patroni/ha.py: process_unhealthy_cluster, is_healthiest_node, _is_healthiest_node.
 */

/** Step one's answer: stay out, take the key without asking, or compare with these members. */
export type Eligibility =
  | { readonly verdict: 'abstain'; readonly message: string }
  | { readonly verdict: 'take'; readonly message: string }
  | { readonly verdict: 'compare'; readonly members: readonly string[]; readonly message: string };

/** Step two's answer. */
export interface Comparison {
  readonly healthiest: boolean;
  readonly message: string;
}

/** Step one where no failover or switchover is requested. */
export function raceEligibility(input: HaInput, cluster: ClusterView): Eligibility {
  const refusal = basicRefusal(input, cluster);
  if (refusal !== null) return refusal;
  const reason =
    watchdogRefusal(input) ??
    failsafeRefusal(input) ??
    syncRefusal(input, cluster) ??
    behindRefusal(input, cluster, true);
  if (reason !== null) return { verdict: 'abstain', message: reason };
  const known = knownMembers(input, cluster);
  const eligible = isSyncActive(input.settings, cluster)
    ? known.filter((member) => syncMatches(cluster.sync, member.name, true))
    : known;
  const members = whomToAsk(input, cluster, eligible);
  return {
    verdict: 'compare',
    members,
    message: `no leader key: comparing my WAL position with ${listed(members)}`,
  };
}

/**
 * What is decided before a requested failover is looked at: a starting Postgres never races, a
 * running primary takes the key back unless its timeline is behind (nofailover is not asked of
 * it), and nofailover keeps a standby out. Null: go on.
 */
export function basicRefusal(input: HaInput, cluster: ClusterView): Eligibility | null {
  if (input.postgres.state === 'starting') {
    return { verdict: 'abstain', message: 'Postgres is still starting: not fit for the race' };
  }
  if (isPrimary(input.postgres)) {
    const mine = input.postgres.timeline ?? 0;
    const last = clusterTimeline(cluster);
    return mine < last
      ? {
          verdict: 'abstain',
          message: `my timeline ${mine} is behind the cluster's ${last}: another was promoted`,
        }
      : { verdict: 'take', message: 'running as primary and nobody holds the leader key' };
  }
  if (isNofailover(input.tags)) {
    return { verdict: 'abstain', message: 'my nofailover tag keeps me out of the race' };
  }
  return null;
}

/** Why the race is put off while WAL still arrives (primary_race_backoff), or null. */
export function backoffRefusal(input: HaInput, cluster: ClusterView): string | null {
  const backoff = input.settings.primary_race_backoff;
  if (backoff <= 0 || input.previousLsn === null || cluster.failover?.candidate) return null;
  const left = (input.unlockedSince ?? input.now) + backoff - input.now;
  const moving =
    input.postgres.replicationState === 'streaming' &&
    walPosition(input.postgres) > input.previousLsn;
  const fresh = left > backoff - input.settings.loop_wait;
  if (!(left > 0 && moving) && !fresh) return null;
  const why = moving ? 'WAL still streams in' : 'the leader key has only just gone';
  return `${why}: the race waits up to ${toSeconds(left)} s more (primary_race_backoff)`;
}

function watchdogRefusal(input: HaInput): string | null {
  return input.watchdog === 'unusable' ? 'the required watchdog cannot be used' : null;
}

function failsafeRefusal(input: HaInput): string | null {
  const topology = input.failsafeTopology;
  if (!input.settings.failsafe_mode || topology === null || topology.length === 0) return null;
  return topology.includes(input.me) ? null : 'I am not in the failsafe topology';
}

function syncRefusal(input: HaInput, cluster: ClusterView): string | null {
  if (!isSyncActive(input.settings, cluster)) return null;
  if (input.settings.synchronous_mode === 'quorum') return null;
  if (syncMatches(cluster.sync, input.me, true)) return null;
  return `only ${listed(syncMembers(cluster.sync))} of /sync may be promoted`;
}

/** Why my WAL position or timeline rules me out, or null. */
export function behindRefusal(
  input: HaInput,
  cluster: ClusterView,
  checkLag: boolean,
): string | null {
  const mine = walPosition(input.postgres);
  const limit = input.settings.maximum_lag_on_failover;
  const lag = cluster.status.optime - mine;
  if (checkLag && lag > limit) {
    return (
      `my WAL position ${formatLsn(mine)} is ${formatBytes(lag)} behind the last published ` +
      `${formatLsn(cluster.status.optime)}, maximum_lag_on_failover is ${formatBytes(limit)}`
    );
  }
  if (!input.settings.check_timeline) return null;
  const timeline = input.postgres.timeline;
  if (timeline === null) return 'check_timeline is on and my timeline is not known';
  const last = clusterTimeline(cluster);
  return timeline < last ? `my timeline ${timeline} is behind the cluster's ${last}` : null;
}

/** Members of the last healthy view, of the failsafe topology and of the current view. */
function knownMembers(input: HaInput, cluster: ClusterView): readonly Member[] {
  const known = new Map<string, Member>();
  for (const [name, member] of input.lastHealthyCluster?.members ?? []) known.set(name, member);
  if (input.settings.failsafe_mode) {
    for (const name of input.failsafeTopology ?? []) known.set(name, failsafeMember(name));
  }
  for (const [name, member] of cluster.members) known.set(name, member);
  return [...known.values()];
}

function failsafeMember(name: string): Member {
  return {
    name,
    session: null,
    state: 'running',
    role: 'replica',
    lsn: null,
    timeline: null,
    tags: {},
    apiHost: name,
  };
}

/** All others that have an API and may be promoted or have a vote. */
export function whomToAsk(
  input: HaInput,
  cluster: ClusterView,
  members: readonly Member[],
): readonly string[] {
  const voting = isQuorumActive(input.settings, cluster) ? syncMembers(cluster.sync) : [];
  return members
    .filter(
      (member) =>
        member.name !== input.me &&
        member.apiHost !== null &&
        (!isNofailover(member.tags) || voting.includes(member.name)),
    )
    .map((member) => member.name);
}

/**
 * Step two: whether nobody who answered is a better choice. Whoever does not answer is ignored.
 * In quorum mode there must also be enough votes of /sync members that are not ahead.
 * @param formerLeader its higher failover_priority is ignored (null in a requested failover)
 */
export function isHealthiest(
  input: HaInput,
  cluster: ClusterView,
  answers: Answers,
  formerLeader: string | null,
): Comparison {
  const voting = isQuorumActive(input.settings, cluster) ? syncMembers(cluster.sync) : [];
  let confirmations = 0;
  let ahead = 0;
  for (const [name] of answers) {
    const verdict = compare(input, cluster, answers, name, formerLeader);
    if (verdict.effect === 'yield') return { healthiest: false, message: verdict.message };
    if (verdict.effect === 'ignore ahead') ahead++;
    if (verdict.effect === 'not ahead' && voting.includes(name)) confirmations++;
  }
  const mine = formatLsn(walPosition(input.postgres));
  if (!isQuorumActive(input.settings, cluster)) {
    return { healthiest: true, message: `nobody who answered is ahead of my ${mine}` };
  }
  const needed = cluster.sync.quorum + (voting.includes(input.me) ? 0 : 1);
  const wasLeader = ahead === 0 && cluster.sync.leader === input.me;
  return {
    healthiest: confirmations >= needed || wasLeader,
    message: `${confirmations} of ${needed} quorum votes say that nobody is ahead of my ${mine}`,
  };
}

interface Verdict {
  readonly effect: 'yield' | 'no say' | 'ignore ahead' | 'not ahead';
  readonly message: string;
}

const NO_SAY: Verdict = { effect: 'no say', message: '' };

/** What one member's answer means for me. */
function compare(
  input: HaInput,
  cluster: ClusterView,
  answers: Answers,
  name: string,
  formerLeader: string | null,
): Verdict {
  const answer = answers.get(name);
  if (answer === undefined || failoverLimitation(answers, name) !== null) return NO_SAY;
  if (answer === 'unreachable') return NO_SAY;
  if (!answer.inRecovery) return { effect: 'yield', message: `${name} is still a primary` };
  const mine = walPosition(input.postgres);
  const syncActive = isSyncActive(input.settings, cluster);
  if (answer.lsn > mine) {
    if (syncActive && cluster.sync.leader === name) return { effect: 'ignore ahead', message: '' };
    const lead = formatBytes(answer.lsn - mine);
    return {
      effect: 'yield',
      message: `${name} is ${lead} ahead of my WAL position ${formatLsn(mine)}`,
    };
  }
  if (answer.lsn <= 0) return NO_SAY; // its Postgres is down: neither better nor a vote
  const theirs = failoverPriority(answer.tags);
  const own = failoverPriority(input.tags);
  const former = syncActive ? cluster.sync.leader : formerLeader;
  const counts =
    !isQuorumActive(input.settings, cluster) || syncMembers(cluster.sync).includes(name);
  if (answer.lsn === mine && own < theirs && former !== name && counts) {
    return {
      effect: 'yield',
      message: `${name} is as far as I am and has failover_priority ${theirs} against my ${own}`,
    };
  }
  return { effect: 'not ahead', message: '' };
}

/** Why a member cannot be promoted, or null (ha.py:_MemberStatus.failover_limitation). */
export function failoverLimitation(answers: Answers, name: string): string | null {
  const answer = answers.get(name) ?? 'unreachable';
  if (answer === 'unreachable') return 'does not answer';
  if (isNofailover(answer.tags)) return 'has the nofailover tag';
  return answer.watchdogFailed ? 'cannot use its watchdog' : null;
}

/** Time that a standby out of the race leaves to others before it reads the key again. */
export const YIELD_TIME = 2 * SECOND;

/** Names for a sentence. */
export function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.join(', ');
}
