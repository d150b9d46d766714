/**
 * What serializable transactions have read (SIREAD locks) and written, as far as somebody who runs
 * beside them could still depend on it (predicate.c; mechanisms 6.1 has the levels).
 *
 * A reader's locks stand on rows, on the leaves of an index through which it came, which stand for
 * rows that are not there, and on whole tables after a sequential scan. They never block; a writer
 * who meets one depends on its reader. Kept: the promotion of many locks to one of a page or of a
 * table by max_pred_locks_per_page and _per_relation, locks that outlive their transaction. Left
 * out: the limit of their number, and a lock's move when its page splits.
 */
import { type RowId, rowId } from '../locking/row-locks.ts';
import type { PostgresSettings } from '../settings.ts';
import { conflict, failsToCommit, SerializableTransaction } from './conflicts.ts';

/** A page of a table or an index, as `heap/relation.ts: tablePage` numbers it. */
type PageNumber = number;

/** Where something is read or written. */
export interface Place {
  readonly relation: number;
  readonly row: number;
  /** The page of the row; -1 if there is none. */
  readonly page: PageNumber;
  /** Leaves on the way to it, or which get an entry. */
  readonly leaves: readonly PageNumber[];
}

/** Who has read something: a row, a page, a table. */
type Readers = Map<number, Set<SerializableTransaction>>;
/** By row who has written it, in order. */
type Writers = Map<RowId, SerializableTransaction[]>;

/** What is kept of one transaction. */
interface Traces {
  readonly locks: { readonly readers: Readers; readonly target: number }[];
  readonly written: { readonly writers: Writers; readonly id: RowId }[];
  /** How many rows it has locked on each page, and in each table. */
  readonly onPage: Map<PageNumber, number>;
  readonly inRelation: Map<number, number>;
}

export class PredicateLocks {
  private readonly rows: Readers = new Map();
  private readonly pages: Readers = new Map();
  private readonly relations: Readers = new Map();
  /** By table. */
  private readonly written = new Map<number, Writers>();
  private readonly traces = new Map<SerializableTransaction, Traces>();
  private readonly running = new Set<SerializableTransaction>();
  /** In the order of their commits. */
  private finished: SerializableTransaction[] = [];
  private lastCommit = 0;
  private readonly perPage: number;
  private readonly perRelation: number;

  constructor(settings: PostgresSettings) {
    const { max_pred_locks_per_page, max_pred_locks_per_relation } = settings;
    const given = Number(max_pred_locks_per_relation); // a negative one divides the number in all
    const inAll = Number(settings['max_pred_locks_per_transaction']);
    this.perPage = Number(max_pred_locks_per_page);
    this.perRelation = given >= 0 ? given : Math.floor(inAll / -given) - 1;
  }

  /** A transaction takes its snapshot. */
  begin(): SerializableTransaction {
    const own = new SerializableTransaction(this.lastCommit);
    this.running.add(own);
    const traces = { locks: [], written: [], onPage: new Map(), inRelation: new Map() };
    this.traces.set(own, traces);
    return own;
  }

  /** Reads a row, or finds that it is not there. True: the transaction has to fail. */
  reads(own: SerializableTransaction, place: Place): boolean {
    this.lockPlace(own, place);
    const id = rowId(place.relation, place.row);
    return own.doomed || this.missesWriters(own, this.written.get(place.relation)?.get(id));
  }

  /** Reads all rows of a table. */
  scans(own: SerializableTransaction, relation: number): boolean {
    this.hold(this.relations, relation, own);
    for (const writers of this.written.get(relation)?.values() ?? []) {
      if (this.missesWriters(own, writers)) return true;
    }
    return own.doomed;
  }

  /** Changes a row. True: the transaction has to fail. */
  writes(own: SerializableTransaction, place: Place): boolean {
    const { relation, row, page, leaves } = place;
    const id = rowId(relation, row);
    this.note(own, relation, id);
    const readers = [this.rows.get(id), this.pages.get(page), this.relations.get(relation)];
    for (const leaf of leaves) readers.push(this.pages.get(leaf));
    for (const each of readers) {
      for (const reader of each ?? []) {
        if (own.overlaps(reader) && !reader.doomed && conflict(reader, own, own)) return true;
      }
    }
    return own.doomed;
  }

  /** Before the commit record. True: the transaction has to fail. */
  failsToCommit(own: SerializableTransaction): boolean {
    if (failsToCommit(own)) return true;
    own.prepared = ++this.lastCommit;
    return false;
  }

  /** It is over for everybody else. */
  end(own: SerializableTransaction, committed: boolean, hasWritten: boolean): void {
    this.running.delete(own);
    if (committed) this.commit(own, hasWritten);
    else this.forget(own);
    this.tidy();
  }

  /** Transactions of which something is kept. */
  get size(): number {
    return this.running.size + this.finished.length;
  }

  private commit(own: SerializableTransaction, hasWritten: boolean): void {
    own.committed = ++this.lastCommit;
    own.readOnly = !hasWritten;
    own.hasConflictOut = hasWritten && [...own.writers].some(({ isCommitted }) => isCommitted);
    this.finished.push(own);
  }

  private missesWriters(
    own: SerializableTransaction,
    writers: readonly SerializableTransaction[] = [],
  ): boolean {
    const first = writers.find((writer) => own.overlaps(writer));
    return first !== undefined && !first.doomed && conflict(own, first, own);
  }

  private lockPlace(own: SerializableTransaction, place: Place): void {
    const { relation, row, page, leaves } = place;
    if (this.relations.get(relation)?.has(own)) return;
    for (const leaf of leaves) this.hold(this.pages, leaf, own);
    if (page < 0 || this.pages.get(page)?.has(own)) return;
    if (!this.hold(this.rows, rowId(relation, row), own)) return;
    const { onPage, inRelation } = this.traces.get(own)!;
    if (oneMore(onPage, page) > this.perPage) this.hold(this.pages, page, own);
    if (oneMore(inRelation, relation) > this.perRelation) this.hold(this.relations, relation, own);
  }

  /** False: it holds it already. */
  private hold(readers: Readers, target: number, own: SerializableTransaction): boolean {
    const set = readers.get(target) ?? new Set<SerializableTransaction>();
    if (set.has(own)) return false;
    readers.set(target, set.add(own));
    this.traces.get(own)!.locks.push({ readers, target });
    return true;
  }

  private note(own: SerializableTransaction, relation: number, id: RowId): void {
    const writers: Writers = this.written.get(relation) ?? new Map();
    this.written.set(relation, writers);
    const ofRow = writers.get(id) ?? [];
    if (ofRow.includes(own)) return;
    ofRow.push(own);
    writers.set(id, ofRow);
    this.traces.get(own)!.written.push({ writers, id });
  }

  /** Whoever committed before all that run took their snapshots is past for everybody. */
  private tidy(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { lastBeforeSnapshot } of this.running) {
      oldest = Math.min(oldest, lastBeforeSnapshot);
    }
    const past = this.finished.filter(({ committed }) => committed <= oldest);
    if (past.length === 0) return;
    this.finished = this.finished.filter(({ committed }) => committed > oldest);
    for (const each of past) this.forget(each);
  }

  private forget(own: SerializableTransaction): void {
    const { locks, written } = this.traces.get(own)!;
    this.traces.delete(own);
    for (const { readers, target } of locks) {
      const set = readers.get(target)!;
      set.delete(own);
      if (set.size === 0) readers.delete(target);
    }
    for (const { writers, id } of written) {
      const rest = writers.get(id)!.filter((each) => each !== own);
      if (rest.length > 0) writers.set(id, rest);
      else writers.delete(id);
    }
    for (const reader of own.readers) reader.writers.delete(own);
    for (const writer of own.writers) writer.readers.delete(own);
  }
}

function oneMore(counts: Map<number, number>, of: number): number {
  const count = (counts.get(of) ?? 0) + 1;
  counts.set(of, count);
  return count;
}
