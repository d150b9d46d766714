/**
 * The cost throttle of vacuum (vacuum.c:vacuum_delay_point): each page costs by what it took to get
 * it and whether it was made dirty; when the balance reaches the limit, the process naps. The naps
 * bound a vacuum's rate, whatever the hardware.
 */

export interface CostSettings {
  readonly vacuum_cost_page_hit: number;
  readonly vacuum_cost_page_miss: number;
  readonly vacuum_cost_page_dirty: number;
  readonly vacuum_cost_limit: number;
  /** -1: that of vacuum_cost_limit. */
  readonly autovacuum_vacuum_cost_limit: number;
}

/** Pages got from the pool, read, and made dirty since the last nap. */
export interface PagesDone {
  readonly hits: number;
  readonly misses: number;
  readonly dirtied: number;
}

export function costOf(pages: PagesDone, settings: CostSettings): number {
  return (
    pages.hits * settings.vacuum_cost_page_hit +
    pages.misses * settings.vacuum_cost_page_miss +
    pages.dirtied * settings.vacuum_cost_page_dirty
  );
}

/** A nap of more than this many delays is cut. */
const MOST_DELAYS = 4;

/**
 * How long to sleep at this balance, in the unit of the delay; 0 for not yet. A delay of 0 switches
 * the throttle off. After a nap the balance is 0 again.
 */
export function napFor(balance: number, limit: number, delay: number): number {
  if (delay <= 0 || balance < limit) return 0;
  return Math.min((delay * balance) / limit, MOST_DELAYS * delay);
}

/**
 * The limit of one autovacuum worker: all workers share one budget, except those whose table has a
 * limit or delay of its own (autovacuum.c:AutoVacuumUpdateCostLimit).
 */
export function workerLimit(
  settings: CostSettings,
  sharingWorkers: number,
  tableLimit: number | null = null,
): number {
  if (tableLimit !== null) return tableLimit;
  const own = settings.autovacuum_vacuum_cost_limit;
  const limit = own > 0 ? own : settings.vacuum_cost_limit;
  return Math.max(1, Math.floor(limit / Math.max(1, sharingWorkers)));
}

/** The most pages a second that a throttle lets through, of pages with this cost. */
export function ceilingPerSecond(cost: number, limit: number, delayMilliseconds: number): number {
  return (limit / cost / delayMilliseconds) * 1000;
}
