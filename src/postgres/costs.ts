/**
 * What server processes cost in CPU time. Measured on PostgreSQL 15.18, one core of a 2.6 GHz AMD
 * EPYC, pgbench scale 10 with fillfactor 80, everything cached, one client on the same core, as the
 * CPU time of the backend by the kernel's own accounting: per transaction with the prepared
 * protocol select-only 10.3 us, simple-update 44.8, tpcb-like 66.7, BEGIN and END alone 10.7; with
 * the simple protocol 21.5, 69.4, 89.1 and 9.9. The statements' shares are the differences.
 *
 * Other processors differ by tens of per cent; the calibration of a later issue replaces these.
 */
import { MICROSECOND, MILLISECOND, type Nanoseconds } from '../kernel/index.ts';
import type { Verb } from './statement.ts';

/** Receiving a message, answering it, and the dispatch between. */
const MESSAGE = 4 * MICROSECOND;

interface VerbCost {
  /** Parsing, analysing and planning: paid again for each execution in the simple protocol. */
  readonly plan: Nanoseconds;
  readonly execute: Nanoseconds;
}

const VERBS: Record<Verb, VerbCost> = {
  begin: { plan: 0, execute: 1 * MICROSECOND },
  select: { plan: 10 * MICROSECOND, execute: 6.5 * MICROSECOND },
  update: { plan: 6 * MICROSECOND, execute: 8 * MICROSECOND },
  insert: { plan: 6 * MICROSECOND, execute: 5 * MICROSECOND },
  commit: { plan: 0, execute: 1 * MICROSECOND },
  rollback: { plan: 0, execute: 1 * MICROSECOND },
};

/** CPU time of one statement on an open connection. */
export function statementCost(verb: Verb, prepared: boolean): Nanoseconds {
  const cost = VERBS[verb];
  return MESSAGE + cost.execute + (prepared ? 0 : cost.plan);
}

/** CPU time of ending a transaction that wrote: commit record, commit log, ProcArray, locks. */
export const COMMIT_COST = 5 * MICROSECOND;

/** Taking up a row again after waiting for its lock. */
export const RECHECK_COST = 3 * MICROSECOND;

/**
 * A connection, from measurements of PostgreSQL 15.18 that connected anew for each select (local
 * trust, one client): 1.78 to 1.87 ms until connected, 0.56 to 0.58 ms for the first select, which
 * fills the caches of the catalogs, and 3.76 to 3.85 ms of processor time in all. The rest is the
 * end of the process, for which the client does not wait.
 *
 * The postmaster's fork (one at a time; 0.3 to 1 ms), what the new backend does until it can serve,
 * what its first query costs beyond others, and the end of the process.
 */
export const FORK_COST = 500 * MICROSECOND;
export const BACKEND_START_COST = 1.25 * MILLISECOND;
export const FIRST_QUERY_COST = 0.55 * MILLISECOND;
export const BACKEND_EXIT_COST = 1.5 * MILLISECOND;
/** The client's 4096 rounds of SCRAM-SHA-256: its own CPU time, 2 to 5 ms. */
export const SCRAM_CLIENT_TIME = 3 * MILLISECOND;

/** A flush costs its leader the system calls beside the device's time. */
export const FLUSH_COST = 10 * MICROSECOND;

/** A walsender's turn: waking, reading WAL from the cache, sending; and taking in a reply. */
export const WAL_SENDER_COST = 15 * MICROSECOND;
export const REPLY_COST = 4 * MICROSECOND;
/** A walreceiver's turn: waking, receiving, writing to the file. */
export const WAL_RECEIVER_COST = 12 * MICROSECOND;

/** Redo of cached pages: 96 MB took 0.59 s on one core (PostgreSQL 15, image-rich WAL). */
export const REDO_NANOSECONDS_PER_BYTE = 6.1;
export const REDO_WAKE_COST = 8 * MICROSECOND;
