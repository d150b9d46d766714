/**
 * Patroni's keys in the store, and their values. `/service/<scope>/` is left out of the names: one
 * simulation has one cluster in a store.
 */
import type { KeyValue } from '../etcd/index.ts';
import {
  type ClusterView,
  EMPTY_SYNC,
  type FailoverRequest,
  type HistoryLine,
  type LeaderKey,
  type Member,
  type SyncState,
} from './cluster.ts';

export const LEADER = 'leader';
export const MEMBERS = 'members/';
export const STATUS = 'status';
export const SYNC = 'sync';
export const FAILOVER = 'failover';
export const HISTORY = 'history';
export const FAILSAFE = 'failsafe';
export const INITIALIZE = 'initialize';

/** What a member publishes about itself; the name is in the key, the lease with it. */
export type MemberData = Omit<Member, 'name' | 'session'>;

/** A copy of all keys, kept up to date by a watch. */
export class KeyCache {
  private readonly keys = new Map<string, KeyValue>();
  private memberNames: readonly string[];

  /** The names of all agents in natural order: the order in which members are listed. */
  constructor(memberNames: readonly string[]) {
    this.memberNames = memberNames;
  }

  replace(keyValues: readonly KeyValue[]): void {
    this.keys.clear();
    for (const keyValue of keyValues) this.keys.set(keyValue.key, keyValue);
  }

  /** Takes over a newer value; false if what is known is as new. */
  put(keyValue: KeyValue): boolean {
    const known = this.keys.get(keyValue.key);
    if (known && known.modRevision >= keyValue.modRevision) return false;
    this.keys.set(keyValue.key, keyValue);
    return true;
  }

  delete(key: string, modRevision: number): boolean {
    const known = this.keys.get(key);
    if (known && known.modRevision >= modRevision) return false;
    this.keys.delete(key);
    return true;
  }

  get(key: string): KeyValue | undefined {
    return this.keys.get(key);
  }

  view(): ClusterView {
    const members = new Map<string, Member>();
    for (const name of this.memberNames) {
      const key = this.keys.get(MEMBERS + name);
      if (!key) continue;
      const data = JSON.parse(key.value) as MemberData;
      members.set(name, { name, session: String(key.lease), ...data });
    }
    const status = this.parse<{ optime: number }>(STATUS);
    return {
      leader: this.leader(),
      members,
      status: { optime: status?.optime ?? 0, slots: new Map() },
      sync: this.parse<SyncState>(SYNC) ?? EMPTY_SYNC,
      failover: this.parse<FailoverRequest>(FAILOVER),
      history: this.parse<readonly HistoryLine[]>(HISTORY),
      initialize: this.keys.get(INITIALIZE)?.value ?? null,
      failsafe: this.parse<readonly string[]>(FAILSAFE),
    };
  }

  private leader(): LeaderKey | null {
    const key = this.keys.get(LEADER);
    if (!key) return null;
    return { name: key.value, leaseId: String(key.lease), session: String(key.lease) };
  }

  private parse<T>(name: string): T | null {
    const key = this.keys.get(name);
    return key ? (JSON.parse(key.value) as T) : null;
  }
}
