import { MILLISECOND, type Nanoseconds, SECOND } from '../../kernel/index.ts';

/**
 * When the leader makes sure that it still leads before it renews or revokes a lease
 * (server/etcdserver/v3_server.go:LeaseRenew, server.go:revokeExpiredLeases, by version):
 * - `never`, before 3.4.31 and 3.5.13: a leader that is cut off renews until check-quorum deposes
 *   it, and one that was stuck in its disk revokes leases which its successor has renewed;
 * - `always`, from there on (pull requests 17425 and 17465): by a linearizable read each time;
 * - `when-stuck`, from 3.4.34 and 3.5.16 on (pull requests 18439 and 18440): by that read only if
 *   its raft loop has not ticked for three heartbeat intervals. A leader that is cut off but ticks
 *   therefore renews again until check-quorum deposes it.
 */
export type LeadershipCheck = 'never' | 'always' | 'when-stuck';

/** etcd's flags, by their names. */
export interface EtcdFlags {
  readonly version?: string;
  readonly heartbeatInterval?: Nanoseconds;
  readonly electionTimeout?: Nanoseconds;
  readonly preVote?: boolean;
  readonly initialElectionTickAdvance?: boolean;
}

/** Flags with their defaults, and what etcd derives from them. */
export interface EtcdConfig {
  readonly heartbeatInterval: Nanoseconds;
  readonly electionTimeout: Nanoseconds;
  readonly electionTicks: number;
  readonly preVote: boolean;
  readonly initialElectionTickAdvance: boolean;
  readonly leadershipCheck: LeadershipCheck;
  /** How long a member tries to serve a request: 5 s and two election timeouts. */
  readonly requestTimeout: Nanoseconds;
  readonly minLeaseTtlSeconds: number;
}

/**
 * The configuration of a member (server/embed/config.go, server/config/config.go). Version 3.5.16
 * if none is given; --pre-vote is on by default since 3.5.0; one tick is the heartbeat interval.
 */
export function etcdConfig(flags: EtcdFlags = {}): EtcdConfig {
  const version = parseVersion(flags.version ?? '3.5.16');
  const heartbeatInterval = flags.heartbeatInterval ?? 100 * MILLISECOND;
  const electionTicks = Math.floor(
    (flags.electionTimeout ?? 1000 * MILLISECOND) / heartbeatInterval,
  );
  const electionTimeout = electionTicks * heartbeatInterval;
  const minTtl = Math.floor((3 * electionTicks) / 2) * heartbeatInterval;
  return {
    heartbeatInterval,
    electionTimeout,
    electionTicks,
    preVote: flags.preVote ?? isAtLeast(version, [3, 5, 0]),
    initialElectionTickAdvance: flags.initialElectionTickAdvance ?? true,
    leadershipCheck: leadershipCheckOf(version),
    requestTimeout: 5 * SECOND + 2 * electionTimeout,
    minLeaseTtlSeconds: Math.ceil(minTtl / SECOND),
  };
}

type Version = readonly [number, number, number];

function leadershipCheckOf(version: Version): LeadershipCheck {
  const old = !isAtLeast(version, [3, 5, 0]);
  if (isAtLeast(version, old ? [3, 4, 34] : [3, 5, 16])) return 'when-stuck';
  return isAtLeast(version, old ? [3, 4, 31] : [3, 5, 13]) ? 'always' : 'never';
}

/** Missing parts are the latest: 3.5 is every fix in 3.5. */
function parseVersion(text: string): Version {
  const parts = text.replace(/^v/, '').split('.').map(Number);
  const part = (i: number) => parts[i] ?? Number.MAX_SAFE_INTEGER;
  return [part(0), part(1), part(2)];
}

function isAtLeast(version: Version, other: Version): boolean {
  for (let i = 0; i < 3; i++) {
    if (version[i]! !== other[i]!) return version[i]! > other[i]!;
  }
  return true;
}
