import type { Topic, Trace } from '../kernel/index.ts';

/** What the high-availability layer lets the world observe. Servers and members by their index. */
export class HaEvents {
  /** The leader key has a new holder, or none (-1): as soon as one etcd member has applied it. */
  readonly leaderKey: Topic<[server: number]>;
  /** An agent has renewed its leader key. */
  readonly renewed: Topic<[server: number]>;
  /** An agent begins a demotion, or a promotion. */
  readonly demoting: Topic<[server: number]>;
  readonly promoting: Topic<[server: number]>;
  /** Somebody asks for a switchover: the next change of leader is no failover. */
  readonly switchover: Topic<[from: number, to: number]>;
  /** An etcd member leads from now on. */
  readonly etcdLeader: Topic<[member: number, term: number]>;
  /** HAProxy sees a server up (1) or down (0); frontend 0 is `primary`, 1 `replica`. */
  readonly routed: Topic<[frontend: number, server: number, up: number]>;

  constructor(trace: Trace) {
    this.leaderKey = trace.topic('leader.key', ['server']);
    this.renewed = trace.topic('leader.renewed', ['server']);
    this.demoting = trace.topic('patroni.demoting', ['server']);
    this.promoting = trace.topic('patroni.promoting', ['server']);
    this.switchover = trace.topic('patroni.switchover', ['from', 'to']);
    this.etcdLeader = trace.topic('etcd.leader', ['member', 'term']);
    this.routed = trace.topic('haproxy.server', ['frontend', 'server', 'up']);
  }
}
