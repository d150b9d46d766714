/**
 * The pages of the system catalogs that changes of definitions write: pg_class, pg_attribute,
 * pg_index, pg_inherits, pg_constraint, pg_depend, pg_statistic and their indexes. What a command
 * writes of them is counted, not derived: PostgreSQL 15.18, pg_stat_wal before and after commands
 * on tables of 10 to 500 partitions with TOAST, none and two indexes, analysed, with a checkpoint
 * before; records by pg_waldump. Some pages are the same whatever the command, so that DROP after
 * DETACH needs fewer images; on half of them rows of neighbours lie together, as they were made one
 * after the other, so that the next partition needs another page now and then.
 *
 * Left out: buffers for these pages, their growth, and their vacuum; few partitions share more of
 * their pages (10 of them needed two thirds of the images of 50).
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
  /** Pages that other commands write too, and that this one alone does: always, for each index. */
  readonly shared: readonly [number, number];
  readonly own: readonly [number, number];
  /** Of an image of one of them, where it is not as in others. */
  readonly pageBytes?: number;
}

const SHARED = [5, 2.5] as const;
const WRITTEN: Readonly<Record<PartitionCommandKind, Written>> = {
  // 0 to 3 indexes: 52, 99, 129, 155 records; 19, 31, 34, 36 pages, of 4.7 kB in the mean
  create: {
    ...{ records: 52, perIndex: 28, perKey: 19, toast: 56, bytes: 95 },
    ...{ shared: SHARED, own: [14, -1.5], pageBytes: 4_700 },
  },
  attach: { records: 14, perIndex: 10, toast: 0, bytes: 100, shared: SHARED, own: [3, 1.5] },
  detach: { records: 11, perIndex: 6, toast: 2, bytes: 82, shared: SHARED, own: [2, 0.5] },
  'detach concurrently': {
    ...{ records: 26, perIndex: 5, toast: 4, bytes: 100, shared: SHARED },
    own: [8, 0.5],
  },
  drop: { records: 20, perIndex: 7, toast: 21, bytes: 79, shared: SHARED, own: [4, 2] },
};

/** In the mean, of a page without its hole. */
const PAGE_BYTES = 7_300;
/** Indexes beyond so many need no further pages. */
const MOST_INDEXES = 3;
/** Of every second page: neighbours whose rows lie together on it. */
const NEIGHBOURS = 6;
/** Places of pages that each kind of command has for itself, and how far apart places are. */
const OWN_PLACES = 32;
const STRIDE = 100_000;
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

  /** Logs what a command changes about a table; returns the images that it took. */
  log(wal: Wal, { kind, indexes, hasToast }: PartitionCommand, table: number): number {
    const { records, perIndex, perKey = 0, toast, bytes, pageBytes } = WRITTEN[kind];
    const ofIndexes = indexes.length > 0 ? perKey + perIndex * indexes.length : 0;
    const count = records + ofIndexes + (hasToast ? toast : 0);
    const pages = pagesOf(kind, indexes.length, table);
    const before = wal.images;
    for (let i = 0; i < count; i++) {
      const block = pages[i % pages.length]!;
      const record = recordOn(block, bytes - RECORD_FRAME, pageBytes);
      this.lsns.set(block, wal.insertRecord(record, this));
    }
    return wal.images - before;
  }
}

/** The pages on which a command finds the rows of a table. */
function pagesOf(kind: PartitionCommandKind, indexes: number, table: number): number[] {
  const { shared, own } = WRITTEN[kind];
  const count = ([always, each]: readonly [number, number]) =>
    Math.round(always + each * Math.min(MOST_INDEXES, indexes));
  const newPages = kind === 'create' && indexes > 0 ? NEW_INDEX_PAGES : 0;
  const first = OWN_PLACES * (1 + KINDS.indexOf(kind));
  const places = [
    ...Array.from({ length: count(shared) }, (_, i) => i),
    ...Array.from({ length: count(own) + newPages }, (_, i) => first + i),
  ];
  const group = 1 + Math.floor(table / NEIGHBOURS);
  return places.map((place) => place * STRIDE + (place % 2 === 0 ? 0 : group));
}

function recordOn(block: number, dataBytes: number, pageBytes = PAGE_BYTES): WalRecord {
  const page = { block, dataBytes, pageBytes, neverImaged: false };
  const blocks = [{ relation: CATALOG, fork: 'main', ...page } as const];
  return { kind: 'Heap/catalogs', mainBytes: 0, blocks };
}
