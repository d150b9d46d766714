import { type ClusterView, isUnlocked } from './cluster.ts';
import { type Decision, type HaInput, hasLock } from './decision.ts';
import { failoverVerdict } from './failover.ts';

/**
 * Postgres is not running. The holder of the key whose primary has just died starts it again in
 * place; with primary_start_timeout 0 it rather gives the key away, if there is anybody to take
 * it. Everybody else comes back as a standby, after crash recovery in single-user mode and
 * pg_rewind where they are needed and allowed.
 *
 * Source: patroni/ha.py: recover, post_recover, _handle_crash_recovery,
 * _handle_rewind_or_reinitialize, _get_node_to_follow; patroni/postgresql/rewind.py.
 */

const WAS_PRIMARY = ['in production', 'in crash recovery', 'shutting down', 'shut down'];
const WAS_DIRTY_PRIMARY = ['in production', 'in crash recovery', 'shutting down'];

export function recover(input: HaInput, cluster: ClusterView): Decision {
  const mine = hasLock(input, cluster);
  if (mine && input.progress.renewal === null) {
    return { kind: 'renew', publish: false, message: 'Postgres is down: keeping the leader key' };
  }
  if (!mine || input.progress.renewal === 'refused') return recoverAsStandby(input, cluster);
  if (input.settings.primary_start_timeout > 0) return recoverLeader(input, cluster);
  const verdict = failoverVerdict(input, cluster);
  if (verdict.kind === 'ask') return verdict;
  if (!verdict.possible) return recoverAsStandby(input, cluster);
  return {
    kind: 'demote',
    mode: 'immediate',
    message: `the primary crashed, primary_start_timeout is 0: giving it up, ${verdict.message}`,
  };
}

function recoverLeader(input: HaInput, cluster: ClusterView): Decision {
  const { state, role, controlState } = input.postgres;
  if (state === 'crashed' && role === 'primary' && WAS_PRIMARY.includes(controlState)) {
    return {
      kind: 'start',
      role: 'primary',
      leader: null,
      message: 'the primary crashed: starting it in place, the leader key stays mine',
    };
  }
  return recoverAsStandby(input, cluster);
}

function recoverAsStandby(input: HaInput, cluster: ClusterView): Decision {
  if (WAS_DIRTY_PRIMARY.includes(input.postgres.controlState)) {
    const recovery = crashRecovery(input, cluster);
    if (recovery !== null) return recovery;
  }
  if (hasLock(input, cluster)) {
    return {
      kind: 'start',
      role: 'replica',
      leader: null,
      message: 'starting read-only, the leader key is mine: promotion follows',
    };
  }
  const rewinding = rewindOrReinitialize(input, cluster);
  if (rewinding !== null) return rewinding;
  const leader = nodeToFollow(input, cluster);
  return {
    kind: 'start',
    role: 'replica',
    leader,
    message: `starting as a standby of ${leader ?? 'nobody'}${divergenceRemark(input)}`,
  };
}

/** Single-user mode makes an unclean data directory fit for pg_rewind or for the race. */
function crashRecovery(input: HaInput, cluster: ClusterView): Decision | null {
  if (input.crashRecoveryDone) return null;
  if (!isUnlocked(cluster) && !input.settings.use_pg_rewind) return null;
  return { kind: 'crash recovery', message: 'crash recovery in single-user mode' };
}

/** What a diverged standby does about it; null if it has not, or nothing is allowed. */
export function rewindOrReinitialize(input: HaInput, cluster: ClusterView): Decision | null {
  const leader = cluster.leader?.name;
  if (leader === undefined || leader === input.me || input.divergence !== 'diverged') return null;
  if (input.settings.use_pg_rewind && !input.rewindFailed) {
    const waiting = cluster.members.get(leader)?.checkpointAfterPromote === false;
    const running = input.postgres.state === 'running' || input.postgres.state === 'starting';
    if (!running && input.postgres.controlState === 'in archive recovery') {
      const recovery = crashRecovery(input, cluster);
      if (recovery !== null) return recovery;
    }
    if (waiting) {
      return { kind: 'nothing', message: `pg_rewind waits for the checkpoint of ${leader}` };
    }
    return { kind: 'rewind', leader, message: `history has diverged: pg_rewind from ${leader}` };
  }
  const { settings } = input;
  const remove =
    settings.remove_data_directory_on_diverged_timelines ||
    (input.rewindFailed && settings.remove_data_directory_on_rewind_failure);
  if (remove) {
    return {
      kind: 'reinitialize',
      leader,
      message: `history has diverged: replacing the data directory by a copy of ${leader}`,
    };
  }
  return null;
}

function divergenceRemark(input: HaInput): string {
  if (input.divergence !== 'diverged') return '';
  return input.rewindFailed
    ? '; history has diverged and pg_rewind failed: streaming will fail'
    : '; history has diverged and use_pg_rewind is off: streaming will fail';
}

/** The replicatefrom member, else the leader; null if that is nobody or oneself. */
export function nodeToFollow(input: HaInput, cluster: ClusterView): string | null {
  const wanted = input.tags.replicatefrom;
  if (wanted != null && wanted !== input.me) {
    const upstream = cluster.members.has(wanted) ? wanted : cluster.leader?.name;
    return upstream === undefined || upstream === input.me ? null : upstream;
  }
  const leader = cluster.leader?.name ?? null;
  return leader === input.me ? null : leader;
}

/** The last cycle tried to start Postgres and it is not there; null if it is. */
export function afterRecovery(input: HaInput, cluster: ClusterView): Decision | null {
  if (!input.recovering || input.divergence === 'diverged') return null;
  if (input.postgres.state === 'running' || input.postgres.state === 'starting') return null;
  return hasLock(input, cluster)
    ? { kind: 'release', message: 'Postgres failed to start: deleting the leader key' }
    : { kind: 'nothing', message: 'Postgres failed to start' };
}
