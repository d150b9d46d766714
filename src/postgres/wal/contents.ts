/**
 * What a stretch of WAL does to whoever replays it: which pages it changes, which transactions it
 * ends, which row versions it removes. Sizes and positions are `wal.ts`'s matter; this is what the
 * startup process of a standby meets on its way (xlogrecovery.c).
 *
 * One list for each branch of history, written by its primary and read by all standbys, each with
 * a place of its own: sixteen of them read the same memory. It is a chain of pieces that points
 * forward only, so what all have read is nobody's any more. An entry is 17 bytes: where its record
 * ends, what it is, and one number.
 *
 * Without standbys nothing is kept. Left out: the contents of changes, as tables are shared by the
 * servers of a cluster (`../storage/README.md`).
 */
import type { WalRecord } from '../heap/wal-record.ts';
import type { Lsn } from '../lsn.ts';

/** A page that its record changes, and whoever replays it has to have. */
export const CHANGED = 0;
/** A page that its record contains as a whole, or makes anew: nothing is read for it. */
export const IMAGE = 1;
/** The same two under a lock that waits for all pins to go (LockBufferForCleanup). */
export const CLEANED = 2;
export const CLEANED_IMAGE = 3;
/** Row versions are removed that snapshots with an xmin up to this id may see. */
export const CONFLICT_HORIZON = 4;
/** A transaction with this id has aborted, or committed; a commit's time comes first. */
export const ABORTED = 5;
export const COMMITTED = 6;
export const COMMIT_TIME = 7;
/** All ids before this one have ended (xl_running_xacts: oldestRunningXid). */
export const RUNNING = 8;
/** An AccessExclusiveLock on a relation is taken, and its transaction gives it back. */
export const LOCKED = 9;
export const UNLOCKED = 10;
/** The last page of a relation that is left; its file is cut behind it. */
export const TRUNCATED = 11;

export type ContentKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11;

const BLOCKS = 0x1_0000_0000;
/** Visibility maps are numbered beyond all relations. */
export const MAP_RELATIONS = 8192;

const ENTRIES = 1024;

/** So many entries, and what follows. */
class Piece {
  readonly lsns = new Float64Array(ENTRIES);
  readonly values = new Float64Array(ENTRIES);
  readonly kinds = new Uint8Array(ENTRIES);
  length = 0;
  next: Piece | null = null;
  /** Kept as long as a crash may still take something of it away. */
  previous: Piece | null = null;
}

export class WalContents {
  /** Somebody reads it. */
  isKept = false;
  /** Whether commits are noted with their times, for a standby that replays them later. */
  hasTimes = false;
  /** Up to where it is on its writer's disk. */
  flushed: Lsn = 0;
  /** Entries ever written. */
  entries = 0;
  private tail = new Piece();

  add(lsn: Lsn, kind: ContentKind, value: number): void {
    let piece = this.tail;
    if (piece.length === ENTRIES) piece = this.extend();
    const at = piece.length++;
    piece.lsns[at] = lsn;
    piece.values[at] = value;
    piece.kinds[at] = kind;
    this.entries++;
  }

  /** A record that ends here; `images`: a bit for each block of which it has an image. */
  addRecord(record: WalRecord, lsn: Lsn, images: number): void {
    const { blocks, snapshotConflictHorizon: horizon = 0, needsCleanupLock = false } = record;
    if (horizon > 0) this.add(lsn, CONFLICT_HORIZON, horizon);
    for (let i = 0; i < blocks.length; i++) {
      const { relation, fork, block, neverImaged } = blocks[i]!;
      const file = fork === 'main' ? relation : MAP_RELATIONS + relation;
      const isWhole = (images & (1 << i)) !== 0 || (neverImaged && !readsAll(record));
      const kind = (isWhole ? IMAGE : CHANGED) | (needsCleanupLock ? CLEANED : 0);
      this.add(lsn, kind as ContentKind, file * BLOCKS + block);
    }
  }

  /** A crash of the writer: what comes behind this position never was. */
  cutTo(lsn: Lsn): void {
    let piece = this.tail;
    while (piece.previous !== null && (piece.length === 0 || piece.lsns[0]! > lsn)) {
      piece = piece.previous;
    }
    while (piece.length > 0 && piece.lsns[piece.length - 1]! > lsn) piece.length--;
    piece.next = null;
    this.tail = piece;
  }

  /** For a reader who wants what is written from now on, and what may not be flushed yet. */
  get recent(): Piece {
    let piece = this.tail;
    while (piece.previous !== null) piece = piece.previous;
    return piece;
  }

  private extend(): Piece {
    const piece = new Piece();
    const { tail } = this;
    tail.next = piece;
    piece.previous = tail;
    this.tail = piece;
    let oldest = tail;
    while (oldest.previous !== null && oldest.lsns[ENTRIES - 1]! > this.flushed) {
      oldest = oldest.previous;
    }
    oldest.previous = null;
    return piece;
  }
}

/** Only a hint of the page changes, which is why no image of it is logged. */
function readsAll({ kind }: WalRecord): boolean {
  return kind === 'Heap2/VISIBLE';
}

/** A branch of history as far as reading it goes (`../timeline.ts`). */
export interface ReadBranch {
  readonly parent: ReadBranch | null;
  readonly forkLsn: Lsn;
  readonly contents: WalContents;
}

/** Somebody's place in the contents of a history: a standby, or who may become one. */
export class WalContentsReader {
  /** The entry at hand, after `next` has said that there is one. */
  lsn: Lsn = 0;
  kind: ContentKind = CHANGED;
  value = 0;
  private piece: Piece | null;
  private at = 0;
  private branch: ReadBranch;
  /** What comes after the present branch, and where each begins. */
  private readonly path: ReadBranch[] = [];
  private forks = new Map<ReadBranch, Piece>();

  constructor(branch: ReadBranch) {
    this.branch = branch;
    branch.contents.isKept = true;
    this.piece = branch.contents.recent;
  }

  /** Reads on this branch from about here on: what was written before is behind it. */
  beginAt(branch: ReadBranch): void {
    this.branch = branch;
    this.path.length = 0;
    this.forks.clear();
    this.piece = branch.contents.recent;
    this.at = 0;
  }

  /** It writes, and needs nothing that others have written. */
  rest(): void {
    this.piece = null;
    this.forks.clear();
    this.path.length = 0;
  }

  /** A new branch: it may have to follow it. */
  noticeFork(branch: ReadBranch): void {
    branch.contents.isKept = true;
    branch.contents.hasTimes ||= this.branch.contents.hasTimes;
    this.forks.set(branch, branch.contents.recent);
  }

  /** The WAL that it reads is this branch's, and its ancestors'. */
  follow(branch: ReadBranch): void {
    const last = this.path.at(-1) ?? this.branch;
    if (last === branch) return;
    this.path.length = 0;
    for (let b: ReadBranch | null = branch; b !== null && b !== this.branch; b = b.parent) {
      this.path.unshift(b);
    }
    for (const [fork] of [...this.forks]) {
      if (!this.path.includes(fork) && fork.parent !== branch) this.forks.delete(fork);
    }
  }

  /** Whether there is an entry of a record that ends at this position or before. */
  next(upTo: Lsn): boolean {
    for (;;) {
      const limit = this.path.length > 0 ? Math.min(this.path[0]!.forkLsn, upTo) : upTo;
      if (this.hasNext(limit)) return true;
      if (this.path.length === 0 || this.path[0]!.forkLsn >= upTo) return false;
      this.enter(this.path.shift()!);
    }
  }

  /** The entry at hand is done with. */
  advance(): void {
    this.at++;
  }

  /** Visits what comes after the entry at hand, up to a position, on its branch and piece. */
  ahead(offset: number, upTo: Lsn): boolean {
    let { piece } = this;
    let at = this.at + offset;
    while (piece !== null && at >= piece.length && piece.next !== null) {
      at -= piece.length;
      piece = piece.next;
    }
    if (piece === null || at >= piece.length || piece.lsns[at]! > upTo) return false;
    this.aheadKind = piece.kinds[at] as ContentKind;
    this.aheadValue = piece.values[at]!;
    return true;
  }

  /** What `ahead` has found. */
  aheadKind: ContentKind = CHANGED;
  aheadValue = 0;

  private hasNext(limit: Lsn): boolean {
    let { piece } = this;
    if (piece === null) return false;
    while (this.at >= piece.length) {
      if (piece.next === null) return false;
      piece = piece.next;
      this.piece = piece;
      this.at = 0;
    }
    const lsn = piece.lsns[this.at]!;
    if (lsn > limit) return false;
    this.lsn = lsn;
    this.kind = piece.kinds[this.at] as ContentKind;
    this.value = piece.values[this.at]!;
    return true;
  }

  private enter(branch: ReadBranch): void {
    this.branch = branch;
    this.piece = this.forks.get(branch) ?? branch.contents.recent;
    this.forks.delete(branch);
    this.at = 0;
  }
}
