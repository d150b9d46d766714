/**
 * Which rows were changed by whom while transactions of REPEATABLE READ run. Postgres finds this in
 * the row's versions: an UPDATE follows the chain of them, and if the version that its snapshot
 * sees was ended by a transaction that the snapshot does not see, it is error 40001 (heapam.c,
 * nodeModifyTable.c: TM_Updated under IsolationUsesXactSnapshot). Rows here have no versions one by
 * one, so the last change of each is kept while somebody could ask for it.
 */
import type { RowId } from './locking/row-locks.ts';

const FIRST_SWEEP = 1024;

export class RecentUpdates {
  /** By row the transaction that committed the last change. Looked up; order does not matter. */
  private readonly last = new Map<RowId, number>();
  private sweepAt = FIRST_SWEEP;

  get size(): number {
    return this.last.size;
  }

  /** A transaction that changed the row has committed; changes before `horizon` are seen by all. */
  note(row: RowId, xid: number, horizon: number): void {
    this.last.set(row, xid);
    if (this.last.size < this.sweepAt) return;
    for (const [each, by] of this.last) if (by < horizon) this.last.delete(each);
    this.sweepAt = Math.max(FIRST_SWEEP, 2 * this.last.size);
  }

  /** Who committed the row's last change, as far as anybody could still miss it; 0: nobody. */
  lastOf(row: RowId): number {
    return this.last.get(row) ?? 0;
  }

  /** Nobody runs who could ask. */
  clear(): void {
    if (this.last.size > 0) this.last.clear();
    this.sweepAt = FIRST_SWEEP;
  }
}
