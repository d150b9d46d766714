import type { NodeId } from './messages.ts';
import { committedIndex } from './quorum.ts';

/** A read that waits until a majority has confirmed that this node still led after it came. */
export interface PendingRead {
  readonly from: NodeId;
  readonly context: number;
}

interface NumberedRead extends PendingRead {
  /** The commit index when the read came. */
  readonly index: number;
}

/**
 * Reads by heartbeat round (read_only.go in etcd-io/raft; Ongaro's thesis, 6.4). Reads are numbered
 * in the order of coming; a heartbeat carries the number of the last one, and a voter that answers
 * it confirms all up to that one. Forgotten when the term ends.
 */
export class ReadQueue {
  private readonly waiting: NumberedRead[] = [];
  private confirmed = 0;
  private readonly acknowledged: number[];

  constructor(voters: number) {
    this.acknowledged = new Array<number>(voters).fill(0);
  }

  /** The number a heartbeat has to carry; 0 if no read waits. */
  get last(): number {
    return this.waiting.length === 0 ? 0 : this.confirmed + this.waiting.length;
  }

  add(read: PendingRead, commit: number): void {
    this.waiting.push({ ...read, index: commit });
  }

  /** A voter (by its place) confirmed all reads up to a number; returns those now confirmed. */
  acknowledge(voter: number, reads: number): NumberedRead[] {
    if (reads > this.acknowledged[voter]!) this.acknowledged[voter] = reads;
    const confirmed = committedIndex(this.acknowledged);
    if (confirmed <= this.confirmed) return [];
    const released = this.waiting.splice(0, confirmed - this.confirmed);
    this.confirmed = confirmed;
    return released;
  }
}
