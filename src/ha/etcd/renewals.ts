import { MILLISECOND, type Nanoseconds, NEVER } from '../../kernel/index.ts';
import { NONE, type NodeId } from '../raft/index.ts';
import type { ClientRef, ForwardedRenewal, LeaseId, RenewalReply, Response } from './api.ts';
import type { EtcdConfig } from './config.ts';
import type { Lessor, Renewal } from './lessor.ts';

/** v3_server.go, LeaseRenew: the pause between two tries to reach the leader. */
const FORWARD_RETRY_INTERVAL: Nanoseconds = 50 * MILLISECOND;

/** A renewal that this member passes on; the clock runs since it began to. */
interface Forwarding {
  readonly ref: ClientRef;
  readonly id: LeaseId;
  readonly deadline: Nanoseconds;
  /** When to try again; NEVER while an answer is awaited. */
  retryAt: Nanoseconds;
  sentTo: NodeId;
}

/** A renewal of an expired lease waits until the lease is gone, or this lessor is demoted. */
interface Parked {
  readonly id: LeaseId;
  readonly settle: (outcome: Renewal, now: Nanoseconds) => void;
}

/** What renewals need of their member. */
export interface RenewalPorts {
  leader(): NodeId;
  reply(ref: ClientRef, response: Response): void;
  send(message: ForwardedRenewal | RenewalReply): void;
  /** Makes sure that this member leads. */
  confirmLeadership(now: Nanoseconds, then: (leads: boolean, now: Nanoseconds) => void): void;
}

/**
 * Keep-alives of one member (etcd: v3_server.go, LeaseRenew; server/lease/leasehttp). The leader
 * renews itself, after a look whether it leads; the others pass renewals on over the peer port,
 * where the receiver does not look. Left out: the wait of up to a second until everything
 * committed is applied (here a member applies what it knows to be committed at once).
 */
export class Renewals {
  private readonly self: NodeId;
  private readonly config: EtcdConfig;
  private readonly lessor: Lessor;
  private readonly ports: RenewalPorts;
  private readonly forwarding = new Map<number, Forwarding>();
  private parked: Parked[] = [];
  private number = 0;

  constructor(self: NodeId, config: EtcdConfig, lessor: Lessor, ports: RenewalPorts) {
    this.self = self;
    this.config = config;
    this.lessor = lessor;
    this.ports = ports;
  }

  get deadline(): Nanoseconds {
    let next = NEVER;
    for (const entry of this.forwarding.values()) {
      next = Math.min(next, entry.deadline, entry.retryAt);
    }
    return next;
  }

  /** A client asks to keep a lease alive. */
  keepAlive(ref: ClientRef, id: LeaseId, now: Nanoseconds): void {
    if (this.ports.leader() !== this.self) {
      this.forward(ref, id, now);
      return;
    }
    this.ports.confirmLeadership(now, (leads, then) => {
      if (!leads) this.ports.reply(ref, { type: 'error', error: 'not-primary' });
      else {
        this.renew(id, then, (outcome, at) => {
          if (outcome === 'not-primary') this.forward(ref, id, at);
          else this.answer(ref, id, outcome);
        });
      }
    });
  }

  /** Another member passes a renewal on. */
  forwarded(message: ForwardedRenewal, now: Nanoseconds): void {
    const { from: to, number, id } = message;
    this.renew(id, now, (result) => {
      const outcome = result === 'being-revoked' ? 'not-primary' : result;
      this.ports.send({ type: 'renew-reply', from: this.self, to, number, outcome });
    });
  }

  /** The answer to one passed on. */
  replied(message: RenewalReply, now: Nanoseconds): void {
    const entry = this.forwarding.get(message.number);
    if (!entry || entry.sentTo !== message.from) return;
    if (message.outcome === 'not-primary') entry.retryAt = now + FORWARD_RETRY_INTERVAL;
    else {
      this.forwarding.delete(message.number);
      this.answer(entry.ref, entry.id, message.outcome);
    }
  }

  /** The connection to a member broke: what was sent there is tried again. */
  unreachable(member: NodeId, now: Nanoseconds): void {
    for (const entry of this.forwarding.values()) {
      if (entry.sentTo === member && entry.retryAt === NEVER) {
        entry.retryAt = now + FORWARD_RETRY_INTERVAL;
      }
    }
  }

  /** A lease is gone: renewals that waited for it learn that. */
  revoked(id: LeaseId, now: Nanoseconds): void {
    this.settle((parked) => parked.id === id, 'lease-not-found', now);
  }

  demoted(now: Nanoseconds): void {
    this.settle(() => true, 'not-primary', now);
  }

  tick(now: Nanoseconds): void {
    for (const [number, entry] of this.forwarding) {
      if (entry.deadline <= now) {
        this.forwarding.delete(number);
        const error = entry.sentTo === NONE ? 'no-leader' : 'timeout';
        this.ports.reply(entry.ref, { type: 'error', error });
      } else if (entry.retryAt <= now) this.tryLeader(number, entry, now);
    }
  }

  private renew(
    id: LeaseId,
    now: Nanoseconds,
    settle: (outcome: Renewal, now: Nanoseconds) => void,
  ): void {
    const outcome = this.lessor.renew(id, now);
    if (outcome === 'being-revoked') this.parked.push({ id, settle });
    else settle(outcome, now);
  }

  private settle(which: (parked: Parked) => boolean, outcome: Renewal, now: Nanoseconds): void {
    const settled = this.parked.filter(which);
    this.parked = this.parked.filter((parked) => !which(parked));
    for (const { settle } of settled) settle(outcome, now);
  }

  private answer(ref: ClientRef, id: LeaseId, outcome: Renewal): void {
    const ttlSeconds = typeof outcome === 'number' ? outcome : 0;
    this.ports.reply(ref, { type: 'lease-keepalive', id, ttlSeconds });
  }

  private forward(ref: ClientRef, id: LeaseId, now: Nanoseconds): void {
    const deadline = now + this.config.requestTimeout;
    const entry: Forwarding = { ref, id, deadline, retryAt: NEVER, sentTo: NONE };
    this.forwarding.set(++this.number, entry);
    this.tryLeader(this.number, entry, now);
  }

  /** Without a leader it looks again after an election timeout (waitLeader). */
  private tryLeader(number: number, entry: Forwarding, now: Nanoseconds): void {
    const leader = this.ports.leader();
    entry.sentTo = leader;
    if (leader === NONE) entry.retryAt = now + this.config.electionTimeout;
    else if (leader === this.self) this.tryHere(number, entry, now);
    else {
      entry.retryAt = NEVER;
      this.ports.send({ type: 'renew', from: this.self, to: leader, number, id: entry.id });
    }
  }

  /** This member leads by now. Its lessor is primary once its first entry is applied. */
  private tryHere(number: number, entry: Forwarding, now: Nanoseconds): void {
    entry.retryAt = now + FORWARD_RETRY_INTERVAL;
    const outcome = this.lessor.renew(entry.id, now);
    if (outcome === 'not-primary' || outcome === 'being-revoked') return;
    this.forwarding.delete(number);
    this.answer(entry.ref, entry.id, outcome);
  }
}
