/**
 * Natural order of names: runs of digits compare as numbers, so pg2 stands before pg10. Everything
 * else compares by code unit, on every machine alike; equal numbers do too (pg01 before pg1).
 */
export function naturalCompare(left: string, right: string): number {
  const a = left.match(PARTS) ?? [];
  const b = right.match(PARTS) ?? [];
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  if (a.length !== b.length) return a.length - b.length;
  return left < right ? -1 : left > right ? 1 : 0;
}

const PARTS = /\d+|\D+/g;
const DIGITS = /^\d/;

function compareParts(a: string, b: string): number {
  if (DIGITS.test(a) && DIGITS.test(b)) {
    const x = a.replace(/^0+/, '');
    const y = b.replace(/^0+/, '');
    if (x.length !== y.length) return x.length - y.length;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The entries of an object in natural order of their names. */
export function naturalEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => naturalCompare(a, b));
}
