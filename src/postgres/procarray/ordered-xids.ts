import type { Nanoseconds } from '../../kernel/index.ts';

/** A transaction id. It never wraps here: all 64 bits of a FullTransactionId (transam.h). */
export type Xid = number;

/** InvalidTransactionId: none. */
export const NO_XID: Xid = 0;
/** Ids 1 and 2 stand for bootstrap and frozen rows (transam.h: FirstNormalTransactionId). */
export const FIRST_XID: Xid = 3;

/** Why rows that nobody can see any more stay where they are. */
export type HolderKind = 'backend' | 'prepared transaction' | 'slot' | 'standby feedback';

/** A xid that somebody shows to all others: his own, or the oldest that he may still look at. */
export class HeldXid {
  readonly kind: HolderKind;
  /** Who: a backend's number, a gid, a slot's or a standby's name. */
  readonly name: string | number;
  xid: Xid = NO_XID;
  since: Nanoseconds = 0;
  previous: HeldXid | null = null;
  next: HeldXid | null = null;

  constructor(kind: HolderKind, name: string | number) {
    this.kind = kind;
    this.name = name;
  }
}

/**
 * Held xids, oldest first; equal ones in the order of entry.
 *
 * Xids are assigned in ascending order, and the oldest running one, from which snapshots take their
 * xmin, never goes back. So whoever enters nearly always belongs at the end: entering, leaving and
 * asking for the oldest are single steps, where Postgres visits every connection.
 */
export class OrderedXids {
  first: HeldXid | null = null;
  length = 0;
  private last: HeldXid | null = null;

  /** The oldest; infinity if nobody holds any. */
  get oldest(): Xid {
    return this.first === null ? Number.POSITIVE_INFINITY : this.first.xid;
  }

  /** Enters one that is in no list. */
  enter(held: HeldXid, xid: Xid, since: Nanoseconds): void {
    held.xid = xid;
    held.since = since;
    let before = this.last;
    while (before !== null && before.xid > xid) before = before.previous;
    this.link(held, before);
  }

  /** One takes the place of another, with its xid and its age (a transaction is prepared). */
  replace(old: HeldXid, by: HeldXid): void {
    const { previous } = old;
    by.xid = old.xid;
    by.since = old.since;
    this.remove(old);
    this.link(by, previous);
  }

  remove(held: HeldXid): void {
    const { previous, next } = held;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.last = previous;
    else next.previous = previous;
    held.previous = held.next = null;
    held.xid = NO_XID;
    this.length--;
  }

  private link(held: HeldXid, before: HeldXid | null): void {
    const after = before === null ? this.first : before.next;
    held.previous = before;
    held.next = after;
    if (before === null) this.first = held;
    else before.next = held;
    if (after === null) this.last = held;
    else after.previous = held;
    this.length++;
  }
}
