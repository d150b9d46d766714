import type { Lsn } from '../../postgres/lsn.ts';
import type { HistoryLine } from './cluster.ts';

/**
 * Whether a member's WAL went beyond the point at which the leader's timeline branched off: then
 * it cannot stream from the leader until pg_rewind or a new copy.
 *
 * Source: patroni/postgresql/rewind.py:_check_timeline_and_lsn.
 */
export interface LocalHistory {
  readonly timeline: number;
  /** Replayed position of a standby; start of the shutdown checkpoint of a former primary. */
  readonly lsn: Lsn;
  readonly inRecovery: boolean;
  /** Where a former primary's shutdown checkpoint record ends. */
  readonly checkpointEnd: Lsn;
}

/**
 * @param history the leader's timeline history: each line a timeline and where it was left
 */
export function divergence(
  local: LocalHistory,
  leaderTimeline: number,
  history: readonly HistoryLine[],
): 'none' | 'diverged' {
  if (local.timeline > leaderTimeline) return 'diverged';
  if (local.timeline === leaderTimeline) return 'none';
  const line = history.find((entry) => entry.timeline >= local.timeline);
  if (line === undefined || line.timeline > local.timeline) return 'diverged';
  if (local.inRecovery) return local.lsn > line.switchpoint ? 'diverged' : 'none';
  const followed = local.lsn < line.switchpoint && local.checkpointEnd === line.switchpoint;
  return followed ? 'none' : 'diverged';
}
