/**
 * Snapshots, and who has ended when.
 *
 * A snapshot of Postgres copies the ids of all running transactions (procarray.c: GetSnapshotData).
 * What it tells apart can be told by one number instead: how many transactions with an id had ended
 * when it was taken. A row's author is visible if he committed and was among them. Copying nothing,
 * a snapshot costs the same with ten running writers and with ten thousand, and the answers are the
 * same (a test holds them against copied sets).
 */
import { FIRST_XID, type Xid } from './ordered-xids.ts';

export class Snapshot {
  /** All older ones have ended for everybody who looks. */
  xmin: Xid = FIRST_XID;
  /** This one and all later ones are in the future. */
  xmax: Xid = FIRST_XID;
  /** `xactCompletionCount` when it was taken; -1: never. */
  completions = -1;
}

const FIRST_CAPACITY = 1024;

/** When each transaction ended, for all that some snapshot could still see as running. */
export class Completions {
  /** Those that rolled back, or were running when the server crashed. Asked, never iterated. */
  private readonly aborted = new Set<Xid>();
  private number = new Uint32Array(FIRST_CAPACITY);
  /** The oldest whose number is kept; all before it have ended. */
  private from: Xid = FIRST_XID;

  /** Room for a new id; `oldest`: what everybody can see as running is not older than this. */
  begin(xid: Xid, oldest: Xid): void {
    if (xid - this.from >= this.number.length) this.makeRoom(xid, oldest);
    this.number[xid & (this.number.length - 1)] = 0;
  }

  /** It was the n-th to end. */
  end(xid: Xid, committed: boolean, n: number): void {
    this.number[xid & (this.number.length - 1)] = n;
    if (!committed) this.aborted.add(xid);
  }

  /** Whether the rows written by `xid`, not the snapshot's own, are visible in the snapshot. */
  isVisible(xid: Xid, snapshot: Snapshot): boolean {
    if (xid >= snapshot.xmax || this.aborted.has(xid)) return false;
    if (xid < snapshot.xmin || xid < this.from) return true;
    const n = this.number[xid & (this.number.length - 1)]!;
    return n > 0 && n <= snapshot.completions;
  }

  private makeRoom(xid: Xid, oldest: Xid): void {
    if (oldest - this.from >= this.number.length / 2) {
      this.from = oldest;
      return;
    }
    const before = this.number;
    this.number = new Uint32Array(2 * before.length);
    for (let x = this.from; x < xid; x++) {
      this.number[x & (this.number.length - 1)] = before[x & (before.length - 1)]!;
    }
  }
}
