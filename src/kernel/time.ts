/**
 * Simulated time is a whole number of nanoseconds since the start of the run, kept in a double:
 * exact up to 2^53 ns, which is 104 days. Durations are rounded once, where they are drawn.
 */
export type Nanoseconds = number;

export const MICROSECOND: Nanoseconds = 1_000;
export const MILLISECOND: Nanoseconds = 1_000_000;
export const SECOND: Nanoseconds = 1_000_000_000;
export const MINUTE: Nanoseconds = 60 * SECOND;

/** Later than every instant that a run can reach; never entered in the agenda. */
export const NEVER: Nanoseconds = Number.POSITIVE_INFINITY;

/** The whole nanosecond nearest to a duration in seconds. */
export function fromSeconds(seconds: number): Nanoseconds {
  return Math.round(seconds * SECOND);
}

/** An instant or duration in seconds, for reports. */
export function toSeconds(duration: Nanoseconds): number {
  return duration / SECOND;
}
