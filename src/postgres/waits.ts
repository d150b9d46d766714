/**
 * What backends do with their time, by Postgres's wait events (monitoring-stats, "Wait Events";
 * wait_event_names.txt). Each client backend is in exactly one state from its fork to its exit, so
 * the shares add up to one.
 */
import type { Nanoseconds } from '../kernel/index.ts';

/** Postgres 17 renamed WALSync to WalSync and WALWrite (IO) to WalWrite. */
export const WAIT_EVENTS = [
  'CPU',
  'Client.ClientRead',
  'IO.WalSync',
  'LWLock.WALWrite',
  'IPC.SyncRep',
  'Lock.transactionid',
  'IO.WalWrite',
  'LWLock.ProcArray',
  'IPC.ProcarrayGroupUpdate',
  'IO.DataFileRead',
  'IO.DataFileWrite',
  'IPC.BufferIO',
  'Lock.tuple',
  'Lock.relation',
  'Lock.extend',
  'IO.BufFileRead',
  'IO.BufFileWrite',
  'IPC.ExecuteGather',
  'Lock.virtualxid',
  'Timeout.VacuumDelay',
] as const;

export type WaitEvent = (typeof WAIT_EVENTS)[number];

export const CPU = 0;
export const CLIENT_READ = 1;
export const WAL_SYNC = 2;
export const WAL_WRITE_LOCK = 3;
export const SYNC_REP = 4;
export const WAL_WRITE = 6;
export const PROC_ARRAY = 7;
export const PROC_ARRAY_GROUP_UPDATE = 8;
export const DATA_FILE_READ = 9;
export const DATA_FILE_WRITE = 10;
export const BUFFER_IO = 11;
export const BUF_FILE_READ = 15;
export const BUF_FILE_WRITE = 16;
export const EXECUTE_GATHER = 17;
/** Waiting for the end of whatever another backend does, with an id or without. */
export const VIRTUAL_TRANSACTION = 18;
/** A VACUUM of a client naps (autovacuum's workers are no client backends). */
export const VACUUM_DELAY = 19;

/** ClientRead within a transaction, kept apart: pg_stat_activity calls it idle in transaction. */
export const CLIENT_READ_IN_TRANSACTION = WAIT_EVENTS.length;

/** Heavyweight locks, by what they are on. */
export const LOCK_WAITS = { transactionid: 5, tuple: 12, relation: 13, extend: 14 } as const;

/** The time that all backends of a server have spent in each state. */
export class WaitTimes {
  readonly total = new Float64Array(WAIT_EVENTS.length + 1);
  private readonly clock: { readonly now: Nanoseconds };

  constructor(clock: { readonly now: Nanoseconds }) {
    this.clock = clock;
  }

  /** A backend starts, in the given state. */
  enter(event: number): WaitState {
    return new WaitState(this.clock, this.total, event);
  }

  /** Forgets what was before: the warm-up of a run is over. */
  reset(): void {
    this.total.fill(0);
  }
}

/** What one process has used of shared buffers so far (instrument.c: pgBufferUsage). */
export class BufferUsage {
  /** Pages that it has looked at, found or not. */
  accesses = 0;
  /** Those of them that it has read in. */
  reads = 0;
}

/** What one backend does at the moment. */
export class WaitState {
  readonly buffers = new BufferUsage();
  private readonly clock: { readonly now: Nanoseconds };
  private readonly total: Float64Array;
  private event: number;
  private since: Nanoseconds;

  constructor(clock: { readonly now: Nanoseconds }, total: Float64Array, event: number) {
    this.clock = clock;
    this.total = total;
    this.event = event;
    this.since = clock.now;
  }

  /** It does something else from now on. Called with the same event, it settles the account. */
  now(event: number): void {
    this.total[this.event]! += this.clock.now - this.since;
    this.event = event;
    this.since = this.clock.now;
  }

  settle(from: Nanoseconds = this.since): void {
    this.since = Math.max(this.since, from);
    this.now(this.event);
  }
}
