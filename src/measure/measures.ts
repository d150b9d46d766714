import { FAMILIES } from './catalog.ts';
import type { Failover } from './failovers.ts';
import { Failovers } from './failovers.ts';
import { type Meter, MetricSheet, type SharedMeters } from './family.ts';
import { InFlight } from './in-flight.ts';
import type { Law } from './laws/law.ts';
import { lawsOf } from './laws.ts';
import { Ledger, type LedgerReport } from './ledger.ts';
import type { Observed } from './observed.ts';
import { OverTime } from './over-time.ts';
import type { LostCommit } from './result.ts';
import type { SeriesPoints } from './series.ts';

/** What came out of a run. */
export interface Measured {
  /** By dotted name, SI base units; null: no observations. */
  readonly metrics: ReadonlyMap<string, number | null>;
  readonly series: { [name: string]: SeriesPoints };
  readonly ledger: LedgerReport;
  /** The first of the commits that were lost after the warm-up. */
  readonly losses: LostCommit[];
  /** Those after the warm-up. */
  readonly failovers: readonly Failover[];
  /** Laws of the simulator that did not hold, in words. */
  readonly lawsBroken: string[];
}

/**
 * Everything that observes a run: made before its first step, told when the warm-up ends, asked
 * once when it is over. It only reads.
 *
 *     const measures = new Measures(observed);
 *     sim.run(warmup); measures.atWarmup(); sim.run(duration);
 *     const { metrics, lawsBroken } = measures.finish();
 */
export class Measures {
  private readonly run: Observed;
  private readonly shared: SharedMeters;
  private readonly meters: readonly Meter[];
  private readonly laws: readonly Law[];
  private readonly overTime: OverTime;
  private warm: boolean;

  constructor(run: Observed) {
    this.run = run;
    const inFlight = new InFlight(run);
    this.shared = { ledger: new Ledger(run), inFlight, failovers: new Failovers(run) };
    this.meters = FAMILIES.map((family) => family.measure(run, this.shared));
    this.overTime = new OverTime(run);
    this.laws = lawsOf(run, this.shared);
    this.warm = run.clock.now >= run.warmup;
  }

  /** The clock stands at the end of the warm-up: metrics forget what was before it. */
  atWarmup(): void {
    const { clock, warmup } = this.run;
    if (clock.now !== warmup) {
      throw new Error(`the warm-up ends at ${warmup} ns, but the clock shows ${clock.now} ns`);
    }
    for (const meter of this.meters) meter.restart();
    this.warm = true;
  }

  /** The run is over, now. One that ended in its warm-up has no observations. */
  finish(): Measured {
    const { clock, warmup } = this.run;
    if (!this.warm) {
      if (clock.now > warmup) throw new Error('nobody told the measures that the warm-up was over');
      for (const meter of this.meters) meter.restart();
    }
    const sheet = new MetricSheet(Math.max(0, clock.now - warmup));
    for (const meter of this.meters) meter.report(sheet);
    const ledger = this.shared.ledger.report;
    const { list } = this.shared.failovers;
    return {
      metrics: sheet.values,
      series: this.overTime.points(),
      ledger,
      losses: [...ledger.losses],
      failovers: list.filter(({ acquiredAt }) => acquiredAt >= warmup),
      lawsBroken: this.laws.flatMap((law) => law.broken()),
    };
  }
}
