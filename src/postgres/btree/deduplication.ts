/**
 * Deduplication, since version 13 (nbtdedup.c): when a leaf is full, entries of equal keys are
 * merged into posting lists, which spell the key once. It frees much if keys have many rows, and
 * little for two versions of one row: with a key of 8 bytes 40 bytes become 36.
 *
 * Which keys have how many entries is not kept; extra entries are taken to have fallen on the keys
 * at random, so that their number on a key is Poisson's.
 */

import { exp } from '../../kernel/arithmetic.ts';
import { deduplicatedBytes } from './btree-layout.ts';

export interface Deduplicated {
  readonly bytes: number;
  readonly postingLists: number;
}

/** What so many entries of so many keys take once merged, and how many lists that makes. */
export function deduplicated(keys: number, items: number, keyBytes: number): Deduplicated {
  const mean = (items - keys) / keys;
  if (mean <= 0) return { bytes: keys * deduplicatedBytes(keyBytes, 1), postingLists: 0 };
  if (mean > 30) {
    const bytes = Math.round(keys * deduplicatedBytes(keyBytes, Math.round(items / keys)));
    return { bytes, postingLists: keys };
  }
  let probability = exp(-mean);
  let bytes = 0;
  for (let extra = 0; extra <= 100; extra++) {
    bytes += probability * deduplicatedBytes(keyBytes, 1 + extra);
    probability *= mean / (extra + 1);
  }
  const postingLists = Math.round(keys * (1 - exp(-mean)));
  return { bytes: Math.round(keys * bytes), postingLists };
}
