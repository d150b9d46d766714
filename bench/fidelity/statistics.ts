/** The few sums that the harness needs. */

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Null of nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How far repeats of the same lie apart, as a share of their mean; null of fewer than two. */
export function spread(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  return centre === 0 ? null : (Math.max(...values) - Math.min(...values)) / Math.abs(centre);
}

/** Slope of the line through the origin that fits (x, y) by least squares: sum xy / sum xx. */
export function slopeThroughOrigin(points: readonly (readonly [number, number])[]): number {
  const products = points.reduce((sum, [x, y]) => sum + x * y, 0);
  return products / points.reduce((sum, [x]) => sum + x * x, 0);
}

/** Splits into groups by a key, in the order in which keys first occur. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}
