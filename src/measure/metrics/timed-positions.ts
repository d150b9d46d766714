import type { Nanoseconds } from '../../kernel/time.ts';
import type { Lsn } from '../../postgres/lsn.ts';

/** Positions of WAL with their instants, oldest first: a primary's flushes, or its commits. */
export class TimedPositions {
  private lsn: Float64Array = new Float64Array(1024);
  private at: Float64Array = new Float64Array(1024);
  /** The numbers of the oldest kept and of the next one; a place is its number modulo the size. */
  private first = 0;
  end = 0;
  /** The position before the oldest kept. */
  private firstLsn: Lsn = 0;

  push(lsn: Lsn, at: Nanoseconds): void {
    if (this.end - this.first === this.lsn.length) this.grow();
    const place = this.end++ & (this.lsn.length - 1);
    this.lsn[place] = lsn;
    this.at[place] = at;
  }

  lsnOf(number: number): Lsn {
    return this.lsn[number & (this.lsn.length - 1)]!;
  }

  atOf(number: number): Nanoseconds {
    return this.at[number & (this.at.length - 1)]!;
  }

  /** The position after so many. */
  lastLsn(count: number): Lsn {
    return count > this.first ? this.lsnOf(count - 1) : this.firstLsn;
  }

  get newestLsn(): Lsn {
    return this.lastLsn(this.end);
  }

  /** Another history begins at this position. */
  begin(lsn: Lsn): void {
    this.first = this.end;
    this.firstLsn = lsn;
  }

  /** History went another way from this position on. */
  dropBeyond(lsn: Lsn): void {
    while (this.end > this.first && this.lsnOf(this.end - 1) > lsn) this.end--;
  }

  forgetBefore(number: number): void {
    if (number > this.first) this.firstLsn = this.lsnOf(number - 1);
    this.first = number;
  }

  private grow(): void {
    const { lsn, at } = this;
    this.lsn = new Float64Array(2 * lsn.length);
    this.at = new Float64Array(2 * at.length);
    for (let n = this.first; n < this.end; n++) {
      this.lsn[n & (this.lsn.length - 1)] = lsn[n & (lsn.length - 1)]!;
      this.at[n & (this.at.length - 1)] = at[n & (at.length - 1)]!;
    }
  }
}
