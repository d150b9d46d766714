/**
 * What one transaction has changed, in order, until it ends: then its changes stay, or its versions
 * are dead and the old ones live. A ROLLBACK TO undoes the last of them.
 */
import type { Table, TableChange } from './heap/relation.ts';
import { rowId } from './locking/row-locks.ts';
import type { Server } from './server.ts';

const NOTHING = () => {};

export class TransactionChanges {
  private readonly changes: TableChange[] = [];
  private readonly tables: Table[] = [];
  /** What becomes of definitions with its commit. */
  private definitions: { readonly apply: () => void; readonly undo: () => void }[] = [];
  /** Processor time that is due behind the commit, when its locks are free already. */
  due = 0;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  /** How many there are: a mark to undo others back to. */
  get count(): number {
    return this.changes.length;
  }

  /** Whether it has changed definitions. */
  get hasDefined(): boolean {
    return this.definitions.length > 0;
  }

  /** The change of this number, and the relation of its table. */
  at(number: number): { readonly change: TableChange; readonly relation: number } {
    return {
      change: this.changes[number]!,
      relation: this.tables[number]!.definition.relation,
    };
  }

  add(change: TableChange, table: Table): void {
    this.changes.push(change);
    this.tables.push(table);
  }

  /** A change of definitions, which others see once it has committed. */
  define(apply: () => void, due = 0, undo: () => void = NOTHING): void {
    const committed = () => {
      apply();
      this.due += due;
    };
    this.definitions.push({ apply: committed, undo });
  }

  end(committed: boolean): void {
    if (!committed) this.undo(0);
    if (this.definitions.length > 0) {
      for (const { apply, undo } of this.definitions) committed ? apply() : undo();
      this.definitions = [];
    }
    if (this.changes.length === 0) return;
    const isWatched = this.isWatched();
    while (this.changes.length > 0) {
      const change = this.changes.pop()!;
      const table = this.tables.pop()!;
      if (isWatched) this.note(change, table);
      this.server.autovacuum.transactionEnded(table, change.heap, true);
    }
  }

  /** All beyond the first so many, the last one first. */
  undo(kept: number): void {
    while (this.changes.length > kept) {
      const change = this.changes.pop()!;
      const table = this.tables.pop()!;
      table.abort(change);
      this.server.autovacuum.transactionEnded(table, change.heap, false);
    }
  }

  /** Whether transactions run that must not change what others have changed meanwhile. */
  private isWatched(): boolean {
    const { procArray, recentUpdates } = this.server;
    if (procArray.array.transactionSnapshots > 0) return true;
    recentUpdates.clear();
    return false;
  }

  private note({ heap: { kind, row, xid } }: TableChange, table: Table): void {
    const { procArray, recentUpdates } = this.server;
    if (kind !== 'update' && kind !== 'delete') return;
    const id = rowId(table.definition.relation, row);
    recentUpdates.note(id, xid, procArray.array.oldestNonRemovableXid());
  }
}
