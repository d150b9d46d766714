/**
 * The files in pg_wal: one for each segment of 16 MiB from the oldest that something still needs to
 * the last that is ready to be written. A checkpoint renames old ones for use ahead (recycling) or
 * removes them; where WAL grows beyond the last one, whoever writes there has to make a new file
 * and fill it with zeros (xlog.c:XLogFileInit), while all commits wait.
 *
 * Kept: the files as a range of numbers, the room that they take on the disk, recycling ahead by
 * the estimated distance between checkpoints, what keeps old ones, one more made ready by a
 * checkpoint late in a segment (PreallocXlogFiles). Left out: timeline history files, the copies
 * that a promotion makes of the segment in which timelines fork, and pg_wal on a volume of its own.
 */
import type { Disk } from '../../hardware/disk.ts';
import { type Lsn, WAL_SEGMENT_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';
import {
  checkpointSegments,
  firstKept,
  nextDistanceEstimate,
  recycleUpTo,
  segmentOf,
} from './retention.ts';

/** What else old segments are needed for, beside redo. */
export interface SegmentNeeds {
  /** The least restart_lsn of all replication slots; 0 if there is none. */
  readonly slotsLsn: Lsn;
  /** The last segment that is in the archive, or need not be. */
  readonly archivedSegment: number;
}

/** What a checkpoint did to the files. */
export interface SegmentChanges {
  /** Files renamed or removed, each followed by an fsync (fd.c: durable_rename, durable_unlink). */
  readonly retired: number;
  /** Zeros written to a file that was made ready. */
  readonly filled: number;
}

/** A checkpoint makes the next segment ready if it comes this late in one. */
const PREALLOCATE_FROM = 0.75 * WAL_SEGMENT_BYTES;

export class WalSegments {
  /** The oldest file, and the newest; the newest may be one not written to yet. */
  first: number;
  last: number;
  /** Files made anew, renamed for use ahead, and removed. */
  created = 0;
  recycled = 0;
  removed = 0;
  private estimateBytes: number;
  private readonly settings: PostgresSettings;
  private readonly disk: Disk;

  /**
   * Begins as a server that has been under load for long: max_wal_size is there already, and was
   * what the last checkpoints were taken for. On a full disk there is what fits.
   */
  constructor(settings: PostgresSettings, disk: Disk, at: Lsn) {
    this.settings = settings;
    this.disk = disk;
    this.estimateBytes = checkpointSegments(settings) * WAL_SEGMENT_BYTES;
    this.first = this.last = segmentOf(at);
    disk.allocate(WAL_SEGMENT_BYTES);
    const ahead = recycleUpTo(at, this.estimateBytes, settings);
    while (settings.wal_recycle && this.last < ahead && disk.allocate(WAL_SEGMENT_BYTES))
      this.last++;
  }

  /** What pg_wal takes on the disk. */
  get bytes(): number {
    return (this.last - this.first + 1) * WAL_SEGMENT_BYTES;
  }

  /** One more file after the last one; false if there is no room on the disk (ENOSPC). */
  create(): boolean {
    if (!this.disk.allocate(WAL_SEGMENT_BYTES)) return false;
    this.last++;
    this.created++;
    return true;
  }

  /**
   * The end of a checkpoint (a restartpoint on a standby): xlog.c:RemoveOldXlogFiles.
   *
   * @param priorRedo the redo pointer of the checkpoint before.
   * @param end the end of the WAL.
   */
  checkpointed(priorRedo: Lsn, redo: Lsn, end: Lsn, needs: SegmentNeeds): SegmentChanges {
    this.estimateBytes = nextDistanceEstimate(this.estimateBytes, redo - priorRedo);
    const ahead = recycleUpTo(redo, this.estimateBytes, this.settings);
    const kept = firstKept(redo, end, needs.slotsLsn, this.settings);
    const stop = Math.min(kept, needs.archivedSegment + 1);
    const retired = Math.max(0, stop - this.first);
    for (; this.first < stop; this.first++) this.retire(ahead);
    const isLate = end % WAL_SEGMENT_BYTES >= PREALLOCATE_FROM;
    return { retired, filled: isLate ? this.preallocate(segmentOf(end) + 1) : 0 };
  }

  /** The data directory is a copy of another's: there is one file, in which this position lies. */
  replace(lsn: Lsn): void {
    this.disk.release(this.bytes);
    this.first = this.last = segmentOf(lsn);
    this.disk.allocate(WAL_SEGMENT_BYTES);
  }

  /** RemoveXlogFile: the oldest file becomes the newest, or is unlinked. */
  private retire(ahead: number): void {
    if (this.settings.wal_recycle && this.last < ahead) {
      this.last++;
      this.recycled++;
    } else {
      this.disk.release(WAL_SEGMENT_BYTES);
      this.removed++;
    }
  }

  /** How many bytes have to be written for it. */
  private preallocate(segment: number): number {
    if (segment <= this.last || !this.create()) return 0;
    return this.settings.wal_init_zero ? WAL_SEGMENT_BYTES : 0;
  }
}
