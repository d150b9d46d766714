/**
 * What the ProcArray costs: one table, replaced by calibration.
 *
 * A snapshot costs a + b x connections (mechanisms 7.1). b before version 14: 48 active read-only
 * clients made 1,032,435, 702,680 and 521,558 transactions per second beside 0, 5,000 and 10,000
 * idle connections (Freund, "Analyzing the Limits of Connection Scalability in Postgres", 2020):
 * 46.5, 68.3 and 92.0 us each, hence 4.5 ns for a connection. From version 14 on the ids lie side
 * by side, 4 bytes each: 0.3 to 1 ns for a connection (same author, "Improving Postgres Connection
 * Scalability: Snapshots", 2020). a is within the measured costs of statements.
 *
 * The times that locks are held are of the order of a few cache misses on other cores' lines
 * (100 ns each): estimates, as nobody publishes them apart.
 */
import type { Nanoseconds } from '../../kernel/index.ts';

export interface ProcArrayCosts {
  /** A snapshot without its visit of the connections; a reused one costs this and no more. */
  readonly snapshot: Nanoseconds;
  /** The visit of one connection. May be a fraction. */
  readonly perConnection: number;
  /** Clearing a transaction's id under the exclusive lock; each further member of a group. */
  readonly clear: Nanoseconds;
  readonly clearMember: Nanoseconds;
  /** Entering or leaving the array, and shifting what lies behind the place in it. */
  readonly resize: Nanoseconds;
  readonly shiftPerConnection: number;
  /** From the release of an LWLock until who waits for it runs again: a semaphore's wake-up. */
  readonly wake: Nanoseconds;
}

const COMMON = {
  snapshot: 150,
  clear: 200,
  clearMember: 50,
  resize: 400,
  shiftPerConnection: 0.5,
  wake: 5_000,
} as const;

const BEFORE_14: ProcArrayCosts = { ...COMMON, perConnection: 4.5 };
const SINCE_14: ProcArrayCosts = { ...COMMON, perConnection: 0.5 };

export function procArrayCosts(version: number): ProcArrayCosts {
  return version >= 14 ? SINCE_14 : BEFORE_14;
}
