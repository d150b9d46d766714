/**
 * The files of one server's tables on its disk: they take room as they are extended, one page at a
 * time (md.c:mdextend), and give it back when vacuum cuts off a table's end. A page for which there
 * is no room is error 53100 of the statement that wanted it; pages that are there can be changed.
 *
 * Left out: forks other than the main one, extension by several pages at once; a split for which an
 * index has no page fails with its statement, but later ones find its leaf split. A standby's files
 * grow when it has been promoted.
 */
import type { Disk } from '../../hardware/disk.ts';
import { PAGE_BYTES } from '../buffers/page.ts';
import { placementOf } from '../heap/hot.ts';
import { findPage } from '../heap/insert-page.ts';
import { align, wantedFreeBytes } from '../heap/page-layout.ts';
import type { Table } from '../heap/relation.ts';
import type { WalRecord } from '../heap/wal-record.ts';

export class TableFiles {
  private readonly disk: Disk;
  private readonly tables: readonly Table[];
  /** Pages of each table with its indexes: on the disk, and when it was last looked at. */
  private readonly allocated: number[];
  private readonly seen: number[];

  /** What the tables have at the beginning has its room on the disk already. */
  constructor(disk: Disk, tables: readonly Table[]) {
    this.disk = disk;
    this.tables = tables;
    this.allocated = tables.map(({ pages }) => pages);
    this.seen = [...this.allocated];
  }

  /** No file can grow. */
  get areStuck(): boolean {
    return !this.disk.hasRoom(PAGE_BYTES);
  }

  /** A table has changed. False: by a page for which there is no room. */
  follow(index: number): boolean {
    const { pages } = this.tables[index]!;
    const more = pages - this.allocated[index]!;
    if (more === 0) return true;
    const grew = pages > this.seen[index]!;
    this.seen[index] = pages;
    if (more < 0) this.disk.release(-more * PAGE_BYTES);
    else if (!this.disk.allocate(more * PAGE_BYTES)) return !grew;
    this.allocated[index] = pages;
    return true;
  }
}

interface Change {
  readonly verb: string;
  readonly row: number;
  /** Where the backend inserted last; -1: nowhere yet. */
  readonly block: number;
  readonly horizon: number;
}

/**
 * Whether an insert, or an update of a row, finds no page with room. The page of the row is pruned
 * before, if that is worth while.
 */
export function needsNewPage(
  log: { log(table: Table, records: readonly WalRecord[]): void },
  table: Table,
  change: Change,
): boolean {
  const { heap } = table;
  const { tupleBytes, fillfactor } = heap.definition;
  if (change.verb !== 'insert' && change.verb !== 'update') return false;
  if (change.verb === 'update') {
    const block = heap.rows.blockOf(change.row);
    if (block < 0) return false;
    const { record } = heap.fetch(block, change.horizon);
    if (record !== null) log.log(table, [record]);
    const placement = placementOf(align(tupleBytes), heap.freeBytesOf(block), false);
    if (placement !== 'other page') return false;
  }
  const wanted = wantedFreeBytes(tupleBytes, fillfactor);
  return findPage(heap, heap.freeSpace, { block: change.block }, wanted).extends;
}
