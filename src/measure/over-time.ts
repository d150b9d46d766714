import { SECOND } from '../kernel/time.ts';
import type { Observed } from './observed.ts';
import { Series, type SeriesPoints } from './series.ts';

/** What a report plots: over the whole run, warm-up included, in at most 240 points. */
export class OverTime {
  private readonly run: Observed;
  private readonly series: { readonly [name: string]: Series };

  constructor(run: Observed) {
    this.run = run;
    const { workload, duration } = run;
    const throughput = Series.over(duration, 'rate');
    const errors = Series.over(duration, 'rate');
    const latency = Series.over(duration, 'mean');
    this.series = { 'throughput.tps': throughput, errors, 'latency.mean': latency };
    workload.acknowledged.observe((at, _, __, nanoseconds) => {
      throughput.add(at);
      latency.add(at, nanoseconds / SECOND);
    });
    const count = (at: number) => errors.add(at);
    workload.failed.observe(count);
    workload.unknown.observe(count);
  }

  points(): { [name: string]: SeriesPoints } {
    const { now } = this.run.clock;
    const entries = Object.entries(this.series);
    return Object.fromEntries(entries.map(([name, series]) => [name, series.points(now)]));
  }
}
