/**
 * hot_standby_feedback: a standby tells its upstream the oldest id that its queries may still see,
 * and the upstream keeps what they need (walreceiver.c: XLogWalRcvSendHSFeedback, walsender.c:
 * ProcessStandbyHSFeedbackMessage).
 *
 * Kept: at the beginning of a connection, and with what is sent anyway at most each
 * wal_receiver_status_interval; one last message that takes it back when it is off; with a slot the
 * xmin is the slot's and stays while the standby is away, without one it goes with the connection;
 * a standby in the middle passes on the oldest of what it has heard and has itself. Left out: the
 * catalogs' xmin of logical slots on a standby.
 */
import { type Nanoseconds, NEVER } from '../kernel/index.ts';
import { HeldXid, NO_XID, type Xid } from '../postgres/procarray/ordered-xids.ts';
import type { ProcArray } from '../postgres/procarray/procarray.ts';
import type { Server } from '../postgres/server.ts';

/** On a standby: when to report what. */
export class FeedbackReports {
  private readonly server: Server;
  private sentAt: Nanoseconds = Number.NEGATIVE_INFINITY;
  /** At first it is taken to have one, so that it is always told once. */
  private upstreamHasXmin = true;

  constructor(server: Server) {
    this.server = server;
  }

  /** A new connection. */
  restart(): void {
    this.sentAt = Number.NEGATIVE_INFINITY;
    this.upstreamHasXmin = true;
  }

  /** When the next one is due, if something is sent then. */
  get dueAt(): Nanoseconds {
    const { hot_standby_feedback, wal_receiver_status_interval: interval } = this.server.settings;
    const isOn = hot_standby_feedback && interval > 0;
    if (!isOn && !this.upstreamHasXmin) return NEVER;
    return this.sentAt + interval;
  }

  /** What to tell the upstream now; null: nothing. */
  next(): Xid | null {
    const { context, settings, procArray } = this.server;
    if (context.sim.now < this.dueAt) return null;
    this.sentAt = context.sim.now;
    const { hot_standby_feedback: isOn } = settings;
    const xmin = isOn ? procArray.array.oldestNonRemovableSharedXid() : NO_XID;
    this.upstreamHasXmin = xmin !== NO_XID;
    return xmin;
  }
}

/** On an upstream: what its standbys' queries need, by the standby's application_name. */
export class FeedbackHeld {
  private readonly array: ProcArray;
  private readonly bySlot = new Map<string, HeldXid>();
  private readonly byConnection = new Map<string, HeldXid>();

  constructor(array: ProcArray) {
    this.array = array;
  }

  /** A standby's word, over a connection with a slot or without. */
  hears(standby: string, xmin: Xid, hasSlot: boolean): void {
    if (xmin > this.array.nextXid && !this.array.isLearning) return; // in the future
    this.array.hold(this.holderOf(standby, hasSlot), xmin);
  }

  /** The connection is gone. */
  leaves(standby: string): void {
    const held = this.byConnection.get(standby);
    if (held) this.array.hold(held, NO_XID);
  }

  private holderOf(standby: string, hasSlot: boolean): HeldXid {
    const held = hasSlot ? this.bySlot : this.byConnection;
    const kind = hasSlot ? 'slot' : 'standby feedback';
    const found = held.get(standby) ?? new HeldXid(kind, standby);
    held.set(standby, found);
    return found;
  }
}
