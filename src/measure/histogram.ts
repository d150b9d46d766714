/**
 * A distribution in bounded memory. Values fall into buckets that are 1/128 of their power of two
 * wide (a log-linear histogram, as HdrHistogram has it), so a quantile is off by at most 0.4 % of
 * its value; count, sum, mean, minimum and maximum are exact. Two histograms merge into what one
 * would have held, whatever the order.
 */
const SUB_BUCKETS = 128;
const OCTAVES = 54; // whole numbers up to 2^53
const BIAS = 1023 * SUB_BUCKETS;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The numbers that every distribution in a report has; null where there were no observations. */
export interface DistributionSummary {
  mean: number | null;
  min: number | null;
  max: number | null;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
  count: number;
}

/** Whole numbers from 0 to 2^53 - 1, nanoseconds as a rule, each with a weight (1 as a rule). */
export class Histogram {
  /** How many observations there are, or their total weight. */
  count = 0;
  /** The sum of all observations times their weights; exact below 2^53. */
  sum = 0;
  private smallest = Number.POSITIVE_INFINITY;
  private largest = Number.NEGATIVE_INFINITY;
  private readonly counts = new Float64Array(OCTAVES * SUB_BUCKETS);
  /** Where weight per unit of value begins (positive) and ends, before it goes into `counts`. */
  private densities: Float64Array | null = null;

  /** One observation: a whole number, 0 or more. */
  record(value: number): void {
    double[0] = value + 1; // exponent and seven bits of mantissa are read straight off the double
    this.counts[(words[1]! >>> 13) - BIAS]!++;
    this.count++;
    this.sum += value;
    if (value < this.smallest) this.smallest = value;
    if (value > this.largest) this.largest = value;
  }

  /** As many equal observations as `weight` says. */
  recordWeighted(value: number, weight: number): void {
    if (weight <= 0) return;
    this.counts[bucketOf(value)]! += weight;
    this.count += weight;
    this.sum += value * weight;
    if (value < this.smallest) this.smallest = value;
    if (value > this.largest) this.largest = value;
  }

  /**
   * Weight spread evenly over all values from `from` to `to` (ends of an interval, so that it has
   * width `to - from`): what a quantity contributes that rises steadily from one to the other.
   */
  recordEvenly(from: number, to: number, weight: number): void {
    if (to <= from) {
      this.recordWeighted(from, weight);
      return;
    }
    const density = weight / (to - from);
    const first = bucketOf(from);
    const last = bucketOf(to);
    if (first === last) this.counts[first]! += weight;
    else {
      this.counts[first]! += density * (lowerBound(first + 1) - from);
      this.counts[last]! += density * (to - lowerBound(last));
      this.densities ??= new Float64Array(OCTAVES * SUB_BUCKETS);
      this.densities[first + 1]! += density;
      this.densities[last]! -= density;
    }
    this.count += weight;
    this.sum += ((from + to) / 2) * weight;
    if (from < this.smallest) this.smallest = from;
    if (to > this.largest) this.largest = to;
  }

  get min(): number | null {
    return this.count > 0 ? this.smallest : null;
  }

  get max(): number | null {
    return this.count > 0 ? this.largest : null;
  }

  get mean(): number | null {
    return this.count > 0 ? this.sum / this.count : null;
  }

  /**
   * The smallest value that at least a share p of the observations does not exceed (nearest rank),
   * or the middle of its bucket; null without observations.
   */
  quantile(p: number): number | null {
    if (this.count === 0) return null;
    const rank = p * this.count * (1 - 1e-12); // so that 0.07 of 100 is 7 and not 7.000000000000001
    if (rank <= 0) return this.smallest;
    if (p >= 1) return this.largest;
    this.fold();
    let seen = 0;
    for (let bucket = 0; bucket < this.counts.length; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= rank) return this.within(middle(bucket));
    }
    return this.largest;
  }

  /** All observations of the other histogram are this one's too. */
  merge(other: Histogram): void {
    other.fold();
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!;
    this.count += other.count;
    this.sum += other.sum;
    if (other.smallest < this.smallest) this.smallest = other.smallest;
    if (other.largest > this.largest) this.largest = other.largest;
  }

  /** Forgets everything: called when the warm-up ends. */
  clear(): void {
    this.counts.fill(0);
    this.densities = null;
    this.count = 0;
    this.sum = 0;
    this.smallest = Number.POSITIVE_INFINITY;
    this.largest = Number.NEGATIVE_INFINITY;
  }

  /** The usual numbers, in another unit: `summary(1e-9)` turns nanoseconds into seconds. */
  summary(unit = 1): DistributionSummary {
    const scaled = (value: number | null) => (value === null ? null : value * unit);
    return {
      mean: scaled(this.mean),
      min: scaled(this.min),
      max: scaled(this.max),
      p50: scaled(this.quantile(0.5)),
      p90: scaled(this.quantile(0.9)),
      p95: scaled(this.quantile(0.95)),
      p99: scaled(this.quantile(0.99)),
      p999: scaled(this.quantile(0.999)),
      count: this.count,
    };
  }

  /** Weight that lies evenly over whole buckets is given to them. */
  private fold(): void {
    const { densities } = this;
    if (!densities) return;
    let density = 0;
    for (let bucket = 0; bucket < densities.length; bucket++) {
      density += densities[bucket]!;
      if (density !== 0) {
        this.counts[bucket]! += density * (lowerBound(bucket + 1) - lowerBound(bucket));
      }
    }
    this.densities = null;
  }

  private within(value: number): number {
    return Math.min(this.largest, Math.max(this.smallest, value));
  }
}

function bucketOf(value: number): number {
  double[0] = value + 1;
  return (words[1]! >>> 13) - BIAS;
}

/** The smallest value of a bucket. */
function lowerBound(bucket: number): number {
  words[0] = 0;
  words[1] = ((bucket + BIAS) << 13) >>> 0;
  return double[0]! - 1;
}

/** The middle of the whole numbers of a bucket. */
function middle(bucket: number): number {
  const low = Math.ceil(lowerBound(bucket));
  const high = Math.ceil(lowerBound(bucket + 1)) - 1;
  return high > low ? low + Math.floor((high - low) / 2) : low;
}
