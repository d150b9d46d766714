/**
 * What raft nodes send each other and what they keep (raftpb in etcd-io/raft; Ongaro and Ousterhout
 * 2014, figure 2). Snapshots, membership changes and leadership transfer have no messages here.
 */

/** A node's number, from 1. */
export type NodeId = number;

/** No node: nobody leads, no vote was cast. */
export const NONE: NodeId = 0;

/** One position of the replicated log. A leader opens its term with an entry without data. */
export interface Entry<Data> {
  /** Position in the log, from 1. */
  readonly index: number;
  readonly term: number;
  readonly data: Data | null;
}

/** What must be durable besides the entries. A commit index alone need not be made durable. */
export interface HardState {
  readonly term: number;
  readonly vote: NodeId;
  readonly commit: number;
}

export const EMPTY_HARD_STATE: HardState = { term: 0, vote: NONE, commit: 0 };

export interface Append<Data> {
  readonly type: 'append';
  /** The entry that must precede the new ones in the receiver's log: its index and term. */
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly Entry<Data>[];
  readonly commit: number;
}

export interface AppendReply {
  readonly type: 'append-reply';
  /** Accepted: the last index that matches the leader's log. Rejected: the one refused. */
  readonly index: number;
  readonly reject: boolean;
  /** Rejected: where the logs may match at the latest, and the receiver's term there. */
  readonly hintIndex: number;
  readonly hintTerm: number;
}

export interface Heartbeat {
  readonly type: 'heartbeat';
  readonly commit: number;
  /** Number of the last read that waits for this round, 0 if none does. */
  readonly reads: number;
}

export interface HeartbeatReply {
  readonly type: 'heartbeat-reply';
  readonly reads: number;
}

export interface VoteRequest {
  readonly type: 'vote' | 'pre-vote';
  readonly lastIndex: number;
  readonly lastTerm: number;
}

export interface VoteReply {
  readonly type: 'vote-reply' | 'pre-vote-reply';
  readonly reject: boolean;
}

/** A follower passes proposals on to its leader. */
export interface Propose<Data> {
  readonly type: 'propose';
  readonly data: readonly Data[];
}

/** A follower asks its leader for an index at which a read is linearizable. */
export interface ReadIndex {
  readonly type: 'read-index';
  readonly context: number;
}

export interface ReadIndexReply {
  readonly type: 'read-index-reply';
  readonly context: number;
  readonly index: number;
}

export type Body<Data> =
  | Append<Data>
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | VoteRequest
  | VoteReply
  | Propose<Data>
  | ReadIndex
  | ReadIndexReply;

export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; the term it runs for in votes; 0 where the term says nothing. */
  readonly term: number;
}

export type Message<Data> = Body<Data> & Envelope;

/** The body of one type in its envelope. */
export type Received<B> = B & Envelope;
