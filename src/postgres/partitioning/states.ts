/**
 * Which tables are partitions and which are there at all, as far as commands have changed it. A
 * table that a script will create has its place among the others from the beginning, and is absent
 * until the transaction that creates it commits; only that transaction sees it before.
 */
import { type RowId, rowId } from '../locking/row-locks.ts';
import { Strays } from './strays.ts';

export class PartitionStates {
  /** Rows of default partitions, by their keys. */
  readonly strays = new Strays();
  private readonly attached = new Map<number, boolean>();
  private readonly dropped = new Set<number>();
  /** Tables that a transaction has created and not committed yet, by its id. */
  private readonly uncommitted = new Map<number, number>();
  /** Rows that an UPDATE of their key has taken to another partition. */
  private readonly moved = new Set<RowId>();

  /** Nothing has changed since the beginning. */
  get isAsInSchema(): boolean {
    return this.attached.size === 0 && this.uncommitted.size === 0;
  }

  /** `inSchema`: whether it was one at the beginning. `xid`: of who looks. */
  isAttached(table: number, inSchema: boolean, xid = 0): boolean {
    if (xid !== 0 && this.uncommitted.get(table) === xid) return true;
    return this.attached.get(table) ?? inSchema;
  }

  /** It is not there, for a transaction that has not created it. */
  isDropped(table: number, xid = 0): boolean {
    return this.dropped.has(table) && (xid === 0 || this.uncommitted.get(table) !== xid);
  }

  attach(table: number): void {
    this.attached.set(table, true);
  }

  detach(table: number): void {
    this.attached.set(table, false);
  }

  drop(table: number): void {
    this.attached.set(table, false);
    this.dropped.add(table);
    this.uncommitted.delete(table);
  }

  /** A transaction has created it, for itself; `create` is its commit, `drop` its abort. */
  begin(table: number, xid: number): void {
    this.uncommitted.set(table, xid);
  }

  /** It is there, and a partition. */
  create(table: number): void {
    this.uncommitted.delete(table);
    this.dropped.delete(table);
    this.attached.set(table, true);
  }

  /** An UPDATE has deleted a row to insert it elsewhere; what counts once it is gone. */
  move(table: number, row: number): void {
    this.moved.add(rowId(table, row));
  }

  /** Whether a row that is not there any more went to another partition. */
  hasMoved(table: number, row: number): boolean {
    return this.moved.size > 0 && this.moved.has(rowId(table, row));
  }
}
