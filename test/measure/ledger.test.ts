import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { Ledger, type LedgerReport } from '../../src/measure/ledger.ts';
import { contains } from '../../src/postgres/timeline.ts';
import { Stage } from './stage.ts';

function causes(report: LedgerReport): string[] {
  return [...report.causes].map(([cause, count]) => `${count} ${cause}`);
}

describe('the ledger of acknowledged commits', () => {
  it('finds all durable where nothing happens', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    for (let i = 1; i <= 5000; i++) stage.at(i / 100).commit(0, i * 100, i % 6);
    const { all, byGroup, losses } = ledger.report;
    expect(all).toMatchObject({ acknowledged: 5000, durable: 5000, lost: 0, unknown: 0 });
    expect(byGroup.map((counts) => counts.acknowledged)).toEqual([3334, 1666]);
    expect(losses).toEqual([]);
  });

  it('names what the new leader had not received when the old one lost power', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.at(100).commit(0, 1000);
    stage.replicate(1, 1000);
    stage.at(119).commit(0, 1400, 5);
    stage.at(119.5).commit(0, 1800, 2);
    stage.at(120).crash(0, 1800, true);
    stage.at(143).ha.leaderKey.emit(1);
    stage.at(143.2).promote(1);
    stage.at(150).commit(1, 1400);
    const report = ledger.report;
    expect(report.all).toMatchObject({ acknowledged: 4, durable: 2, lost: 2 });
    const cause =
      'not on pg2 when it was promoted at 143.2 s: ' +
      'pg1 lost power at 120 s with 800 bytes not received';
    expect(report.losses).toEqual([
      { session: 'batch/2', lsn: '0/578', acknowledgedAt: 119, cause },
      { session: 'app/3', lsn: '0/708', acknowledgedAt: 119.5, cause },
    ]);
    expect(report.survivors.map(({ name }) => name)).toEqual(['pg2']);
  });

  it('does not call lost what only the crashed leader has, if nobody took over', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.replicate(1, 500);
    stage.at(1).commit(0, 1000);
    stage.at(2).crash(0, 1000, true);
    stage.ha.leaderKey.emit(-1);
    expect(ledger.report.all).toMatchObject({ durable: 1, lost: 0 });
    expect(ledger.report.survivors[0]!.name).toBe('pg1');
  });

  it('tells commits of both sides of a split brain apart by who leads at the end', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.at(50).commit(0, 1000);
    stage.replicate(1, 1000);
    stage.at(60).commit(0, 1100);
    stage.at(90).ha.leaderKey.emit(1);
    stage.promote(1);
    stage.at(91).commit(0, 1200);
    stage.commit(1, 1500, 4);
    stage.at(95).state(0, 'shutting down');
    const report = ledger.report;
    expect(report.all).toMatchObject({ durable: 2, lost: 2 });
    expect(causes(report)).toEqual([
      '1 not on pg2 when it was promoted at 90 s: ' +
        'pg1 went on as primary with 100 bytes not received',
      '1 written on pg1, the isolated side of a split brain since pg2 was promoted at 90 s, ' +
        'until it was shut down at 95 s',
    ]);
  });

  it('the leader key decides between two running primaries', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.replicate(1, 1000);
    stage.at(10).promote(1);
    stage.at(11).commit(0, 2000);
    stage.commit(1, 3000);
    expect(ledger.report.survivors[0]!.name).toBe('pg1');
    expect(causes(ledger.report)).toEqual([
      '1 on timeline 2 of pg2, which is no part of the history of pg1, the leader at the end',
    ]);
  });

  it('a later timeline wins without a leader key', () => {
    const stage = new Stage({ managed: false });
    const ledger = new Ledger(stage.observed);
    stage.replicate(1, 1000);
    stage.at(10).promote(1);
    stage.at(11).commit(0, 2000);
    stage.commit(1, 1100);
    expect(ledger.report.survivors[0]!.name).toBe('pg2');
    expect(ledger.report.all).toMatchObject({ durable: 1, lost: 1 });
  });
});

describe('asynchronous commits and crashes', () => {
  it('loses what was not flushed, though the restarted server writes over its positions', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.at(1).commit(0, 1000);
    stage.at(2).insert(0, 1100);
    stage.tell(0, 1100, 1);
    stage.at(3).crash(0, 1000);
    stage.at(4).state(0, 'primary');
    stage.at(5).commit(0, 1100, 2);
    stage.at(6).commit(0, 1200, 3);
    expect(ledger.report.all).toMatchObject({ durable: 3, lost: 1 });
    expect(ledger.report.losses).toEqual([
      {
        session: 'app/2',
        lsn: '0/44C',
        acknowledgedAt: 2,
        cause: 'asynchronous commit, not flushed when pg1 crashed at 3 s',
      },
    ]);
  });

  it('keeps what the operating system had when only the process crashed', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.at(2).insert(0, 1100);
    stage.tell(0, 1100);
    stage.at(3).crash(0, 1100);
    stage.at(4).state(0, 'primary');
    expect(ledger.report.all).toMatchObject({ durable: 1, lost: 0 });
  });

  it('counts unreplicated and unknown commits, and phantoms among these', () => {
    const stage = new Stage({ warmup: 1 });
    const ledger = new Ledger(stage.observed);
    stage.at(0.5).commit(0, 900);
    stage.at(2).commit(0, 1000);
    stage.replicate(1, 1000);
    stage.workload.commitUnknown.emit(0, 0, 1000);
    stage.workload.commitUnknown.emit(0, 0, 1300);
    stage.workload.commitUnknown.emit(4, -1, 0);
    stage.flush(0, 1400);
    stage.tell(0, 1400, 0, 1);
    stage.at(3).crash(0, 1400, true);
    stage.at(4).ha.leaderKey.emit(1);
    stage.promote(1);
    const { counted, byGroup, losses } = ledger.report;
    expect(counted).toEqual({
      acknowledged: 2,
      durable: 1,
      lost: 1,
      unreplicated: 1,
      unknown: 3,
      phantom: 1,
    });
    expect(byGroup[1]).toMatchObject({ unknown: 1, phantom: 0, acknowledged: 0 });
    expect(losses[0]!.cause).toMatch(/^acknowledged with the warning .*; not on pg2 when/);
    expect(ledger.report.all.acknowledged).toBe(3);
  });
});

/** One step of a random history of three servers: who does what. */
const step = fc.record({
  server: fc.integer({ min: 0, max: 2 }),
  what: fc.constantFrom('commit', 'commit', 'commit', 'replicate', 'promote', 'crash'),
  upstream: fc.integer({ min: 0, max: 2 }),
});

describe('against a naive twin', () => {
  it('a commit is durable if the survivor’s list of records has it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage({ servers: 3, managed: false });
        const ledger = new Ledger(stage.observed);
        const records: string[][] = [[], [], []]; // what each server's WAL holds
        const told: string[] = [];
        let number = 0;
        steps.forEach(({ server: index, what, upstream }, i) => {
          stage.at(i + 1);
          const server = stage.server(index);
          const running = server.state === 'primary';
          if (what === 'commit' && running) {
            const name = `commit ${number++}`;
            records[index]!.push(name);
            told.push(name);
            stage.commit(index, server.wal.insertLsn + 10);
          } else if (what === 'promote' && server.state === 'hot standby') stage.promote(index);
          else if (what === 'crash' && running) stage.crash(index, server.wal.insertLsn, true);
          else if (what === 'replicate' && server.state === 'hot standby') {
            const { wal } = stage.server(upstream);
            if (!contains(wal.branch, wal.insertLsn, server.wal.branch, server.wal.insertLsn)) {
              return;
            }
            records[index] = [...records[upstream]!];
            server.wal.branch = wal.branch;
            stage.replicate(index, wal.insertLsn);
          }
        });
        const { all, survivors, causes: why } = ledger.report;
        const kept = new Set(records[survivors[0]!.index]);
        const durable = told.filter((name) => kept.has(name)).length;
        expect(all).toMatchObject({ durable, lost: told.length - durable });
        expect([...why.values()].reduce((sum, n) => sum + n, 0)).toBe(all.lost);
        expect(ledger.report.losses.every(({ cause }) => cause.length > 20)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('seconds of losses are those of the telling', () => {
    const stage = new Stage();
    const ledger = new Ledger(stage.observed);
    stage.at(1.2345).insert(0, 100);
    stage.tell(0, 100);
    stage.at(2).crash(0, 0, true);
    expect(ledger.report.losses[0]!.acknowledgedAt).toBe(1.2345);
    expect(ledger.acknowledged.at(0)).toBe(1.2345 * SECOND);
  });
});
