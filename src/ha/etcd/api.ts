import type { NodeId } from '../raft/index.ts';

/**
 * Requests and answers of etcd's v3 API, as far as Patroni and its tools use them (etcd: rpc.proto,
 * kv.proto). Keys and values are strings; keys sort by code unit, which is byte order for all
 * characters of the basic plane.
 */

/** A lease's number; 0 is no lease. */
export type LeaseId = number;
export const NO_LEASE: LeaseId = 0;

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** The store's revision when the key was created, and when it was last put. */
  readonly createRevision: number;
  readonly modRevision: number;
  /** Puts since the creation, that one included. */
  readonly version: number;
  readonly lease: LeaseId;
}

export interface Range {
  readonly type: 'range';
  readonly key: string;
  /** All keys that begin with the key. */
  readonly prefix?: boolean;
  /** Answered from this member's own state at once, however old that is. */
  readonly serializable?: boolean;
}

export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: string;
  readonly lease?: LeaseId;
}

export interface DeleteRange {
  readonly type: 'delete';
  readonly key: string;
  readonly prefix?: boolean;
}

/** A condition on one key. A missing key has revisions, version and lease 0, and no value. */
export interface Compare {
  readonly key: string;
  readonly target: 'create' | 'mod' | 'version' | 'lease' | 'value';
  readonly result: '=' | '!=' | '<' | '>';
  readonly operand: number | string;
}

export interface Txn {
  readonly type: 'txn';
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type Operation = Range | Put | DeleteRange | Txn;

export interface LeaseGrant {
  readonly type: 'lease-grant';
  readonly ttlSeconds: number;
  /** Chosen by the member if not given. */
  readonly id?: LeaseId;
}

export interface LeaseRevoke {
  readonly type: 'lease-revoke';
  readonly id: LeaseId;
}

export interface LeaseKeepAlive {
  readonly type: 'lease-keepalive';
  readonly id: LeaseId;
}

/** Events of a key or a prefix, from a revision on (that included), or from now on. */
export interface Watch {
  readonly type: 'watch';
  readonly key: string;
  readonly prefix?: boolean;
  readonly startRevision?: number;
}

export interface CancelWatch {
  readonly type: 'cancel-watch';
}

export type Request = Operation | LeaseGrant | LeaseRevoke | LeaseKeepAlive | Watch | CancelWatch;

/** What happened to a key. Of a deleted one only key and modRevision say something. */
export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly keyValue: KeyValue;
}

export type OperationResponse =
  | { readonly type: 'range'; readonly revision: number; readonly keyValues: readonly KeyValue[] }
  | { readonly type: 'put'; readonly revision: number }
  | { readonly type: 'delete'; readonly revision: number; readonly deleted: number }
  | {
      readonly type: 'txn';
      readonly revision: number;
      readonly succeeded: boolean;
      readonly responses: readonly OperationResponse[];
    };

/**
 * Why a request failed. After `timeout` and `leader-changed` of a write it may still take effect.
 * `not-primary`: the member could not confirm that it leads; another one may.
 */
export type EtcdError =
  | 'timeout'
  | 'no-leader'
  | 'leader-changed'
  | 'not-primary'
  | 'lease-not-found'
  | 'lease-exists'
  | 'lease-ttl-too-large';

export type Response =
  | OperationResponse
  | { readonly type: 'lease-grant'; readonly id: LeaseId; readonly ttlSeconds: number }
  | { readonly type: 'lease-revoke'; readonly revision: number }
  /** A lease that is gone has a time to live of 0. */
  | { readonly type: 'lease-keepalive'; readonly id: LeaseId; readonly ttlSeconds: number }
  | { readonly type: 'watch-created'; readonly revision: number }
  | {
      readonly type: 'watch-events';
      readonly revision: number;
      readonly events: readonly WatchEvent[];
    }
  | { readonly type: 'error'; readonly error: EtcdError };

/** Whoever asked: chosen by the caller, unique among the requests that a member has open. */
export type ClientRef = number;

/** What goes through the replicated log. */
export interface Command {
  /** Which member offered it, in which life, and its number there: names the open request. */
  readonly member: NodeId;
  readonly incarnation: number;
  readonly sequence: number;
  readonly request: Operation | LeaseGrant | LeaseRevoke;
}

/** A renewal passed on to the leader over etcd's peer port, and its answer. */
export interface ForwardedRenewal {
  readonly type: 'renew';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly number: number;
  readonly id: LeaseId;
}

export interface RenewalReply {
  readonly type: 'renew-reply';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly number: number;
  readonly outcome: number | 'lease-not-found' | 'not-primary';
}

export type RenewalMessage = ForwardedRenewal | RenewalReply;
