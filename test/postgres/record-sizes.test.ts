import { describe, expect, test } from 'vitest';
import { Table } from '../../src/postgres/heap/relation.ts';
import {
  CHECKPOINT_BYTES,
  COMMIT_BYTES,
  runningTransactionsBytes,
} from '../../src/postgres/record-sizes.ts';
import { play } from '../helpers/sql.ts';
import { FSYNC, World } from '../helpers/world.ts';

/** Measured on PostgreSQL 15 at wal_level = replica (pg_waldump), mechanisms 2.2. */
describe('2.2: records that change no page', () => {
  test.each([
    ['commit', COMMIT_BYTES, 34],
    ['checkpoint', CHECKPOINT_BYTES, 114],
    ['running transactions: none', runningTransactionsBytes(0), 50],
    ['running transactions: 4 bytes for each', runningTransactionsBytes(10), 90],
  ])('2.2: %s', (_, bytes, expected) => {
    expect(bytes).toBe(expected);
  });
});

/** A row of 93 bytes of data with two indexes of 8-byte keys, without images. */
function measuredTable(): Table {
  const index = (relation: number, correlation: 'exact' | 'none') => ({
    ...{ name: `i${relation}`, relation, keyBytes: 8, unique: false, fillfactor: 90 },
    ...{ rowsPerKey: 1, correlation, loadedLsn: 10 },
  });
  return new Table({
    ...{ name: 't', relation: 1, rows: 1000, tupleBytes: 24 + 93, fillfactor: 50, version: 15 },
    ...{ isLogical: false, loadedLsn: 10, indexes: [index(2, 'exact'), index(3, 'none')] },
  });
}

/** What an UPDATE of all but the key changes: the common prefix of 13 bytes is elided. */
const PAYLOAD = 80;

describe('2.2: whole transactions of a row of 93 bytes with two indexes, as measured', () => {
  const how = (changesIndexedColumn: boolean, changedBytes: number) => ({
    ...{ xid: 1000, horizon: 1000, changesIndexedColumn, changedBytes, target: { block: -1 } },
  });
  test.each([
    ['insert', 320, (table: Table) => table.insert(1000, 1000, { block: -1 })],
    ['HOT update of all but the key', 192, (table: Table) => table.update(5, how(false, PAYLOAD))],
    ['delete', 96, (table: Table) => table.delete(5, how(false, 0))],
    ['row lock', 96, (table: Table) => table.lock(5, how(false, 0))],
    [
      'the same, not HOT: an entry in each index more',
      192 + 2 * 64,
      (table: Table) => table.update(5, how(true, PAYLOAD)),
    ],
  ])('2.2: %s: %d bytes', (_, bytes, change) => {
    const { wal } = new World({ servers: [{ name: 'pg1' }] }).server('pg1');
    const table = measuredTable();
    wal.redoLsn = 0;
    wal.insert(100); // behind the header of the page
    const begin = wal.insertLsn;
    for (const record of change(table)!.records) wal.insertRecord(record, table);
    wal.insertCommit();
    expect(wal.insertLsn - begin).toBe(bytes);
  });

  test('2.2: a row lock takes an id and a commit that is flushed', () => {
    const lock = 'SELECT abalance FROM pgbench_accounts WHERE aid = 1 FOR UPDATE';
    const { log, world, server } = play({ a: [[100, lock]] });
    expect(log).toEqual([`${100 + FSYNC / 1e6} a: complete`]);
    expect(world.events.committed.count).toBe(1);
    expect(server.wal.flushed.value).toBe(server.wal.insertLsn);
  });
});

describe('2.3: when images are due', () => {
  /** Two updates of a row, before and after a spread checkpoint of many pages has begun. */
  function images(second: number) {
    const at: number[] = [];
    const world = new World({ servers: [{ name: 'pg1' }] });
    const { wal, checkpointer, storage } = world.server('pg1');
    const file = storage.fileOf(storage.tables[0]!.definition.relation);
    for (let block = 100; block < 600; block++) {
      const page = file * 2 ** 32 + block;
      const found = storage.pool.find(page);
      storage.pool.markDirty(found >= 0 ? found : storage.makeRoom(page), wal.insert(100));
    }
    const client = world.client('a');
    const body = function* () {
      yield* client.connect(['pg1']);
      yield* client.write(1);
      yield world.sim.holdUntil(1e9);
      checkpointer.request('spread');
      yield world.sim.holdUntil(second);
      const before = wal.images;
      yield* client.write(1);
      at.push(wal.images - before);
      yield* client.write(1);
      at.push(wal.images - before);
    };
    world.play(body());
    let endedAt = 0;
    world.events.checkpointCompleted.observe((now) => {
      endedAt = now;
    });
    world.sim.run(100e9);
    return { at, endedAt };
  }

  test('2.3: from the beginning of a checkpoint on, not from its end, once a page', () => {
    const { at, endedAt } = images(2e9);
    expect(endedAt).toBeGreaterThan(40e9);
    expect(at).toEqual([1, 1]);
    expect(images(99e9).at, 'its end makes no further ones due').toEqual([1, 1]);
  });
});
