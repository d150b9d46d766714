/**
 * What the startup process of a standby and its queries get in each other's way over, and what
 * happens to the one who has to give way (postgres.c: ProcessRecoveryConflictInterrupt). When is
 * decided in `../replication/recovery-conflicts.ts`.
 *
 * Kept: a running statement fails with 40001, one that waits for a lock at once; a session that is
 * idle in its transaction, or in a subtransaction, is ended with the same code; nothing happens to
 * one that is in no transaction, or in an aborted one. Left out: conflicts about a database, a
 * tablespace or a logical slot, none of which a run has.
 */
import type { LockOwner } from './locking/lock-table.ts';
import type { Server } from './server.ts';
import { ERRORS, type ErrorResponse } from './statement.ts';

/** The columns of pg_stat_database_conflicts. */
export const CONFLICT_REASONS = [
  'tablespace',
  'database',
  'lock',
  'snapshot',
  'bufferpin',
  'deadlock',
] as const;

export type ConflictReason = (typeof CONFLICT_REASONS)[number];

/** errdetail_recovery_conflict. */
const DETAILS: Readonly<Record<ConflictReason, string>> = {
  tablespace: 'User was or might have been using tablespace that must be dropped.',
  database: 'User was connected to a database that must be dropped.',
  lock: 'User was holding a relation lock for too long.',
  snapshot: 'User query might have needed to see row versions that must be removed.',
  bufferpin: 'User was holding shared buffer pin for too long.',
  deadlock: 'User transaction caused buffer deadlock with recovery.',
};

/** A backend that may be in the way. */
export interface Victim {
  readonly owner: LockOwner;
  readonly server: Server;
  readonly transaction: {
    readonly inBlock: boolean;
    readonly isAborted: boolean;
    readonly conflict: RecoveryConflict;
  };
  readonly proc: {
    readonly entry: { readonly executing: boolean; readonly transactions: number };
  };
  /** It looks whether anything has happened, if it is idle. */
  wake(): void;
}

/** Whether one backend has been told to give way, and hasn't yet. */
export class RecoveryConflict {
  private reason: ConflictReason | null = null;

  /** Its transaction is over. */
  clear(): void {
    this.reason = null;
  }

  get isPending(): boolean {
    return this.reason !== null;
  }

  /** The startup process wants the backend out of its way. */
  request(reason: ConflictReason, victim: Victim, inSubtransaction: boolean): void {
    const { transaction, owner, server, proc } = victim;
    if (!transaction.inBlock && !proc.entry.executing) return;
    if (transaction.isAborted && !inSubtransaction) return;
    const { sim } = server.context;
    this.reason = reason;
    owner.cancelAt = sim.now;
    if (owner.waitLock !== null) sim.wakeAt(owner.process, owner.ticket, sim.now);
    else victim.wake();
  }

  /** The error of a statement that it ends; null: there is no conflict. */
  error(inSubtransaction: boolean): ErrorResponse | null {
    if (this.reason === null) return null;
    return inSubtransaction ? ERRORS.recoveryConflictEnds : ERRORS.recoveryConflict;
  }

  /** The error is on its way to the client: now it counts (pgstat_report_recovery_conflict). */
  report({ context, index, name }: Server, error: ErrorResponse): void {
    const { reason } = this;
    if (reason === null) return;
    this.reason = null;
    context.events.recoveryConflict.emit(index, CONFLICT_REASONS.indexOf(reason));
    context.sim.trace.note('conflict', `${name}: ${error.message}: ${DETAILS[reason]}`);
  }
}
