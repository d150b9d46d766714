import type { Lsn } from '../lsn.ts';

/**
 * Up to where the changes of an index's pages are logged: by block, in pairs that lie together,
 * open addressing at a load of at most one half.
 */
export class PageLsns {
  size = 0;
  private pairs = new Float64Array(2 * FIRST_SLOTS);

  /** The LSN of a block, or the given one if it was not changed. */
  get(block: number, otherwise: Lsn): Lsn {
    const at = this.placeOf(block);
    return this.pairs[at] === 0 ? otherwise : this.pairs[at + 1]!;
  }

  set(block: number, lsn: Lsn): void {
    let at = this.placeOf(block);
    if (this.pairs[at] === 0) {
      if (4 * ++this.size > this.pairs.length) {
        this.grow();
        at = this.placeOf(block);
      }
      this.pairs[at] = block + 1;
    }
    this.pairs[at + 1] = lsn;
  }

  get bytes(): number {
    return this.pairs.byteLength;
  }

  private placeOf(block: number): number {
    const { pairs } = this;
    const last = pairs.length - 2;
    let at = ((Math.imul(block, 0x9e3779b1) >>> 7) << 1) & last;
    while (pairs[at] !== 0 && pairs[at] !== block + 1) at = (at + 2) & last;
    return at;
  }

  private grow(): void {
    const former = this.pairs;
    this.pairs = new Float64Array(2 * former.length);
    for (let from = 0; from < former.length; from += 2) {
      if (former[from] === 0) continue;
      const at = this.placeOf(former[from]! - 1);
      this.pairs[at] = former[from]!;
      this.pairs[at + 1] = former[from + 1]!;
    }
  }
}

const FIRST_SLOTS = 4;
