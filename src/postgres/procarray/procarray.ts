/**
 * The ProcArray: who is connected, which transactions run, and what nobody needs any more.
 *
 * In Postgres it is an array of all connections in shared memory. Taking a snapshot, computing the
 * horizon, connecting and leaving walk through it; that time is what servers with many connections
 * pay, and `costs.ts` says how much. The simulator itself pays none of it: running ids and the
 * xmins of snapshots are kept in order (`ordered-xids.ts`), so each of these is a few steps
 * however many are connected.
 *
 * Kept: ids at the first write, xmin and xmax of snapshots, snapshots by isolation level, reuse
 * since version 14, prepared transactions, slots, standby feedback, the horizons of a database, of
 * its catalogs and of the shared catalogs, and who holds them; on a standby the ids of its primary
 * that WAL has told of (5.3, `known-xids.ts`). Left out: whose ids subtransactions'
 * are, and their overflow, wraparound.
 * Source: procarray.c, snapmgr.c; mechanisms 6.1, 7.1, 7.2.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import type { ProcEntry } from './entry.ts';
import { KnownXids } from './known-xids.ts';
import { FIRST_XID, HeldXid, NO_XID, OrderedXids, type Xid } from './ordered-xids.ts';
import { Completions, type Snapshot } from './snapshot.ts';

/** What the backends of one database show to others. */
class DatabaseXids {
  readonly running = new OrderedXids();
  readonly snapshots = new OrderedXids();
}

interface Clock {
  readonly now: Nanoseconds;
}

export class ProcArray {
  /** The id that the next writer gets. */
  nextXid: Xid = FIRST_XID;
  /** The newest id that has committed or aborted. */
  latestCompletedXid: Xid = FIRST_XID - 1;
  /** How many transactions with an id have ended: while it stands still, so do snapshots. */
  xactCompletionCount = 0;
  /** Entries that every visit of the array meets: backends and prepared transactions. */
  connections = 0;
  /** Transactions that see all by one snapshot (REPEATABLE READ) and have taken it. */
  transactionSnapshots = 0;
  /** Snapshots taken, and those of them that were the last one once more. */
  snapshots = 0;
  reusedSnapshots = 0;
  /** On a standby: what WAL has told of its primary's ids. */
  private known: KnownXids | null = null;
  private readonly clock: Clock;
  private readonly reuses: boolean;
  private readonly databases: DatabaseXids[] = [];
  /** Slots' and standbys' xmins: for all databases. */
  private readonly everywhere = new OrderedXids();
  private readonly catalogs = new OrderedXids();
  private readonly prepared = new Map<string, { held: HeldXid; database: number }>();
  private readonly completions = new Completions();

  /** `version`: the major version, which decides whether snapshots are reused (14 and later). */
  constructor(clock: Clock, version: number) {
    this.clock = clock;
    this.reuses = version >= 14;
    this.databases.push(new DatabaseXids());
  }

  /** A new primary goes on from the ids that its history has given out. */
  goOnFrom(nextXid: Xid): void {
    this.known = null;
    if (nextXid <= this.nextXid) return;
    this.nextXid = nextXid;
    this.latestCompletedXid = nextXid - 1;
  }

  /** A standby begins to learn from WAL which ids run; all before this one have ended. */
  learnFrom(nextXid: Xid): void {
    if (this.known !== null) return;
    this.known = new KnownXids(nextXid);
    this.nextXid = Math.max(this.nextXid, nextXid);
    this.latestCompletedXid = Math.max(this.latestCompletedXid, nextXid - 1);
  }

  /** Whether its ids are those that WAL tells of. */
  get isLearning(): boolean {
    return this.known !== null;
  }

  /** A commit or abort record has been replayed. */
  learnEnd(xid: Xid): void {
    this.known?.end(xid);
    this.xactCompletionCount++;
    if (xid > this.latestCompletedXid) this.latestCompletedXid = xid;
  }

  /** A record of running transactions has been replayed. */
  learnOldestRunning(xid: Xid): void {
    this.known?.endBefore(xid);
    if (xid > this.latestCompletedXid + 1) this.latestCompletedXid = xid - 1;
    this.xactCompletionCount++;
  }

  /** The oldest xmin that a backend of the database shows; infinity if none shows any. */
  oldestXmin(database = 0): Xid {
    return this.databases[database]!.snapshots.oldest;
  }

  connect(entry: ProcEntry): void {
    entry.connected = true;
    this.connections++;
    while (this.databases.length <= entry.database) this.databases.push(new DatabaseXids());
  }

  /** Its transaction has ended before. */
  disconnect(entry: ProcEntry): void {
    if (!entry.connected) return;
    entry.connected = false;
    this.connections--;
  }

  /** The first write of a transaction gets an id, under XidGenLock (varsup.c). */
  assignXid(entry: ProcEntry): Xid {
    const xid = this.nextXid++;
    this.completions.begin(xid, this.sharedHorizon());
    this.databases[entry.database]!.running.enter(entry.own, xid, this.clock.now);
    return xid;
  }

  /** So many subtransactions get ids, which end with the transaction's own. */
  assignSubxids(entry: ProcEntry, count: number): void {
    for (let i = 0; i < count; i++) {
      entry.lastSubxid = this.nextXid++;
      this.completions.begin(entry.lastSubxid, this.sharedHorizon());
    }
  }

  /**
   * A statement that reads or writes begins. True: it takes a new snapshot by visiting the array;
   * false: it has one for the whole transaction, or its last one is still right.
   */
  beginStatement(entry: ProcEntry): boolean {
    entry.executing = true;
    if (entry.hasTransactionSnapshot) return false;
    if (entry.isolation !== 'read committed') {
      entry.hasTransactionSnapshot = true;
      this.transactionSnapshots++;
    }
    return this.takeSnapshot(entry);
  }

  /** A statement has ended; what it looked at it need no longer keep, unless a cursor does. */
  endStatement(entry: ProcEntry): void {
    entry.executing = false;
    if (!entry.hasTransactionSnapshot) this.resetXmin(entry);
  }

  /** DECLARE CURSOR, in a statement: its snapshot stays until the cursor is closed. */
  openCursor(entry: ProcEntry): void {
    entry.cursors ??= [];
    entry.cursors.push(entry.snapshot.xmin);
  }

  /** CLOSE of the cursor that was the n-th (from 0) of those still open to be opened. */
  closeCursor(entry: ProcEntry, n: number): void {
    entry.cursors?.splice(n, 1);
    if (!entry.executing && !entry.hasTransactionSnapshot) this.resetXmin(entry);
  }

  /** COMMIT or ROLLBACK: for everybody else it is over now. */
  endTransaction(entry: ProcEntry, committed: boolean): void {
    const { own, cursors } = entry;
    entry.transactions++;
    if (own.xid !== NO_XID) {
      const { xid } = own;
      this.databases[entry.database]!.running.remove(own);
      this.complete(xid, committed);
      this.latestCompletedXid = Math.max(this.latestCompletedXid, entry.lastSubxid);
      entry.lastSubxid = NO_XID;
    }
    if (cursors !== null) while (cursors.length > 0) cursors.pop();
    if (entry.hasTransactionSnapshot) this.transactionSnapshots--;
    entry.executing = entry.hasTransactionSnapshot = false;
    if (entry.oldestSeen.xid !== NO_XID) {
      this.databases[entry.database]!.snapshots.remove(entry.oldestSeen);
    }
  }

  /** PREPARE TRANSACTION: an entry of its own takes over the id; the backend is free. */
  prepare(entry: ProcEntry, gid: string): void {
    const held = new HeldXid('prepared transaction', gid);
    this.databases[entry.database]!.running.replace(entry.own, held);
    this.prepared.set(gid, { held, database: entry.database });
    this.connections++;
    this.endTransaction(entry, true);
  }

  /** COMMIT PREPARED or ROLLBACK PREPARED; false if there is none of that name. */
  finishPrepared(gid: string, committed: boolean): boolean {
    const found = this.prepared.get(gid);
    if (!found) return false;
    this.prepared.delete(gid);
    this.connections--;
    const { xid } = found.held;
    this.databases[found.database]!.running.remove(found.held);
    this.complete(xid, committed);
    return true;
  }

  /**
   * The server starts again: what was running has rolled back, nobody is connected. Prepared
   * transactions and slots are on disk and stay; a standby's feedback has to come anew.
   */
  restart(): void {
    for (const { running, snapshots } of this.databases) {
      for (let held = running.first; held !== null; ) {
        const { next, xid } = held;
        if (held.kind === 'backend') {
          running.remove(held);
          this.complete(xid, false);
        }
        held = next;
      }
      while (snapshots.first !== null) snapshots.remove(snapshots.first);
    }
    for (let held = this.everywhere.first; held !== null; ) {
      const { next } = held;
      if (held.kind === 'standby feedback') this.everywhere.remove(held);
      held = next;
    }
    this.connections = this.prepared.size;
    this.transactionSnapshots = 0;
  }

  /** What a slot or a standby's feedback keeps; `NO_XID` for nothing any more. */
  hold(holder: HeldXid, xid: Xid, catalogsOnly = false): void {
    const list = catalogsOnly ? this.catalogs : this.everywhere;
    if (holder.xid === xid) return;
    const since = this.clock.now;
    if (holder.xid !== NO_XID) list.remove(holder);
    if (xid !== NO_XID) list.enter(holder, xid, since);
  }

  /** Whether a row version written by `xid` is visible to the entry's snapshot. */
  isVisible(xid: Xid, entry: ProcEntry, snapshot: Snapshot = entry.snapshot): boolean {
    return xid === entry.own.xid || this.completions.isVisible(xid, snapshot);
  }

  /** No row version of the database deleted before this id can be seen by anybody. */
  oldestNonRemovableXid(database = 0): Xid {
    const { running, snapshots } = this.databases[database]!;
    const backends = Math.min(running.oldest, snapshots.oldest);
    const others = Math.min(this.everywhere.oldest, this.latestCompletedXid + 1);
    return Math.min(backends, others, this.known === null ? others : this.known.oldest);
  }

  /** The same for the database's catalogs, which logical slots need. */
  oldestNonRemovableCatalogXid(database = 0): Xid {
    return Math.min(this.oldestNonRemovableXid(database), this.catalogs.oldest);
  }

  /** The same for the catalogs that all databases share. */
  oldestNonRemovableSharedXid(): Xid {
    return Math.min(this.sharedHorizon(), this.catalogs.oldest);
  }

  /** Who holds a database's horizon where it is: of equal ones the one who did so first. */
  holder(database = 0): HeldXid | null {
    const { running, snapshots } = this.databases[database]!;
    const oldest = this.oldestNonRemovableXid(database);
    let found: HeldXid | null = null;
    for (const list of [running, snapshots, this.everywhere]) {
      const held = list.first;
      if (held?.xid === oldest && (found === null || held.since < found.since)) found = held;
    }
    return found;
  }

  /** The oldest id that runs in any database. */
  get oldestRunningXid(): Xid {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { running } of this.databases) oldest = Math.min(oldest, running.oldest);
    if (this.known !== null) return Math.min(oldest, this.known.oldest);
    return Math.min(oldest, this.nextXid);
  }

  private takeSnapshot(entry: ProcEntry): boolean {
    const { snapshot, oldestSeen } = entry;
    const isNew = !this.reuses || snapshot.completions !== this.xactCompletionCount;
    this.snapshots++;
    if (isNew) {
      snapshot.xmax = this.latestCompletedXid + 1;
      snapshot.xmin = Math.min(this.oldestRunningXid, snapshot.xmax);
      snapshot.completions = this.xactCompletionCount;
    } else this.reusedSnapshots++;
    if (oldestSeen.xid === NO_XID && !entry.ignored) {
      const { snapshots } = this.databases[entry.database]!;
      snapshots.enter(oldestSeen, snapshot.xmin, this.clock.now);
    }
    return isNew;
  }

  /** The oldest of its snapshots counts, none if it has none (snapmgr.c: SnapshotResetXmin). */
  private resetXmin(entry: ProcEntry): void {
    const { oldestSeen, cursors } = entry;
    if (oldestSeen.xid === NO_XID) return;
    const { snapshots } = this.databases[entry.database]!;
    const oldest = cursors === null || cursors.length === 0 ? NO_XID : Math.min(...cursors);
    if (oldest === oldestSeen.xid) return;
    snapshots.remove(oldestSeen);
    if (oldest !== NO_XID) snapshots.enter(oldestSeen, oldest, this.clock.now);
  }

  private complete(xid: Xid, committed: boolean): void {
    this.xactCompletionCount++;
    if (xid > this.latestCompletedXid) this.latestCompletedXid = xid;
    this.completions.end(xid, committed, this.xactCompletionCount);
  }

  private sharedHorizon(): Xid {
    let oldest = Math.min(this.everywhere.oldest, this.latestCompletedXid + 1);
    if (this.known !== null) oldest = Math.min(oldest, this.known.oldest);
    for (const { running, snapshots } of this.databases) {
      oldest = Math.min(oldest, running.oldest, snapshots.oldest);
    }
    return oldest;
  }
}
