import type { Entry } from './messages.ts';

/**
 * A node's log: what it holds, how far it is committed, what was handed out to be made durable and
 * to be applied (log.go and log_unstable.go in etcd-io/raft). Never compacted here.
 */
export class RaftLog<Data> {
  committed: number;
  private readonly entries: Entry<Data>[];
  private nextToPersist: number;
  private nextToApply = 1;

  /** From what was durable; entries are applied anew from the first on. */
  constructor(entries: readonly Entry<Data>[], committed: number) {
    this.entries = [...entries];
    this.committed = committed;
    this.nextToPersist = entries.length + 1;
  }

  get lastIndex(): number {
    return this.entries.length;
  }

  get lastTerm(): number {
    return this.termAt(this.entries.length);
  }

  /** The term of the entry at an index; 0 before the first and beyond the last. */
  termAt(index: number): number {
    return this.entries[index - 1]?.term ?? 0;
  }

  matches(index: number, term: number): boolean {
    return index <= this.lastIndex && this.termAt(index) === term;
  }

  /** Whether a log that ends so is at least as up to date as this one (paper, 5.4.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  from(index: number): Entry<Data>[] {
    return this.entries.slice(index - 1);
  }

  /** Appends entries that continue the log. */
  append(term: number, data: readonly (Data | null)[]): void {
    for (const item of data) this.entries.push({ index: this.lastIndex + 1, term, data: item });
  }

  /**
   * Follows the leader's log behind an entry that both have: entries that conflict are replaced
   * with all after them, those already there are kept. Committed entries never conflict.
   */
  merge(entries: readonly Entry<Data>[]): void {
    const fresh = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    if (fresh < 0) return;
    const first = entries[fresh]!.index;
    if (first <= this.committed) throw new Error(`entry ${first} is committed and conflicts`);
    this.entries.length = first - 1;
    for (let i = fresh; i < entries.length; i++) this.entries.push(entries[i]!);
    if (first < this.nextToPersist) this.nextToPersist = first;
  }

  /** The largest index, not above the given one, whose term is at most the given one. */
  lastNotAfterTerm(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex);
    while (at > 0 && this.termAt(at) > term) at--;
    return at;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    if (index > this.lastIndex) throw new Error(`commit ${index} beyond the log`);
    this.committed = index;
  }

  hasUnpersisted(): boolean {
    return this.nextToPersist <= this.lastIndex;
  }

  hasUnapplied(): boolean {
    return this.nextToApply <= this.committed;
  }

  /** Entries to make durable; the first replaces what was at its index and after it. */
  takeUnpersisted(): Entry<Data>[] {
    const taken = this.from(this.nextToPersist);
    this.nextToPersist = this.lastIndex + 1;
    return taken;
  }

  takeCommitted(): Entry<Data>[] {
    const taken = this.entries.slice(this.nextToApply - 1, this.committed);
    this.nextToApply = this.committed + 1;
    return taken;
  }
}
