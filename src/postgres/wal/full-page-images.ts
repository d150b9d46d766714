/**
 * Full-page images: after each checkpoint's redo point the first record that changes a page
 * contains the page as a whole, so that a page torn by a crash can be replaced
 * (xloginsert.c:XLogRecordAssemble).
 *
 * Kept: who gets one (the page's LSN is not beyond the redo pointer, full_page_writes is on, the
 * record does not make the page anew), the hole that is left out, wal_compression's four words with
 * a ratio and a price measured on pages of pgbench, and that wal_level = logical keeps a block's
 * data beside its image where decoding needs it. Left out: images that hint bits need under
 * checksums (whoever sets hint bits asks for them), images forced by a running base backup, and
 * pages of contents so different that one ratio does not do for all: it is a parameter.
 */
import type { RegisteredBlock, WalRecord } from '../heap/wal-record.ts';
import type { Lsn } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import type { Compression } from './compression.ts';

/** Who knows the position up to which a page's changes are logged: its tables and indexes. */
export interface PageLsns {
  lsnOf(block: RegisteredBlock): Lsn;
}

/** Sizes of a record's parts (access/xlogrecord.h). */
const HEADER = 24;
const BLOCK_HEADER = 4 + 4; // id, flags and length of data; block number
const RELATION = 12;
const IMAGE_HEADER = 5;
const COMPRESSED_HOLE = 2;
const SHORT_MAIN_HEADER = 2;
const LONG_MAIN_HEADER = 5;
const PAGE_BYTES = 8192;

/**
 * Records whose blocks keep their data beside an image at wal_level = logical, for decoding reads
 * only that (heapam.c: REGBUF_KEEP_DATA where RelationIsLogicallyLogged).
 */
const DECODED = new Set([
  'Heap/INSERT',
  'Heap/INSERT+INIT',
  'Heap/UPDATE',
  'Heap/UPDATE+INIT',
  'Heap/HOT_UPDATE',
  'Heap2/MULTI_INSERT',
  'Heap2/MULTI_INSERT+INIT',
]);

/** Sizes records; the result of the last one stands in its fields, so that nothing is allocated. */
export class RecordAssembler {
  /** Images in the last record, and the bytes that they are. */
  images = 0;
  imageBytes = 0;
  /** Which of its blocks have one: a bit for each. */
  imaged = 0;
  /** Processor time that compressing them took. */
  compressionTime = 0;
  private readonly fullPageWrites: boolean;
  private readonly logical: boolean;
  private readonly compression: Compression | null;

  constructor(settings: PostgresSettings, compression: Compression | null) {
    this.fullPageWrites = settings.full_page_writes;
    this.logical = settings.wal_level === 'logical';
    this.compression = compression;
  }

  /** Bytes of a record, its images included, without the alignment to 8. */
  assemble(record: WalRecord, pages: PageLsns, redoLsn: Lsn): number {
    const { blocks, mainBytes } = record;
    this.images = this.imageBytes = this.imaged = this.compressionTime = 0;
    let bytes = HEADER;
    let relation = -1;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]!;
      bytes += BLOCK_HEADER;
      if (block.relation !== relation) bytes += RELATION;
      relation = block.relation;
      if (!this.fullPageWrites || block.neverImaged || pages.lsnOf(block) > redoLsn) {
        bytes += block.dataBytes;
      } else {
        bytes += this.image(block.pageBytes, record.kind);
        this.imaged |= 1 << i;
        if (this.logical && DECODED.has(record.kind)) bytes += block.dataBytes;
      }
    }
    if (mainBytes === 0) return bytes;
    return bytes + mainBytes + (mainBytes > 255 ? LONG_MAIN_HEADER : SHORT_MAIN_HEADER);
  }

  /** One image with its header; compressed if that makes it smaller (XLogCompressBackupBlock). */
  private image(pageBytes: number, kind: string): number {
    let header = IMAGE_HEADER;
    let bytes = pageBytes;
    if (this.compression !== null) {
      const extra = pageBytes < PAGE_BYTES ? COMPRESSED_HOLE : 0;
      const compressed = Math.ceil(pageBytes * this.ratioOf(kind));
      this.compressionTime += pageBytes * this.compression.nanosecondsPerByte;
      if (compressed + extra < pageBytes) {
        header += extra;
        bytes = compressed;
      }
    }
    this.images++;
    this.imageBytes += bytes;
    return header + bytes;
  }

  private ratioOf(kind: string): number {
    const { heapRatio, indexRatio } = this.compression!;
    return kind.startsWith('Heap') ? heapRatio : indexRatio;
  }
}
