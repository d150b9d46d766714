import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import {
  batchCount,
  compressedChunk,
  rowsOfBatch,
  wantedBatches,
} from '../../../src/postgres/columnar/chunk.ts';
import { touchedBatches } from '../../../src/postgres/columnar/compression.ts';
import { type Played, play } from '../../helpers/planned.ts';

const DEFINITION = {
  batches: 9,
  segments: 100,
  columns: 3,
  indexes: ['segment', 'order', 'other'] as const,
  sizeOf: () => ({ tuples: 4, tupleBytes: 700 }),
};

describe('batches of a chunk', () => {
  test.each([
    [100_000, 100, 1, 1000],
    [250_000, 100, 3, 833.3],
    [1_000, 100, 1, 10],
    [30, 30, 1, 1],
  ])('%i rows: %i segments of %i', (rows, segments, ofSegment, ofBatch) => {
    const { chunk } = compressedChunk(DEFINITION, rows);
    expect([chunk.segments, chunk.batchesOfSegment]).toEqual([segments, ofSegment]);
    expect(rowsOfBatch(chunk)).toBeCloseTo(ofBatch, 0);
    expect(batchCount(chunk) * rowsOfBatch(chunk)).toBeCloseTo(rows);
  });

  test('which of them a scan is about', () => {
    const { chunk } = compressedChunk(DEFINITION, 1_000_000); // ten batches of each segment
    const scan = (index: number, from: number, entries: number) =>
      wantedBatches(chunk, DEFINITION, { index, scan: 'index', from, entries }, 1_000_000);
    expect(scan(0, 420_000, 10_000)).toEqual({ first: 420, count: 10 }); // a segment
    expect(scan(0, 420_000, 10).count).toBe(1); // a row of one
    expect(scan(1, 0, 100_000).count).toBe(200); // a tenth of the time: two of ten in each
    expect(scan(2, 0, 1).count).toBe(1000);
    expect(wantedBatches(chunk, DEFINITION, null, 1_000_000)).toEqual({ first: 0, count: 1000 });
  });

  test('rows that come late touch as many as Cardenas says', () => {
    for (const [batches, rows] of [
      [200, 100],
      [1000, 50],
      [10, 1000],
      [1, 5],
    ] as const) {
      const expected = batches * (1 - (1 - 1 / batches) ** rows);
      expect(Math.abs(touchedBatches(batches, rows) - expected)).toBeLessThanOrEqual(1);
    }
  });
});

let postgres: PlanningServer;
beforeAll(async () => {
  postgres = await startPglite();
}, 120_000);
afterAll(async () => {
  await postgres.close();
});

const second = (at: number) => `2025-01-01 00:00:${String(at).padStart(2, '0')}`;
const CHUNK = 'c_2025_01_01_000000';
const COMPRESS = `SELECT compress_chunk(c) FROM
  show_chunks('c', older_than => INTERVAL '1 second') c;`;

/** Two chunks of 60,000 rows, 100 devices each; it is the second one's second when it begins. */
function base(transactions: Record<string, string>, clients: Played['clients']): Played {
  return {
    schema: `CREATE TABLE c (time timestamptz NOT NULL DEFAULT now(), device int NOT NULL,
      value int NOT NULL) PARTITION BY RANGE (time);
      CREATE INDEX ON c (device, time);`,
    now: second(1),
    partitions: {
      c: {
        from: second(0),
        to: second(2),
        chunk_time_interval: '1 second',
        compress_segmentby: 'device',
        compress_orderby: 'time DESC',
      },
    },
    statistics: {
      c: {
        rows: 120_000,
        columns: {
          time: { distinct: 1200, correlation: 1 },
          device: { distinct: 100 },
          value: { distinct: 400 },
        },
      },
    },
    settings: { max_parallel_workers_per_gather: 0 },
    transactions,
    clients,
    seconds: 5,
  };
}

const run = (transactions: Record<string, string>, clients: Played['clients']) =>
  play(postgres, base(transactions, clients));
const once = { run: 'a_compress', at: '1500ms' };

describe('compress_chunk', () => {
  test('turns rows into batches: the chunk is empty, its batches are there', async () => {
    const { failures, table, compressed } = await run({ a_compress: COMPRESS }, [once]);
    expect(failures).toEqual([]);
    expect(table(CHUNK).heap.live).toBe(0);
    expect(compressed(CHUNK)).toMatchObject({ rows: 60_000, segments: 100, batchesOfSegment: 1 });
    const batches = table(`${CHUNK}_compressed`);
    expect(batches.heap.live).toBe(100 * compressed(CHUNK)!.tuplesOfBatch);
    expect(batches.pages).toBeLessThan(table('c_2025_01_01_000001').pages / 10);
    expect(compressed('c_2025_01_01_000001')).toBeUndefined(); // it is not older yet
  });

  test('lets readers read, and keeps writers waiting', async () => {
    const read = 'SELECT count(*) FROM c;';
    const late = "INSERT INTO c (time, device, value) VALUES (now() - interval '3 seconds', 1, 1);";
    const slow = `BEGIN; ${COMPRESS}\n\\sleep 1 s\nROLLBACK;`;
    const { seconds, failures, table, compressed } = await run(
      { a_compress: slow, b_late: late, c_read: read },
      [once, { run: 'b_late', at: '2s' }, { run: 'c_read', at: '500ms' }],
    );
    expect(failures).toEqual([]);
    expect(seconds(1)).toBeGreaterThan(0.4);
    expect(seconds(2)).toBeLessThan(0.1);
    // it was rolled back: all is as before, but for dead batches
    expect(compressed(CHUNK)).toBeUndefined();
    expect(table(CHUNK).heap.live).toBe(60_001);
    expect(table(`${CHUNK}_compressed`).heap.live).toBe(0);
  });

  test('a second time puts late rows into their batches, which are written anew', async () => {
    const late = "INSERT INTO c (time, device, value) VALUES (now() - interval '3 seconds', 1, 1);";
    const { failures, table, compressed } = await run({ a_compress: COMPRESS, b_late: late }, [
      once,
      { run: 'b_late', at: '2200ms', every: '10ms' },
      { run: 'a_compress', at: '2900ms' },
    ]);
    expect(failures).toEqual([]);
    const { rows, tuplesOfBatch } = compressed(CHUNK)!;
    const late1 = rows - 60_000;
    expect(late1).toBeGreaterThan(30);
    const { heap } = table(`${CHUNK}_compressed`);
    expect(heap.live).toBe(100 * tuplesOfBatch);
    const touched = 100 * (1 - 0.99 ** late1);
    expect(Math.abs(heap.dead / tuplesOfBatch - touched)).toBeLessThanOrEqual(1);
  });
});

describe('statements on what is compressed', () => {
  const device = 'device = 17';
  const time = "time < '2025-01-01 00:00:01'";

  test('a query of one device reads its batch, of all it reads all', async () => {
    const one = `SELECT * FROM c WHERE ${device} AND ${time};`;
    const all = `SELECT device, max(value) FROM c WHERE ${time} GROUP BY device;`;
    const { server, failures, table } = await run(
      { a_compress: COMPRESS, b_one: one, c_all: all },
      [once],
    );
    expect(failures).toEqual([]);
    const before = server.storage.pool.hits + server.storage.pool.reads;
    expect(before).toBeGreaterThan(table(CHUNK).heap.pages);
    const pages = async (statement: string) => {
      const without = await run({ a_compress: COMPRESS, b_query: statement }, [once]);
      const clients = [once, { run: 'b_query', at: '3s' }];
      const found = await run({ a_compress: COMPRESS, b_query: statement }, clients);
      const used = ({ storage }: typeof server) => storage.pool.hits + storage.pool.reads;
      return used(found.server) - used(without.server);
    };
    const batches = table(`${CHUNK}_compressed`);
    const tree = batches.indexes[0]!.levels.length;
    expect(await pages(all)).toBeGreaterThanOrEqual(batches.heap.pages);
    expect(await pages(all)).toBeLessThanOrEqual(batches.heap.pages + 2);
    // down the index of batches, its tuples on a page or two, and down the chunk's own index
    expect(await pages(one)).toBeLessThanOrEqual(tree + 2 + 2);
  });

  test('an UPDATE takes the batch apart and changes the rows', async () => {
    const update = `UPDATE c SET value = 1 WHERE ${device} AND ${time};`;
    const { failures, table, compressed } = await run({ a_compress: COMPRESS, b_update: update }, [
      once,
      { run: 'b_update', at: '3s' },
    ]);
    expect(failures).toEqual([]);
    expect(compressed(CHUNK)!.rows).toBe(59_400);
    expect(table(CHUNK).heap.live).toBe(600);
    // as many as the planner expects behind the time
    expect(Math.abs(table(CHUNK).heap.updates - 600)).toBeLessThanOrEqual(10);
    const { live, dead } = table(`${CHUNK}_compressed`).heap;
    expect(dead).toBe(compressed(CHUNK)!.tuplesOfBatch);
    expect(live + dead).toBe(100 * dead);
  });

  test('a DELETE of all of it goes up to 100,000 rows: then it is 53400', async () => {
    const statement = `DELETE FROM c WHERE ${time};`;
    const small = await run({ a_compress: COMPRESS, b_delete: statement }, [
      once,
      { run: 'b_delete', at: '3s' },
    ]);
    expect(small.failures).toEqual([]);
    expect(small.compressed(CHUNK)!.rows).toBe(0);
    expect(small.table(CHUNK).heap.live).toBeLessThanOrEqual(600); // which were not expected
    const clients = [once, { run: 'b_delete', at: '3s' }];
    const large = base({ a_compress: COMPRESS, b_delete: statement }, clients);
    const { c } = large.statistics as { c: object };
    const statistics = { c: { ...c, rows: 240_000 } };
    const refused = await play(postgres, { ...large, statistics });
    expect(refused.failures).toEqual(['53400']);
    expect(refused.compressed(CHUNK)!.rows).toBe(120_000);
  });
});
