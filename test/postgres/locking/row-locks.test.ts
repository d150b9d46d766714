import { describe, expect, test } from 'vitest';
import { Interrupt, type Process, type ProcessId, Simulation } from '../../../src/kernel/index.ts';
import { LockManager } from '../../../src/postgres/locking/lock-manager.ts';
import { FOR_UPDATE } from '../../../src/postgres/locking/lock-modes.ts';
import type { LockOwner } from '../../../src/postgres/locking/lock-table.ts';
import { rowId } from '../../../src/postgres/locking/row-locks.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';

const newManager = (sim: Simulation) => new LockManager(sim, defaultSettings(15));
const enter = (locks: LockManager) => locks.enter({ lockWait: () => {} });

interface Plan {
  readonly name: string;
  readonly starts: number;
  readonly rows: readonly number[];
  /** Between two rows: as nobody takes two at one instant, nobody passes one who is waking up. */
  readonly pause: number;
  readonly holds: number;
  /** When it is interrupted, if it is then still there. */
  readonly interrupted: number | null;
}

/** One transaction: its rows one after the other, a while, and its end, however it comes. */
function* transaction(sim: Simulation, locks: LockManager, plan: Plan, log: string[]): Process {
  const owner = enter(locks);
  yield sim.holdUntil(plan.starts);
  try {
    for (const row of plan.rows) {
      if (!locks.lockRow(owner, row, FOR_UPDATE)) {
        yield* locks.waitForRow(owner, row, FOR_UPDATE);
      }
      log.push(`${sim.now} ${plan.name} has ${row}`);
      yield sim.hold(plan.pause);
    }
    yield sim.hold(plan.holds);
  } catch (thrown) {
    if (!(thrown instanceof Interrupt)) throw thrown;
  } finally {
    log.push(`${sim.now} ${plan.name} ends`);
    locks.releaseAll(owner);
  }
}

function play(plans: readonly Plan[]): { log: string[]; locks: LockManager } {
  const sim = new Simulation();
  const locks = newManager(sim);
  const log: string[] = [];
  for (const plan of plans) {
    const process = sim.spawn(transaction(sim, locks, plan, log));
    if (plan.interrupted !== null) sim.spawn(interrupter(sim, process, plan.interrupted));
  }
  sim.run(1_000_000_000);
  return { log, locks };
}

function* interrupter(sim: Simulation, process: ProcessId, at: number): Process {
  yield sim.holdUntil(at);
  if (sim.isAlive(process)) sim.interrupt(process, new Interrupt('cancel'));
}

interface NaiveState {
  readonly plan: Plan;
  next: number;
  phase: 'before' | 'wants' | 'takes' | 'works' | 'over';
  until: number;
  queuedAt: number;
}

/** The same rules instant by instant: a queue is whoever wants a row, in the order of coming. */
class Naive {
  readonly log: string[] = [];
  private readonly all: NaiveState[];
  private readonly holder = new Map<number, NaiveState>();
  private coming = 0;

  constructor(plans: readonly Plan[]) {
    this.all = plans.map((plan) => {
      return { plan, next: 0, phase: 'before', until: plan.starts, queuedAt: 0 };
    });
    for (let now = this.next(-1); now < Infinity; now = this.next(now)) {
      for (const each of this.all) if (each.plan.interrupted === now) this.end(each, now);
      for (const each of this.all) if (each.until === now) this.step(each, now);
    }
  }

  private next(now: number): number {
    const instants = this.all.flatMap(({ phase, plan, until }) =>
      phase === 'over' ? [] : [until, plan.interrupted ?? -1],
    );
    return Math.min(...instants.filter((instant) => instant > now));
  }

  private step(each: NaiveState, now: number): void {
    if (each.phase === 'over') return;
    if (each.phase === 'works') this.end(each, now);
    else this.advance(each, now);
  }

  private advance(each: NaiveState, now: number): void {
    const row = each.plan.rows[each.next];
    if (row === undefined) {
      each.phase = 'works';
      each.until = now + each.plan.holds;
      return;
    }
    if (this.holder.has(row)) {
      each.phase = 'wants';
      each.until = -1;
      each.queuedAt = this.coming++;
      return;
    }
    this.holder.set(row, each);
    each.next++;
    each.phase = 'takes';
    each.until = now + each.plan.pause;
    this.log.push(`${now} ${each.plan.name} has ${row}`);
  }

  private end(each: NaiveState, now: number): void {
    if (each.phase === 'over' || each.phase === 'before') return;
    each.phase = 'over';
    this.log.push(`${now} ${each.plan.name} ends`);
    const granted: NaiveState[] = [];
    for (const row of each.plan.rows.slice(0, each.next)) {
      if (this.holder.get(row) !== each) continue;
      this.holder.delete(row);
      const wanting = this.all
        .filter((w) => w.phase === 'wants' && w.plan.rows[w.next] === row)
        .sort((a, b) => a.queuedAt - b.queuedAt)[0];
      if (!wanting) continue;
      granted.push(wanting);
    }
    for (const next of granted) this.advance(next, now);
  }
}

/** Rows in ascending order, so that nobody waits in a circle; instants all different. */
function randomPlans(sim: Simulation, run: number): Plan[] {
  const random = sim.random(`plans/${run}`);
  const count = random.integer(2, 8);
  return Array.from({ length: count }, (_, i) => {
    const rows = [1, 2, 3, 4].filter(() => random.chance(0.5));
    const starts = 997 * random.integer(1, 30) + i;
    const interrupted = random.chance(0.3) ? starts + random.integer(1, 40_000) : null;
    const [pause, holds] = [random.integer(1, 2_000), random.integer(1, 12_000)];
    return { name: `t${i}`, starts, rows, pause, holds, interrupted };
  });
}

describe('row locks', () => {
  test('a row goes from owner to owner in the order of coming', () => {
    const plan = (name: string, starts: number): Plan => {
      return { name, starts, rows: [7], pause: 0, holds: 100, interrupted: null };
    };
    const { log, locks } = play([plan('a', 0), plan('b', 10), plan('c', 5)]);
    expect(log).toEqual([
      '0 a has 7',
      '100 a ends',
      '100 c has 7',
      '200 c ends',
      '200 b has 7',
      '300 b ends',
    ]);
    expect([locks.waits, locks.rows.size, locks.table.size]).toEqual([3, 0, 0]);
  });

  test('who is interrupted while waiting is passed over, and what it held goes on', () => {
    const { log, locks } = play([
      { name: 'a', starts: 0, rows: [1], pause: 0, holds: 100, interrupted: null },
      { name: 'b', starts: 1, rows: [0, 1], pause: 0, holds: 100, interrupted: 50 },
      { name: 'c', starts: 2, rows: [1], pause: 0, holds: 100, interrupted: null },
      { name: 'd', starts: 3, rows: [0], pause: 0, holds: 10, interrupted: null },
    ]);
    expect(log).toEqual([
      '0 a has 1',
      '1 b has 0',
      '50 b ends',
      '50 d has 0',
      '60 d ends',
      '100 a ends',
      '100 c has 1',
      '200 c ends',
    ]);
    expect(locks.rows.size).toBe(0);
  });

  test('who is interrupted at the instant of being granted a row passes it on', () => {
    const { log, locks } = play([
      { name: 'a', starts: 0, rows: [1], pause: 0, holds: 100, interrupted: null },
      { name: 'b', starts: 1, rows: [1], pause: 0, holds: 100, interrupted: 100 },
      { name: 'c', starts: 2, rows: [1], pause: 0, holds: 100, interrupted: null },
    ]);
    expect(log.at(-1)).toBe('200 c ends');
    expect(locks.rows.size).toBe(0);
  });

  test('4,000 random schedules: the same grants at the same instants as the naive twin', () => {
    for (let run = 0; run < 4000; run++) {
      const plans = randomPlans(new Simulation(), run);
      const { log, locks } = play(plans);
      expect([...log].sort(), `run ${run}: ${JSON.stringify(plans)}`).toEqual(
        [...new Naive(plans).log].sort(),
      );
      expect(locks.rows.size + locks.table.size, 'no lock without an owner').toBe(0);
    }
  });

  test('thousands of rows at a time, in chains of every length: the owners a Map has', () => {
    const sim = new Simulation();
    const random = sim.random('rows');
    const locks = newManager(sim);
    const owners = Array.from({ length: 40 }, () => enter(locks));
    const holders = new Map<number, LockOwner>();
    let most = 0;
    for (let i = 0; i < 60_000; i++) {
      const owner = owners[random.integer(0, owners.length - 1)]!;
      if (random.chance(0.002)) {
        for (const [row, holder] of [...holders]) if (holder === owner) holders.delete(row);
        locks.releaseAll(owner);
        expect(owner.rows).toEqual([]);
      }
      const row = rowId(random.integer(0, 3), random.integer(0, 5_000) * 64);
      const free = !holders.has(row);
      if (!free && holders.get(row) !== owner) continue;
      const before = owner.rows.length;
      expect(locks.lockRow(owner, row, FOR_UPDATE)).toBe(true);
      expect(owner.rows.length).toBe(before + (free ? 1 : 0));
      holders.set(row, owner);
      expect(locks.rows.size).toBe(holders.size);
      most = Math.max(most, locks.rows.size);
    }
    expect(most).toBeGreaterThan(4_000);
    for (const owner of owners) {
      const rows = [...holders].flatMap(([row, holder]) => (holder === owner ? [row] : []));
      expect(owner.rows.map(({ row }) => row).sort()).toEqual(rows.sort());
    }
  });

  test('a lock already held costs nothing, and rows of different tables are different', () => {
    const sim = new Simulation();
    const locks = newManager(sim);
    const owner = enter(locks);
    expect(locks.lockRow(owner, rowId(0, 5), FOR_UPDATE)).toBe(true);
    expect(locks.lockRow(owner, rowId(0, 5), FOR_UPDATE)).toBe(true);
    expect(locks.lockRow(enter(locks), rowId(1, 5), FOR_UPDATE)).toBe(true);
    expect([owner.rows.length, locks.rows.size]).toEqual([1, 2]);
  });
});
