/**
 * The mean of a correlated sequence and its standard error, by batch means: the sequence, less a
 * tenth of warm-up, is cut into 30 long batches whose means are as good as independent.
 */
export class BatchMeans {
  private static readonly BATCHES = 30;
  count = 0;
  private readonly batchLength: number;
  private readonly sums = new Float64Array(BatchMeans.BATCHES);
  private batch = -1; // the warm-up comes before the first
  private left: number;

  constructor(expectedCount: number) {
    this.left = Math.floor(expectedCount / 10);
    this.batchLength = Math.floor((expectedCount - this.left) / BatchMeans.BATCHES);
  }

  add(x: number): void {
    this.count++;
    if (this.left === 0) {
      this.left = this.batchLength;
      this.batch++;
    }
    this.left--;
    if (this.batch >= 0 && this.batch < BatchMeans.BATCHES) this.sums[this.batch]! += x;
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
