/**
 * The mean of a correlated sequence and its standard error, by batch means: the sequence, less a
 * tenth of warm-up, is cut into 30 long batches whose means are as good as independent.
 */
export class BatchMeans {
  private static readonly BATCHES = 30;
  private readonly warmUp: number;
  private readonly batchLength: number;
  private readonly sums = new Float64Array(BatchMeans.BATCHES);
  count = 0;

  constructor(expectedCount: number) {
    this.warmUp = Math.floor(expectedCount / 10);
    this.batchLength = Math.floor((expectedCount - this.warmUp) / BatchMeans.BATCHES);
  }

  add(x: number): void {
    const at = this.count++ - this.warmUp;
    if (at < 0) return;
    const batch = Math.floor(at / this.batchLength);
    if (batch < BatchMeans.BATCHES) this.sums[batch]! += x;
  }

  get mean(): number {
    return average([...this.sums]) / this.batchLength;
  }

  get standardError(): number {
    const means = [...this.sums].map((sum) => sum / this.batchLength);
    const centre = average(means);
    const squares = means.reduce((sum, mean) => sum + (mean - centre) * (mean - centre), 0);
    return Math.sqrt(squares / (means.length - 1) / means.length);
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
