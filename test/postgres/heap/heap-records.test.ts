import { describe, expect, test } from 'vitest';
import * as records from '../../../src/postgres/heap/heap-records.ts';
import { recordBytes, type WalRecord } from '../../../src/postgres/heap/wal-record.ts';

const PAGE = { relation: 7, block: 3, pageBytes: 8076, isNew: false };
const NEW = { ...PAGE, block: 4, isNew: true };
const ROW = 121;
const update = (how: { hot?: boolean; logical?: boolean; changedBytes?: number }) =>
  records.samePageUpdateRecord(PAGE, {
    hot: true,
    logical: false,
    changedBytes: 1,
    tupleBytes: ROW,
    ...how,
  });
const prune = (redirected: number, dead: number, unused: number) =>
  records.pruneRecord(PAGE, { redirected, dead, unused }, 15);

/** pg_waldump of PostgreSQL 15.18, "len (rec/tot)", rows of pgbench_accounts (t_len 121). */
describe('sizes of records, as pg_waldump shows them', () => {
  test.each<[string, WalRecord, number]>([
    ['INSERT of a row of pgbench_accounts', records.insertRecord(PAGE, ROW), 152],
    ['INSERT+INIT of a row of pgbench_history', records.insertRecord(NEW, 48), 79],
    ['INSERT of 8 bytes of data', records.insertRecord(PAGE, 32), 63],
    ['MULTI_INSERT+INIT of 61', records.multiInsertRecord(NEW, ROW, 61), 6515],
    ['MULTI_INSERT+INIT of 56', records.multiInsertRecord(NEW, ROW, 56), 5985],
    ['MULTI_INSERT of 5', records.multiInsertRecord(PAGE, ROW, 5), 589],
    ['HOT_UPDATE of one byte', update({}), 71],
    ['UPDATE on the same page', update({ hot: false }), 71],
    ['UPDATE to another page', records.movingUpdateRecord(PAGE, { ...PAGE, block: 9 }, ROW), 171],
    ['UPDATE+INIT', records.movingUpdateRecord(NEW, PAGE, ROW), 171],
    ['DELETE', records.deleteRecord(PAGE), 54],
    ['LOCK', records.lockRecord(PAGE), 54],
    ['PRUNE: 1 redirected', prune(1, 0, 0), 58],
    ['PRUNE: 1 redirected, 1 unused', prune(1, 0, 1), 60],
    ['PRUNE: 60 dead', prune(0, 60, 0), 174],
    ['PRUNE: 11 redirected', prune(11, 0, 0), 98],
    ['PRUNE: 11 redirected, 11 unused', prune(11, 0, 11), 120],
    ['VACUUM of 3', records.vacuumRecord(PAGE, 3, 15), 54],
    ['VACUUM of 59', records.vacuumRecord(PAGE, 59, 15), 166],
    ['FREEZE_PAGE of 50', records.freezeRecord(PAGE, 50, 15), 652],
    ['FREEZE_PAGE of 1', records.freezeRecord(PAGE, 1, 15), 64],
    ['VISIBLE', records.visibleRecord(PAGE, 0, false), 59],
    ['TRUNCATE', records.truncateRecord(), 46],
  ])('%s', (_, record, bytes) => {
    expect(recordBytes(record)).toBe(bytes);
  });
});

describe('mechanisms 2.2', () => {
  test('an insert is 54 bytes and the tuple without its header: 148 for a row of 93 bytes', () => {
    // The table rounds: 93 bytes of data after a header of 24 make 152 - 4.
    for (const data of [8, 93, 400]) {
      expect(recordBytes(records.insertRecord(PAGE, 24 + data))).toBe(54 + 24 + data - 23);
    }
    expect(recordBytes(records.insertRecord(PAGE, 24 + 93))).toBe(148);
  });

  test('at wal_level logical nothing is elided: the whole new tuple is logged', () => {
    expect(recordBytes(update({ logical: true }))).toBe(24 + 20 + 2 + 14 + 5 + 98);
  });

  test('if all of the row changes, eliding saves nothing', () => {
    expect(recordBytes(update({ changedBytes: 97 }))).toBe(recordBytes(update({ logical: true })));
  });

  test('main data above 255 bytes has a header of 5', () => {
    const record = { kind: 'x', mainBytes: 255, blocks: [] };
    expect(recordBytes({ ...record, mainBytes: 256 }) - recordBytes(record)).toBe(4);
  });

  test('a relation is spelled once for blocks that follow each other', () => {
    const [block] = records.deleteRecord(PAGE).blocks;
    const one = { kind: 'x', mainBytes: 0, blocks: [block!] };
    const same = { ...one, blocks: [block!, { ...block!, block: 8 }] };
    const other = { ...one, blocks: [block!, { ...block!, relation: 8 }] };
    expect(recordBytes(same) - recordBytes(one)).toBe(8);
    expect(recordBytes(other) - recordBytes(one)).toBe(20);
  });
});

describe('mechanisms 2.3', () => {
  test('an image is 8192 less the hole and 5 of header, and replaces the data of the block', () => {
    const record = records.insertRecord(PAGE, ROW);
    const whole = recordBytes(record, () => true);
    expect(whole).toBe(24 + 20 + 2 + 3 + 5 + 8076);
  });

  test('pages that the record initialises get none', () => {
    expect(recordBytes(records.insertRecord(NEW, ROW), () => true)).toBe(152);
  });

  test('of the two pages of VISIBLE only that of the map, unless checksums are on', () => {
    const images = (checksums: boolean) => {
      const record = records.visibleRecord(PAGE, 0, checksums);
      return recordBytes(record, () => true) - recordBytes(record);
    };
    expect(images(false)).toBe(5 + 8192);
    expect(images(true)).toBe(5 + 8192 + 5 + 8076);
  });
});
