import { type Nanoseconds, NEVER } from '../../kernel/index.ts';
import { type Entry, NONE, type NodeId, type Ready, type SoftState } from '../raft/index.ts';
import type {
  ClientRef,
  Command,
  LeaseId,
  Operation,
  RenewalMessage,
  Request,
  Response,
} from './api.ts';
import type { EtcdConfig } from './config.ts';
import { EXPIRY_SCAN_INTERVAL, Lessor } from './lessor.ts';
import { Proposals } from './proposals.ts';
import { ReadLoop } from './reads.ts';
import { Renewals } from './renewals.ts';
import { Store } from './store.ts';
import { WatchHub } from './watch.ts';

/** server.go: how many revocations of expired leases a member has open at a time. */
const MAX_PENDING_REVOKES = 16;

/** A leader whose raft loop has not ticked for so many intervals is stuck (server.go, isActive). */
const STUCK_TICKS = 3;

/** What a server needs of its member; everything may be called at any time. */
export interface ServerPorts {
  reply(ref: ClientRef, response: Response): void;
  propose(command: Command): void;
  readIndex(context: number): void;
  sendRenewal(message: RenewalMessage): void;
  /** The instant of the raft loop's last tick. */
  lastTick(): Nanoseconds;
}

/**
 * The server of one etcd member above raft, as a state machine with the time passed in
 * (etcd: server/etcdserver). It serves the API, applies what raft has committed, and minds leases.
 *
 * Left out: authentication, membership and alarms, backend quota, limits on requests in flight,
 * the delay between commit and apply, snapshots.
 */
export class EtcdServer {
  readonly store: Store;
  readonly lessor: Lessor;
  leader: NodeId = NONE;
  private readonly self: NodeId;
  private readonly config: EtcdConfig;
  private readonly ports: ServerPorts;
  private readonly incarnation: number;
  private readonly startedAt: Nanoseconds;
  private readonly watches = new WatchHub();
  private readonly reads: ReadLoop;
  private readonly proposals: Proposals;
  private readonly renewals: Renewals;
  private lastScan: Nanoseconds;
  private toRevoke: LeaseId[] = [];
  private revoking = 0;
  private leaseIds = 0;

  /** The incarnation tells the lives of a member apart: a number that grows with every start. */
  constructor(
    self: NodeId,
    config: EtcdConfig,
    incarnation: number,
    ports: ServerPorts,
    now: Nanoseconds,
  ) {
    this.self = self;
    this.config = config;
    this.ports = ports;
    this.incarnation = incarnation;
    this.startedAt = now;
    this.lastScan = now;
    const { minLeaseTtlSeconds: minTtlSeconds, requestTimeout } = config;
    this.lessor = new Lessor({ minTtlSeconds, retryInterval: requestTimeout });
    this.store = new Store(this.lessor);
    this.reads = new ReadLoop(requestTimeout, (context) => ports.readIndex(context));
    this.proposals = new Proposals(self, incarnation, requestTimeout, (c) => ports.propose(c));
    this.renewals = new Renewals(self, config, this.lessor, {
      leader: () => this.leader,
      reply: (ref, response) => ports.reply(ref, response),
      send: (message) => ports.sendRenewal(message),
      confirmLeadership: (at, then) => this.confirmLeadership(at, then),
    });
  }

  get isLeader(): boolean {
    return this.leader === this.self;
  }

  /** When `tick` has something to do next. */
  get deadline(): Nanoseconds {
    const { reads, proposals, renewals } = this;
    return Math.min(reads.deadline, proposals.deadline, renewals.deadline, this.nextScan);
  }

  /** A client's request; the answer comes through the ports, at once or later. */
  request(ref: ClientRef, request: Request, now: Nanoseconds): void {
    if (request.type === 'lease-keepalive') this.renewals.keepAlive(ref, request.id, now);
    else if (request.type === 'watch') {
      const { history, revision } = this.store;
      const events = this.watches.open(ref, request, history, revision);
      this.ports.reply(ref, { type: 'watch-created', revision });
      if (events.length > 0) this.ports.reply(ref, { type: 'watch-events', revision, events });
    } else if (request.type === 'cancel-watch') this.watches.cancel(ref);
    else if (isReadOnly(request)) this.read(ref, request, now);
    else this.propose(this.withLeaseId(request), now, (answer) => this.ports.reply(ref, answer));
  }

  /** A renewal, or the answer to one, from another member. */
  renewalMessage(message: RenewalMessage, now: Nanoseconds): void {
    if (message.type === 'renew') this.renewals.forwarded(message, now);
    else this.renewals.replied(message, now);
  }

  /** The connection to another member broke. */
  unreachable(member: NodeId, now: Nanoseconds): void {
    this.renewals.unreachable(member, now);
  }

  /** What raft has to say, in etcd's order: who leads, which reads are safe, what is committed. */
  handle(ready: Ready<Command>, now: Nanoseconds): void {
    if (ready.softState !== null) this.leadership(ready.softState, now);
    if (this.leader !== NONE) this.proposals.release();
    const read = ready.readStates.at(-1);
    if (read) this.reads.readState(read.context, read.index, now);
    for (const entry of ready.committed) this.apply(entry, now);
  }

  /** A command found raft without a leader. */
  dropped(command: Command): void {
    this.proposals.dropped(command);
  }

  /** Time-outs, retries and the scan for expired leases. */
  tick(now: Nanoseconds): void {
    this.proposals.tick(now);
    this.reads.tick(now);
    this.renewals.tick(now);
    if (this.nextScan <= now) this.scan(now);
  }

  private read(ref: ClientRef, request: Operation, now: Nanoseconds): void {
    const answer = () => this.ports.reply(ref, this.execute(request));
    if (isSerializable(request)) answer();
    else {
      this.reads.wait(now, (error) => {
        if (error === null) answer();
        else this.ports.reply(ref, { type: 'error', error });
      });
    }
  }

  private execute(request: Operation): Response {
    const response = this.store.apply(request);
    return typeof response === 'string' ? { type: 'error', error: response } : response;
  }

  private propose(
    request: Command['request'],
    now: Nanoseconds,
    done: (answer: Response) => void,
  ): void {
    this.proposals.propose(request, this.leader !== NONE, now, done);
  }

  /** A lease without a number gets one that no member gives twice. */
  private withLeaseId(request: Command['request']): Command['request'] {
    if (request.type !== 'lease-grant' || request.id !== undefined) return request;
    const id = (this.incarnation * 1_000_000 + ++this.leaseIds) * 256 + this.self;
    return { ...request, id };
  }

  private leadership(state: SoftState, now: Nanoseconds): void {
    const newLeader = state.leader !== NONE && state.leader !== this.leader;
    this.leader = state.leader;
    if (!this.isLeader) {
      this.lessor.demote();
      this.toRevoke = [];
      this.renewals.demoted(now);
    }
    if (newLeader) this.reads.leaderChanged(now);
  }

  private apply(entry: Entry<Command>, now: Nanoseconds): void {
    if (entry.data === null) {
      this.reads.firstCommitInTerm(now);
      if (this.isLeader) this.lessor.promote(now, this.config.electionTimeout);
    } else {
      const response = this.applyCommand(entry.data.request, now);
      this.notifyWatchers();
      this.proposals.applied(entry.data, response, now);
    }
    this.reads.appliedTo(entry.index, now);
  }

  private applyCommand(request: Command['request'], now: Nanoseconds): Response {
    if (request.type === 'lease-grant') {
      const id = request.id!;
      const ttl = this.lessor.grant(id, request.ttlSeconds, now);
      if (typeof ttl === 'string') return { type: 'error', error: ttl };
      return { type: 'lease-grant', id, ttlSeconds: ttl };
    }
    if (request.type !== 'lease-revoke') return this.execute(request);
    const keys = this.lessor.revoke(request.id);
    if (keys === null) return { type: 'error', error: 'lease-not-found' };
    this.store.deleteAll(keys);
    this.renewals.revoked(request.id, now);
    return { type: 'lease-revoke', revision: this.store.revision };
  }

  private notifyWatchers(): void {
    const { revision } = this.store;
    for (const { ref, events } of this.watches.notify(this.store.takeEvents())) {
      this.ports.reply(ref, { type: 'watch-events', revision, events });
    }
  }

  private confirmLeadership(
    now: Nanoseconds,
    then: (leads: boolean, now: Nanoseconds) => void,
  ): void {
    const { leadershipCheck, heartbeatInterval } = this.config;
    const stuck = now - this.ports.lastTick() >= STUCK_TICKS * heartbeatInterval;
    if (leadershipCheck === 'never' || (leadershipCheck === 'when-stuck' && !stuck)) {
      then(true, now);
    } else this.reads.wait(now, (error, at) => then(error === null && this.isLeader, at));
  }

  /** Scans come every half second since the start; only one that finds something is an event. */
  private get nextScan(): Nanoseconds {
    const due = this.lessor.isPrimary ? this.lessor.nextDue : NEVER;
    if (due === NEVER) return NEVER;
    const earliest = Math.max(due, this.lastScan + 1) - this.startedAt;
    return this.startedAt + Math.ceil(earliest / EXPIRY_SCAN_INTERVAL) * EXPIRY_SCAN_INTERVAL;
  }

  private scan(now: Nanoseconds): void {
    this.lastScan = now;
    const expired = this.lessor.findExpired(now);
    if (expired.length === 0) return;
    this.confirmLeadership(now, (leads, at) => {
      if (!leads) return;
      for (const id of expired) this.toRevoke.push(id);
      this.revokeMore(at);
    });
  }

  private revokeMore(now: Nanoseconds): void {
    while (this.revoking < MAX_PENDING_REVOKES && this.toRevoke.length > 0) {
      const id = this.toRevoke.shift()!;
      this.revoking++;
      this.proposals.propose({ type: 'lease-revoke', id }, this.leader !== NONE, now, (_, at) => {
        this.revoking--;
        this.revokeMore(at);
      });
    }
  }
}

function isReadOnly(request: Request): request is Operation {
  if (request.type === 'range') return true;
  if (request.type !== 'txn') return false;
  return [...request.success, ...request.failure].every((inner) => inner.type === 'range');
}

function isSerializable(request: Operation): boolean {
  if (request.type === 'range') return request.serializable ?? false;
  if (request.type !== 'txn') return false;
  return [...request.success, ...request.failure].every(isSerializable);
}
