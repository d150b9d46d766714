import { describe, expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { Receipt } from '../../src/replication/receipt.ts';
import {
  ACCOUNTS,
  COUNT,
  Pair,
  REPEATABLE,
  type Said,
  TELLER,
  TELLERS,
} from '../helpers/standby.ts';

/*
 * A pair of PostgreSQL 15.18 servers was put through the same; what it did stands beside each test,
 * in seconds. Its grace was 3 s, too.
 */

const GRACE = { max_standby_streaming_delay: 3 * SECOND };
const NONE = { max_standby_streaming_delay: 0 };
const FOREVER = { max_standby_streaming_delay: -1 };
/** A scan that takes some seconds: nothing is in memory, and each read takes 2 ms. */
const SLOW = { start: { buffers: 'cold', osCache: 'cold' } } as const;
const LOOK = 'SELECT abalance FROM pgbench_accounts WHERE aid = 2';
const TELLERS_COUNT = 'SELECT count(*) FROM pgbench_tellers';

/** When a line of the log that ends so was noted, in milliseconds. */
function timeOf(log: readonly string[], end: string): number {
  const line = log.find((each) => each.endsWith(end));
  return line === undefined ? Number.NaN : Number(line.split(' ')[0]);
}

const holding = (sql = COUNT, at = 0): Said[] => [
  [at, REPEATABLE],
  [at + 10, sql],
];

describe('snapshot conflicts (5)', () => {
  // removed 0.07, FATAL and caught up 3.40
  test('5: a removal of rows hits who has an xmin, whatever tables it has read', () => {
    const pair = new Pair(GRACE).client('idle', 'pg2', [...holding(), [6000, LOOK]]);
    const log = pair.removeVersions(100).watch(500).run(8000);
    const ended = timeOf(log, 'conflict: snapshot');
    expect(ended).toBeGreaterThanOrEqual(3100);
    expect(ended, 'the last poll was a second before at most').toBeLessThanOrEqual(4200);
    expect(timeOf(log, 'caught up') - ended).toBeLessThan(50);
    expect(log.at(-1), 'FATAL, which it finds when it looks').toBe('5998 idle: 40001');
  });

  // removed 0.44, ERROR 40001 3.50; the session goes on
  test('5: a running statement fails with 40001, and its session goes on', () => {
    const pair = new Pair(GRACE, SLOW).client('run', 'pg2', [
      [0, COUNT],
      [4000, LOOK],
    ]);
    const log = pair.removeVersions(100).watch(500).run(9000);
    expect(timeOf(log, 'run: 40001')).toBeGreaterThanOrEqual(3100);
    expect(timeOf(log, 'run: 40001')).toBeLessThanOrEqual(4300);
    expect(log.at(-1)).toMatch(/run: complete$/);
    expect(log.filter((line) => line.includes('conflict'))).toHaveLength(1);
  });

  // caught up at once, the session answers
  test('5: idle in a READ COMMITTED transaction there is no xmin, and nobody is hit', () => {
    const steps: Said[] = [
      [0, 'BEGIN'],
      [10, COUNT],
      [2000, LOOK],
      [2100, 'COMMIT'],
    ];
    const log = new Pair(NONE).client('rc', 'pg2', steps).removeVersions(100).watch(500).run(3000);
    expect(log.filter((line) => /conflict|40001/.test(line))).toEqual([]);
    expect(timeOf(log, 'caught up')).toBeLessThanOrEqual(510);
  });

  // updated 12 times with autovacuum off: FATAL
  test('5: pruning by a reader of the primary conflicts, without any vacuum', () => {
    const pair = new Pair(NONE).client('idle', 'pg2', [...holding(), [4000, LOOK]]);
    const updates = Array.from({ length: 200 }, (_, i): Said => [100 + 5 * i, TELLER]);
    const log = pair.client('writer', 'pg1', updates).run(5000);
    expect(log.filter((line) => line.endsWith('conflict: snapshot'))).toHaveLength(1);
    expect(pair.primary.wal.counts.of('Heap2/PRUNE').records).toBeGreaterThan(0);
    expect(pair.primary.storage.tables[TELLERS]!.heap.prunedByQueries).toBeGreaterThan(0);
  });

  test('5: plain inserts and updates never conflict, nor does the second pass of a vacuum', () => {
    const pair = new Pair(NONE).client('idle', 'pg2', [...holding(), [4000, LOOK]]);
    const log = pair
      .client('writer', 'pg1', [
        [100, TELLER],
        [200, TELLER],
      ])
      .watch(500)
      .run(5000);
    expect(log.filter((line) => /conflict|40001/.test(line))).toEqual([]);
  });

  // the session answers after its ROLLBACK
  test('5: who has aborted, or is in no transaction, is let alone', () => {
    const aborted: Said[] = [
      ...holding(),
      [50, 'RELEASE nothing'],
      [2000, 'ROLLBACK'],
      [2100, LOOK],
    ];
    const pair = new Pair(NONE).client('aborted', 'pg2', aborted);
    pair
      .client('idle', 'pg2', [
        [0, LOOK],
        [2000, LOOK],
      ])
      .removeVersions(100)
      .watch(500);
    const log = pair.run(3000);
    expect(log.filter((line) => line.includes('conflict'))).toEqual([]);
    expect(log.slice(-3).every((line) => line.endsWith('complete'))).toBe(true);
  });

  // FATAL within the statement
  test('5: in a subtransaction the session ends, also when a statement runs', () => {
    const steps: Said[] = [
      [0, REPEATABLE],
      [5, 'SAVEPOINT p'],
      [10, COUNT],
      [8000, LOOK],
    ];
    const log = new Pair(NONE, SLOW).client('sub', 'pg2', steps).removeVersions(200).run(9000);
    expect(timeOf(log, 'sub: 40001')).toBeLessThan(1000);
    expect(log.at(-1)).toMatch(/sub: closed$/);
  });
});

describe('locks and pins (5)', () => {
  // truncated 0.03; a query of the table that came at 1 s was answered at 3.03
  test('5: an AccessExclusiveLock hits its holders, and queries wait behind replay', () => {
    const pair = new Pair(GRACE).client('holder', 'pg2', [
      [0, 'BEGIN'],
      [10, LOOK],
      [6000, LOOK],
    ]);
    pair.client('new', 'pg2', [[1000, LOOK]]).exclusiveLocks({ [ACCOUNTS]: 100 }, 200);
    const log = pair.watch(500).run(8000);
    const ended = timeOf(log, 'conflict: lock');
    expect(ended, 'on its way for 5 ms').toBe(3105);
    expect(timeOf(log, 'new: complete') - ended).toBeLessThan(10);
    expect(log.at(-1)).toBe('5998 holder: 40001');
  });

  test('5: other tables are read meanwhile', () => {
    const pair = new Pair(GRACE).client('holder', 'pg2', [
      [0, 'BEGIN'],
      [10, LOOK],
    ]);
    pair.client('other', 'pg2', [[1000, TELLERS_COUNT]]).exclusiveLocks({ [ACCOUNTS]: 100 }, 200);
    expect(timeOf(pair.run(4000), 'other: complete')).toBe(1000);
  });

  // it waited from 0.55 on; 40P01 at 1.56, counted as a deadlock and not as a conflict
  test('5: a circle with replay is a deadlock after deadlock_timeout, with any delay', () => {
    const pair = new Pair(FOREVER);
    pair.client('dead', 'pg2', [
      [0, 'BEGIN'],
      [10, LOOK],
      [550, TELLERS_COUNT],
      [3000, 'ROLLBACK'],
    ]);
    pair.exclusiveLocks({ [TELLERS]: 100, [ACCOUNTS]: 800 }, 5000);
    const log = pair.watch(1000).run(6000);
    expect(timeOf(log, 'dead: 40P01')).toBe(1550);
    expect(pair.standby.locks.deadlocks).toBe(1);
    expect(log.filter((line) => line.includes('conflict'))).toEqual([]);
  });

  test('5: replay asks who is in its way to look for a deadlock', () => {
    const pair = new Pair(FOREVER, {}, {});
    const late = { deadlock_timeout: SECOND };
    expect(pair.standby.settings.deadlock_timeout).toBe(late.deadlock_timeout);
    // it waits long before replay does, and its own look finds nothing
    pair.client('dead', 'pg2', [
      [0, 'BEGIN'],
      [10, LOOK],
      [200, TELLERS_COUNT],
    ]);
    pair.exclusiveLocks({ [TELLERS]: 100, [ACCOUNTS]: 3000 }, 5000);
    const ended = timeOf(pair.run(6000), 'dead: 40P01');
    expect(ended).toBeGreaterThanOrEqual(4000);
    expect(ended).toBeLessThanOrEqual(4010);
  });

  test('5: redo of a pruned page waits for pins, and ends the pinner after the grace', () => {
    const pair = new Pair(GRACE).client('pinner', 'pg2', [
      [0, 'BEGIN'],
      [10, LOOK],
      [6000, LOOK],
    ]);
    const { standby, world } = pair;
    world.at(SECOND + 50 * MILLISECOND, () => {
      const { pool, tables } = standby.storage;
      const { relation } = tables[TELLERS]!.definition;
      const buffer = pool.find(standby.storage.pageOf(relation * 2 ** 32));
      const [backend] = standby.backends;
      pool.pin(buffer);
      backend!.transaction.pinned = buffer;
      world.events.recoveryConflict.observe(() => pool.unpin(buffer));
    });
    const log = pair.removeVersions(100).watch(500).run(8000);
    const ended = timeOf(log, 'conflict: bufferpin');
    expect(ended).toBeGreaterThanOrEqual(3100);
    expect(ended).toBeLessThanOrEqual(3150);
    expect(timeOf(log, 'caught up') - ended).toBeLessThan(20);
  });
});

describe('the patience clock (5.1)', () => {
  // removed 0.09 and 1.32, second began 2.33: first ended 3.26, second 3.27
  test('5.1: the grace is one for all that comes while replay is behind', () => {
    const pair = new Pair(GRACE).client('first', 'pg2', holding());
    pair.client('second', 'pg2', holding(COUNT, 2000)).removeVersions(100).removeVersions(1300);
    const log = pair.watch(500).run(8000);
    const ended = log.filter((line) => line.includes('conflict')).map((line) => parseInt(line, 10));
    expect(ended).toHaveLength(2);
    expect(ended[1]! - ended[0]!, '5 ms after a kill').toBeLessThanOrEqual(10);
    expect(timeOf(log, 'caught up') - ended[1]!).toBeLessThan(50);
  });

  test('5.1: once replay has caught up the grace is full again', () => {
    const pair = new Pair(GRACE).client('first', 'pg2', holding());
    pair.client('second', 'pg2', holding(COUNT, 5000)).removeVersions(100).removeVersions(5100);
    const log = pair.run(12_000);
    const ended = log.filter((line) => line.includes('conflict')).map((line) => parseInt(line, 10));
    expect(ended).toHaveLength(2);
    expect(ended[1]!).toBeGreaterThanOrEqual(8100);
  });

  // with -1: its statement ended at 2 s, its transaction at 6; caught up 6.10
  test('5.1: -1 waits as long as it takes, up to the end of the transaction', () => {
    const steps: Said[] = [
      [0, 'BEGIN'],
      [10, COUNT],
      [9000, 'COMMIT'],
    ];
    const pair = new Pair(FOREVER, SLOW).client('rc', 'pg2', steps).removeVersions(500).watch(1000);
    const log = pair.run(12_000);
    expect(timeOf(log, 'rc: complete')).toBeGreaterThanOrEqual(0);
    const ends = timeOf(log.slice(1), 'rc: complete');
    expect(ends, 'the scan is over').toBeLessThan(8000);
    const caught = timeOf(log, 'caught up');
    expect(caught).toBeGreaterThanOrEqual(9000);
    expect(caught, 'sleeps of a second at most').toBeLessThanOrEqual(10_100);
    expect(log.filter((line) => line.includes('conflict'))).toEqual([]);
  });

  test('5.1: replay is blocked meanwhile, WAL is received and flushed', () => {
    const pair = new Pair(FOREVER).client('idle', 'pg2', holding()).removeVersions(100);
    const writes = Array.from({ length: 100 }, (_, i): Said => [1000 + 10 * i, TELLER]);
    pair.client('writer', 'pg1', writes).run(4000);
    const { wal } = pair.primary;
    const [sender] = pair.world.instance('pg1').senders;
    expect(sender!.flush).toBe(wal.flushed.value);
    expect(sender!.apply).toBeLessThan(sender!.flush - 5000);
  });

  test('5.1: what is read from pg_wal has max_standby_archive_delay', () => {
    const delays = { ...FOREVER, max_standby_archive_delay: SECOND };
    const pair = new Pair(delays).client('idle', 'pg2', holding()).removeVersions(100);
    const log = pair.run(2000);
    expect(log.filter((line) => line.includes('conflict'))).toEqual([]);
    const { receipt } = pair.world.instance('pg2').replay;
    expect(receipt.limit).toBe(Number.POSITIVE_INFINITY);
    const own = { settings: pair.standby.settings, clock: pair.world.sim };
    const read = new Receipt({ ...own, flushed: 100_000_000, isStreaming: false }, 0);
    read.look(0);
    expect(read.limit - pair.world.sim.now).toBe(SECOND);
    pair.run(2500);
    read.look(1000);
    expect(read.limit - pair.world.sim.now, 'the same segment').toBe(0.5 * SECOND);
  });
});
