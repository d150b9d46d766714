import { formatLsn, type Lsn } from '../../postgres/lsn.ts';
import {
  type ClusterView,
  clusterTimeline,
  formatBytes,
  isNofailover,
  syncMatches,
} from './cluster.ts';
import {
  type Answers,
  type Decision,
  type HaInput,
  isQuorumActive,
  isSyncActive,
  type Purpose,
} from './decision.ts';
import { behindRefusal, type Eligibility, failoverLimitation, listed, whomToAsk } from './race.ts';

/**
 * Failovers that somebody asks for by the key `/failover`: a switchover names the leader that is
 * to step down, a manual failover does not. The leader steps down if somebody can take over; when
 * the key is free, the named candidate takes it without any test of its lag, and everybody else
 * races only if the candidate is unfit.
 *
 * Source: patroni/ha.py: process_manual_failover_from_leader, manual_failover_process_no_leader,
 * is_failover_possible, get_failover_candidates.
 */

/** How the current request is called. */
export function failoverName(cluster: ClusterView): string {
  if (cluster.failover === null) return 'failover';
  return cluster.failover.leader === null ? 'manual failover' : 'switchover';
}

/** Who could take over from this member, before anybody is asked. */
export function failoverCandidates(
  input: HaInput,
  cluster: ClusterView,
  excludeCandidate: boolean,
): readonly string[] {
  const request = cluster.failover;
  const names: string[] = [];
  for (const [name, member] of cluster.members) {
    if (name === input.me || isNofailover(member.tags) || member.apiHost === null) continue;
    // A manual failover (not a switchover) may go to a member that is not synchronous.
    const mayBeAsynchronous = request !== null && request.leader === null;
    const synchronous = syncMatches(cluster.sync, name);
    if (isSyncActive(input.settings, cluster) && !synchronous && !mayBeAsynchronous) continue;
    if (excludeCandidate ? name === request?.candidate : !mayBe(request?.candidate, name)) continue;
    names.push(name);
  }
  return names;
}

function mayBe(candidate: string | null | undefined, name: string): boolean {
  return candidate == null || candidate === name;
}

/** What one candidate's answer says against it, or null. */
export function candidateObstacle(
  input: HaInput,
  cluster: ClusterView,
  answers: Answers,
  name: string,
  shutdownLsn: Lsn | null,
): string | null {
  const limitation = failoverLimitation(answers, name);
  if (limitation !== null) return `${name} ${limitation}`;
  const answer = answers.get(name);
  if (answer === undefined || answer === 'unreachable') return `${name} does not answer`;
  if (shutdownLsn !== null && answer.lsn < shutdownLsn) {
    return `${name} has not received the shutdown checkpoint at ${formatLsn(shutdownLsn)}`;
  }
  const limit = input.settings.maximum_lag_on_failover;
  const lag = cluster.status.optime - answer.lsn;
  if (shutdownLsn === null && lag > limit) {
    return (
      `${name} is ${formatBytes(lag)} behind the last published position, ` +
      `maximum_lag_on_failover is ${formatBytes(limit)}`
    );
  }
  const timeline = answer.timeline ?? 0;
  if (input.settings.check_timeline && (timeline === 0 || timeline < clusterTimeline(cluster))) {
    return `${name} is on timeline ${timeline}, the cluster on ${clusterTimeline(cluster)}`;
  }
  return null;
}

/**
 * Whether some candidate who was asked is fit to take over; in quorum mode enough of them.
 * @param shutdownLsn the shutdown checkpoint that a candidate must have, once there is one
 */
export function isFailoverPossible(
  input: HaInput,
  cluster: ClusterView,
  answers: Answers,
  excludeCandidate = false,
  shutdownLsn: Lsn | null = null,
): { readonly possible: boolean; readonly message: string } {
  const names = failoverCandidates(input, cluster, excludeCandidate);
  if (names.length === 0) return { possible: false, message: 'there is no candidate' };
  const obstacles: string[] = [];
  let fit = 0;
  for (const name of names) {
    const obstacle = candidateObstacle(input, cluster, answers, name, shutdownLsn);
    if (obstacle === null) fit++;
    else obstacles.push(obstacle);
  }
  const named = cluster.failover?.candidate != null && !excludeCandidate;
  const quorum = isQuorumActive(input.settings, cluster) && !named ? cluster.sync.quorum : 0;
  if (fit > quorum) return { possible: true, message: `${fit} fit to take over` };
  if (fit > 0) return { possible: false, message: `${fit} fit, the quorum needs ${quorum + 1}` };
  return { possible: false, message: obstacles.join('; ') };
}

/** Whether somebody can take over: the question to ask first, or the verdict. */
export type FailoverVerdict =
  | Extract<Decision, { kind: 'ask' }>
  | { readonly kind: 'verdict'; readonly possible: boolean; readonly message: string };

/** Asks the candidates if there are any and they have not been asked in this cycle. */
export function failoverVerdict(
  input: HaInput,
  cluster: ClusterView,
  excludeCandidate = false,
): FailoverVerdict {
  const names = failoverCandidates(input, cluster, excludeCandidate);
  if (input.progress.failoverAnswers === null && names.length > 0) {
    return asking('failover', names, `${failoverName(cluster)}: is any of these fit?`);
  }
  const answers = input.progress.failoverAnswers ?? new Map();
  return { kind: 'verdict', ...isFailoverPossible(input, cluster, answers, excludeCandidate) };
}

/** GET /patroni of these members. */
export function asking(
  purpose: Purpose,
  members: readonly string[],
  message: string,
): Extract<Decision, { kind: 'ask' }> {
  return { kind: 'ask', purpose, members, message };
}

/** What the holder of the key does about a request; null if there is none. */
export function failoverFromLeader(input: HaInput, cluster: ClusterView): Decision | null {
  const request = cluster.failover;
  if (request === null) return null;
  const name = failoverName(cluster);
  const clear = (why: string): Decision => ({
    kind: 'clear failover',
    message: `${name}: ${why}; the request is removed`,
  });
  if (request.leader !== null && request.leader !== input.me) {
    return clear(`it names ${request.leader} as the leader, which is ${input.me}`);
  }
  if (request.candidate === input.me) return clear('I am the leader already');
  const verdict = failoverVerdict(input, cluster);
  if (verdict.kind === 'ask') return verdict;
  if (!verdict.possible) return clear(verdict.message);
  return {
    kind: 'demote',
    mode: 'graceful',
    message: `${name}: stepping down, ${verdict.message}`,
  };
}

/** Step one of the race where a failover is requested (nofailover has been looked at). */
export function requestedEligibility(input: HaInput, cluster: ClusterView): Eligibility | Decision {
  const request = cluster.failover!;
  const name = failoverName(cluster);
  const abstain = (message: string): Eligibility => ({ verdict: 'abstain', message });
  const outside =
    isSyncActive(input.settings, cluster) && !syncMatches(cluster.sync, input.me, true);
  if (request.leader !== null && outside) {
    return abstain('switchover: I am not in /sync, so the race is not mine');
  }
  if (request.candidate === input.me) {
    return { verdict: 'take', message: `${name}: I am the candidate` };
  }
  if (request.candidate !== null) {
    const strictlySync =
      input.settings.synchronous_mode === 'on' && !syncMatches(cluster.sync, input.me, true);
    if (strictlySync) return abstain(`${name}: I am not in /sync, whatever the candidate does`);
    const fit = candidateIsFit(input, cluster, request.candidate);
    if (fit !== null) return fit;
  }
  return openRequest(input, cluster);
}

/** Whether the named candidate answers and may be promoted; null if it is unfit. */
function candidateIsFit(
  input: HaInput,
  cluster: ClusterView,
  candidate: string,
): Eligibility | Decision | null {
  if (!cluster.members.has(candidate)) return null;
  const answers = input.progress.candidateAnswers;
  const name = failoverName(cluster);
  if (answers === null) return asking('candidate', [candidate], `${name}: is ${candidate} fit?`);
  if (failoverLimitation(answers, candidate) !== null) return null;
  return { verdict: 'abstain', message: `${name}: the key is left to ${candidate}` };
}

/** No candidate, or an unfit one: all but the former leader race, without a test of the lag. */
function openRequest(input: HaInput, cluster: ClusterView): Eligibility | Decision {
  const request = cluster.failover!;
  const name = failoverName(cluster);
  if (request.leader === input.me) {
    const verdict = failoverVerdict(input, cluster, request.candidate !== null);
    if (verdict.kind === 'ask') return verdict;
    return verdict.possible
      ? { verdict: 'abstain', message: `${name}: somebody else can take over from me` }
      : { verdict: 'take', message: `${name}: nobody else can (${verdict.message})` };
  }
  const behind = behindRefusal(input, cluster, false);
  if (behind !== null) return { verdict: 'abstain', message: behind };
  const members = [...cluster.members.values()].filter(
    (member) =>
      member.name !== request.leader &&
      (!isSyncActive(input.settings, cluster) || syncMatches(cluster.sync, member.name)),
  );
  const others = whomToAsk(input, cluster, members);
  return {
    verdict: 'compare',
    members: others,
    message: `${name}: comparing with ${listed(others)}`,
  };
}
