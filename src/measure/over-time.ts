import { type Nanoseconds, SECOND } from '../kernel/time.ts';
import type { Observed } from './observed.ts';
import { Series, type SeriesPoints } from './series.ts';

/** What a report plots: over the whole run, warm-up included, in at most 240 points. */
export class OverTime {
  private readonly run: Observed;
  private readonly throughput: Series;
  private readonly latency: Series;
  /** The stretch of time of one point: its end, and what happened in it so far. */
  private windowEnd: Nanoseconds = 0;
  private acknowledged = 0;
  private latencies: Nanoseconds = 0;
  private readonly series: { readonly [name: string]: Series };

  constructor(run: Observed) {
    this.run = run;
    const { workload, duration } = run;
    const throughput = Series.over(duration, 'rate');
    const errors = Series.over(duration, 'rate');
    const latency = Series.over(duration, 'mean');
    this.series = { 'throughput.tps': throughput, errors, 'latency.mean': latency };
    this.throughput = throughput;
    this.latency = latency;
    workload.acknowledged.observe((at, _, __, nanoseconds) => {
      if (at >= this.windowEnd) this.turn(at);
      this.acknowledged++;
      this.latencies += nanoseconds;
    });
    const count = (at: number) => errors.add(at);
    workload.failed.observe(count);
    workload.unknown.observe(count);
  }

  /** What the window held goes into the series, and the next one begins. */
  private turn(at: Nanoseconds): void {
    const { throughput, latency } = this;
    if (this.acknowledged > 0) {
      const within = this.windowEnd - throughput.step;
      throughput.add(within, this.acknowledged);
      latency.addWeighted(within, this.latencies / SECOND, this.acknowledged);
    }
    this.acknowledged = this.latencies = 0;
    this.windowEnd = (Math.floor(at / throughput.step) + 1) * throughput.step;
  }

  points(): { [name: string]: SeriesPoints } {
    const { now } = this.run.clock;
    this.turn(now);
    const entries = Object.entries(this.series);
    return Object.fromEntries(entries.map(([name, series]) => [name, series.points(now)]));
  }
}
