import type { Lsn } from './lsn.ts';
import { WalContents, type WalContentsReader } from './wal/contents.ts';

/**
 * A stretch of history: the WAL that one server wrote after one promotion (or since initdb). It
 * follows its parent up to the position where it forks off, as a timeline history file says.
 *
 * Postgres names a timeline by a number that is one more than the highest which the promoted
 * server knew; two servers that cannot see each other may choose the same. `index` tells such
 * branches apart: it is the simulator's own and grows with each promotion.
 */
export interface Branch {
  readonly index: number;
  readonly timeline: number;
  /** The server that wrote it first. */
  readonly server: string;
  readonly parent: Branch | null;
  /** Where it leaves its parent; all before belongs to the parent. */
  readonly forkLsn: Lsn;
  /** What its WAL does to those who replay it. */
  readonly contents: WalContents;
}

/** All branches of one run. */
export class History {
  readonly branches: Branch[] = [];
  /** Who reads WAL, or may come to: they have to know of every new branch. */
  readonly readers: WalContentsReader[] = [];

  begin(server: string): Branch {
    return this.add({ timeline: 1, server, parent: null, forkLsn: 0 });
  }

  fork(parent: Branch, forkLsn: Lsn, server: string): Branch {
    const branch = this.add({ timeline: parent.timeline + 1, server, parent, forkLsn });
    for (const reader of this.readers) reader.noticeFork(branch);
    return branch;
  }

  private add(branch: Omit<Branch, 'index' | 'contents'>): Branch {
    const added = { ...branch, index: this.branches.length, contents: new WalContents() };
    this.branches.push(added);
    return added;
  }
}

/**
 * Whether the WAL up to `end` on one branch contains all of the WAL up to `lsn` on another. What a
 * branch has up to its fork is its parent's.
 */
export function contains(branch: Branch, end: Lsn, of: Branch, lsn: Lsn): boolean {
  let writer = of;
  while (writer.parent && lsn <= writer.forkLsn) writer = writer.parent;
  let limit = end;
  for (let b: Branch | null = branch; b; b = b.parent) {
    if (b === writer) return lsn <= limit;
    limit = Math.min(limit, b.forkLsn);
  }
  return false;
}

/** The last position that two histories share, one of them being on `a` and the other on `b`. */
export function lastCommon(a: Branch, aEnd: Lsn, b: Branch, bEnd: Lsn): Lsn {
  let bLimit = bEnd;
  for (let x: Branch | null = b; x; x = x.parent) {
    let aLimit = aEnd;
    for (let y: Branch | null = a; y; y = y.parent) {
      if (x === y) return Math.min(aLimit, bLimit);
      aLimit = Math.min(aLimit, y.forkLsn);
    }
    bLimit = Math.min(bLimit, x.forkLsn);
  }
  return 0;
}
