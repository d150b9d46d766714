import type { Random } from '../../src/kernel/index.ts';

/**
 * The ProcArray as Postgres describes it: every question walks over all connections, and a snapshot
 * copies the set of running ids.
 */
export interface NaiveProc {
  readonly database: number;
  xid: number;
  /** The snapshots it holds, each with what it copied. */
  snapshots: NaiveSnapshot[];
  ignored: boolean;
}

export interface NaiveSnapshot {
  readonly xmin: number;
  readonly xmax: number;
  readonly running: ReadonlySet<number>;
}

export class NaiveProcArray {
  nextXid = 3;
  latestCompletedXid = 2;
  readonly procs: NaiveProc[] = [];
  readonly slots = new Map<string, number>();
  readonly catalogSlots = new Map<string, number>();
  readonly committed = new Set<number>();

  assign(proc: NaiveProc): number {
    proc.xid = this.nextXid++;
    return proc.xid;
  }

  end(proc: NaiveProc, committed: boolean): void {
    if (proc.xid > 0) {
      if (committed) this.committed.add(proc.xid);
      this.latestCompletedXid = Math.max(this.latestCompletedXid, proc.xid);
    }
    proc.xid = 0;
    proc.snapshots = [];
  }

  /** GetSnapshotData. */
  snapshot(): NaiveSnapshot {
    const xmax = this.latestCompletedXid + 1;
    const running = new Set<number>();
    let xmin = xmax;
    for (const { xid } of this.procs) {
      if (xid === 0 || xid >= xmax) continue;
      running.add(xid);
      xmin = Math.min(xmin, xid);
    }
    return { xmin, xmax, running };
  }

  /** HeapTupleSatisfiesMVCC's XidInMVCCSnapshot and the commit log. */
  isVisible(xid: number, own: number, snapshot: NaiveSnapshot): boolean {
    if (xid === own) return true;
    if (xid >= snapshot.xmax || snapshot.running.has(xid)) return false;
    return this.committed.has(xid);
  }

  /** ComputeXidHorizons; null: the shared catalogs' horizon. */
  horizon(database: number | null, catalogs: boolean): number {
    let oldest = this.latestCompletedXid + 1;
    for (const proc of this.procs) {
      if (database !== null && proc.database !== database) continue;
      if (proc.xid > 0) oldest = Math.min(oldest, proc.xid);
      if (proc.ignored) continue;
      for (const { xmin } of proc.snapshots) oldest = Math.min(oldest, xmin);
    }
    for (const xmin of this.slots.values()) oldest = Math.min(oldest, xmin);
    if (catalogs) for (const xmin of this.catalogSlots.values()) oldest = Math.min(oldest, xmin);
    return oldest;
  }
}

/** One of the items, each equally likely. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(0, items.length - 1)]!;
}
