import { type Nanoseconds, toSeconds } from '../kernel/time.ts';

/** Points over time as the JSON has them: `t` in seconds, `v` null where nothing was observed. */
export interface SeriesPoints {
  t: number[];
  v: (number | null)[];
}

/** What a point says of its stretch of time. */
export type SeriesKind =
  | 'rate' // the sum of what was added, per second
  | 'mean' // the mean of what was added, weighted by time where it was added over time
  | 'max'; // the largest that was added

/**
 * A quantity over simulated time in a bounded number of points. Each point stands for a stretch of
 * equal width; when the run outgrows the points, neighbours are merged and the width doubles. Where
 * the run's end is known, `Series.over` chooses the width at once.
 */
export class Series {
  readonly kind: SeriesKind;
  private width: Nanoseconds;
  private readonly limit: number;
  private readonly sums: number[] = [];
  private readonly weights: number[] = [];

  /** At most `limit` points (even), `width` apart at first. */
  constructor(kind: SeriesKind, width: Nanoseconds, limit = 240) {
    this.kind = kind;
    this.width = width;
    this.limit = limit;
  }

  /** A series whose points just cover a run of this duration. */
  static over(duration: Nanoseconds, kind: SeriesKind, limit = 240): Series {
    return new Series(kind, Math.max(1, Math.ceil(duration / limit)), limit);
  }

  /** The width of a point's stretch of time. */
  get step(): Nanoseconds {
    return this.width;
  }

  /** An observation at an instant: an amount for a rate (1: an event), a value for the others. */
  add(at: Nanoseconds, value = 1): void {
    this.put(this.indexOf(at), value, 1);
  }

  /** So many observations in the stretch of an instant, given their sum: for a mean. */
  addWeighted(at: Nanoseconds, sum: number, count: number): void {
    const index = this.indexOf(at);
    this.sums[index]! += sum;
    this.weights[index]! += count;
  }

  /** A value that held from one instant to another: what a gauge contributes. */
  addSpan(from: Nanoseconds, to: Nanoseconds, value: number): void {
    const last = this.indexOf(Math.max(from, to - 1));
    for (let index = this.indexOf(from); index <= last; index++) {
      const start = Math.max(from, index * this.width);
      const end = Math.min(to, (index + 1) * this.width);
      if (this.kind === 'rate') this.put(index, (value * (end - start)) / (to - from), 1);
      else this.put(index, value, end - start);
    }
  }

  /** All points from the start of the run to its end; times are the starts of their stretches. */
  points(until: Nanoseconds): SeriesPoints {
    const t: number[] = [];
    const v: (number | null)[] = [];
    for (let index = 0; index * this.width < until && index < this.limit; index++) {
      t.push(toSeconds(index * this.width));
      v.push(this.valueAt(index, until));
    }
    return { t, v };
  }

  private valueAt(index: number, until: Nanoseconds): number | null {
    const sum = this.sums[index] ?? 0;
    const weight = this.weights[index] ?? 0;
    const lasted = Math.min(this.width, until - index * this.width);
    if (this.kind === 'rate') return sum / toSeconds(lasted);
    if (weight === 0) return null;
    return this.kind === 'mean' ? sum / weight : sum;
  }

  private indexOf(at: Nanoseconds): number {
    let index = Math.floor(at / this.width);
    while (index >= this.limit) {
      this.halve();
      index = Math.floor(at / this.width);
    }
    while (this.sums.length <= index) {
      this.sums.push(0);
      this.weights.push(0);
    }
    return index;
  }

  private put(index: number, value: number, weight: number): void {
    const before = this.weights[index]!;
    if (this.kind === 'max') {
      if (before === 0 || value > this.sums[index]!) this.sums[index] = value;
    } else this.sums[index]! += this.kind === 'rate' ? value : value * weight;
    this.weights[index] = before + weight;
  }

  private halve(): void {
    const { sums, weights } = this;
    const half = Math.ceil(sums.length / 2);
    for (let i = 0; i < half; i++) {
      const [left, right] = [2 * i, 2 * i + 1];
      sums[i] = this.joined(left, right);
      weights[i] = weights[left]! + (weights[right] ?? 0);
    }
    sums.length = half;
    weights.length = half;
    this.width *= 2;
  }

  private joined(left: number, right: number): number {
    if (this.kind !== 'max') return this.sums[left]! + (this.sums[right] ?? 0);
    if (!this.weights[right]) return this.sums[left]!;
    if (!this.weights[left]) return this.sums[right]!;
    return Math.max(this.sums[left]!, this.sums[right]!);
  }
}
