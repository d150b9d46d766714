/**
 * Where a full b-tree page splits (nbtsplitloc.c), as arithmetic on counts.
 */

import { normalQuantile } from '../../kernel/arithmetic.ts';
import { USABLE_BYTES } from './btree-layout.ts';

const GOLDEN_RATIO = 0.6180339887498949;

/**
 * How many of `total` entries stay on the left page. A page that is not its level's rightmost is
 * halved. The rightmost is split so that the left page's free space is to the right page's as
 * 100 - percent is to percent: if keys ascend, it stays filled to that percentage for ever.
 */
export function keptEntries(
  isRightmost: boolean,
  percent: number,
  total: number,
  bytes: number,
  highKeyBytes: number,
): number {
  if (!isRightmost) return Math.floor(total / 2);
  const share = percent / 100;
  const keptBytes = share * (USABLE_BYTES - highKeyBytes) - (1 - share) * (USABLE_BYTES - bytes);
  const kept = Math.round((keptBytes / bytes) * total);
  return Math.min(total - 1, Math.max(1, kept));
}

/**
 * How far the median of so many random keys is from the middle of their range, as a share of it:
 * normal, with a standard deviation of 1 / (2 sqrt(n)), taken for the n-th split from a sequence
 * that fills the unit interval evenly. Without it all pages would split at the same time for ever.
 */
export function medianDeviation(entries: number, split: number): number {
  const u = Math.max((split * GOLDEN_RATIO) % 1, 1e-6);
  return normalQuantile(u) / (2 * Math.sqrt(entries));
}
