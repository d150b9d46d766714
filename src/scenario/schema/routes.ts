import { z } from 'zod';
import { readFacts } from '../../postgres/settings.ts';
import { HAPROXY_FACTS, HAPROXY_UNUSED } from '../../routing/haproxy-settings.ts';
import {
  count,
  duration,
  flag,
  name,
  named,
  oneOrMore,
  section,
  settingsShape,
  size,
  text,
  word,
} from './values.ts';

/** Sections about what stands between clients and servers. */

const place = { zone: name.optional(), host: name.optional() };

export const haproxy = section('HAProxy', {
  ...place,
  ...settingsShape(HAPROXY_FACTS),
  ...Object.fromEntries(HAPROXY_UNUSED.map((each) => [each, z.unknown().optional()])),
});

/**
 * PgBouncer's settings and defaults (doc/config.md, 1.24); a bare number counts seconds, as in
 * `pgbouncer.ini`. Columns: name, type, default, then unit, minimum and maximum, or the words.
 */
export const PGBOUNCER_FACTS = readFacts(`
pool_mode|enum|session|session,transaction,statement
default_pool_size|integer|20||0|
min_pool_size|integer|0||0|
reserve_pool_size|integer|0||0|
reserve_pool_timeout|real|5|s|0|
max_client_conn|integer|100||1|
max_db_connections|integer|0||0|
max_user_connections|integer|0||0|
query_wait_timeout|real|120|s|0|
query_wait_notify|real|5|s|0|
server_idle_timeout|real|600|s|0|
server_lifetime|real|3600|s|0|
server_connect_timeout|real|15|s|0|
server_login_retry|real|15|s|0|
server_check_delay|real|30|s|0|
server_reset_query|string|DISCARD ALL
server_reset_query_always|bool|0
server_round_robin|bool|0
server_fast_close|bool|0
max_prepared_statements|integer|200||0|
client_idle_timeout|real|0|s|0|
idle_transaction_timeout|real|0|s|0|
transaction_timeout|real|0|s|0|
query_timeout|real|0|s|0|
client_login_timeout|real|60|s|0|
cancel_wait_timeout|real|10|s|0|
dns_max_ttl|real|15|s|0|
dns_nxdomain_ttl|real|15|s|0|
listen_backlog|integer|128||1|
pkt_buf|integer|4096|B|1|
so_reuseport|bool|0
tcp_user_timeout|integer|0|ms|0|
tcp_keepalive|bool|1
tcp_keepidle|integer|0|s|0|
tcp_keepintvl|integer|0|s|0|
tcp_keepcnt|integer|0||0|
peer_id|integer|0||0|
`);

export const pgbouncer = named(
  section('PgBouncer', {
    ...place,
    server: text,
    version: text.optional(),
    processes: count(1, 1024).optional(),
    ...settingsShape(PGBOUNCER_FACTS),
  }),
);

const readYourWrites = z.union([
  word('none', 'lsn'),
  section('read_your_writes', { window: duration }),
]);

export const routing = named(
  section('routing', {
    ...place,
    writes: text.optional(),
    reads: oneOrMore(name).optional(),
    balance: word('random', 'round-robin', 'nearest', 'least-lag').optional(),
    read_your_writes: readYourWrites.optional(),
    max_lag: duration.optional(),
  }),
);

export const proxysql = named(
  section('ProxySQL', {
    ...place,
    writes: text.optional(),
    reads: oneOrMore(name).optional(),
    monitor_interval: duration.optional(),
    max_replication_lag: duration.optional(),
    multiplexing: flag.optional(),
    max_connections: count(1).optional(),
  }),
);

export const dns = named(
  section('DNS', {
    target: text.optional(),
    ttl: duration.optional(),
    resolver_cache: duration.optional(),
    update: duration.optional(),
  }),
);

export const vip = named(
  section('a virtual address', {
    interval: duration.optional(),
    takeover: duration.optional(),
    zone: name.optional(),
  }),
);

export const cache = named(
  section('cache', {
    ...place,
    pattern: word('cache-aside', 'write-through', 'write-behind').optional(),
    ttl: duration.optional(),
    memory: size.optional(),
    invalidate: word('none', 'on-write', 'notify', 'mesh').optional(),
    policy: word(
      'noeviction',
      'allkeys-lru',
      'allkeys-lfu',
      'volatile-lru',
      'volatile-ttl',
    ).optional(),
  }),
);
