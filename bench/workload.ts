/**
 * A transaction-like workload for timing the kernel: 64 sessions, each in a loop of 4 processors
 * shared by all, 3 pages (95% hits of 1 us, misses of 100 us), a latch for 2 us, a group commit of
 * 0.1 to 1 ms and a network round trip. Two implementations walk the same sample path, so that
 * their results must be equal and only the time they take differs.
 */
export interface Workload {
  /** Walks on to an instant of simulated time; the outcome covers the walk from its start. */
  advance(until: number): Outcome;
}

export interface Outcome {
  completed: number;
  latencySum: number;
  steps: number;
}

export const SEED = 'bench';
export const SESSIONS = 64;
