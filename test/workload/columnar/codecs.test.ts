import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/kernel/index.ts';
import { type BatchLayout, batchSize } from '../../../src/workload/columnar/batches.ts';
import {
  deltaDeltaBytes,
  dictionaryBytes,
  gorillaBytes,
} from '../../../src/workload/columnar/codecs.ts';
import { simple8bBytes } from '../../../src/workload/columnar/simple8b.ts';

const of = <Value>(count: number, value: (i: number) => Value) =>
  Array.from({ length: count }, (_, i) => value(i));

/** Words of 64 bits and of sixteen selectors each, behind eight bytes. */
const words = (count: number) => 8 + 8 * (count + Math.ceil(count / 16));

describe('Simple-8b', () => {
  test('a run of one number is a word, however long', () => {
    expect(simple8bBytes(of(1000, () => 0))).toBe(words(1));
    expect(simple8bBytes(of(1000, () => 123_456))).toBe(words(1));
  });

  test.each([
    [1, 64],
    [4, 16],
    [8, 8],
    [9, 6],
    [12, 5],
    [21, 3],
    [32, 2],
  ])('numbers of %i bits: %i in a word', (bits, inWord) => {
    const [large, larger] = [2 ** bits - 1, 2 ** bits - 2];
    const values = of(960, (i) => (i % 2 === 0 ? large : larger)); // no two are a run
    expect(simple8bBytes(values)).toBe(words(Math.ceil(960 / inWord)));
  });

  test('a wide number costs the narrow ones around it little', () => {
    const values = of(641, (i) => (i === 320 ? 2 ** 40 : i % 2));
    expect(simple8bBytes(values)).toBe(words(5 + 1 + 5));
  });

  test('as many words as an encoder in C made of the same law', () => {
    // 1,000 of 0 to 399, differences of differences: 176 words, one seed of another generator
    const random = new Random('simple8b');
    const counts = of(20, () => {
      const bytes = deltaDeltaBytes(of(1000, () => random.integer(0, 399))) - 24;
      return (bytes - 8) / 8 / (1 + 1 / 16);
    });
    const mean = counts.reduce((sum, each) => sum + each, 0) / counts.length;
    expect(Math.abs(mean - 176)).toBeLessThan(4);
  });
});

describe('columns', () => {
  test('times at equal intervals are a head and three words, whatever they are', () => {
    // the first time, the first difference, and a run of nothing
    expect(deltaDeltaBytes(of(1000, (i) => 7e14 + i * 1e7))).toBe(24 + words(3));
  });

  test('a difference that changes is twice its size, or one less below zero', () => {
    const between = (change: number) => simple8bBytes(of(64, () => 2 * Math.abs(change)));
    const steady = deltaDeltaBytes(of(66, (i) => i));
    const growing = deltaDeltaBytes(of(66, (i) => (i * (i + 1)) / 2));
    expect(between(1)).toBeGreaterThan(0);
    // the second differences are all 1, encoded as 2: a run as well
    expect(growing - steady).toBeLessThanOrEqual(16);
  });

  test('floating point that stays as it is: a bit for the first, none for the rest', () => {
    const bytes = gorillaBytes(of(1000, () => 20.5));
    // head, tags, windows and widths in a word or two each, one window of 6 bits, one number
    expect(bytes).toBe(24 + words(2) + words(1) + words(1) + 8 + 8);
  });

  test('tenths that have nothing to do with one another keep 5.8 of 8 bytes, and tags', () => {
    const random = new Random('gorilla');
    const bytes = gorillaBytes(of(1000, () => random.integer(0, 399) / 10));
    // 5.78 bytes of XOR by an encoder in C; 1 and 2 bits of tags, and new windows with their widths
    expect(bytes / 1000).toBeGreaterThan(5.9);
    expect(bytes / 1000).toBeLessThan(7);
  });

  test('few different texts are numbers of a dictionary, many are one after the other', () => {
    const few = dictionaryBytes(
      of(1000, (i) => i % 4),
      20,
    );
    // numbers of two bits, 32 in a word
    expect(few).toBe(16 + words(Math.ceil(1000 / 32)) + 16 + words(1) + 4 * 20);
    const many = dictionaryBytes(
      of(1000, (i) => i),
      20,
    );
    expect(many).toBe(16 + words(1) + 1000 * 20);
  });
});

describe('batches', () => {
  const column = (name: string, kind: 'whole' | 'floating', distinct: number | null) => {
    return { name, kind, width: 8, distinct, ascends: false };
  };
  const layout: BatchLayout = {
    segmentBytes: 4,
    columns: [column('time', 'whole', 1000), column('value', 'whole', 400)],
    orderBy: 'time',
    span: 86_400e6,
  };
  const bytesOf = (rows: number) => {
    const { tuples, tupleBytes } = batchSize(layout, rows, 1000);
    return tuples * tupleBytes;
  };

  test('a full one is a row and what is in TOAST; a small one is mostly heads', () => {
    expect(batchSize(layout, 1000, 1000).tuples).toBe(2); // 56 bytes of times stay in the row
    expect(bytesOf(1000) / 1000).toBeLessThan(2);
    expect(bytesOf(10) / 10).toBeGreaterThan(10);
  });

  test('accidental times keep their bits, regular ones none', () => {
    const accidental = { ...layout, columns: [column('time', 'whole', null)] };
    const regular = { ...layout, columns: [column('time', 'whole', 1000)] };
    const [a, b] = [accidental, regular].map((each) => {
      const { tuples, tupleBytes } = batchSize(each, 1000, 1000);
      return tuples * tupleBytes;
    });
    // a day in a thousand rows: gaps of 86 s, 27 bits of microseconds
    expect(a! / 1000).toBeGreaterThan(27 / 8);
    expect(b!).toBeLessThan(200);
  });
});
