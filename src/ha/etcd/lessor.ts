import { type Nanoseconds, NEVER, SECOND } from '../../kernel/index.ts';
import type { EtcdError, LeaseId } from './api.ts';
import { NO_LEASE } from './api.ts';
import type { LeaseAttachments } from './store.ts';

/** server/lease/lessor.go: MaxLeaseTTL, in seconds. */
const MAX_LEASE_TTL_SECONDS = 9_000_000_000;

/** How often expired leases are looked for (runLoop). */
export const EXPIRY_SCAN_INTERVAL: Nanoseconds = SECOND / 2;

/** leaseRevokeRate = 1000 a second; a scan yields at most half of it. */
const REVOKE_RATE = 1000;
const REVOKES_PER_SCAN = REVOKE_RATE / 2;
/** A new primary spreads expiries so that no second has more than three quarters of the rate. */
const EXPIRIES_PER_SECOND = (3 * REVOKE_RATE) / 4;

interface Lease {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  /** NEVER on members that do not lead. */
  expiry: Nanoseconds;
  /** When the scan looks at it next: its expiry, or the retry of a revocation already asked for. */
  due: Nanoseconds;
  readonly keys: Set<string>;
}

export interface LessorConfig {
  /** Shorter times to live are raised to this. */
  readonly minTtlSeconds: number;
  /** After which a revocation is asked for again: etcd's request timeout. */
  readonly retryInterval: Nanoseconds;
}

/** What became of a renewal: the full time to live in seconds, or why there is none. */
export type Renewal = number | 'lease-not-found' | 'not-primary' | 'being-revoked';

/**
 * The owner of leases on one member (etcd: server/lease/lessor.go). Grants and revocations come
 * through the log and are the same on all members. Expiries exist in the memory of the leader's
 * lessor alone, the primary: it renews without a log entry, and finds expired leases twice a second
 * for its member to revoke through the log.
 *
 * Kept: minimum time to live, limit and retry of revocations, promotion and demotion, the spreading
 * of expiries after a promotion with a thousand leases or more. Left out: checkpoints of remaining
 * times to live (off by default before 3.6, and only of leases longer than five minutes).
 */
export class Lessor implements LeaseAttachments {
  isPrimary = false;
  private readonly config: LessorConfig;
  private readonly leases = new Map<LeaseId, Lease>();

  constructor(config: LessorConfig) {
    this.config = config;
  }

  get size(): number {
    return this.leases.size;
  }

  exists(id: LeaseId): boolean {
    return this.leases.has(id);
  }

  /** When a lease expires: NEVER where the lessor is not primary, undefined if it is gone. */
  expiryOf(id: LeaseId): Nanoseconds | undefined {
    return this.leases.get(id)?.expiry;
  }

  attach(id: LeaseId, key: string): void {
    this.leases.get(id)!.keys.add(key);
  }

  detach(id: LeaseId, key: string): void {
    this.leases.get(id)?.keys.delete(key);
  }

  /** Grants a lease; returns its time to live in seconds. */
  grant(id: LeaseId, ttlSeconds: number, now: Nanoseconds): number | EtcdError {
    if (id === NO_LEASE) return 'lease-not-found';
    if (ttlSeconds > MAX_LEASE_TTL_SECONDS) return 'lease-ttl-too-large';
    if (this.leases.has(id)) return 'lease-exists';
    const ttl = Math.max(ttlSeconds, this.config.minTtlSeconds);
    const expiry = this.isPrimary ? now + ttl * SECOND : NEVER;
    this.leases.set(id, { id, ttlSeconds: ttl, expiry, due: expiry, keys: new Set() });
    return ttl;
  }

  /** Forgets a lease; returns its keys, which are to be deleted, or null if there is none. */
  revoke(id: LeaseId): string[] | null {
    const lease = this.leases.get(id);
    if (!lease) return null;
    this.leases.delete(id);
    return [...lease.keys];
  }

  /** Extends a lease by its full time to live from now on. Expired ones wait to be revoked. */
  renew(id: LeaseId, now: Nanoseconds): Renewal {
    if (!this.isPrimary) return 'not-primary';
    const lease = this.leases.get(id);
    if (!lease) return 'lease-not-found';
    if (lease.expiry <= now) return 'being-revoked';
    refresh(lease, now, 0);
    return lease.ttlSeconds;
  }

  /** This member leads: every lease starts anew with its full time to live and the extension. */
  promote(now: Nanoseconds, extension: Nanoseconds): void {
    this.isPrimary = true;
    for (const lease of this.leases.values()) refresh(lease, now, extension);
    if (this.leases.size >= REVOKE_RATE) this.spread(now, extension);
  }

  /** This member does not lead any more: no lease expires here. */
  demote(): void {
    this.isPrimary = false;
    for (const lease of this.leases.values()) {
      lease.expiry = NEVER;
      lease.due = NEVER;
    }
  }

  /** When the next lease is due to be found by a scan; NEVER if none is. */
  get nextDue(): Nanoseconds {
    let next = NEVER;
    for (const lease of this.leases.values()) if (lease.due < next) next = lease.due;
    return next;
  }

  /** Expired leases to revoke, the longest overdue first; each is found again after the retry. */
  findExpired(now: Nanoseconds): LeaseId[] {
    if (!this.isPrimary) return [];
    const due = [...this.leases.values()].filter((lease) => lease.due <= now);
    due.sort((a, b) => a.due - b.due || a.id - b.id);
    const found = due.slice(0, REVOKES_PER_SCAN);
    for (const lease of found) lease.due = now + this.config.retryInterval;
    return found.map((lease) => lease.id);
  }

  /** lessor.go, Promote: leases that would expire in the same second are pushed apart. */
  private spread(now: Nanoseconds, extension: Nanoseconds): void {
    const leases = [...this.leases.values()].sort((a, b) => a.expiry - b.expiry || a.id - b.id);
    let base = leases[0]!.expiry - now;
    let next = base + SECOND;
    let expiries = 0;
    for (const lease of leases) {
      const remaining = lease.expiry - now;
      if (remaining > next) {
        base = remaining;
        next = base + SECOND;
        expiries = 1;
        continue;
      }
      expiries++;
      if (expiries <= EXPIRIES_PER_SECOND) continue;
      const delay = Math.trunc(SECOND * (expiries / EXPIRIES_PER_SECOND) - (remaining - base));
      next = base + delay;
      refresh(lease, now, delay + extension);
    }
  }
}

function refresh(lease: Lease, now: Nanoseconds, extension: Nanoseconds): void {
  lease.expiry = now + extension + lease.ttlSeconds * SECOND;
  lease.due = lease.expiry;
}
