/** The scenario that `pgherd new` writes: small, complete, and meant to be changed. */
export function starterScenario(name: string): string {
  return `name: ${/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name)}
title: A failover under Patroni
lesson: |
  The primary loses its power; Patroni promotes a standby when the leader key has run out.
  With asynchronous replication, what had not left the primary by then is lost.
seed: 1
duration: 120s
warmup: 10s

network:
  zones: {a: us-east-1, b: us-east-1, c: us-east-1}

hardware:
  db: {instance: db.r6g.large}

postgresql:                       # as in postgresql.conf, for every server
  max_connections: 100
servers:
  pg1: {zone: a, hardware: db}
  pg2: {zone: b, hardware: db, standby_of: pg1}
  pg3: {zone: c, hardware: db, standby_of: pg1}

patroni: {ttl: 30, loop_wait: 10, retry_timeout: 10}
etcd: {members: [a, b, c]}
haproxy: {zone: a, inter: 3s, fall: 3, rise: 2, on-marked-down: shutdown-sessions}

workload:
  pgbench: {scale: 10}
  transactions:
    write: {builtin: simple-update}
  clients:
    app: {zone: b, count: 16, rate: 200/s, run: write, connect: haproxy.primary}

faults:
  - {at: 40s, power_off: pg1}

observe:                          # what must happen for the run to mean anything
  - failover.count == 1
expect:                           # what must hold
  - outage.write < 60s

variants:
  synchronous:
    set: {patroni.synchronous_mode: on}
    expect: [commits.lost == 0]
`;
}
