/**
 * How much WAL there may be: after which segment a checkpoint is due, which old segments a
 * checkpoint leaves, and up to where it renames the others for use ahead. Pure functions, in
 * numbers of segments; a segment of number n holds the positions from n times its size on.
 */
import { type Lsn, WAL_SEGMENT_BYTES } from '../lsn.ts';
import type { PostgresSettings } from '../settings.ts';

export function segmentOf(lsn: Lsn): number {
  return Math.floor(lsn / WAL_SEGMENT_BYTES);
}

/** xlog.c:ConvertToXSegs: whole segments that fit. */
function wholeSegments(bytes: number): number {
  return Math.floor(bytes / WAL_SEGMENT_BYTES);
}

/**
 * xlog.c:CalculateCheckpointSegments. A checkpoint begins when this many segments are finished
 * since the redo pointer's, so that WAL since the one before it stays below max_wal_size.
 */
export function checkpointSegments(
  settings: Pick<PostgresSettings, 'max_wal_size' | 'checkpoint_completion_target'>,
): number {
  const { max_wal_size, checkpoint_completion_target } = settings;
  const share = wholeSegments(max_wal_size) / (1 + checkpoint_completion_target);
  return Math.max(1, Math.floor(share));
}

/** xlog.c:UpdateCheckPointDistanceEstimate: up at once, down by a tenth of the difference. */
export function nextDistanceEstimate(estimateBytes: number, distanceBytes: number): number {
  if (estimateBytes < distanceBytes) return distanceBytes;
  return 0.9 * estimateBytes + 0.1 * distanceBytes;
}

/**
 * xlog.c:XLOGfileslop: the last segment that files are kept ready for, as much WAL as until the end
 * of the next checkpoint is expected, and a tenth more, within min_wal_size and max_wal_size.
 */
export function recycleUpTo(redo: Lsn, estimateBytes: number, settings: PostgresSettings): number {
  const { min_wal_size, max_wal_size, checkpoint_completion_target } = settings;
  const least = segmentOf(redo) + wholeSegments(min_wal_size) - 1;
  const most = segmentOf(redo) + wholeSegments(max_wal_size) - 1;
  const distance = 1.1 * (1 + checkpoint_completion_target) * estimateBytes;
  const expected = Math.ceil((redo + distance) / WAL_SEGMENT_BYTES);
  return Math.min(most, Math.max(least, expected));
}

/**
 * xlog.c:KeepLogSeg: the first segment that a checkpoint must leave, for redo, for standbys
 * (wal_keep_size), and for replication slots; those hold back at most max_slot_wal_keep_size.
 *
 * @param slots the least restart_lsn of all replication slots; 0 if there is none.
 */
export function firstKept(redo: Lsn, end: Lsn, slots: Lsn, settings: PostgresSettings): number {
  const current = segmentOf(end);
  let first = current;
  if (slots > 0 && slots < end) {
    first = segmentOf(slots);
    const cap = Number(settings['max_slot_wal_keep_size'] ?? -1);
    if (cap >= 0) first = Math.max(first, current - wholeSegments(cap));
  }
  const keep = wholeSegments(settings.wal_keep_size);
  if (keep > 0 && current - first < keep) first = Math.max(1, current - keep);
  return Math.min(first, segmentOf(redo));
}

/** xlog.c:XLOGChooseNumBuffers: pages of WAL in memory; -1 is a 32nd of shared_buffers. */
export function walBufferPages(settings: PostgresSettings): number {
  const { wal_buffers, shared_buffers } = settings;
  if (wal_buffers >= 0) return Math.max(4, Math.floor(wal_buffers / 8192));
  const share = Math.floor(shared_buffers / 8192 / 32);
  return Math.max(8, Math.min(share, WAL_SEGMENT_BYTES / 8192));
}
