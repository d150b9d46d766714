import type { Nanoseconds } from '../../kernel/time.ts';
import type { Lsn } from '../../postgres/lsn.ts';
import { type SyncState, syncMatches } from './cluster.ts';
import { isLeader } from './decision.ts';

/**
 * What Patroni's REST API answers to health checks: 200 or 503. `/primary` depends on the leader
 * key alone: it is 200 from the moment the key is got, before the promotion has finished, and while
 * a crashed primary is restarted in place; it turns 503 by itself ttl after the last renewal.
 *
 * Kept: the paths that balancers use, `lag`, `replication_state`, noloadbalance. Left out:
 * tag_ parameters, pause, standby clusters.
 * Source: patroni/api.py: do_GET, do_GET_liveness, do_GET_readiness, get_postgresql_status.
 */
export interface RestNode {
  readonly name: string;
  readonly now: Nanoseconds;
  readonly ttl: Nanoseconds;
  readonly lastRenewal: Nanoseconds | null;
  /** When the HA loop's next cycle is due. */
  readonly nextRun: Nanoseconds;
  readonly postgres: {
    /** `unknown`: it should run but the status query failed. */
    readonly state: 'running' | 'starting' | 'stopped' | 'crashed' | 'unknown';
    readonly inRecovery: boolean;
    readonly receivedLsn: Lsn;
    readonly replayedLsn: Lsn;
    /** latest_end_lsn of the walreceiver, 0 without one. */
    readonly latestEndLsn: Lsn;
    readonly replicationState: 'streaming' | 'in archive recovery' | null;
  };
  readonly noloadbalance: boolean;
  readonly synchronousMode: 'off' | 'on' | 'quorum';
  /** As last read from the DCS, null if that is ttl ago. */
  readonly cluster: { readonly optime: Lsn; readonly sync: SyncState } | null;
  readonly failsafeActive: boolean;
  readonly maximumLagOnFailover: number;
}

export type RestPath =
  | '/'
  | '/primary'
  | '/read-write'
  | '/leader'
  | '/replica'
  | '/read-only'
  | '/health'
  | '/sync'
  | '/synchronous'
  | '/read-only-sync'
  | '/quorum'
  | '/read-only-quorum'
  | '/async'
  | '/asynchronous'
  | '/liveness'
  | '/readiness';

export interface RestQuery {
  /** Bytes that a replica may be behind. */
  readonly lag?: number;
  readonly replication_state?: string;
  /** Of `/readiness`: which position the lag is measured by. */
  readonly mode?: 'apply' | 'write';
}

/** The status code of GET, HEAD or OPTIONS. */
export function restStatus(path: RestPath, node: RestNode, query: RestQuery = {}): 200 | 503 {
  return holds(path, node, query) ? 200 : 503;
}

function holds(path: RestPath, node: RestNode, query: RestQuery): boolean {
  const primary = isLeader(node.lastRenewal, node.ttl, node.now);
  const replica = isReplica(node, query);
  const listed = node.cluster !== null && isListed(node);
  switch (path) {
    case '/':
    case '/primary':
    case '/read-write':
    case '/leader':
      return primary;
    case '/replica':
      return replica;
    case '/read-only':
      return primary || replica;
    case '/health':
      return node.postgres.state === 'running';
    case '/sync':
    case '/synchronous':
      return listed && node.synchronousMode === 'on' && replica;
    case '/quorum':
      return listed && node.synchronousMode === 'quorum' && replica;
    case '/read-only-sync':
      return readOnly('on');
    case '/read-only-quorum':
      return readOnly('quorum');
    case '/async':
    case '/asynchronous':
      return node.cluster !== null && !listed && replica;
    case '/liveness':
      return isAlive(node);
    case '/readiness':
      return isReady(node, query);
  }

  function readOnly(mode: 'on' | 'quorum'): boolean {
    if (node.cluster === null) return false;
    return primary || (listed && node.synchronousMode === mode && replica);
  }
}

/** A running standby that is not excluded from balancing and not too far behind. */
function isReplica(node: RestNode, query: RestQuery): boolean {
  const { postgres } = node;
  if (node.noloadbalance || postgres.state !== 'running' || !postgres.inRecovery) return false;
  const wanted = query.replication_state;
  if (wanted !== undefined && wanted !== postgres.replicationState) return false;
  return query.lag === undefined || leaderLsn(node) <= postgres.replayedLsn + query.lag;
}

/** The furthest position of the leader that this node knows of. */
function leaderLsn(node: RestNode): Lsn {
  return Math.max(node.cluster?.optime ?? 0, node.postgres.latestEndLsn);
}

function isListed(node: RestNode): boolean {
  const running = node.postgres.state === 'running' && node.postgres.inRecovery;
  const sync = node.synchronousMode !== 'off' && node.cluster !== null;
  return running && sync && syncMatches(node.cluster.sync, node.name);
}

/** The loop is at most ttl late on a primary, twice ttl on a standby. */
function isAlive(node: RestNode): boolean {
  const running = node.postgres.state === 'running' || node.postgres.state === 'starting';
  const primary = running && !node.postgres.inRecovery;
  return node.nextRun + node.ttl * (primary ? 1 : 2) > node.now;
}

function isReady(node: RestNode, query: RestQuery): boolean {
  if (isLeader(node.lastRenewal, node.ttl, node.now)) return true;
  const { postgres } = node;
  if (postgres.state !== 'running' || postgres.replicationState !== 'streaming') return false;
  if (node.cluster === null && postgres.latestEndLsn === 0) return node.failsafeActive;
  const position = query.mode === 'write' ? postgres.receivedLsn : postgres.replayedLsn;
  return leaderLsn(node) - position <= (query.lag ?? node.maximumLagOnFailover);
}
