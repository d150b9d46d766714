import { exp } from '../../src/kernel/index.ts';

/** Popularities and closed forms for caches under independent references. */

/** p(i) proportional to i to the power -alpha, i from 1 to n, for alpha of one half. */
export function squareRootLaw(n: number): Float64Array {
  const weights = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(i + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Draws an index in proportion to its weight (Walker's alias method). */
export class AliasTable {
  private readonly keep: Float64Array;
  private readonly alias: Int32Array;

  constructor(weights: Float64Array) {
    const n = weights.length;
    this.keep = new Float64Array(n).fill(1);
    this.alias = Int32Array.from({ length: n }, (_, i) => i);
    const scaled = weights.map((weight) => weight * n);
    const small: number[] = [];
    const large: number[] = [];
    scaled.forEach((weight, i) => {
      (weight < 1 ? small : large).push(i);
    });
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop()!;
      const rich = large[large.length - 1]!;
      this.keep[poor] = scaled[poor]!;
      this.alias[poor] = rich;
      scaled[rich]! -= 1 - scaled[poor]!;
      if (scaled[rich]! < 1) small.push(large.pop()!);
    }
  }

  draw(uniform: number): number {
    const place = uniform * this.keep.length;
    const i = Math.floor(place);
    return place - i < this.keep[i]! ? i : this.alias[i]!;
  }
}

/**
 * The hit rate in the steady state of a cache of `size` pages, from the chance that a page with so
 * many expected references in one characteristic time is in it: that time is the one for which the
 * chances add up to the size. Popularities fall; from the thousandth on, 25 count as one.
 */
export function hitRate(
  popularity: Float64Array,
  size: number,
  chance: (references: number) => number,
): number {
  const groups: [p: number, pages: number][] = [];
  for (let i = 0; i < popularity.length; i += i < 1000 ? 1 : 25) {
    const members = popularity.subarray(i, i < 1000 ? i + 1 : i + 25);
    groups.push([members.reduce((sum, p) => sum + p, 0) / members.length, members.length]);
  }
  const sum = (time: number, worth: (p: number) => number) =>
    groups.reduce((total, [p, pages]) => total + pages * worth(p) * chance(p * time), 0);
  let low = 0;
  let high = 1;
  while (sum(high, () => 1) < size) high *= 2;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (sum(middle, () => 1) < size) low = middle;
    else high = middle;
  }
  return sum(high, (p) => p);
}

/** LRU: Che, Tung, Wang, "Hierarchical Web Caching Systems", JSAC 2002. */
export const che = (references: number): number => 1 - exp(-references);

/** FIFO and random replacement: Fricker, Robert, Roberts, 2012. */
export const fifo = (references: number): number => references / (1 + references);

/**
 * PostgreSQL's sweep, with `references` expected in one round of the hand. A visit finds min(5,
 * u + Poisson) of the u that the last one left; at 0 the page goes, else the visit takes 1. With E
 * rounds from coming (with a count of 1) to going, the page is there for E of E + 1 / references.
 */
export function postgresSweep(references: number): number {
  const poisson = [exp(-references)];
  for (let k = 1; k < 5; k++) poisson.push((poisson[k - 1]! * references) / k);
  if (poisson[0]! < 1e-6) return 1;
  const equations: number[][] = []; // rounds[u] - sum of P(k) rounds[min(5, u + k) - 1] = 1
  for (let u = 0; u < 5; u++) {
    const row = [0, 0, 0, 0, 0, 1];
    let rest = 1;
    for (let k = 0; u + k < 5; k++) {
      rest -= poisson[k]!;
      if (u + k > 0) row[u + k - 1]! -= poisson[k]!;
    }
    row[4]! -= rest;
    row[u]! += 1;
    equations.push(row);
  }
  const rounds = solve(equations)[1]!;
  return rounds / (rounds + 1 / references);
}

/** Gauss and Jordan, on rows with the right side as their last number. */
function solve(rows: number[][]): number[] {
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows[i]!;
    for (let j = 0; j < rows.length; j++) {
      const factor = rows[j]![i]! / pivot[i]!;
      if (j !== i) for (let k = i; k < pivot.length; k++) rows[j]![k]! -= factor * pivot[k]!;
    }
  }
  return rows.map((row, i) => row[rows.length]! / row[i]!);
}
