import { describe, expect, test } from 'vitest';
import { WAL_SEGMENT_BYTES } from '../../../src/postgres/lsn.ts';
import { converse, type Step, UPDATE } from '../../helpers/sql.ts';
import { World } from '../../helpers/world.ts';

const PAGE = 8192;
const SEGMENTS = { max_wal_size: 4 * WAL_SEGMENT_BYTES, min_wal_size: 2 * WAL_SEGMENT_BYTES };
/** Rows of pgbench_accounts, 132 bytes with pointer: on a page at fillfactor 50, and at all. */
const PER_PAGE = 30;
const MOST = 61;
const ON_LAST = 100_000 % PER_PAGE;

/** A server whose disk has room for so many pages beyond its WAL. */
function stage(pages: number, plans: Record<string, readonly Step[]>, until = 20) {
  const diskBytes = 4 * WAL_SEGMENT_BYTES + pages * PAGE;
  const world = new World({ servers: [{ name: 'pg1', settings: SEGMENTS, diskBytes }] });
  const log = converse(world, plans);
  const server = world.server('pg1');
  const accounts = server.storage.tables[0]!;
  const before = accounts.pages;
  world.sim.run(until * 1e9);
  return { world, log, server, accounts, grown: accounts.pages - before };
}

const inserts = (count: number, from = 100): Step[] =>
  Array.from({ length: count }, (_, i) => [
    from + 10 * i,
    `INSERT INTO pgbench_accounts VALUES (${1_000_000 + i}, 1, 0, '')`,
  ]);
const answers = (log: readonly string[]) => log.map((line) => line.split(': ')[1]);

describe('files that cannot grow: 53100', () => {
  test('an INSERT that finds no page with room; those that find one go on', () => {
    const { log, accounts, grown, server } = stage(2, { a: inserts(150) });
    const heard = answers(log);
    const first = heard.indexOf('53100');
    // the last page is filled up to its fillfactor, and so are two new ones
    expect(first).toBe(PER_PAGE - ON_LAST + 2 * PER_PAGE);
    expect(heard.slice(first).every((answer) => answer === '53100')).toBe(true);
    expect(grown).toBe(2);
    expect(accounts.heap).toMatchObject({ live: 100_000 + first, dead: 0 });
    expect(server.host.disk.usedBytes).toBe(server.host.disk.spec.sizeBytes);
  });

  test('an UPDATE goes on as long as its page has room, HOT: nothing grows', () => {
    const updates = Array.from({ length: 200 }, (_, i): Step => [100 + 10 * i, UPDATE]);
    const { log, grown } = stage(0, { a: updates });
    expect(new Set(answers(log))).toEqual(new Set(['complete']));
    expect(grown).toBe(0);
  });

  test('one whose page is full of versions that a snapshot keeps fails, and changes nothing', () => {
    const reader: Step[] = [
      [0, 'BEGIN ISOLATION LEVEL REPEATABLE READ'],
      [10, 'SELECT abalance FROM pgbench_accounts WHERE aid = 2'],
      [3000, 'COMMIT'],
      [3100, UPDATE],
    ];
    const updates = Array.from({ length: 150 }, (_, i): Step => [100 + 10 * i, UPDATE]);
    const { log, grown, accounts } = stage(0, { a: updates, b: reader });
    const heard = answers(log.filter((line) => line.includes('a:')));
    const first = heard.indexOf('53100');
    // what fillfactor 50 had left of its page, and of the last one, to which it moved once
    expect(first).toBe(MOST - PER_PAGE + MOST - ON_LAST);
    expect(heard.slice(first).every((answer) => answer === '53100')).toBe(true);
    expect([grown, accounts.heap.live]).toEqual([0, 100_000]);
    expect(log.at(-1), 'pruning makes room without a page').toBe('3102 b: complete');
  });

  test('a disk that is filled and emptied again: errors for as long, no row is lost', () => {
    const plan = { a: inserts(300) };
    const diskBytes = 6 * WAL_SEGMENT_BYTES;
    const world = new World({ servers: [{ name: 'pg1', settings: SEGMENTS, diskBytes }] });
    const log = converse(world, plan);
    world.at(1.5e9, () => {
      const end = world.host('pg1').disk.fill();
      world.at(3.1e9, end);
    });
    world.sim.run(10e9);
    const heard = answers(log);
    expect(heard.slice(0, 40)).not.toContain('53100');
    expect(heard.slice(150, 190).every((answer) => answer === '53100')).toBe(true);
    expect(heard.slice(-60)).not.toContain('53100');
    const done = heard.filter((answer) => answer === 'complete').length;
    expect(world.server('pg1').storage.tables[0]!.heap.live).toBe(100_000 + done);
    const failed = heard.filter((answer) => answer === '53100').length;
    expect(done + failed).toBe(300);
  });

  test('what vacuum cuts off is free again', () => {
    const world = new World({ servers: [{ name: 'pg1', settings: SEGMENTS }] });
    const server = world.server('pg1');
    const { disk } = server.host;
    const before = disk.usedBytes;
    const wal = server.wal.segments.bytes;
    const remove = 'DELETE FROM pgbench_accounts WHERE aid BETWEEN 1001 AND 100000';
    converse(world, { a: [[100, remove]] });
    world.sim.run(15e9);
    const { heap } = server.storage.tables[0]!;
    const pages = heap.pages;
    world.play(server.autovacuum.vacuum(0) as never);
    world.sim.run(60e9);
    expect(heap.pages).toBeLessThan(pages / 50);
    const freed = (pages - heap.pages) * PAGE;
    expect(before - disk.usedBytes - (wal - server.wal.segments.bytes)).toBe(freed);
  });
});
