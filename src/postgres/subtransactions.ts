/**
 * The subtransactions of one transaction: SAVEPOINT, RELEASE and ROLLBACK TO (xact.c:
 * DefineSavepoint, ReleaseSavepoint, RollbackToSavepoint). Each gets an id of its own with its
 * first change, and with it all those around it that have none yet; every 64th is made known to
 * standbys by a record. What is released goes with the commit record of the whole; what is rolled
 * back has an abort record of its own.
 *
 * Kept: names (the innermost of equal ones counts), the marks up to which changes and row locks are
 * undone, ids used up, and the records. Left out: rows bear the id of the whole transaction, so
 * nobody looks parents up in pg_subtrans, also not beyond the 64 ids that the ProcArray has room
 * for; locks of tables stay until the end of the whole transaction.
 */

/** Ids of subtransactions in one record for standbys (proc.h: PGPROC_MAX_CACHED_SUBXIDS). */
const IDS_IN_RECORD = 64;

interface Subtransaction {
  readonly name: string;
  /** How many changes, and how many locks of rows, the transaction had when it began. */
  changes: number;
  rowLocks: number;
  hasXid: boolean;
  /** Ids of subtransactions that were released into it. */
  released: number;
}

/** What a rollback has to undo: everything beyond these marks, with abort records to write. */
export interface Undo {
  readonly changes: number;
  readonly rowLocks: number;
  /** For each subtransaction with an id, innermost first, how many ids were released into it. */
  readonly aborted: readonly number[];
}

export class Subtransactions {
  private readonly open: Subtransaction[] = [];
  /** Of those that are open, the innermost so many have no id yet. */
  private withoutXid = 0;
  private released = 0;
  private unreported = 0;

  /** Whether any is open: an error ends only the innermost then. */
  get isOpen(): boolean {
    return this.open.length > 0;
  }

  /** Whether a change now takes ids beyond that of the whole transaction. */
  get wantsXid(): boolean {
    return this.withoutXid > 0;
  }

  /** Ids that the commit record lists beside the transaction's own. */
  get committedIds(): number {
    return this.open.reduce((sum, one) => sum + ownIds(one), this.released);
  }

  define(name: string, changes: number, rowLocks: number): void {
    this.open.push({ name, changes, rowLocks, hasXid: false, released: 0 });
    this.withoutXid++;
  }

  /** The first change since: how many ids are given out, and how many records tell standbys. */
  assignXids(): { readonly ids: number; readonly records: number } {
    const ids = this.withoutXid;
    for (let i = this.open.length - ids; i < this.open.length; i++) this.open[i]!.hasXid = true;
    this.withoutXid = 0;
    const unreported = this.unreported + ids;
    this.unreported = unreported % IDS_IN_RECORD;
    return { ids, records: Math.floor(unreported / IDS_IN_RECORD) };
  }

  /** False: there is none of that name. */
  release(name: string): boolean {
    const at = this.find(name);
    if (at < 0) return false;
    const gone = this.open.splice(at);
    const ids = gone.reduce((sum, one) => sum + ownIds(one), 0);
    this.withoutXid -= gone.filter(({ hasXid }) => !hasXid).length;
    if (at === 0) this.released += ids;
    else this.open[at - 1]!.released += ids;
    return true;
  }

  /** Back to where it began; it goes on from there. Null: there is none of that name. */
  rollBackTo(name: string): Undo | null {
    const at = this.find(name);
    if (at < 0) return null;
    const undo = this.abort(at);
    const { changes, rowLocks } = this.open[at]!;
    this.open.length = at;
    this.define(name, changes, rowLocks);
    return undo;
  }

  /** An error: the innermost has changed nothing from now on, and waits to be rolled back to. */
  fail(): Undo {
    const undo = this.abort(this.open.length - 1);
    this.withoutXid++;
    return undo;
  }

  /** ROLLBACK of the whole: one abort record for each that has an id, and the transaction's own. */
  rollBack(): readonly number[] {
    const { released } = this;
    return this.isOpen ? [...this.abort(0).aborted, released] : [released];
  }

  /** The transaction is over. */
  clear(): void {
    if (this.open.length > 0) this.open.length = 0;
    this.withoutXid = this.released = this.unreported = 0;
  }

  /** Those from one on lose their ids, innermost first. */
  private abort(from: number): Undo {
    const aborted: number[] = [];
    for (let i = this.open.length - 1; i >= from; i--) {
      const one = this.open[i]!;
      if (one.hasXid) aborted.push(one.released);
      else this.withoutXid--;
      one.hasXid = false;
      one.released = 0;
    }
    const { changes, rowLocks } = this.open[from]!;
    return { changes, rowLocks, aborted };
  }

  private find(name: string): number {
    return this.open.findLastIndex((one) => one.name === name);
  }
}

function ownIds({ hasXid, released }: Subtransaction): number {
  return released + (hasXid ? 1 : 0);
}
