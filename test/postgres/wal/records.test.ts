import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type RegisteredBlock,
  recordBytes,
  type WalRecord,
} from '../../../src/postgres/heap/wal-record.ts';
import { advance } from '../../../src/postgres/lsn.ts';
import { COMMIT_BYTES, commitBytes } from '../../../src/postgres/record-sizes.ts';
import { COMPRESSIONS, compressionOf } from '../../../src/postgres/wal/compression.ts';
import { RecordAssembler } from '../../../src/postgres/wal/full-page-images.ts';
import type { RecordCount } from '../../../src/postgres/wal/record-counts.ts';
import { settingsOf, World } from '../../helpers/world.ts';
import { accounts, Updater } from '../heap/workbench.ts';

type Settings = Record<string, string | number | boolean>;

const block = (changed: Partial<RegisteredBlock> = {}): RegisteredBlock => ({
  relation: 1,
  fork: 'main',
  block: 7,
  dataBytes: 40,
  pageBytes: 6000,
  neverImaged: false,
  ...changed,
});
const record = (blocks: RegisteredBlock[], kind = 'Heap/HOT_UPDATE'): WalRecord => ({
  kind,
  mainBytes: 14,
  blocks,
});
const lsns = (lsn: number) => ({ lsnOf: () => lsn });

function assembler(changed: Settings = {}) {
  const settings = settingsOf(changed);
  return new RecordAssembler(settings, compressionOf(settings));
}

/** Bytes of one record after the redo pointer at 100, of a page stamped before it. */
function imaged(changed: Settings, one = record([block()])): number {
  return assembler(changed).assemble(one, lsns(50), 100);
}

describe('full-page images (2.3)', () => {
  test('a page gets one iff its LSN is not beyond the redo pointer', () => {
    const made = assembler();
    for (const [lsn, images] of [
      [99, 1],
      [100, 1],
      [101, 0],
    ] as const) {
      made.assemble(record([block()]), lsns(lsn), 100);
      expect([lsn, made.images]).toEqual([lsn, images]);
    }
  });

  test('full_page_writes = off: none', () => {
    expect(imaged({ full_page_writes: false })).toBe(recordBytes(record([block()])));
  });

  test('a page that the record makes anew needs none', () => {
    const one = record([block({ neverImaged: true })]);
    expect(imaged({}, one)).toBe(recordBytes(one));
  });

  test('as the heap’s own formula has it, for any record', () => {
    const blocks = fc.array(
      fc.record({
        relation: fc.integer({ min: 1, max: 3 }),
        fork: fc.constant('main' as const),
        block: fc.nat(9),
        dataBytes: fc.nat(500),
        pageBytes: fc.integer({ min: 24, max: 8192 }),
        neverImaged: fc.boolean(),
      }),
      { maxLength: 4 },
    );
    const made = assembler();
    fc.assert(
      fc.property(blocks, fc.nat(700), (registered, mainBytes) => {
        const one: WalRecord = { kind: 'Btree/SPLIT_R', mainBytes, blocks: registered };
        const isOld = (each: RegisteredBlock) => each.block < 5;
        const pages = { lsnOf: (each: RegisteredBlock) => (isOld(each) ? 99 : 101) };
        expect(made.assemble(one, pages, 100)).toBe(recordBytes(one, isOld));
        const images = registered.filter((each) => isOld(each) && !each.neverImaged);
        expect(made.images).toBe(images.length);
        expect(made.imageBytes).toBe(images.reduce((sum, { pageBytes }) => sum + pageBytes, 0));
      }),
      { seed: 7 },
    );
  });

  test('at wal_level = logical a change that is decoded keeps its data beside the image', () => {
    const plain = imaged({ wal_level: 'replica' });
    expect(imaged({ wal_level: 'logical' })).toBe(plain + 40);
    const prune = record([block()], 'Heap2/PRUNE');
    expect(imaged({ wal_level: 'logical' }, prune)).toBe(imaged({}, prune));
  });
});

describe('wal_compression', () => {
  const header = 24 + 4 + 4 + 12 + 5 + 2 + 14;

  test('off by default; on is pglz; a compressed image says how long its hole was', () => {
    expect(imaged({})).toBe(header + 6000);
    const pglz = header + 2 + Math.ceil(6000 * COMPRESSIONS.pglz.heapRatio);
    expect(imaged({ wal_compression: 'pglz' })).toBe(pglz);
    expect(imaged({ wal_compression: 'on' })).toBe(pglz);
  });

  test('a page without a hole has no length of one', () => {
    const full = record([block({ pageBytes: 8192 })]);
    const bytes = Math.ceil(8192 * COMPRESSIONS.lz4.heapRatio);
    expect(imaged({ wal_compression: 'lz4' }, full)).toBe(header + bytes);
  });

  test('it stays as it is if compressing does not make it smaller', () => {
    const hopeless = { heapRatio: 1, indexRatio: 1, nanosecondsPerByte: 1 };
    const made = new RecordAssembler(settingsOf(), hopeless);
    expect(made.assemble(record([block()]), lsns(50), 100)).toBe(header + 6000);
    expect(made.compressionTime).toBe(6000); // the attempt costs all the same
  });

  test('PostgreSQL 15.18: 5,000 images of pgbench_accounts are 33.1 MB, by pglz 3.31 MB', () => {
    const { heapRatio } = COMPRESSIONS.pglz;
    expect((heapRatio * 33_114_060) / 3_306_114).toBeCloseTo(1, 1);
  });
});

describe('commit records (2.2)', () => {
  test.each([
    [{}, 34],
    [{ synchronous_commit: 'remote_apply' }, 38],
    [{ wal_level: 'logical' }, 46],
    [{ wal_level: 'logical', synchronous_commit: 'remote_apply' }, 46],
  ])('%j: %d bytes', (changed, bytes) => {
    expect(COMMIT_BYTES).toBe(34);
    expect(commitBytes(settingsOf(changed))).toBe(bytes);
  });
});

describe('records inserted into a server’s WAL', () => {
  const server = () => new World({ servers: [{ name: 'pg1' }] }).server('pg1');

  test('counted by kind as pg_waldump counts them: without images, alignment, page headers', () => {
    const { wal } = server();
    wal.insertRecord(record([block()]), lsns(0));
    wal.insertRecord(record([block()]), lsns(wal.insertLsn));
    wal.insertCommit();
    const [commit, update] = wal.counts.kinds;
    expect(commit).toEqual({
      ...{ kind: 'Transaction/COMMIT', records: 1, bytes: 34, images: 0, imageBytes: 0 },
    });
    const bare = recordBytes(record([block()]));
    expect(update).toEqual({
      ...{ kind: 'Heap/HOT_UPDATE', records: 2, bytes: 2 * bare - 40 + 5 },
      ...{ images: 1, imageBytes: 6000 },
    });
    expect([wal.records, wal.images, wal.imageBytes]).toEqual([3, 1, 6000]);
  });

  test('the position moves by what is inserted, headers of pages and segments included', () => {
    const { wal } = server();
    let naive = wal.insertLsn;
    for (let i = 0; i < 9000; i++) {
      const bytes = 30 + ((i * 7919) % 5000);
      wal.insert(bytes);
      for (let left = Math.ceil(bytes / 8) * 8; left > 0; left -= 8) {
        if (naive % 8192 === 0) naive += naive % (1 << 24) === 0 ? 40 : 24;
        naive += 8;
      }
    }
    expect(wal.insertLsn).toBe(naive);
    expect(wal.bytes).toBe(naive - 0x1500000);
  });

  test('after a crash too, which takes it back by pages', () => {
    const { wal } = server();
    const { branch, insertLsn } = wal;
    wal.insert(30_000);
    wal.cutTo(insertLsn + 48, branch);
    wal.insert(8150);
    expect(wal.insertLsn).toBe(advance(insertLsn + 48, 8150));
  });

  test('pgbench simple-update on PostgreSQL 15.18: 4 records, 244 bytes, 259 of positions', () => {
    const { wal } = server();
    const table = accounts(100_000, 80);
    wal.redoLsn = 0; // no page needs an image
    const log = {
      insert: (_: unknown, one: WalRecord) => {
        wal.insertRecord(one, lsns(1));
      },
    };
    const updater = new Updater(table, 'simple-update');
    updater.run(300_000, null); // until each page has been pruned before
    const begin = wal.insertLsn;
    const transactions = 50_000;
    updater.run(transactions, null, log as never);
    for (let i = 0; i < transactions; i++) {
      wal.insert(79, 'Heap/INSERT'); // a row of pgbench_history
      wal.insertCommit();
    }
    const sum = (of: (count: RecordCount) => number) =>
      wal.counts.kinds.reduce((total, count) => total + of(count), 0) / transactions;
    const off = (modelled: number, measured: number) => Math.abs(modelled / measured - 1);
    expect(
      off(
        sum(({ records }) => records),
        3.9939,
      ),
    ).toBeLessThan(0.005);
    expect(
      off(
        sum(({ bytes }) => bytes),
        244.3,
      ),
    ).toBeLessThan(0.005);
    expect(off((wal.insertLsn - begin) / transactions, 259.4)).toBeLessThan(0.015);
  });

  test('images after a checkpoint: P (1 - exp(-n/P)) for n random changes of P pages', () => {
    const { wal } = server();
    const table = accounts(100_000, 80);
    const pages = Math.ceil(100_000 / 48); // 48 rows of 128 bytes on 80 % of a page
    const pageLsns = {
      lsnOf: (each: RegisteredBlock) =>
        each.relation === 1 ? table.heap.lsnOf(each) : table.indexes[0]!.lsnOf(each.block),
    };
    const log = {
      insert: (_: unknown, one: WalRecord) => {
        const end = wal.insertRecord(one, pageLsns);
        table.heap.stamp(one, end);
        for (const index of table.indexes) index.stamp(one, end);
      },
    };
    const updater = new Updater(table, 'images');
    wal.redoLsn = wal.insertLsn;
    for (const changes of [pages / 2, pages / 2, pages]) {
      updater.run(Math.round(changes), null, log as never);
      const n = updater.xid - 1000;
      const expected = pages * (1 - Math.exp(-n / pages));
      expect(wal.images / expected, `after ${n}`).toBeCloseTo(1, 1);
    }
    const before = wal.images;
    wal.redoLsn = wal.insertLsn; // the next checkpoint begins: the burst, at its start
    updater.run(100, null, log as never);
    expect(wal.images - before).toBeGreaterThan(90);
  });
});
