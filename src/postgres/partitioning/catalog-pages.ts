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
  /** The first index, a primary key, beyond that. */
  readonly perKey?: number;
  readonly toast: number;
  /** Mean size of a record without images. */
  readonly bytes: number;
  /** Pages that it changes: so many, and one more for each index up to three. */
  readonly pages: number;
  /** Of an image of one of them, where it is not as in others. */
  readonly pageBytes?: number;
}

const WRITTEN: Readonly<Record<PartitionCommandKind, Written>> = {
  // 0 to 3 indexes: 52, 99, 129, 155 records; 19, 31, 34, 36 pages, of 4.7 kB in the mean
  create: {
    records: 52,
    perIndex: 28,
    perKey: 19,
    toast: 56,
    bytes: 95,
    pages: 19,
    pageBytes: 4_700,
  },
  attach: { records: 14, perIndex: 10, toast: 0, bytes: 100, pages: 8 },
  detach: { records: 11, perIndex: 6, toast: 2, bytes: 82, pages: 6 },
  'detach concurrently': { records: 26, perIndex: 5, toast: 4, bytes: 100, pages: 11 },
  drop: { records: 20, perIndex: 7, toast: 21, bytes: 79, pages: 6 },
};

/** In the mean, of a page without its hole. */
const PAGE_BYTES = 6_300;
/** Pages of the catalogs that each kind of command has for itself. */
const STRIDE = 64;
const KINDS = Object.keys(WRITTEN) as PartitionCommandKind[];
const RECORD_FRAME = 24 + 8 + 12; // header, block header, relation
const CATALOG = 0;
/** Of pg_index and pg_constraint, which a table without an index leaves alone. */
const NEW_INDEX_PAGES = 12;

export class CatalogPages {
  private readonly lsns = new Map<number, Lsn>();

  lsnOf({ block }: RegisteredBlock): Lsn {
    return this.lsns.get(block) ?? 0;
  }

  /** Logs what a command changes; returns the images that it took. */
  log(wal: Wal, { kind, indexes, hasToast }: PartitionCommand): number {
    const { records, perIndex, perKey = 0, toast, bytes, pages, pageBytes } = WRITTEN[kind];
    const ofIndexes = indexes.length > 0 ? perKey + perIndex * indexes.length : 0;
    const count = records + ofIndexes + (hasToast ? toast : 0);
    const isNew = kind === 'create' && indexes.length > 0;
    const pageCount = pages + Math.min(3, indexes.length) + (isNew ? NEW_INDEX_PAGES : 0);
    const first = KINDS.indexOf(kind) * STRIDE;
    const before = wal.images;
    for (let i = 0; i < count; i++) {
      const block = first + (i % pageCount);
      this.lsns.set(
        block,
        wal.insertRecord(recordOn(block, bytes - RECORD_FRAME, pageBytes), this),
      );
    }
    return wal.images - before;
  }
}

function recordOn(block: number, dataBytes: number, pageBytes = PAGE_BYTES): WalRecord {
  const page = { block, dataBytes, pageBytes, neverImaged: false };
  const blocks = [{ relation: CATALOG, fork: 'main', ...page } as const];
  return { kind: 'Heap/catalogs', mainBytes: 0, blocks };
}
