/**
 * Physical replication slots of one server (slot.c): each keeps WAL for one standby from the
 * position that it has last reported to be flushed there, also while that standby is away.
 *
 * Kept: a slot keeps nothing until its standby has connected once; it moves with the standby's
 * replies; WAL goes at the end of a checkpoint only, and max_slot_wal_keep_size caps what is kept
 * (`postgres/wal/retention.ts`); the horizon that it holds is in `feedback.ts`. Left out:
 * invalidation as a state of its own (a walsender finds its WAL removed), wal_status, the copies
 * of the leader's slots that Patroni keeps on its replicas, and the end of an absent member's slot
 * (Patroni's member_slots_ttl, 30 min).
 */
import type { Lsn } from '../postgres/lsn.ts';
import type { Wal } from '../postgres/wal/wal.ts';

export class PhysicalSlots {
  /** restart_lsn by the standby's application_name; 0: it has not connected yet. */
  private readonly restartLsns = new Map<string, Lsn>();
  private readonly wal: Wal;

  constructor(wal: Wal) {
    this.wal = wal;
  }

  /** Whether the standby has one here. */
  has(standby: string): boolean {
    return this.restartLsns.has(standby);
  }

  create(standby: string): void {
    if (!this.restartLsns.has(standby)) this.restartLsns.set(standby, 0);
  }

  /** A former primary's standbys follow another: they keep nothing here until they connect. */
  releaseAll(): void {
    for (const standby of this.restartLsns.keys()) this.restartLsns.set(standby, 0);
    this.wal.slotsLsn = 0;
  }

  /** The standby has WAL up to here on its disk (PhysicalConfirmReceivedLocation). */
  advance(standby: string, flushed: Lsn): void {
    if (!this.restartLsns.has(standby)) return;
    this.restartLsns.set(standby, flushed);
    let least = 0;
    for (const lsn of this.restartLsns.values()) {
      if (lsn > 0 && (least === 0 || lsn < least)) least = lsn;
    }
    this.wal.slotsLsn = least;
  }
}
