/**
 * How long replay still waits for queries that are in its way (standby.c: GetStandbyLimitTime,
 * xlogrecovery.c: WaitForWALToBecomeAvailable, GetXLogReceiptTime).
 *
 * The time of receipt is set when the startup process looks for new WAL and finds a chunk of which
 * it has everything before: while it is behind, the clock does not move. So
 * max_standby_streaming_delay is one grace for all that comes while it is behind, and full again
 * once it has caught up. From version 15 on it looks up to 512 kB ahead of what it replays
 * (recovery_prefetch, wal_decode_buffer_size). What it reads from pg_wal, when nothing streams, has
 * max_standby_archive_delay from the opening of each segment on.
 *
 * Kept: all of that; a chunk is what the walreceiver has flushed at once. Left out: restoring from
 * an archive.
 */
import { type Nanoseconds, NEVER } from '../kernel/index.ts';
import type { Lsn } from '../postgres/lsn.ts';
import type { PostgresSettings } from '../postgres/settings.ts';
import { segmentOf } from '../postgres/wal/retention.ts';

/** What of a standby it asks. */
export interface ReceivingStandby {
  readonly clock: { readonly now: Nanoseconds };
  readonly settings: PostgresSettings;
  /** WAL that may be replayed, and whether more of it streams in. */
  readonly flushed: Lsn;
  readonly isStreaming: boolean;
}

export class Receipt {
  /** When what is being replayed was received, and whether by streaming. */
  at: Nanoseconds;
  fromStream = true;
  private readonly standby: ReceivingStandby;
  /** Where the last chunk that was flushed begins. */
  private chunkStart: Lsn = 0;
  /** Up to where the startup process knows of WAL. */
  private seen: Lsn;
  private segment = -1;
  private readonly aheadBytes: number;

  constructor(standby: ReceivingStandby, position: Lsn) {
    const { settings, clock } = standby;
    this.standby = standby;
    this.seen = position;
    this.at = clock.now;
    const prefetches = (settings['recovery_prefetch'] || 'off') !== 'off'; // 15 and later
    this.aheadBytes = prefetches ? settings.wal_decode_buffer_size : 0;
  }

  /** The server starts, with everything replayed up to here. */
  restart(position: Lsn): void {
    this.seen = this.chunkStart = position;
    this.segment = -1;
    this.fromStream = true;
    this.at = this.standby.clock.now;
  }

  /** The walreceiver has flushed what comes after this position. */
  flushes(from: Lsn): void {
    this.chunkStart = from;
  }

  /** The startup process is about to replay what comes after this position. */
  look(position: Lsn): void {
    const read = Math.min(this.seen, position + this.aheadBytes);
    if (read < this.seen) return;
    const { flushed, isStreaming, clock } = this.standby;
    if (!isStreaming) this.open(segmentOf(position));
    else {
      if (flushed > read && this.chunkStart <= read) {
        this.at = clock.now;
        this.fromStream = true;
      }
      this.segment = -1;
    }
    this.seen = flushed;
  }

  private open(segment: number): void {
    if (this.segment === segment) return;
    this.segment = segment;
    this.at = this.standby.clock.now;
    this.fromStream = false;
  }

  /** Until when replay waits for those in its way; `NEVER`: as long as it takes. */
  get limit(): Nanoseconds {
    const { max_standby_streaming_delay, max_standby_archive_delay } = this.standby.settings;
    const delay = this.fromStream ? max_standby_streaming_delay : max_standby_archive_delay;
    return delay < 0 ? NEVER : this.at + delay;
  }
}
