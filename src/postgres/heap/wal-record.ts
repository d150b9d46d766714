/**
 * A WAL record before it is inserted: which blocks it registers, and how large it will be.
 *
 * Size (access/xlogrecord.h): a header of 24, for each block 4, its relation of 12 unless it is the
 * one of the block before, its number of 4; then the main data with its header of 2 (5 above 255
 * bytes), and the blocks' own data. A block that gets a full-page image has 5 bytes more of header
 * and the page without its hole instead of its data. Compression of images is left out.
 */

import type { Lsn } from '../lsn.ts';

export type Fork = 'main' | 'visibility map';

export interface RegisteredBlock {
  readonly relation: number;
  readonly fork: Fork;
  readonly block: number;
  /** What the record says about this block, if no image of it is taken. */
  readonly dataBytes: number;
  /** The page after the change, without its hole: what an image of it has. */
  readonly pageBytes: number;
  /** The record makes the page anew, or forbids an image: it never gets one. */
  readonly neverImaged: boolean;
}

export interface WalRecord {
  /** As pg_waldump names it: resource manager and operation. */
  readonly kind: string;
  readonly mainBytes: number;
  readonly blocks: readonly RegisteredBlock[];
  /** It removes row versions that snapshots with an xmin up to this id may see; none: 0. */
  readonly snapshotConflictHorizon?: number;
  /** Whoever replays it waits until nobody has a pin on its page. */
  readonly needsCleanupLock?: boolean;
}

const HEADER = 24;
const BLOCK_HEADER = 4;
const RELATION = 12;
const BLOCK_NUMBER = 4;
const IMAGE_HEADER = 5;

/** Bytes of a record, without the alignment to 8; `hasImage` tells which blocks get an image. */
export function recordBytes(
  record: WalRecord,
  hasImage: (block: RegisteredBlock) => boolean = () => false,
): number {
  let bytes = HEADER;
  let relation = -1;
  for (const block of record.blocks) {
    bytes += BLOCK_HEADER + BLOCK_NUMBER;
    if (block.relation !== relation) bytes += RELATION;
    relation = block.relation;
    if (!block.neverImaged && hasImage(block)) bytes += IMAGE_HEADER + block.pageBytes;
    else bytes += block.dataBytes;
  }
  if (record.mainBytes === 0) return bytes;
  return bytes + (record.mainBytes > 255 ? 5 : 2) + record.mainBytes;
}

/**
 * Whether a page's first change since the redo point is this one, so that its image is logged
 * (xloginsert.c:XLogRecordAssemble): its LSN is not beyond the redo point.
 */
export function needsImage(pageLsn: Lsn, redo: Lsn, fullPageWrites: boolean): boolean {
  return fullPageWrites && pageLsn <= redo;
}
