import { CHECKPOINT_BYTES } from '../../postgres/record-sizes.ts';
import type { Branch } from '../../postgres/timeline.ts';
import type { Instance } from '../../replication/instance.ts';
import type { HistoryLine } from './cluster.ts';
import type { ControlState, PostgresView } from './decision.ts';
import type { LocalHistory } from './rewind.ts';

/** The local Postgres as its agent sees it. `ranHere`: it ran under this life of the agent. */
export function viewOf(instance: Instance, ranHere: boolean): PostgresView {
  const { server, receiver, replay } = instance;
  const { wal } = server;
  const standby = server.inRecovery;
  return {
    state: stateOf(instance, ranHere),
    role: !standby ? 'primary' : instance.promoting ? 'promoted' : 'replica',
    timeline: wal.branch.timeline,
    currentLsn: wal.flushed.value,
    receivedLsn: standby ? wal.written : 0,
    replayedLsn: standby ? replay.position.value : 0,
    following: instance.upstream?.server.name ?? null,
    replicationState: receiver?.connected ? 'streaming' : null,
    stateSince: server.stateSince,
    controlState: controlStateOf(instance),
    dataDirectory: 'present',
  };
}

function stateOf(instance: Instance, ranHere: boolean): PostgresView['state'] {
  switch (instance.server.state) {
    case 'primary':
    case 'hot standby':
      return 'running';
    case 'starting':
      return 'starting';
    case 'crashed':
      return ranHere ? 'crashed' : 'stopped';
    default:
      return 'stopped';
  }
}

function controlStateOf(instance: Instance): ControlState {
  const { state, inRecovery } = instance.server;
  if (state === 'shut down') return inRecovery ? 'shut down in recovery' : 'shut down';
  if (state === 'shutting down' && !inRecovery) return 'shutting down';
  return inRecovery ? 'in archive recovery' : 'in production';
}

/**
 * The local position as rewind.py finds it: by a query while Postgres runs, by pg_controldata if
 * it was shut down in order. Null: neither, or a running primary, of which nobody asks.
 */
export function localHistory(instance: Instance): LocalHistory | null {
  const { server, replay } = instance;
  const { wal, inRecovery } = server;
  const { timeline } = wal.branch;
  const checkpointEnd = wal.insertLsn;
  if (inRecovery) return { timeline, lsn: replay.position.value, inRecovery, checkpointEnd };
  if (server.state !== 'shut down') return null;
  return { timeline, lsn: checkpointEnd - CHECKPOINT_BYTES, inRecovery, checkpointEnd };
}

/** The timelines before a branch and where each was left: its history file. */
export function historyOf(branch: Branch): HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (let b = branch; b.parent; b = b.parent) {
    lines.unshift({ timeline: b.parent.timeline, switchpoint: b.forkLsn });
  }
  return lines;
}
