/**
 * How long a column's values of one batch are when they are compressed, by TimescaleDB's algorithms
 * and the layouts of its own headers (tsl/src/compression/algorithms): differences of differences
 * for whole numbers and times, XOR with the value before for floating point (Pelkonen and others,
 * Gorilla, 2015), a dictionary for everything else, or the values one after the other if that is
 * shorter. Left out: nulls; what pglz makes of an array or a dictionary's items.
 */
import { simple8bBytes } from './simple8b.ts';

/** Of all but dictionaries: varlena, algorithm, flags, the last value and another field. */
const HEAD = 24;
const DICTIONARY_HEAD = 16;
const ARRAY_HEAD = 16;

/** Whole numbers, also times in microseconds. */
export function deltaDeltaBytes(values: readonly number[]): number {
  let last = 0;
  let lastDelta = 0;
  const encoded = values.map((value) => {
    const delta = value - last;
    const change = delta - lastDelta;
    last = value;
    lastDelta = delta;
    return change >= 0 ? 2 * change : -2 * change - 1; // zig-zag
  });
  return HEAD + simple8bBytes(encoded);
}

/** A new window is opened when the one in use would waste more bits than this. */
const MOST_WASTED = 12;
const LEADING_BITS = 6;
const WORD_BITS = 64;

/** Floating point of 8 bytes. */
export function gorillaBytes(values: readonly number[]): number {
  const [changed, opened, widths]: [number[], number[], number[]] = [[], [], []];
  let bits = 0;
  let before: Bits = [0, 0];
  let window = { leading: -1, trailing: 0 };
  for (const value of values) {
    const now = bitsOf(value);
    const xor: Bits = [(now[0] ^ before[0]) >>> 0, (now[1] ^ before[1]) >>> 0];
    before = now;
    const isZero = xor[0] === 0 && xor[1] === 0;
    changed.push(isZero && window.leading >= 0 ? 0 : 1);
    if (isZero && window.leading >= 0) continue;
    const own = isZero ? { leading: 63, trailing: 1 } : windowOf(xor);
    const wasted = own.leading - window.leading + own.trailing - window.trailing;
    const fits =
      window.leading >= 0 &&
      own.leading >= window.leading &&
      own.trailing >= window.trailing &&
      wasted <= MOST_WASTED;
    opened.push(fits ? 0 : 1);
    if (!fits) {
      window = own;
      widths.push(WORD_BITS - own.leading - own.trailing);
    }
    bits += WORD_BITS - window.leading - window.trailing;
  }
  const lists = [changed, opened, widths].reduce((sum, each) => sum + simple8bBytes(each), 0);
  return HEAD + lists + bucketBytes(LEADING_BITS * widths.length) + bucketBytes(bits);
}

/** Values that are numbers of a dictionary's items, each so many bytes long. */
export function dictionaryBytes(values: readonly number[], width: number): number {
  const items = new Set(values).size;
  const dictionary = DICTIONARY_HEAD + simple8bBytes(values) + arrayBytes(items, width);
  return Math.min(dictionary, arrayBytes(values.length, width));
}

/** Values one after the other, with their sizes, which are all the same. */
function arrayBytes(count: number, width: number): number {
  return ARRAY_HEAD + simple8bBytes(new Array<number>(count).fill(width)) + count * width;
}

/** Bits in words of 64. */
function bucketBytes(bits: number): number {
  return 8 * Math.ceil(bits / WORD_BITS);
}

/** The high and the low half of a number of 64 bits. */
type Bits = readonly [high: number, low: number];

const VIEW = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): Bits {
  VIEW.setFloat64(0, value);
  return [VIEW.getUint32(0), VIEW.getUint32(4)];
}

/** Zeros before the first one and behind the last one. */
function windowOf([high, low]: Bits): { leading: number; trailing: number } {
  const leading = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
  const trailing = low !== 0 ? trailingZeros(low) : 32 + trailingZeros(high);
  return { leading, trailing };
}

function trailingZeros(half: number): number {
  return 31 - Math.clz32(half & -half);
}
