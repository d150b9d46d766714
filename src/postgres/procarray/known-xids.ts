/**
 * What a standby knows of its primary's transactions (procarray.c: KnownAssignedXids): every id up
 * to the newest that WAL has shown is taken to run until its commit or abort record is replayed, or
 * a record of running transactions says that it is over.
 *
 * Ids are given out in order, so what a snapshot asks for, the oldest that runs, only moves
 * forward. Ids of subtransactions count as ended when they are given out: their transaction's is
 * older. Left out: overflow, and how long walking through them takes.
 */
import type { Xid } from './ordered-xids.ts';

const FIRST_CAPACITY = 1024;

export class KnownXids {
  /** All before this one have ended, as far as WAL is replayed. */
  oldest: Xid;
  /** The newest that has ended. */
  private newest: Xid;
  private ended = new Uint8Array(FIRST_CAPACITY);

  constructor(oldest: Xid) {
    this.oldest = oldest;
    this.newest = oldest - 1;
  }

  /** Its commit or abort record is replayed. */
  end(xid: Xid): void {
    if (xid < this.oldest) return;
    while (xid - this.oldest >= this.ended.length) this.grow();
    this.ended[xid & (this.ended.length - 1)] = 1;
    if (xid > this.newest) this.newest = xid;
    if (xid === this.oldest) this.proceed();
  }

  /** xl_running_xacts: whatever is older has ended, with a record or without. */
  endBefore(xid: Xid): void {
    while (this.oldest < xid) this.forget();
    if (this.newest < this.oldest) this.newest = this.oldest - 1;
    this.proceed();
  }

  private proceed(): void {
    while (this.oldest <= this.newest && this.ended[this.oldest & (this.ended.length - 1)] === 1) {
      this.forget();
    }
  }

  private forget(): void {
    this.ended[this.oldest & (this.ended.length - 1)] = 0;
    this.oldest++;
  }

  private grow(): void {
    const before = this.ended;
    this.ended = new Uint8Array(2 * before.length);
    for (let xid = this.oldest; xid <= this.newest; xid++) {
      this.ended[xid & (this.ended.length - 1)] = before[xid & (before.length - 1)]!;
    }
  }
}
