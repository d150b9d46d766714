/**
 * The cost balance of one process that vacuums (vacuum.c:vacuum_delay_point): what its pages have
 * cost since the last nap, and how long the next one is. The rule itself stands in
 * `../heap/vacuum-cost.ts`.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import { type CostSettings, napFor } from '../heap/vacuum-cost.ts';
import { TIMER_SLACK } from './costs.ts';

/** Where limit and delay come from: a worker shares them with the others, and they may change. */
export interface ThrottleSource {
  readonly limit: () => number;
  /** 0: no naps. */
  readonly delay: Nanoseconds;
}

export class CostThrottle {
  /** Pages got from the pool, read, and made dirty since the process began with this table. */
  hits = 0;
  misses = 0;
  dirtied = 0;
  /** Time that was slept away. */
  napped: Nanoseconds = 0;
  /** The failsafe has switched it off. */
  isOff = false;
  private balance = 0;
  private readonly costs: CostSettings;
  private readonly source: ThrottleSource;

  constructor(costs: CostSettings, source: ThrottleSource) {
    this.costs = costs;
    this.source = source;
  }

  hit(pages = 1): void {
    this.hits += pages;
    this.balance += pages * this.costs.vacuum_cost_page_hit;
  }

  miss(): void {
    this.misses++;
    this.balance += this.costs.vacuum_cost_page_miss;
  }

  dirty(): void {
    this.dirtied++;
    this.balance += this.costs.vacuum_cost_page_dirty;
  }

  /** How long to sleep now, 0 for not yet; the balance begins anew after it. */
  nap(): Nanoseconds {
    const { limit, delay } = this.source;
    if (this.isOff || delay <= 0 || this.balance === 0) return 0;
    const nap = napFor(this.balance, limit(), delay);
    if (nap <= 0) return 0;
    this.balance = 0;
    const length = Math.round(nap) + TIMER_SLACK;
    this.napped += length;
    return length;
  }
}
