/**
 * The right name nearest to a wrong one, by edit distance with swaps of neighbours counted as one
 * edit (optimal string alignment). Undefined when nothing is near: more than a third of the letters
 * would have to change.
 */
export function nearest(wrong: string, candidates: Iterable<string>): string | undefined {
  if (wrong.length > 64) return undefined;
  const folded = fold(wrong);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(folded.length / 3)) + 1;
  for (const candidate of candidates) {
    const name = fold(candidate);
    if (Math.abs(name.length - folded.length) >= bestDistance) continue;
    const distance = editDistance(folded, name);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Case and the choice between `-`, `_` and space are the commonest slips and cost nothing. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '_');
}

/** The number of insertions, deletions, replacements and swaps that turn one text into another. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[to.length]!;
}
