import { HeldXid, NO_XID, type Xid } from './ordered-xids.ts';
import { Snapshot } from './snapshot.ts';

export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/** A backend's place in the ProcArray: what others see of it (proc.h: PGPROC). */
export class ProcEntry {
  readonly own: HeldXid;
  readonly oldestSeen: HeldXid;
  /** The snapshot taken last; READ COMMITTED takes one for each statement. */
  readonly snapshot = new Snapshot();
  /** The database it is connected to, by number. */
  readonly database: number;
  isolation: Isolation = 'read committed';
  /** How many have ended: a virtual transaction id. */
  transactions = 0;
  /** The newest id of its transaction's subtransactions. */
  lastSubxid: Xid = NO_XID;
  /** VACUUM (not FULL) and logical decoding look at nothing that others must keep for them. */
  ignored = false;
  connected = false;
  /** A statement is being executed with the snapshot. */
  executing = false;
  /** In the transaction a snapshot was taken that lasts to its end. */
  hasTransactionSnapshot = false;
  /** The xmin of each open cursor's snapshot, in the order of opening; most never have one. */
  cursors: Xid[] | null = null;

  constructor(name: string | number, database = 0) {
    this.own = new HeldXid('backend', name);
    this.oldestSeen = new HeldXid('backend', name);
    this.database = database;
  }

  /** Its transaction's id, `NO_XID` before the first write. */
  get xid(): Xid {
    return this.own.xid;
  }

  /** The oldest id that it may see as running: what it keeps from being removed. */
  get xmin(): Xid {
    return this.oldestSeen.xid;
  }

  get hasXid(): boolean {
    return this.own.xid !== NO_XID;
  }
}
