/**
 * The horizon: versions ended by transactions before it can be removed, as no snapshot sees them
 * (procarray.c:ComputeXidHorizons). It is the oldest transaction that anybody might still need:
 * the next one, less what backends, prepared transactions, slots and standbys hold.
 *
 * A snapshot's xmin is the oldest transaction that ran in *any* database when it was taken.
 */

export interface BackendState {
  readonly database: number;
  /** Its transaction; null before it has written anything. */
  readonly xid: number | null;
  /** The oldest transaction its snapshots need; null without one. */
  readonly xmin: number | null;
  /** Runs a lazy VACUUM, which needs no old versions. */
  readonly isVacuum?: boolean;
  /** Decodes WAL for a logical slot, which the slot stands for. */
  readonly isLogicalDecoding?: boolean;
  /** A walsender with hot_standby_feedback and no slot: it counts in every database. */
  readonly isStandbyFeedback?: boolean;
}

export interface SlotState {
  /** From hot_standby_feedback; null for none. */
  readonly xmin: number | null;
  /** A logical slot's: needed for the catalogs only. */
  readonly catalogXmin: number | null;
}

export interface HorizonInput {
  /** The transaction after the last one that ended (latestCompletedXid + 1). */
  readonly afterLastCompleted: number;
  readonly backends: readonly BackendState[];
  /** Transactions of PREPARE TRANSACTION with their databases; they survive restarts. */
  readonly prepared: readonly { readonly database: number; readonly xid: number }[];
  readonly slots: readonly SlotState[];
  /** vacuum_defer_cleanup_age, up to version 15. */
  readonly deferCleanupAge?: number;
}

/** What the horizon is for. */
export type HorizonScope =
  | { readonly kind: 'table'; readonly database: number }
  | { readonly kind: 'catalog'; readonly database: number }
  | { readonly kind: 'shared catalog' };

function countsFor(scope: HorizonScope, backend: BackendState): boolean {
  if (backend.isVacuum || backend.isLogicalDecoding) return false;
  if (scope.kind === 'shared catalog' || backend.isStandbyFeedback) return true;
  return backend.database === scope.database;
}

/** The horizon for a table, a database's catalogs, or the catalogs that all databases share. */
export function horizonOf(input: HorizonInput, scope: HorizonScope): number {
  let horizon = input.afterLastCompleted;
  const hold = (xid: number | null) => {
    if (xid !== null && xid < horizon) horizon = xid;
  };
  for (const backend of input.backends) {
    if (!countsFor(scope, backend)) continue;
    hold(backend.xid);
    hold(backend.xmin);
  }
  for (const { database, xid } of input.prepared) {
    if (scope.kind === 'shared catalog' || database === scope.database) hold(xid);
  }
  horizon -= input.deferCleanupAge ?? 0;
  for (const { xmin, catalogXmin } of input.slots) {
    hold(xmin);
    if (scope.kind !== 'table') hold(catalogXmin);
  }
  return horizon;
}

/** What a session is doing, as far as the horizon is concerned. */
export interface SessionState {
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable';
  readonly hasRunStatement: boolean;
  readonly isInStatement: boolean;
  readonly hasOpenCursor: boolean;
  /** Wrote, locked a row, or made a temporary table. */
  readonly xid: number | null;
  /** The xmin of its newest snapshot, if it has taken one. */
  readonly snapshotXmin: number | null;
}

/**
 * The xmin that a session shows: READ COMMITTED drops its snapshot after each statement unless a
 * cursor keeps it, the stricter levels keep that of the first query (snapmgr.c).
 */
export function shownXmin(session: SessionState): number | null {
  const { isolation, hasRunStatement, isInStatement, hasOpenCursor } = session;
  const keeps = isolation !== 'read committed' && hasRunStatement;
  return keeps || isInStatement || hasOpenCursor ? session.snapshotXmin : null;
}
