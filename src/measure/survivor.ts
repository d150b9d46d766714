import type { Lsn } from '../postgres/lsn.ts';
import type { Branch } from '../postgres/timeline.ts';
import type { Observed, ObservedServer } from './observed.ts';

/**
 * The server whose WAL is the history that survives a run, of each cluster: who holds the leader
 * key and runs as primary; else a running primary, that of the latest branch; else the server whose
 * WAL is of the latest branch and reaches furthest. Servers of the same rank: the first by index.
 */
export function survivorsOf(run: Observed, leaderKeyHolder: number): ObservedServer[] {
  const clusters = Math.max(0, ...run.clusterOf) + 1;
  return Array.from({ length: clusters }, (_, cluster) => {
    const members = run.instances
      .map(({ server }) => server)
      .filter((server) => run.clusterOf[server.index] === cluster);
    return survivorAmong(members, leaderKeyHolder);
  }).filter((server) => server !== null);
}

function survivorAmong(
  members: readonly ObservedServer[],
  leaderKeyHolder: number,
): ObservedServer | null {
  const running = members.filter(({ state }) => state === 'primary');
  const leader = running.find(({ index }) => index === leaderKeyHolder);
  if (leader) return leader;
  let best: ObservedServer | null = null;
  for (const server of running.length > 0 ? running : members) {
    if (best === null || isFurther(server, best)) best = server;
  }
  return best;
}

function isFurther({ wal: a }: ObservedServer, { wal: b }: ObservedServer): boolean {
  if (a.branch !== b.branch) return a.branch.index > b.branch.index;
  return a.insertLsn > b.insertLsn;
}

/** Up to where the WAL of a branch is part of a history that ends at `end` on `last`. */
export interface Kept {
  readonly limit: Lsn;
  /** The branch at whose beginning the history leaves this one; null: it ends on this one. */
  readonly leftFor: Branch | null;
  readonly survivor: ObservedServer;
}

/** What each branch keeps, by index; nothing for a branch that no surviving history went along. */
export function keptBranches(survivors: readonly ObservedServer[]): Map<number, Kept> {
  const kept = new Map<number, Kept>();
  for (const survivor of survivors) {
    let limit = survivor.wal.insertLsn;
    let leftFor: Branch | null = null;
    for (let b: Branch | null = survivor.wal.branch; b; b = b.parent) {
      kept.set(b.index, { limit, leftFor, survivor });
      limit = Math.min(limit, b.forkLsn);
      leftFor = b;
    }
  }
  return kept;
}
