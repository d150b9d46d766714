import { describe, expect, test } from 'vitest';
import { MILLISECOND, Random, SECOND } from '../../src/kernel/index.ts';
import { tablePage } from '../../src/postgres/heap/relation.ts';
import { KnownXids } from '../../src/postgres/procarray/known-xids.ts';
import { History } from '../../src/postgres/timeline.ts';
import { ABORTED, CHANGED, WalContentsReader } from '../../src/postgres/wal/contents.ts';
import { ACCOUNTS, Pair, type Said, TELLER } from '../helpers/standby.ts';
import { FSYNC } from '../helpers/world.ts';

const COLD = { start: { buffers: 'cold', osCache: 'cold' } } as const;
const PAGES = 400;

/** Changes of so many pages at one instant; how long their replay took, in disk reads. */
function replayed(plan: { version?: number }, settings = {}, imaged = false) {
  const pair = new Pair(settings, { ...COLD, ...plan });
  const { primary, world } = pair;
  const { storage, wal } = primary;
  const table = storage.tables[ACCOUNTS]!;
  if (imaged) {
    world.at(0.4 * SECOND, () => wal.requestFlush(wal.insert(1000)));
    world.at(0.5 * SECOND, () => primary.checkpointer.request());
  }
  let from = 0;
  world.at(SECOND, () => {
    const { relation } = table.definition;
    for (let block = 0; block < PAGES; block++) {
      storage.log(table, [table.hintRecord(tablePage(relation, 8 * block))]);
    }
    wal.requestFlush(wal.insertLsn);
  });
  let end = 0;
  world.events.standbyFlushed.observe((at, _, lsn) => {
    if (from === 0 && at > SECOND && lsn >= wal.insertLsn) from = at;
  });
  world.events.replayed.observe((at, _, lsn) => {
    if (end === 0 && at > SECOND && lsn >= wal.insertLsn) end = at;
  });
  pair.run(3000);
  const { redo } = world.instance('pg2').replay;
  const { pool } = pair.standby.storage;
  return { reads: redo!.reads, prefetched: redo!.prefetched, took: (end - from) / FSYNC, pool };
}

describe('replay (4.7)', () => {
  test('4.7: one process reads page after page up to version 14', () => {
    const { reads, took, pool } = replayed({ version: 14 });
    expect(reads).toBe(PAGES);
    expect(took).toBeGreaterThanOrEqual(PAGES);
    expect(took).toBeLessThan(1.05 * PAGES);
    expect(pool.dirty).toBe(PAGES);
  });

  test('4.7: recovery_prefetch reads maintenance_io_concurrency pages at a time (15)', () => {
    const { reads, prefetched, took } = replayed({ version: 15 });
    expect([reads, prefetched]).toEqual([PAGES, PAGES - 1]);
    expect(took).toBeGreaterThanOrEqual(PAGES / 11);
    expect(took).toBeLessThan((1.25 * PAGES) / 10);
    expect(replayed({ version: 15 }, { recovery_prefetch: 'off' }).prefetched).toBe(0);
    expect(replayed({ version: 18 }).took, '16 from 18 on').toBeLessThan((1.25 * PAGES) / 16);
  });

  test('4.7: of an image no page is read', () => {
    const { reads, took, pool } = replayed({ version: 14 }, {}, true);
    expect([reads, pool.dirty]).toEqual([0, PAGES]);
    expect(took).toBeLessThan(50);
  });

  test('4.7: recovery_min_apply_delay holds up commits, and what comes after them', () => {
    const pair = new Pair({ recovery_min_apply_delay: 2 * SECOND });
    pair.client('w', 'pg1', [
      [0, TELLER],
      [500, TELLER],
    ]);
    const { array } = pair.standby.procArray;
    const seen: number[] = [];
    for (const at of [1990, 2010, 2490, 2510]) {
      pair.world.at(SECOND + at * MILLISECOND, () => seen.push(array.latestCompletedXid));
    }
    pair.run(3000);
    expect(seen).toEqual([2, 3, 3, 4]);
    const [sender] = pair.world.instance('pg1').senders;
    expect(sender!.flush, 'received and flushed at once').toBe(pair.primary.wal.flushed.value);
  });

  test('4.7: a promotion cuts the delay short', () => {
    const pair = new Pair({ recovery_min_apply_delay: 3600 * SECOND });
    pair.client('w', 'pg1', [[0, TELLER]]);
    pair.world.at(1.5 * SECOND, () => pair.primary.crash());
    pair.world.at(2 * SECOND, () => pair.world.instance('pg2').promote());
    pair.run(2000);
    expect(pair.standby.state).toBe('primary');
    expect(pair.standby.wal.branch.forkLsn).toBe(pair.primary.wal.flushed.value);
  });

  test('4.7: the same WAL is replayed again after a crash of the standby', () => {
    const pair = new Pair();
    const writes = Array.from({ length: 80 }, (_, i): Said => [50 * i, TELLER]);
    pair.client('w', 'pg1', writes);
    const { world, standby } = pair;
    world.at(2 * SECOND, () => standby.crash());
    world.at(3 * SECOND, () => world.instance('pg2').start('standby', world.instance('pg1')));
    pair.run(6000);
    const { array } = standby.procArray;
    expect(array.latestCompletedXid).toBe(pair.primary.procArray.array.latestCompletedXid);
    expect(array.oldestRunningXid).toBe(array.latestCompletedXid + 1);
  });

  test('4.7: a former primary follows the branch of its standby from the fork on', () => {
    const pair = new Pair({}, {}, {});
    const { world } = pair;
    pair.client('w', 'pg1', [[0, TELLER]]);
    world.at(1.5 * SECOND, () => pair.primary.crash());
    world.at(2 * SECOND, () => world.instance('pg2').promote());
    pair.client(
      'v',
      'pg2',
      Array.from({ length: 20 }, (_, i): Said => [2000 + 50 * i, TELLER]),
    );
    world.at(4 * SECOND, () => world.instance('pg1').start('standby', world.instance('pg2')));
    pair.run(6000);
    const [old, fresh] = [pair.primary, pair.standby];
    expect(old.wal.branch).toBe(fresh.wal.branch);
    expect(world.instance('pg1').replay.position.value).toBe(fresh.wal.flushed.value);
    const { array } = old.procArray;
    expect(array.latestCompletedXid).toBe(fresh.procArray.array.latestCompletedXid);
    expect(array.oldestRunningXid).toBe(fresh.procArray.array.nextXid);
  });
});

describe('what WAL tells (5.3)', () => {
  test('5.3: known ids are those of a set from which what has ended is taken', () => {
    const random = new Random('known');
    for (let run = 0; run < 10; run++) {
      const known = new KnownXids(3);
      const running: number[] = [];
      let next = 3;
      for (let step = 0; step < 2000; step++) {
        if (random.uniform() < 0.5) running.push(next++);
        else if (running.length > 0 && random.uniform() < 0.98) {
          const young = random.uniform() < 0.9;
          const at = young ? running.length - 1 : random.integer(0, running.length - 1);
          known.end(running.splice(at, 1)[0]!);
        } else if (random.uniform() < 0.1) {
          running.splice(0, random.integer(0, running.length));
          known.endBefore(running[0] ?? next);
        }
        expect(known.oldest).toBe(running[0] ?? Math.max(known.oldest, next));
      }
    }
  });

  test('readers get what a list would give them, over crashes and new branches', () => {
    const random = new Random('contents');
    for (let run = 0; run < 40; run++) {
      const history = new History();
      let branch = history.begin('a');
      const readers = Array.from({ length: 3 }, () => new WalContentsReader(branch));
      history.readers.push(...readers);
      const read: number[][] = readers.map(() => []);
      let written: { lsn: number; value: number }[] = [];
      let [lsn, value, flushed] = [0, 0, 0];
      const catchUp = (reader: number) => {
        readers[reader]!.follow(branch);
        while (readers[reader]!.next(flushed)) {
          read[reader]!.push(readers[reader]!.value);
          readers[reader]!.advance();
        }
      };
      for (let step = 0; step < 3000; step++) {
        const draw = random.uniform();
        if (draw < 0.9) {
          for (let n = random.integer(1, 5), kind = CHANGED as 0 | 5; n > 0; n--, kind = ABORTED) {
            lsn += 8;
            branch.contents.add(lsn, kind, ++value);
            written.push({ lsn, value });
          }
        } else if (draw < 0.97) branch.contents.flushed = flushed = lsn;
        else if (draw < 0.99) catchUp(random.integer(0, 2));
        else {
          lsn = flushed;
          branch.contents.cutTo(lsn);
          if (draw >= 0.995) branch = history.fork(branch, lsn, 'b');
        }
        if (draw >= 0.99) written = written.filter((each) => each.lsn <= flushed);
      }
      branch.contents.flushed = flushed = lsn;
      const all = written.map((each) => each.value);
      for (const reader of readers.keys()) {
        catchUp(reader);
        expect(read[reader]).toEqual(all);
      }
    }
  });
});
