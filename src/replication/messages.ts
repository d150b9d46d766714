import type { CheckpointRecord } from '../postgres/checkpoint/checkpointer.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { Xid } from '../postgres/procarray/ordered-xids.ts';
import type { Branch } from '../postgres/timeline.ts';

/** What standby and upstream say to each other (protocol-replication). */
export type ReplicationMessage =
  | { readonly type: 'start replication'; readonly from: Lsn; readonly branch: Branch }
  | WalData
  | { readonly type: 'keepalive'; readonly replyRequested: boolean }
  | Reply
  | { readonly type: 'feedback'; readonly xmin: Xid }
  | { readonly type: 'refused'; readonly reason: string };

/** A piece of WAL: at most 128 kB (walsender.c:MAX_SEND_SIZE). */
export interface WalData {
  readonly type: 'wal';
  readonly end: Lsn;
  readonly branch: Branch;
  /** The last commit up to here whose replay is waited for. */
  readonly applyFeedbackLsn: Lsn;
  /** The last checkpoint record up to here. */
  readonly checkpoint: CheckpointRecord | null;
}

/** The standby's positions. */
export interface Reply {
  readonly type: 'reply';
  readonly write: Lsn;
  readonly flush: Lsn;
  readonly apply: Lsn;
  /** The standby has long heard nothing and asks for a sign of life. */
  readonly replyRequested: boolean;
}

export const MAX_SEND_BYTES = 128 * 1024;
export const WAL_HEADER_BYTES = 25 + 60;
export const REPLY_BYTES = 34 + 60;
export const FEEDBACK_BYTES = 25 + 60;
