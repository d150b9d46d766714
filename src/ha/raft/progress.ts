/**
 * What a leader knows of one voter's log (tracker/progress.go in etcd-io/raft). Probing: one append
 * at a time until the logs are known to match; replicating: entries go out without waiting, up to
 * a number of unanswered appends.
 */
export class Progress {
  /** The last index known to be in the voter's log. */
  match = 0;
  /** The next index to send. */
  next: number;
  state: 'probe' | 'replicate' = 'probe';
  /** Heard of since the last check of the quorum. */
  recentActive = false;
  /** No more appends until an answer to one, or to a heartbeat, has come. */
  paused = false;
  private readonly maxInflight: number;
  private sentCommit = 0;
  private readonly inflight: number[] = []; // last index of each unanswered append

  constructor(next: number, maxInflight: number) {
    this.next = next;
    this.maxInflight = maxInflight;
  }

  get isFull(): boolean {
    return this.inflight.length >= this.maxInflight;
  }

  /** An append without entries may go out; entries go only if there is room for them. */
  get mayCarryEntries(): boolean {
    return this.state === 'probe' || !this.isFull;
  }

  becomeProbe(): void {
    this.reset('probe');
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.reset('replicate');
  }

  sent(entries: number, commit: number): void {
    if (this.state === 'probe') this.paused = this.paused || entries > 0;
    else {
      this.next += entries;
      if (entries > 0) this.inflight.push(this.next - 1);
      this.paused = this.isFull;
    }
    this.sentCommit = commit;
  }

  sentHeartbeat(commit: number): void {
    this.sentCommit = commit;
  }

  /** Whether telling it this commit index can move its own. */
  canBumpCommit(commit: number): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** It has everything up to this index; false if that is no news. */
  acknowledge(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.paused = false;
    return true;
  }

  free(index: number): void {
    while (this.inflight.length > 0 && this.inflight[0]! <= index) this.inflight.shift();
  }

  /** It refused an append behind this index; false if that answer is out of date. */
  refused(index: number, hint: number): boolean {
    if (this.state === 'replicate') {
      if (index <= this.match) return false;
      this.next = this.match + 1;
    } else {
      if (this.next - 1 !== index) return false;
      this.next = Math.max(Math.min(index, hint + 1), this.match + 1);
      this.paused = false;
    }
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    return true;
  }

  private reset(state: 'probe' | 'replicate'): void {
    this.state = state;
    this.paused = false;
    this.inflight.length = 0;
    this.next = this.match + 1;
  }
}
