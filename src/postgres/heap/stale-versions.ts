/**
 * Index entries of versions that rows left behind on other pages. After an update that moved a row
 * every index has two entries for its key; a scan visits the old page first, may prune it, and once
 * nobody can see the old version any more marks the entry dead, so that no scan follows it again
 * (access/nbtree: kill_prior_tuple). While a snapshot holds the horizon the visits repeat, which is
 * what makes reads slow down under a long transaction.
 *
 * One list for each row that moved, 32 bytes an old version, in one pool of memory.
 */
const STRIDE = 4;

export class StaleVersions {
  /** Entries in use. */
  entries = 0;
  // An entry is its place in the memory, of which each field is a view.
  private blocks!: Float64Array;
  private xids!: Float64Array;
  private next!: Float64Array;
  private used = 0;
  private free = -1;

  constructor() {
    this.lay(new Float64Array(64 * STRIDE));
  }

  /** The version that transaction `xid` ended on this block; returns the list's new head. */
  add(head: number, block: number, xid: number): number {
    let at = this.free;
    if (at >= 0) this.free = this.next[at]!;
    else {
      if (this.used === this.blocks.length) this.grow();
      at = this.used;
      this.used += STRIDE;
    }
    this.blocks[at] = block;
    this.xids[at] = xid;
    this.next[at] = head;
    this.entries++;
    return at;
  }

  /** Drops the newest one, whose transaction aborted. */
  drop(head: number): number {
    const following = this.next[head]!;
    this.next[head] = this.free;
    this.free = head;
    this.entries--;
    return following;
  }

  /**
   * A scan of the key: the blocks it visits go to `visited`, those below `goneBelow` have lost
   * their entries to vacuum, those below the horizon are marked. Returns the new head.
   */
  scan(head: number, horizon: number, goneBelow: number, visited: number[]): number {
    let first = head;
    let before = -1;
    for (let at = head; at >= 0; ) {
      const following = this.next[at]!;
      const xid = this.xids[at]!;
      if (xid >= goneBelow) visited.push(this.blocks[at]!);
      if (xid < horizon || xid < goneBelow) {
        this.drop(at);
        if (before >= 0) this.next[before] = following;
        else first = following;
      } else before = at;
      at = following;
    }
    return first;
  }

  get bytes(): number {
    return this.blocks.byteLength;
  }

  private grow(): void {
    const former = this.blocks;
    this.lay(new Float64Array(2 * former.length));
    this.blocks.set(former);
  }

  private lay(memory: Float64Array): void {
    this.blocks = memory;
    this.xids = memory.subarray(1);
    this.next = memory.subarray(2);
  }
}
