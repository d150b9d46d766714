/** What a statement does to one row that is its transaction's, as pages to read and WAL to log. */
import type { InsertTarget } from './heap/insert-page.ts';
import type { Table, TableChange, TableUpdate } from './heap/relation.ts';
import type { WalRecord } from './heap/wal-record.ts';
import type { Statement } from './statement.ts';
import { rowOf } from './statement-rows.ts';

const NO_INDEXES: readonly number[] = [];

/** How a backend's present statement changes its row; the same object for one after the other. */
export class ChangeTerms {
  private readonly how: { -readonly [Field in keyof TableUpdate]: TableUpdate[Field] } = {
    xid: 0,
    horizon: 0,
    changesIndexedColumn: false,
    changedBytes: 0,
    target: { block: -1 },
    through: 0,
    changedIndexes: [],
  };

  of(
    { relation, details }: Statement,
    target: InsertTarget,
    xid: number,
    horizon: number,
  ): TableUpdate {
    const { how } = this;
    how.target = target;
    how.xid = xid;
    how.horizon = horizon;
    how.changedBytes = details === null ? relation!.changedBytes : details.changedBytes;
    how.through = details?.access?.index ?? 0;
    how.changedIndexes = details?.changedIndexes ?? NO_INDEXES;
    how.changesIndexedColumn = how.changedIndexes.length > 0;
    return how;
  }
}

/** Whether it ends a version that is there: who waits for the row has to follow it then. */
export function makesNewVersion({ verb }: Statement, isThere: boolean): boolean {
  return verb === 'update' || verb === 'delete' || (verb === 'insert' && isThere);
}

/** Null if there is no such row. `isThere`: an INSERT meets a row with its key. */
export function changeOf(
  statement: Statement,
  table: Table,
  how: TableUpdate,
  isThere: boolean,
): TableChange | null {
  const { verb, key } = statement;
  switch (verb) {
    case 'insert':
      return isThere ? updateInstead(key - 1, table, how) : insert(statement, table, how);
    case 'update':
      return table.update(key - 1, how);
    case 'delete':
      return table.delete(key - 1, how);
    default:
      return table.lock(key - 1, how);
  }
}

/** MULTIXACT_CREATE_ID of pg_waldump 15.18: 54 bytes for two members, 8 for each more. */
const MULTIXACT_BYTES = 12;
const MEMBER_BYTES = 8;

/** Several have the row: its xmax becomes the number of all of them together (multixact.c). */
export function withMultixact<Work extends { readonly records: readonly WalRecord[] }>(
  work: Work,
  members: number,
): Work {
  const mainBytes = MULTIXACT_BYTES + members * MEMBER_BYTES;
  const record: WalRecord = { kind: 'MultiXact/CREATE_ID', mainBytes, blocks: [] };
  return { ...work, records: [record, ...work.records] };
}

/** With ON CONFLICT an insertion is speculative, and confirmed by a record of its own. */
function insert({ key, details }: Statement, table: Table, how: TableUpdate): TableChange {
  const { xid, horizon, target } = how;
  if (!details?.isKeyGiven) return table.insert(xid, horizon, target);
  const change = table.insert(xid, horizon, target, rowOf(key, table));
  if (details.onConflict === 'error') return change;
  return { ...change, records: [...change.records, table.confirmRecord(change.heap.newBlock)] };
}

/** ON CONFLICT DO UPDATE locks the row with a record of its own, then updates it. */
function updateInstead(row: number, table: Table, how: TableUpdate): TableChange | null {
  const locked = table.lock(row, how);
  const change = table.update(row, how);
  if (locked === null || change === null) return null;
  const reads = [...locked.reads, ...change.reads];
  return { heap: change.heap, reads, records: [...locked.records, ...change.records] };
}
