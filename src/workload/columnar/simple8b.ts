/**
 * How long whole numbers are in Simple-8b with runs (Anh and Moffat, Index compression using 64-bit
 * words, 2010; TimescaleDB's simple8b_rle.h): words of 64 bits, each with as many numbers as its
 * width allows, or with a run of one number; 16 selectors of 4 bits to a word of their own; and a
 * head of 8 bytes.
 *
 * Words are filled greedily here, from the narrowest width on that holds what comes next. Left out:
 * numbers of more than 53 bits.
 */

/** Numbers in a word, and bits of each, by selector from 1 on. */
const COUNTS = [64, 32, 21, 16, 12, 10, 9, 8, 6, 5, 4, 3, 2, 1];
const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 21, 32, 64];
/** The first number that is too wide. */
const LIMITS = WIDTHS.map((width) => Number(1n << BigInt(width)));
/** Of a number that may be in a run. */
const RUN_VALUE = 0x10_0000_0000;
const WORD = 8;
const HEAD = 8;
const SELECTORS_IN_WORD = 16;

/** Bytes of these numbers, none of them negative. */
export function simple8bBytes(values: readonly number[]): number {
  let words = 0;
  for (let at = 0; at < values.length; words++) at += wordAt(values, at);
  return HEAD + WORD * (words + Math.ceil(words / SELECTORS_IN_WORD));
}

/** How many numbers the next word takes. */
function wordAt(values: readonly number[], at: number): number {
  const first = values[at]!;
  let run = 1;
  while (at + run < values.length && values[at + run] === first) run++;
  if (run > 1 && first < RUN_VALUE && run >= Math.floor(64 / bitsOf(first))) return run;
  for (let selector = 0; selector < COUNTS.length - 1; selector++) {
    const count = Math.min(COUNTS[selector]!, values.length - at);
    const limit = LIMITS[selector]!;
    let fitting = 0;
    while (fitting < count && values[at + fitting]! < limit) fitting++;
    if (fitting === count) return count;
  }
  return 1;
}

function bitsOf(value: number): number {
  let bits = 1;
  for (let rest = Math.floor(value / 2); rest >= 1; rest = Math.floor(rest / 2)) bits++;
  return bits;
}
