/**
 * The pages of the system catalogs that changes of definitions write: pg_class, pg_attribute,
 * pg_index, pg_inherits, pg_constraint, pg_depend, pg_statistic and their indexes. What a command
 * writes of them is counted, not derived: PostgreSQL 15.18, by pg_waldump between two positions,
 * for tables with 0 to 3 indexes, with TOAST and without, analysed, with a checkpoint before and
 * without. Between checkpoints the same pages are changed again and need no other image.
 *
 * Left out: buffers for these pages, their growth, and their vacuum.
 */
import type { RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import type { Lsn } from '../lsn.ts';
import type { Wal } from '../wal/wal.ts';
import type { PartitionCommand, PartitionCommandKind } from './command.ts';

/** WAL records of a command: always, for each index, and for the TOAST table with its index. */
interface Written {
  readonly records: number;
  readonly perIndex: number;
  readonly toast: number;
  /** Mean size of a record without images. */
  readonly bytes: number;
  /** Pages that it changes: so many, and one more for each index up to three. */
  readonly pages: number;
}

const WRITTEN: Readonly<Record<PartitionCommandKind, Written>> = {
  attach: { records: 14, perIndex: 10, toast: 0, bytes: 100, pages: 8 },
  detach: { records: 11, perIndex: 6, toast: 2, bytes: 82, pages: 6 },
  'detach concurrently': { records: 26, perIndex: 5, toast: 4, bytes: 100, pages: 11 },
  drop: { records: 20, perIndex: 7, toast: 21, bytes: 79, pages: 6 },
};

/** In the mean, of a page without its hole. */
const PAGE_BYTES = 6_300;
/** Pages of the catalogs that each kind of command has for itself. */
const STRIDE = 32;
const KINDS: readonly PartitionCommandKind[] = ['attach', 'detach', 'detach concurrently', 'drop'];
const RECORD_FRAME = 24 + 8 + 12; // header, block header, relation
const CATALOG = 0;

export class CatalogPages {
  private readonly lsns = new Map<number, Lsn>();

  lsnOf({ block }: RegisteredBlock): Lsn {
    return this.lsns.get(block) ?? 0;
  }

  /** Logs what a command changes; returns the images that it took. */
  log(wal: Wal, { kind, indexes, hasToast }: PartitionCommand): number {
    const { records, perIndex, toast, bytes, pages } = WRITTEN[kind];
    const count = records + perIndex * indexes.length + (hasToast ? toast : 0);
    const pageCount = pages + Math.min(3, indexes.length);
    const first = KINDS.indexOf(kind) * STRIDE;
    const before = wal.images;
    for (let i = 0; i < count; i++) {
      const block = first + (i % pageCount);
      this.lsns.set(block, wal.insertRecord(recordOn(block, bytes - RECORD_FRAME), this));
    }
    return wal.images - before;
  }
}

function recordOn(block: number, dataBytes: number): WalRecord {
  const page = { block, dataBytes, pageBytes: PAGE_BYTES, neverImaged: false };
  const blocks = [{ relation: CATALOG, fork: 'main', ...page } as const];
  return { kind: 'Heap/catalogs', mainBytes: 0, blocks };
}
