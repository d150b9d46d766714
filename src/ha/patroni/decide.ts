import { toSeconds } from '../../kernel/time.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import { type ClusterView, formatBytes, isNofailover, isUnlocked } from './cluster.ts';
import {
  type Decision,
  type HaInput,
  hasLock,
  isPrimary,
  isRunning,
  walPosition,
} from './decision.ts';
import { asking, failoverFromLeader, failoverVerdict, requestedEligibility } from './failover.ts';
import {
  backoffRefusal,
  basicRefusal,
  type Eligibility,
  isHealthiest,
  raceEligibility,
  YIELD_TIME,
} from './race.ts';
import { afterRecovery, nodeToFollow, recover, rewindOrReinitialize } from './recover.ts';
import { beforePromotion } from './synchronous.ts';

/**
 * Patroni's high-availability loop as a pure function. Each cycle reads the cluster from the DCS
 * and asks, in this order: can the DCS be reached; does an action of mine still run; is Postgres
 * starting; did it just fail to start; is there a data directory; does Postgres run; is there a
 * leader. The first question with an unhappy answer decides. What needs the outcome of a request
 * (a renewal, other members' answers) is asked for by a step, see `decision.ts`.
 *
 * Kept: the order, every rule that is not about bootstrap scripts. Left out: pause, standby
 * clusters, pre_promote, scheduled actions, the check of the system identifier.
 * Source: patroni/ha.py: _run_cycle and what it calls.
 */
export function decide(input: HaInput): Decision {
  if (input.cluster === 'unreachable') return withoutDcs(input);
  const cluster = withFailsafeLeader(input, input.cluster);
  if (input.asyncAction !== null) return duringAction(input, cluster);
  return (
    starting(input, cluster) ??
    afterRecovery(input, cluster) ??
    withoutData(input, cluster) ??
    (isRunning(input.postgres) ? null : recover(input, cluster)) ??
    (isUnlocked(cluster) || input.progress.race !== null
      ? withoutLeader(input, cluster)
      : withLeader(input, cluster))
  );
}

/** A primary that goes on without the DCS told us so: it counts as the leader. */
function withFailsafeLeader(input: HaInput, cluster: ClusterView): ClusterView {
  const name = input.failsafeLeader;
  if (!isUnlocked(cluster) || !input.settings.failsafe_mode || name === null) return cluster;
  return { ...cluster, leader: { name, leaseId: '', session: '' } };
}

/** The DCS cannot be reached, or a request of this cycle has failed (_handle_dcs_error). */
function withoutDcs(input: HaInput): Decision {
  if (!isPrimary(input.postgres)) {
    return { kind: 'nothing', message: 'the DCS cannot be reached; I am not a primary' };
  }
  if (input.fencing === 'none') {
    return {
      kind: 'nothing',
      message: 'the DCS cannot be reached; without fencing I stay primary',
    };
  }
  const failsafe = failsafeCheck(input);
  if (failsafe !== null) return failsafe;
  return {
    kind: 'demote',
    mode: 'offline',
    message: `the DCS cannot be reached${sinceRenewal(input)}: demoting, no leader key to rely on`,
  };
}

function sinceRenewal(input: HaInput): string {
  if (input.lastRenewal === null) return '';
  return ` (last renewal ${Math.round(toSeconds(input.now - input.lastRenewal) * 10) / 10} s ago)`;
}

/** failsafe_mode: every member of the topology must accept me; null if I have to demote. */
function failsafeCheck(input: HaInput): Decision | null {
  const topology = input.failsafeTopology;
  if (!input.settings.failsafe_mode || topology === null) return null;
  if (!topology.includes(input.me)) return null;
  const others = topology.filter((name) => name !== input.me);
  const answers = input.progress.failsafeAnswers;
  if (others.length > 0 && answers === null) {
    return {
      kind: 'ask failsafe',
      members: others,
      message: 'the DCS cannot be reached: asking every member whether I may stay primary',
    };
  }
  if (!others.every((name) => answers?.get(name) === true)) return null;
  return {
    kind: 'lead',
    failsafe: true,
    message: `failsafe mode: all ${others.length} other members accept me, I stay primary`,
  };
}

/** An action of mine runs: keep the key fresh, or see to it that no primary comes of it. */
function duringAction(input: HaInput, cluster: ClusterView): Decision {
  const action = input.asyncAction!;
  if (hasLock(input, cluster) && input.progress.renewal === null) {
    return { kind: 'renew', publish: false, message: `keeping the leader key during ${action}` };
  }
  if (hasLock(input, cluster) && input.progress.renewal === 'renewed') {
    return (
      crashRecoveryTooLong(input, cluster) ?? inProgress(`leader key renewed during ${action}`)
    );
  }
  if (action === 'promote' && input.postgres.role === 'replica') {
    return { kind: 'cancel promotion', message: 'the leader key was lost before the promotion' };
  }
  if (input.postgres.role === 'primary') {
    const lost = `the leader key was lost during ${action}`;
    return demoteWithoutKey(input, cluster, lost) ?? inProgress(`${action} is in progress`);
  }
  return inProgress(`${action} is in progress`);
}

function crashRecoveryTooLong(input: HaInput, cluster: ClusterView): Decision | null {
  if (input.asyncAction !== 'crash recovery') return null;
  if (input.now - input.asyncSince < input.settings.primary_start_timeout) return null;
  const verdict = failoverVerdict(input, cluster);
  if (verdict.kind === 'ask') return verdict;
  if (!verdict.possible) return null;
  return {
    kind: 'demote',
    mode: 'immediate',
    message: `crash recovery exceeds primary_start_timeout: giving up, ${verdict.message}`,
  };
}

function inProgress(message: string): Decision {
  return { kind: 'nothing', message };
}

/** Immediate stop of a primary without the key; null where there is no fencing to demand it. */
function demoteWithoutKey(input: HaInput, cluster: ClusterView, why: string): Decision | null {
  const leader = cluster.leader?.name ?? null;
  const otherLeader = leader !== null && leader !== input.me;
  if (input.fencing === 'none' && !otherLeader) return null;
  const key = leader === null ? 'nobody holds it' : `it reads ${leader}`;
  return { kind: 'demote', mode: 'immediate-nolock', message: `${why} (${key}): immediate stop` };
}

/** The holder's Postgres is starting: a time limit; null for standbys, which go on as usual. */
function starting(input: HaInput, cluster: ClusterView): Decision | null {
  if (input.postgres.state !== 'starting' || !hasLock(input, cluster)) return null;
  if (input.progress.renewal === null) {
    return { kind: 'renew', publish: false, message: 'Postgres starts: keeping the leader key' };
  }
  if (input.progress.renewal === 'refused') {
    const why = 'the leader key was lost while Postgres was starting';
    return demoteWithoutKey(input, cluster, why) ?? { kind: 'nothing', message: why };
  }
  const elapsed = input.now - input.postgres.stateSince;
  const left = input.settings.primary_start_timeout - elapsed;
  if (left > 0) {
    const request = failoverFromLeader(input, cluster);
    if (request !== null) return request;
    return inProgress(`Postgres is starting, ${toSeconds(left)} s until primary_start_timeout`);
  }
  const verdict = failoverVerdict(input, cluster);
  if (verdict.kind === 'ask') return verdict;
  const late = 'Postgres has not started within primary_start_timeout';
  if (!verdict.possible) return inProgress(`${late}; waiting on, since ${verdict.message}`);
  return { kind: 'demote', mode: 'immediate', message: `${late}: giving up, ${verdict.message}` };
}

/** The data directory is empty: give the key away, else take a copy (null if there is data). */
function withoutData(input: HaInput, cluster: ClusterView): Decision | null {
  if (input.postgres.dataDirectory === 'present') return null;
  if (hasLock(input, cluster)) {
    return { kind: 'release', message: 'the data directory is empty and the leader key is mine' };
  }
  const leader = cluster.leader?.name ?? null;
  if (leader === null) return inProgress('the data directory is empty: waiting for a leader');
  return { kind: 'reinitialize', leader, message: `empty data directory: copying ${leader}` };
}

/** process_healthy_cluster. */
function withLeader(input: HaInput, cluster: ClusterView): Decision {
  if (!hasLock(input, cluster)) {
    return follow(input, cluster, 'running as a primary without the leader key');
  }
  if (input.progress.renewal === null) {
    const lsn = input.postgres.currentLsn;
    const what = isPrimary(input.postgres) ? `, publishing ${formatLsn(lsn)}` : '';
    return { kind: 'renew', publish: true, message: `renewing the leader key${what}` };
  }
  if (input.progress.renewal === 'refused') return renewalRefused(input, cluster);
  return failoverFromLeader(input, cluster) ?? beLeader(input, cluster);
}

function renewalRefused(input: HaInput, cluster: ClusterView): Decision {
  const why = 'the leader key could not be renewed: somebody else holds it';
  if (!isPrimary(input.postgres)) return { kind: 'nothing', message: `${why}; not promoting` };
  return (
    demoteWithoutKey(input, cluster, why) ?? {
      kind: 'nothing',
      message:
        'the renewal was refused; without fencing I stay primary until I read another leader',
    }
  );
}

/** enforce_primary_role: the holder of the key is, or becomes, the primary. */
function beLeader(input: HaInput, cluster: ClusterView): Decision {
  if (input.watchdog === 'unusable') {
    const why = 'the required watchdog cannot be activated';
    return isPrimary(input.postgres)
      ? { kind: 'demote', mode: 'immediate', message: `${why}: demoting` }
      : { kind: 'release', message: `${why}: not promoting, releasing the leader key` };
  }
  if (isPrimary(input.postgres)) {
    return { kind: 'lead', failsafe: false, message: `I am ${input.me}, the leader with the key` };
  }
  if (input.postgres.role === 'promoted') {
    return {
      kind: 'lead',
      failsafe: false,
      message: 'the promotion is under way, the key is mine',
    };
  }
  const gained = input.progress.race === 'won' ? 'won the race' : 'the leader key is mine';
  const at = formatLsn(walPosition(input.postgres));
  return {
    kind: 'promote',
    before: beforePromotion(input.me, input.settings, cluster.sync),
    message: `${gained}: promoting at ${at}${loss(input, cluster)}`,
  };
}

/** What the published position tells about the WAL that this promotion discards. */
function loss(input: HaInput, cluster: ClusterView): string {
  const missing = cluster.status.optime - walPosition(input.postgres);
  return missing > 0 ? `, ${formatBytes(missing)} short of the last published position` : '';
}

/** process_unhealthy_cluster. */
function withoutLeader(input: HaInput, cluster: ClusterView): Decision {
  const { race, raceAnswers } = input.progress;
  if (race === 'won') return afterVictory(input, cluster);
  if (race === 'lost') return follow(input, cluster, 'lost the race for the leader key');
  if (race === 'abstained') return follow(input, cluster, 'not fit to lead');
  const backoff = backoffRefusal(input, cluster);
  if (backoff !== null) return { kind: 'nothing', message: backoff };
  const step = eligibility(input, cluster);
  if ('kind' in step) return step;
  if (step.verdict === 'abstain') return stayOut(input, cluster, step.message);
  if (step.verdict === 'take') return { kind: 'acquire', message: step.message };
  if (raceAnswers === null && step.members.length > 0) {
    return asking('race', step.members, step.message);
  }
  const former = cluster.failover ? null : (input.lastHealthyCluster?.leader?.name ?? null);
  const comparison = isHealthiest(input, cluster, raceAnswers ?? new Map(), former);
  return comparison.healthiest
    ? { kind: 'acquire', message: comparison.message }
    : stayOut(input, cluster, comparison.message);
}

function eligibility(input: HaInput, cluster: ClusterView): Eligibility | Decision {
  if (cluster.failover === null) return raceEligibility(input, cluster);
  return basicRefusal(input, cluster) ?? requestedEligibility(input, cluster);
}

function afterVictory(input: HaInput, cluster: ClusterView): Decision {
  if (cluster.failover !== null) {
    return { kind: 'clear failover', message: 'the leader key is mine: the request is fulfilled' };
  }
  return beLeader(input, cluster);
}

/** Read the cluster again to follow whoever wins; some wait so that there is a winner. */
function stayOut(input: HaInput, cluster: ClusterView, message: string): Decision {
  const waits = cluster.failover?.candidate != null || isNofailover(input.tags);
  return { kind: 'reread', after: waits ? YIELD_TIME : 0, message };
}

/** Without the key: a primary stops at once, a standby follows whom it should. */
function follow(input: HaInput, cluster: ClusterView, why: string): Decision {
  if (isPrimary(input.postgres)) {
    return (
      demoteWithoutKey(input, cluster, why) ?? {
        kind: 'nothing',
        message: `${why}; without fencing I stay primary until I read another leader`,
      }
    );
  }
  const rewinding = rewindOrReinitialize(input, cluster);
  if (rewinding !== null) return rewinding;
  const leader = nodeToFollow(input, cluster);
  if (leader !== input.postgres.following) {
    return {
      kind: 'follow',
      leader,
      message: `${followReason(input)}: following ${leader ?? 'nobody'}`,
    };
  }
  const diverged = input.divergence === 'diverged' ? '; history has diverged, no rewind' : '';
  return { kind: 'nothing', message: `a standby of ${leader ?? 'nobody'}${diverged}` };
}

function followReason(input: HaInput): string {
  if (input.progress.race === 'lost') return 'lost the race';
  return input.progress.race === 'abstained' ? 'not fit to lead' : 'the leader has changed';
}
