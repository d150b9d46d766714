import type {
  Compare,
  KeyValue,
  LeaseId,
  Operation,
  OperationResponse,
  Txn,
  WatchEvent,
} from './api.ts';
import { NO_LEASE } from './api.ts';

/** Keeps track of which keys hang on which lease. */
export interface LeaseAttachments {
  exists(id: LeaseId): boolean;
  attach(id: LeaseId, key: string): void;
  detach(id: LeaseId, key: string): void;
}

/** A txn with its branches chosen before anything is executed. */
interface ChosenTxn {
  readonly succeeded: boolean;
  readonly operations: readonly (Exclude<Operation, Txn> | ChosenTxn)[];
}

/**
 * The key-value store of one member: the same commands in the same order give the same store
 * (etcd: server/storage/mvcc, server/etcdserver/txn). The revision counts the commands that changed
 * something; the first that does makes it 2, an empty store has 1.
 *
 * Kept: create and mod revisions, versions, leases of keys, transactions with nested ones, the
 * history of events for watches that start in the past. Left out: reads at old revisions and
 * compaction (automatic compaction is off by default), backend quota.
 */
export class Store {
  revision = 1;
  /** All events in the order of their revisions. */
  readonly history: WatchEvent[] = [];
  private readonly keys = new Map<string, KeyValue>();
  private readonly leases: LeaseAttachments;
  private events: WatchEvent[] = [];

  constructor(leases: LeaseAttachments) {
    this.leases = leases;
  }

  get size(): number {
    return this.keys.size;
  }

  get(key: string): KeyValue | undefined {
    return this.keys.get(key);
  }

  /** The key, or the keys that begin with it, in order. */
  range(key: string, prefix: boolean): KeyValue[] {
    if (!prefix) {
      const found = this.keys.get(key);
      return found ? [found] : [];
    }
    const found: KeyValue[] = [];
    for (const keyValue of this.keys.values()) {
      if (keyValue.key.startsWith(key)) found.push(keyValue);
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Executes an operation as one step; nothing of it if it names a lease that is gone. */
  apply(operation: Operation): OperationResponse | 'lease-not-found' {
    const chosen = this.choose(operation);
    if (!this.leasesExist(chosen)) return 'lease-not-found';
    const response = this.execute(chosen);
    this.close();
    return response;
  }

  /** Deletes the keys of a revoked lease, in order, at one revision. */
  deleteAll(keys: readonly string[]): void {
    for (const key of [...keys].sort((a, b) => (a < b ? -1 : 1))) this.delete(key, false);
    this.close();
  }

  /** The events since they were last taken. */
  takeEvents(): WatchEvent[] {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** Whether all conditions hold. */
  holds(compare: readonly Compare[]): boolean {
    return compare.every((condition) => satisfies(this.keys.get(condition.key), condition));
  }

  private changed = false;

  private close(): void {
    if (this.changed) this.revision++;
    this.changed = false;
  }

  /** The revision of what is written now, and of answers that follow a write. */
  private get current(): number {
    return this.changed ? this.revision + 1 : this.revision;
  }

  private choose(operation: Operation): Exclude<Operation, Txn> | ChosenTxn {
    if (operation.type !== 'txn') return operation;
    const succeeded = this.holds(operation.compare);
    const branch = succeeded ? operation.success : operation.failure;
    return { succeeded, operations: branch.map((inner) => this.choose(inner)) };
  }

  private leasesExist(operation: Exclude<Operation, Txn> | ChosenTxn): boolean {
    if ('succeeded' in operation) return operation.operations.every((o) => this.leasesExist(o));
    if (operation.type !== 'put' || !operation.lease) return true;
    return this.leases.exists(operation.lease);
  }

  private execute(operation: Exclude<Operation, Txn> | ChosenTxn): OperationResponse {
    if ('succeeded' in operation) {
      const responses = operation.operations.map((inner) => this.execute(inner));
      const { succeeded } = operation;
      return { type: 'txn', revision: this.current, succeeded, responses };
    }
    if (operation.type === 'put') {
      this.put(operation.key, operation.value, operation.lease ?? NO_LEASE);
      return { type: 'put', revision: this.current };
    }
    if (operation.type === 'delete') {
      const deleted = this.delete(operation.key, operation.prefix ?? false);
      return { type: 'delete', revision: this.current, deleted };
    }
    const keyValues = this.range(operation.key, operation.prefix ?? false);
    return { type: 'range', revision: this.current, keyValues };
  }

  private put(key: string, value: string, lease: LeaseId): void {
    const before = this.keys.get(key);
    const modRevision = this.revision + 1;
    const createRevision = before?.createRevision ?? modRevision;
    const version = (before?.version ?? 0) + 1;
    const keyValue = { key, value, createRevision, modRevision, version, lease };
    this.keys.set(key, keyValue);
    this.record({ type: 'put', keyValue });
    const old = before?.lease ?? NO_LEASE;
    if (old === lease) return;
    if (old !== NO_LEASE) this.leases.detach(old, key);
    if (lease !== NO_LEASE) this.leases.attach(lease, key);
  }

  private delete(key: string, prefix: boolean): number {
    const doomed = this.range(key, prefix);
    for (const keyValue of doomed) {
      this.keys.delete(keyValue.key);
      if (keyValue.lease !== NO_LEASE) this.leases.detach(keyValue.lease, keyValue.key);
      this.record({ type: 'delete', keyValue: tombstone(keyValue.key, this.revision + 1) });
    }
    return doomed.length;
  }

  private record(event: WatchEvent): void {
    this.changed = true;
    this.events.push(event);
    this.history.push(event);
  }
}

function tombstone(key: string, modRevision: number): KeyValue {
  return { key, value: '', createRevision: 0, modRevision, version: 0, lease: NO_LEASE };
}

function satisfies(keyValue: KeyValue | undefined, condition: Compare): boolean {
  const { target, result, operand } = condition;
  if (target === 'value' && keyValue === undefined) return false;
  const actual = keyValue === undefined ? 0 : propertyOf(keyValue, target);
  if (result === '=') return actual === operand;
  if (result === '!=') return actual !== operand;
  return result === '<' ? actual < operand : actual > operand;
}

function propertyOf(keyValue: KeyValue, target: Compare['target']): number | string {
  if (target === 'create') return keyValue.createRevision;
  if (target === 'mod') return keyValue.modRevision;
  return keyValue[target];
}
