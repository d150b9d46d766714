/**
 * Which versions on a page are dead, and since when: for every page a short list of (transaction
 * that ended them, what they leave behind, how many). Lists of all pages share one pool of
 * memory, 32 bytes an entry; a transaction that ends many versions on one page is one entry.
 *
 * The transaction matters because pruning removes a version only when everybody's snapshot is newer
 * (mechanisms 6.1). What a version leaves depends on its place in the chain of versions of its row.
 */

/** The first version of its chain on this page, to which index entries point. */
export const ROOT = 0;
/** A later version, reached over the chain only. */
export const HEAP_ONLY = 1;
/** Flag: nothing follows on this page (the row was deleted, moved away, or never existed). */
export const CHAIN_END = 2;

/** In an index there is one kind. */
export const LEAF_ENTRY = 0;

/** Numbers in an entry. */
const STRIDE = 4;

export class DeadVersions {
  /** Entries in use. */
  entries = 0;
  /** What `removeBelow` has removed last: how many of each kind, and the newest transaction. */
  readonly removed = [0, 0, 0, 0];
  newestRemovedXid = 0;
  // An entry is its place in the memory, of which each field is a view.
  private xids!: Float64Array;
  private kinds!: Float64Array;
  private counts!: Float64Array;
  private next!: Float64Array;
  private used = 0;
  private free = -1;

  constructor() {
    this.lay(new Float64Array(64 * STRIDE));
  }

  /** Adds versions to the list that begins at `head`; returns the new head. */
  add(head: number, xid: number, kind: number, count = 1): number {
    for (let at = head; at >= 0 && this.xids[at] === xid; at = this.next[at]!) {
      if (this.kinds[at] !== kind) continue;
      this.counts[at] = this.counts[at]! + count;
      return head;
    }
    const at = this.take();
    this.xids[at] = xid;
    this.kinds[at] = kind;
    this.counts[at] = count;
    this.next[at] = head;
    return at;
  }

  /** Takes one version of that transaction and kind off the list: it lives again. */
  withdraw(head: number, xid: number, kind: number): number {
    let before = -1;
    for (let at = head; at >= 0; at = this.next[at]!) {
      if (this.xids[at] === xid && this.kinds[at] === kind) {
        this.counts[at] = this.counts[at]! - 1;
        return this.counts[at] === 0 ? this.unlink(head, before, at) : head;
      }
      before = at;
    }
    throw new Error(`no dead version of transaction ${xid} on this page`);
  }

  /**
   * Removes what ended before the horizon, at most `limit` versions of it; returns the new head.
   * `removed` and `newestRemovedXid` tell what it was.
   */
  removeBelow(head: number, horizon: number, limit = Number.POSITIVE_INFINITY): number {
    const { next, xids, kinds, counts, removed } = this;
    let before = -1;
    let first = head;
    let left = limit;
    removed.fill(0);
    this.newestRemovedXid = 0;
    for (let at = head; at >= 0 && left > 0; ) {
      const following = next[at]!;
      const count = Math.min(counts[at]!, left);
      if (xids[at]! < horizon) {
        removed[kinds[at]!]! += count;
        if (xids[at]! > this.newestRemovedXid) this.newestRemovedXid = xids[at]!;
        left -= count;
        counts[at] = counts[at]! - count;
        if (counts[at] === 0) first = this.unlink(first, before, at);
        else before = at;
      } else before = at;
      at = following;
    }
    return first;
  }

  /** How many versions of the list ended before the horizon. */
  countBelow(head: number, horizon: number): number {
    let sum = 0;
    for (let at = head; at >= 0; at = this.next[at]!) {
      if (this.xids[at]! < horizon) sum += this.counts[at]!;
    }
    return sum;
  }

  /** The oldest transaction of the list; 0 if it is empty. */
  oldest(head: number): number {
    let xid = Number.POSITIVE_INFINITY;
    for (let at = head; at >= 0; at = this.next[at]!) xid = Math.min(xid, this.xids[at]!);
    return xid === Number.POSITIVE_INFINITY ? 0 : xid;
  }

  /** Moves half of each entry to a new list, smaller halves first; returns [kept, moved]. */
  split(head: number): [number, number] {
    let kept = head;
    let moved = -1;
    let before = -1;
    let odd = false;
    for (let at = head; at >= 0; ) {
      const following = this.next[at]!;
      const count = this.counts[at]!;
      const share = odd ? Math.ceil(count / 2) : Math.floor(count / 2);
      if (count % 2 === 1) odd = !odd;
      if (share > 0) moved = this.add(moved, this.xids[at]!, this.kinds[at]!, share);
      this.counts[at] = count - share;
      if (this.counts[at] === 0) kept = this.unlink(kept, before, at);
      else before = at;
      at = following;
    }
    return [kept, moved];
  }

  /** Memory of the pool in bytes. */
  get bytes(): number {
    return this.xids.byteLength;
  }

  private unlink(head: number, before: number, at: number): number {
    const following = this.next[at]!;
    if (before >= 0) this.next[before] = following;
    this.next[at] = this.free;
    this.free = at;
    this.entries--;
    return before >= 0 ? head : following;
  }

  private take(): number {
    this.entries++;
    const recycled = this.free;
    if (recycled >= 0) {
      this.free = this.next[recycled]!;
      return recycled;
    }
    if (this.used === this.xids.length) {
      const former = this.xids;
      this.lay(new Float64Array(former.length + STRIDE * Math.ceil(former.length / STRIDE / 2)));
      this.xids.set(former);
    }
    const at = this.used;
    this.used += STRIDE;
    return at;
  }

  private lay(memory: Float64Array): void {
    this.xids = memory;
    this.kinds = memory.subarray(1);
    this.counts = memory.subarray(2);
    this.next = memory.subarray(3);
  }
}
