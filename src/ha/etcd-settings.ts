import type { Nanoseconds } from '../kernel/time.ts';
import { readFacts, type SettingFact } from '../postgres/settings.ts';

/**
 * etcd's flags, with etcd's defaults; a bare number counts milliseconds or bytes, as the flags do.
 * Source: server/embed/config.go and server/etcdserver/server.go.
 */
export interface EtcdSettings {
  readonly 'heartbeat-interval': Nanoseconds;
  readonly 'election-timeout': Nanoseconds;
  readonly 'pre-vote': boolean;
  readonly 'initial-election-tick-advance': boolean;
  readonly 'snapshot-count': number;
  readonly 'quota-backend-bytes': number;
}

/** Columns: name, type, default, unit, minimum and maximum. */
export const ETCD_FACTS: readonly SettingFact[] = readFacts(`
heartbeat-interval|integer|100|ms|1|
election-timeout|integer|1000|ms|1|50000
pre-vote|bool|on
initial-election-tick-advance|bool|on
snapshot-count|integer|10000||1|
quota-backend-bytes|integer|2147483648|B|0|
`);

/** Flags that a simulation has no use for; known, and left out. */
export const ETCD_UNUSED: readonly string[] = [
  ...['name', 'data-dir', 'wal-dir', 'listen-peer-urls', 'listen-client-urls', 'log-level'],
  ...['initial-advertise-peer-urls', 'initial-cluster', 'initial-cluster-state'],
  ...['initial-cluster-token', 'advertise-client-urls', 'auto-compaction-mode'],
  ...['auto-compaction-retention', 'max-txn-ops', 'max-request-bytes', 'enable-v2'],
];

/** Snapshots were rarer before 3.6. */
export function etcdDefaults(minorVersion: number): Readonly<Record<string, number>> {
  return minorVersion < 6 ? { 'snapshot-count': 100_000 } : {};
}

/** Why etcd would refuse to start, if it would (embed/config.go:Validate). */
export function etcdRefusal(settings: EtcdSettings): string | undefined {
  if (5 * settings['heartbeat-interval'] <= settings['election-timeout']) return undefined;
  return 'etcd does not start unless election-timeout is at least 5 times heartbeat-interval';
}
