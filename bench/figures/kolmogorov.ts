/**
 * The test of Kolmogorov and Smirnov: the greatest distance between the distribution of a sample
 * and the law that it should follow. The law is given by many draws of it, so that a law which is
 * easier to draw from than to write down needs no formula.
 */
export interface Comparison {
  /** The greatest distance between the two distribution functions. */
  readonly distance: number;
  /** What it exceeds in one of a hundred samples of the law. */
  readonly critical: number;
}

/** Asymptotic 1% point: sqrt(-ln(0.01 / 2) / 2). */
const ONE_PER_CENT = 1.6276;

export function kolmogorov(sample: readonly number[], law: readonly number[]): Comparison {
  const a = Float64Array.from(sample).sort();
  const b = Float64Array.from(law).sort();
  let distance = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! === x) i++;
    while (j < b.length && b[j]! === x) j++;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  const scale = Math.sqrt(1 / a.length + 1 / b.length);
  return { distance, critical: ONE_PER_CENT * scale };
}
