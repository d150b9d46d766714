import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, FIRST_LSN, formatLsn, WAL_SEGMENT_BYTES } from '../../src/postgres/lsn.ts';

/** One byte after the other: a header where a page begins, then data. */
function naiveAdvance(from: number, bytes: number): number {
  let at = from;
  for (let left = Math.ceil(bytes / 8) * 8; left > 0; left--) {
    if (at % 8192 === 0) at += at % (16 * 1024 * 1024) === 0 ? 40 : 24;
    at++;
  }
  return at;
}

/** Positions that occur: ends of records, so multiples of 8, never inside a page's header. */
function legal(lsn: number): number {
  const inPage = lsn % 8192;
  const header = lsn - inPage === Math.floor(lsn / WAL_SEGMENT_BYTES) * WAL_SEGMENT_BYTES ? 40 : 24;
  return inPage === 0 || inPage >= header ? lsn : lsn - inPage + header;
}

describe('positions in the WAL', () => {
  test('advance as bytes do, one by one, wherever it begins', () => {
    const near = fc.oneof(
      fc.nat(2_000_000).map((n) => 8 * n),
      fc.tuple(fc.nat(400), fc.integer({ min: -30, max: 30 })).map(([s, d]) => {
        return Math.max(0, s * WAL_SEGMENT_BYTES + 8 * d);
      }),
      fc.tuple(fc.nat(4000), fc.integer({ min: -8, max: 8 })).map(([p, d]) => {
        return Math.max(0, p * 8192 + 8 * d);
      }),
    );
    fc.assert(
      fc.property(near, fc.integer({ min: 1, max: 30_000 }), (start, bytes) => {
        const from = legal(start);
        expect(advance(from, bytes)).toBe(naiveAdvance(from, bytes));
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });

  test('a record that fills a page ends at the next; its header comes with the next byte', () => {
    const page = 5 * 8192;
    expect(advance(page, 8192 - 24)).toBe(page + 8192);
    expect(advance(page + 8192, 8)).toBe(page + 8192 + 24 + 8);
  });

  test('the first page of a segment has the long header of 40 bytes', () => {
    expect(advance(2 * WAL_SEGMENT_BYTES, 8)).toBe(2 * WAL_SEGMENT_BYTES + 48);
  });

  test('records in sequence take as much as together: 8-byte alignment and nothing else', () => {
    let at = FIRST_LSN;
    for (let i = 0; i < 1000; i++) at = advance(at, 34);
    expect(at).toBe(advance(FIRST_LSN, 40 * 1000));
  });

  test.each([
    [0, '0/0'],
    [FIRST_LSN, '0/1500000'],
    [0xffffffff, '0/FFFFFFFF'],
    [0x1_00000000, '1/0'],
    [0x16_b374d848, '16/B374D848'],
  ])('%d is printed as %s', (lsn, text) => {
    expect(formatLsn(lsn)).toBe(text);
  });
});
