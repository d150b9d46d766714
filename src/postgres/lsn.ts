/**
 * A position in the WAL: the number of bytes before it, page headers included. Postgres prints it
 * as two hexadecimal halves (`16/B374D848`). Exact up to 2^53.
 */
export type Lsn = number;

export const WAL_PAGE_BYTES = 8192;
export const WAL_SEGMENT_BYTES = 16 * 1024 * 1024;
/** First page of a segment (access/xlog_internal.h). */
export const LONG_HEADER_BYTES = 40;
const SHORT_HEADER_BYTES = 24;

/** Where a fresh cluster's WAL begins to be written: initdb leaves a little over one segment. */
export const FIRST_LSN: Lsn = 0x1500000;

export function formatLsn(lsn: Lsn): string {
  const high = Math.floor(lsn / 0x100000000);
  return `${high.toString(16).toUpperCase()}/${(lsn >>> 0).toString(16).toUpperCase()}`;
}

/** The name of a segment's file (xlog_internal.h:XLogFileName). */
export function walFileName(timeline: number, segment: number): string {
  const part = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return part(timeline) + part(Math.floor(segment / 256)) + part(segment % 256);
}

/**
 * The position after a record of so many bytes: records are aligned to 8, and each page that one
 * runs into begins with a header (xlog.c:XLogBytePosToEndRecPtr).
 */
export function advance(from: Lsn, bytes: number): Lsn {
  let left = (bytes + 7) & ~7;
  let at = from;
  for (;;) {
    if (at % WAL_PAGE_BYTES === 0) at += headerBytes(at);
    const room = WAL_PAGE_BYTES - (at % WAL_PAGE_BYTES);
    if (left <= room) return at + left;
    left -= room;
    at += room;
  }
}

function headerBytes(pageStart: Lsn): number {
  return pageStart % WAL_SEGMENT_BYTES === 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
}
