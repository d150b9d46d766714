/**
 * An agent's connection to etcd (patroni/dcs/etcd3.py): requests with Patroni's time-outs and
 * retries over all members, the lease that its keys hang on, and a cache of the cluster's keys that
 * a watch keeps up to date.
 *
 * Kept: the node last used comes first; a failure moves on to the next and restarts the watch
 * there; reads come from the cache, which is not there while the watch is being set up, and is
 * built from whichever member answers; own writes go into the cache at once; the watch wakes
 * replicas when the leader or the status changes; the watch's TCP keepalive. Left out:
 * authentication, protocol versions.
 */
import type { Host } from '../../hardware/host.ts';
import type { Network } from '../../hardware/network.ts';
import { call } from '../../hardware/service.ts';
import { connect, Endpoint, LINUX_SOCKET, type Packet } from '../../hardware/tcp.ts';
import {
  Interrupt,
  Mailbox,
  type Nanoseconds,
  type Process,
  type ProcessGroup,
  type ProcessId,
  type Random,
  SECOND,
  Signal,
} from '../../kernel/index.ts';
import type { LeaseId, Request, Response, WatchEvent } from '../etcd/index.ts';
import type { EtcdNode } from '../etcd-node.ts';
import type { PatroniSettings } from '../patroni-settings.ts';
import type { ClusterView } from './cluster.ts';
import {
  afterFailure,
  afterMemberList,
  afterSleep,
  type ClientRequest,
  nextBase,
  startRequest,
} from './dcs-client.ts';
import { type KeyCache, LEADER, STATUS } from './keys.ts';

/** `failed`: no node answered in time, whatever may have become of the request. */
export type Outcome = Response | 'failed';

const MEMBER_LIST: Request = { type: 'range', key: '', serializable: true };

export class Dcs {
  lease: LeaseId | null;
  readonly cache: KeyCache;
  /** The cache follows the store: the watch stands. */
  ready = true;
  /** Fired when the leader key or, on replicas, the status changes. */
  readonly changed: Signal;
  private readonly network: Network;
  private readonly nodes: readonly EtcdNode[];
  private readonly host: Host;
  private readonly group: ProcessGroup;
  private readonly settings: PatroniSettings;
  private readonly random: Random;
  private readonly name: string;
  private base: number;
  /** The store's revision that the cache has. */
  private revision: number;
  private lastLeaseRefresh: Nanoseconds = -1;
  private watcher: ProcessId = -1;
  private readonly cacheReady: Signal;

  constructor(
    network: Network,
    nodes: readonly EtcdNode[],
    host: Host,
    group: ProcessGroup,
    settings: PatroniSettings,
    random: Random,
    name: string,
    cache: KeyCache,
    lease: LeaseId,
    revision: number,
  ) {
    this.network = network;
    this.nodes = nodes;
    this.host = host;
    this.group = group;
    this.settings = settings;
    this.random = random;
    this.name = name;
    this.cache = cache;
    this.lease = lease;
    this.revision = revision;
    this.base = random.integer(0, nodes.length - 1);
    this.changed = new Signal(network.sim);
    this.cacheReady = new Signal(network.sim);
  }

  start(): void {
    this.watcher = this.host.spawn(this.watch(), this.group);
  }

  /** The agent has been started anew: it has no lease and no cache yet. */
  reset(): void {
    this.lease = null;
    this.ready = false;
    this.base = this.random.integer(0, this.nodes.length - 1);
    this.start();
  }

  /** The cluster as the cache has it; null if there is no cache within retry_timeout. */
  *cluster(): Generator<undefined, ClusterView | null, undefined> {
    const { sim } = this.network;
    const deadline = sim.now + this.settings.retry_timeout;
    while (!this.ready) {
      if (sim.now >= deadline) return null;
      yield this.cacheReady.wait(deadline);
    }
    return this.cache.view();
  }

  /** Sends a request, to one node after the other until one answers or the time is over. */
  *request(request: Request, retrying = true): Generator<undefined, Outcome, undefined> {
    const { sim } = this.network;
    const { retry_timeout } = this.settings;
    let state = startRequest(this.nodes.length, this.base, sim.now, retry_timeout, retrying);
    for (;;) {
      const { action } = state;
      if (action.kind === 'give up') {
        this.moveTo(nextBase(state, false));
        return 'failed';
      }
      if (action.kind === 'sleep') {
        yield sim.hold(action.duration);
        state = afterSleep(state);
        continue;
      }
      const asked = action.purpose === 'request' ? request : MEMBER_LIST;
      const { response, connected } = yield* this.attempt(state, asked);
      const jitter = () => this.random.integer(0, 80);
      if (response && !isTransient(response)) {
        if (action.purpose === 'request') {
          this.moveTo(nextBase(state, true));
          return response;
        }
        state = afterMemberList(state, sim.now, jitter());
      } else state = afterFailure(state, connected, sim.now, jitter());
    }
  }

  /** Keeps the lease alive, once a loop unless forced, or gets a new one; false: nobody answers. */
  *refreshLease(force = false): Generator<undefined, boolean, undefined> {
    const { sim } = this.network;
    const due = this.lastLeaseRefresh + this.settings.loop_wait <= sim.now;
    if (!force && this.lease !== null && this.lastLeaseRefresh >= 0 && !due) return true;
    if (this.lease !== null) {
      const answer = yield* this.request({ type: 'lease-keepalive', id: this.lease });
      if (answer === 'failed') return false;
      if (answer.type !== 'lease-keepalive' || answer.ttlSeconds <= 0) this.lease = null;
    }
    if (this.lease === null) {
      const ttlSeconds = Math.floor(this.settings.ttl / SECOND);
      const answer = yield* this.request({ type: 'lease-grant', ttlSeconds });
      if (answer === 'failed' || answer.type !== 'lease-grant') return false;
      this.lease = answer.id;
    }
    this.lastLeaseRefresh = sim.now;
    return true;
  }

  /** A new cycle: the lease wants refreshing again. */
  newCycle(): void {
    this.lastLeaseRefresh = -1;
  }

  /** Puts a key, optionally only if it has not changed since a revision; false if refused. */
  *put(
    key: string,
    value: string,
    options: { lease?: boolean; unchangedSince?: number; retrying?: boolean } = {},
  ): Generator<undefined, boolean | 'failed', undefined> {
    const lease = options.lease && this.lease !== null ? { lease: this.lease } : {};
    const put = { type: 'put', key, value, ...lease } as const;
    const operand = options.unchangedSince;
    const compare =
      operand === undefined ? [] : [{ key, target: 'mod', result: '=', operand } as const];
    const txn = { type: 'txn', compare, success: [put], failure: [] } as const;
    const answer = yield* this.request(txn, options.retrying ?? true);
    if (answer === 'failed') return 'failed';
    if (answer.type === 'error' && answer.error === 'lease-not-found') this.lease = null;
    if (answer.type !== 'txn') return false;
    if (!answer.succeeded) this.restartWatch();
    else this.remember(key, value, lease.lease ?? 0, answer.revision);
    return answer.succeeded;
  }

  /** Deletes a key, optionally only while it has a certain value. */
  *delete(key: string, whileValue: string | null = null) {
    const compare =
      whileValue === null
        ? []
        : [{ key, target: 'value', result: '=', operand: whileValue } as const];
    const success = [{ type: 'delete', key } as const];
    const answer = yield* this.request({ type: 'txn', compare, success, failure: [] });
    if (answer === 'failed' || answer.type !== 'txn') return false;
    if (answer.succeeded) this.cache.delete(key, answer.revision);
    return answer.succeeded;
  }

  private remember(key: string, value: string, lease: LeaseId, revision: number): void {
    const createRevision = this.cache.get(key)?.createRevision ?? revision;
    this.cache.put({ key, value, lease, createRevision, modRevision: revision, version: 1 });
  }

  private *attempt(state: ClientRequest, request: Request) {
    const { action } = state;
    if (action.kind !== 'attempt') throw new Error('there is nothing to attempt');
    const { sim } = this.network;
    const node = this.nodes[action.node]!;
    const reachable = node.host.state === 'up' && this.network.path(this.host, node.host).open;
    const patience = reachable ? action.timeout : action.connectTimeout;
    const reply = yield* call(this.network, this.host, node, request, sim.now + patience);
    const connected = reply.outcome !== 'refused' && reachable;
    return { response: reply.outcome === 'answered' ? reply.answer : null, connected };
  }

  /** Another node is used from now on, and watched. */
  private moveTo(node: number): void {
    if (node === this.base) return;
    this.base = node;
    this.restartWatch();
  }

  /** Not by the watcher itself, which is about to watch where it found an answer. */
  private restartWatch(): void {
    const { sim } = this.network;
    if (sim.running !== this.watcher && sim.isAlive(this.watcher))
      sim.interrupt(this.watcher, new Interrupt('restart'));
  }

  /** etcd3.py:KVCache.run: build the cache, then follow the watch until it breaks. */
  private *watch(): Process {
    const { sim } = this.network;
    for (;;) {
      let endpoint: Endpoint<Response> | null = null;
      try {
        if (!this.ready && !(yield* this.build())) {
          yield sim.hold(SECOND);
          continue;
        }
        endpoint = yield* this.open();
        if (endpoint) yield* this.follow(endpoint);
      } catch (thrown) {
        if (!(thrown instanceof Interrupt)) throw thrown;
      } finally {
        endpoint?.close();
        this.ready = false;
      }
    }
  }

  /** etcd3.py:KVCache._build_cache: a request like any other, from node to node. */
  private *build(): Generator<undefined, boolean, undefined> {
    const range: Request = { type: 'range', key: '', prefix: true, serializable: true };
    const answer = yield* this.request(range);
    if (answer === 'failed' || answer.type !== 'range') return false;
    const before = this.cache.get(LEADER)?.value;
    this.cache.replace(answer.keyValues);
    this.revision = answer.revision;
    this.ready = true;
    this.cacheReady.fire();
    if (this.cache.get(LEADER)?.value !== before) this.changed.fire();
    return true;
  }

  private *open() {
    const { sim } = this.network;
    const node = this.nodes[this.base]!;
    const patience = this.settings.loop_wait + this.settings.retry_timeout;
    const inbox = new Mailbox<Packet<Response>>(sim);
    const options = keepaliveWithin(this.settings.ttl, patience);
    const endpoint = new Endpoint(this.host, inbox, options);
    const startRevision = this.revision + 1;
    const request = { type: 'watch', key: '', prefix: true, startRevision } as const;
    const deadline = sim.now + this.settings.retry_timeout;
    const opened = yield* connect(
      this.network,
      endpoint,
      node.host,
      () => node.watchListener(request),
      deadline,
    );
    return typeof opened === 'string' ? null : opened;
  }

  private *follow(endpoint: Endpoint<Response>) {
    for (;;) {
      const packet = endpoint.inbox.take();
      if (packet === undefined) yield endpoint.inbox.receive();
      else if (packet.ending || packet.message!.type === 'error') return;
      else if (packet.message!.type === 'watch-events') {
        for (const event of packet.message!.events) this.apply(event);
      }
    }
  }

  private apply(event: WatchEvent): void {
    const { key, value, modRevision } = event.keyValue;
    if (modRevision > this.revision) this.revision = modRevision;
    const before = this.cache.get(key)?.value;
    const newer =
      event.type === 'put' ? this.cache.put(event.keyValue) : this.cache.delete(key, modRevision);
    if (!newer) return;
    const after = event.type === 'put' ? value : undefined;
    if (before === after) return;
    const leads = this.cache.get(LEADER)?.value === this.name;
    if (key === LEADER || (key === STATUS && !leads)) this.changed.fire();
  }
}

/** Errors after which Patroni's client tries another node. */
function isTransient(response: Response): boolean {
  if (response.type !== 'error') return false;
  return response.error !== 'lease-not-found' && response.error !== 'lease-exists';
}

/** patroni/utils.py:keepalive_socket_options: idle until `timeout - intvl * cnt`, 3 probes. */
function keepaliveWithin(ttl: Nanoseconds, idle: Nanoseconds) {
  const probes = 3;
  const interval = Math.max(SECOND, Math.floor((ttl - idle) / probes / SECOND) * SECOND);
  return {
    ...LINUX_SOCKET,
    userTimeout: ttl,
    keepaliveIdle: idle,
    keepaliveInterval: interval,
    keepaliveCount: probes,
  };
}
