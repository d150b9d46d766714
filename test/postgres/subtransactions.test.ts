import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { play } from '../helpers/sql.ts';
import { FSYNC, type World } from '../helpers/world.ts';

const ms = FSYNC / MILLISECOND;
const update = (aid: number) =>
  `UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = ${aid}`;
const insert = (aid: number) => `INSERT INTO pgbench_accounts VALUES (${aid}, 1, 0, '')`;
const select = (aid: number, lock: string) =>
  `SELECT * FROM pgbench_accounts WHERE aid = ${aid} FOR ${lock}`;

/** Statements one after the other, 10 ms apart. */
const inTurn = (...statements: readonly string[]) =>
  statements.map((statement, i) => [10 * i, statement] as const);

/** What pg_waldump shows of the transactions' own records: kind and bytes together. */
function transactionRecords(statements: readonly string[], settings = {}) {
  const { server } = play({ a: inTurn(...statements) }, settings);
  const { kinds } = server.wal.counts;
  const own = kinds.filter(({ kind }) => kind.startsWith('Transaction/'));
  return Object.fromEntries(own.map(({ kind, records, bytes }) => [kind, [records, bytes]]));
}

describe('records of savepoints, as pg_waldump of PostgreSQL 15.18 has them', () => {
  test('the commit record lists the ids: 34 bytes without, 46 for one, 50 for two', () => {
    expect(transactionRecords([update(1)])).toEqual({ 'Transaction/COMMIT': [1, 34] });
    const one = ['BEGIN', 'SAVEPOINT a', update(2), 'COMMIT'];
    expect(transactionRecords(one)).toEqual({ 'Transaction/COMMIT': [1, 46] });
    const two = ['BEGIN', update(3), 'SAVEPOINT a', update(4), 'SAVEPOINT b', update(5)];
    const released = [...two, 'RELEASE SAVEPOINT b', 'COMMIT'];
    expect(transactionRecords(released)).toEqual({ 'Transaction/COMMIT': [1, 50] });
  });

  test('ROLLBACK TO writes an abort record of 34 bytes; what comes after has a new id', () => {
    const all = ['BEGIN', update(3), 'SAVEPOINT a', update(4), 'ROLLBACK TO a', update(6)];
    expect(transactionRecords([...all, 'COMMIT'])).toEqual({
      'Transaction/ABORT': [1, 34],
      'Transaction/COMMIT': [1, 46],
    });
  });

  test('seventy of them: one record for standbys after 64, 67 aborts, three ids committed', () => {
    const each = Array.from({ length: 70 }, (_, i) => [`SAVEPOINT s${i}`, update(i + 2)]).flat();
    const all = ['BEGIN', ...each, 'ROLLBACK TO s68', 'ROLLBACK TO s3', 'COMMIT'];
    const assignment = { 'Transaction/ASSIGNMENT': [1, 293] };
    const others = { 'Transaction/ABORT': [67, 67 * 34], 'Transaction/COMMIT': [1, 54] };
    expect(transactionRecords(all)).toEqual({ ...assignment, ...others });
    const alone = transactionRecords(all, { wal_level: 'minimal', max_wal_senders: 0 });
    expect(alone, 'without standbys').toEqual(others);
  });

  test('ids are used up: each subtransaction that changes something takes one', () => {
    const { server } = play({
      a: inTurn(
        'BEGIN',
        'SAVEPOINT a',
        'SAVEPOINT b',
        update(1),
        'SAVEPOINT c',
        'COMMIT',
        update(2),
      ),
    });
    const { array } = server.procArray;
    expect(array.nextXid - 3, 'the transaction, a, b, and the second one').toBe(4);
    expect(array.latestCompletedXid).toBe(array.nextXid - 1);
    expect(array.oldestNonRemovableXid()).toBe(array.nextXid);
  });
});

describe('what ROLLBACK TO undoes', () => {
  test('changes since, and only those', () => {
    const { heap } = play({
      a: inTurn(
        'BEGIN',
        'DELETE FROM pgbench_accounts WHERE aid = 1',
        'SAVEPOINT a',
        'DELETE FROM pgbench_accounts WHERE aid = 2',
        insert(200_000),
        'ROLLBACK TO SAVEPOINT a',
        'DELETE FROM pgbench_accounts WHERE aid = 3',
        'COMMIT',
      ),
    });
    expect([0, 1, 2, 199_999].map((row) => heap.rows.blockOf(row) >= 0)).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(heap.live).toBe(100_000 - 2);
  });

  test('a released one is undone with the one around it', () => {
    const { heap } = play({
      a: inTurn(
        'BEGIN',
        'SAVEPOINT a',
        'SAVEPOINT b',
        insert(200_000),
        'RELEASE b',
        'ROLLBACK TO a',
        'COMMIT',
      ),
    });
    expect(heap.live).toBe(100_000);
  });

  test('locks of rows: who waits for one of them goes on at once, others keep waiting', () => {
    const { log } = play({
      a: [
        [0, 'BEGIN'],
        [10, update(1)],
        [20, 'SAVEPOINT a'],
        [30, update(2)],
        [300, 'ROLLBACK TO a'],
        [600, 'COMMIT'],
      ],
      b: [[100, select(1, 'UPDATE')]],
      c: [[100, select(2, 'UPDATE')]],
    });
    const when = (name: string) => Number.parseInt(log.find((l) => l.includes(`${name}:`))!, 10);
    expect(when('c'), 'the walwriter flushes the abort record, then its own').toBe(300 + 2 * ms);
    expect(when('b')).toBe(600 + 2 * ms);
  });

  test('an error ends the innermost only; the block goes on after ROLLBACK TO', () => {
    const { log, heap } = play({
      a: inTurn(
        'BEGIN',
        insert(200_000),
        'SAVEPOINT a',
        insert(1),
        update(3),
        'ROLLBACK TO a',
        insert(200_001),
        'COMMIT',
      ),
    });
    const answers = log.map((line) => line.replace(/^\d+ a: /, ''));
    expect(answers.slice(3, 6)).toEqual(['23505', '25P02', 'complete']);
    expect(heap.live).toBe(100_002);
  });

  test('names: the innermost of equal ones; unknown ones and none at all are errors', () => {
    const { log, heap } = play({
      a: inTurn(
        'BEGIN',
        'SAVEPOINT a',
        insert(200_000),
        'SAVEPOINT a',
        insert(200_001),
        'ROLLBACK TO a',
        'COMMIT',
      ),
      b: inTurn('SAVEPOINT a', 'BEGIN', 'ROLLBACK TO b', update(5), 'ROLLBACK'),
    });
    expect(heap.live, 'the first insert stays').toBe(100_001);
    const answers = log.filter((line) => line.includes('b:')).map((line) => line.split(': ')[1]);
    expect(answers).toEqual(['25P01', 'complete', '3B001', '25P02', 'complete']);
  });
});

describe('a row that somebody else has', () => {
  const holder = [
    [0, 'BEGIN'],
    [10, update(1)],
    [500, 'COMMIT'],
  ] as const;

  test('NOWAIT is an error at once, SKIP LOCKED leaves it out, neither takes an id', () => {
    const { log, world } = play({
      a: holder,
      b: [[100, `${select(1, 'UPDATE')} NOWAIT`]],
      c: [[100, `${select(1, 'UPDATE')} SKIP LOCKED`]],
    });
    expect(log.slice(2, 4).sort()).toEqual(['100 b: 55P03', '100 c: complete']);
    expect(world.events.committed.count, 'only the holder').toBe(1);
  });

  test('a free row is theirs as without these words', () => {
    const { world } = play({ a: inTurn(`${select(1, 'UPDATE')} NOWAIT`) });
    expect(world.events.committed.count).toBe(1);
  });
});

describe('INSERT ... ON CONFLICT, as pg_waldump of PostgreSQL 15.18 has it', () => {
  const upsert = (aid: number) => `${insert(aid)} ON CONFLICT (aid) DO UPDATE SET abalance = 5`;
  const kinds = (statement: string) => {
    const { server } = play({ a: inTurn(statement) });
    const ofTables = server.wal.counts.kinds.filter(({ kind }) => !kind.startsWith('Transaction'));
    return ofTables.map(({ kind, bytes }) => `${kind} ${bytes}`);
  };

  test('a new row is inserted, and confirmed by 48 bytes', () => {
    for (const statement of [upsert(200_000), `${insert(200_000)} ON CONFLICT DO NOTHING`]) {
      expect(kinds(statement)).toEqual([
        'Heap/INSERT 152',
        'Btree/INSERT_LEAF 64',
        'Heap/HEAP_CONFIRM 48',
      ]);
    }
  });

  test('a row that is there is locked and updated, or left alone', () => {
    expect(kinds(upsert(1))).toEqual(['Heap/LOCK 54', expect.stringMatching(/^Heap.HOT_UPDATE/)]);
    expect(kinds(`${insert(1)} ON CONFLICT DO NOTHING`)).toEqual([]);
  });

  test('it waits for whoever is inserting the same key', () => {
    const { log, heap } = play({
      a: [
        [0, 'BEGIN'],
        [10, insert(200_000)],
        [400, 'COMMIT'],
      ],
      b: [[100, upsert(200_000)]],
    });
    expect(Number.parseInt(log.at(-1)!, 10)).toBe(400 + 2 * ms);
    expect([heap.live, heap.updates]).toEqual([100_001, 1]);
  });
});

describe('a commit record that is in the log', () => {
  const remove = 'DELETE FROM pgbench_accounts WHERE aid = 1';
  const at = (when: number, act: (world: World) => void) => (world: World) => {
    world.sim.spawn(
      (function* (): Process {
        yield world.sim.holdUntil(SECOND + when * MILLISECOND);
        act(world);
      })(),
    );
  };
  const server = (world: World) => world.instance('pg1').server;

  test('stands when its process is ended before it has answered', () => {
    const stop = at(2.5, (world) => server(world).terminateBackends());
    const { world, heap } = play({ a: [[0, remove]] }, {}, {}, stop);
    expect(world.events.committed.count).toBe(1);
    expect(heap.live).toBe(99_999);
  });

  test('stands after a crash if it was written, and is undone if it was not', () => {
    const crash = (when: number) => {
      const played = play(
        { a: [[0, remove]] },
        {},
        {},
        at(when, (world) => server(world).crash()),
      );
      return played.heap.live;
    };
    expect(crash(1.01), 'before the record').toBe(100_000);
    expect(crash(2.9), 'the flush is under way, and the system has the record').toBe(99_999);
  });
});
