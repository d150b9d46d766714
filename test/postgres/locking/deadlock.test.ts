import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MILLISECOND, type Process, SECOND, Simulation } from '../../../src/kernel/index.ts';
import { checkDeadlock } from '../../../src/postgres/locking/deadlock.ts';
import { LockManager, type LockOutcome } from '../../../src/postgres/locking/lock-manager.ts';
import type { LockMode, RowLockMode } from '../../../src/postgres/locking/lock-modes.ts';
import type { LockOwner } from '../../../src/postgres/locking/lock-table.ts';
import { rowId } from '../../../src/postgres/locking/row-locks.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';
import { allEdges, allOrders, hardEdges, isInCycle } from '../../naive/wait-for-graph.ts';

const SETTINGS = defaultSettings(15);
const client = () => ({ lockWait: () => {} });

interface Request {
  readonly who: number;
  readonly relation: number;
  readonly mode: LockMode;
}

const request: fc.Arbitrary<Request> = fc.record({
  who: fc.nat(5),
  relation: fc.nat(3),
  mode: fc.constantFrom<LockMode>(1, 3, 4, 5, 7, 8),
});

/** A table in which nobody has looked for a deadlock yet. */
function entangled(requests: readonly Request[]): LockOwner[] {
  const manager = new LockManager(new Simulation(), SETTINGS);
  const owners = Array.from({ length: 6 }, () => manager.enter(client()));
  for (const { who, relation, mode } of requests) {
    const owner = owners[who]!;
    if (owner.waitLock === null) manager.lockRelation(owner, relation, mode);
  }
  return owners.filter((owner) => owner.waitLock !== null);
}

describe('the deadlock check', () => {
  test('4,000 random tables: its verdicts hold against all orders of all queues', () => {
    const seen = { 'no deadlock': 0, soft: 0, hard: 0, 'hard by soft edges': 0 };
    const holds = (requests: readonly Request[]) => {
      const waiters = entangled(requests);
      const locks = [...new Set(waiters.map((waiter) => waiter.waitLock!))];
      for (const waiter of waiters) {
        const verdict = checkDeadlock(waiter);
        seen[verdict.kind]++;
        const isCycle = isInCycle(waiter, allEdges);
        expect(verdict.kind === 'no deadlock').toBe(!isCycle);
        const isHardCycle = isInCycle(waiter, hardEdges);
        if (isHardCycle) expect(verdict.kind).toBe('hard');
        if (verdict.kind === 'soft') {
          const { orders } = verdict;
          for (const [lock, order] of orders) expect(new Set(order)).toEqual(new Set(lock.queue));
          expect(isInCycle(waiter, (each) => allEdges(each, orders))).toBe(false);
        }
        if (verdict.kind === 'hard') {
          const { cycle } = verdict;
          cycle.forEach((each, i) => {
            expect(allEdges(each)).toContain(cycle[(i + 1) % cycle.length]);
          });
          expect(cycle[0]).toBe(waiter);
          if (isHardCycle) continue;
          seen['hard by soft edges']++;
          const ways = allOrders(locks).filter((orders) =>
            waiters.every((w) => !isInCycle(w, (each) => allEdges(each, orders))),
          );
          expect(ways).toEqual([]);
        }
      }
    };
    fc.assert(fc.property(fc.array(request, { minLength: 6, maxLength: 30 }), holds), {
      numRuns: 4000,
      seed: 1,
    });
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(20);
  });

  test('a reversal that leads nowhere is taken back before the next is tried', () => {
    const waiters = entangled([
      { who: 0, relation: 1, mode: 8 },
      { who: 2, relation: 0, mode: 3 },
      { who: 2, relation: 1, mode: 1 }, // for 0
      { who: 1, relation: 0, mode: 5 }, // for 2
      { who: 3, relation: 0, mode: 4 }, // behind 1
      { who: 0, relation: 0, mode: 5 }, // for 2, and behind 3
    ]);
    const [zero, one, , three] = waiters as [LockOwner, LockOwner, LockOwner, LockOwner];
    const verdict = checkDeadlock(three);
    // Zero before three would leave zero and two waiting for each other; three before one is free.
    expect(verdict.kind === 'soft' && [...verdict.orders.values()]).toEqual([[three, one, zero]]);
  });
});

/** Transactions that take rows and relations in any order, again and again, until `until`. */
class Melee {
  readonly sim = new Simulation();
  readonly manager = new LockManager(this.sim, SETTINGS);
  readonly since = new Map<LockOwner, number>();
  readonly outcomes: Record<LockOutcome, number> = {
    granted: 0,
    deadlock: 0,
    'lock timeout': 0,
    cancelled: 0,
    'out of shared memory': 0,
  };
  ended = 0;
  private readonly owners: LockOwner[] = [];

  constructor(run: number, sessions: number, until: number) {
    for (let i = 0; i < sessions; i++) {
      const owner = this.manager.enter({
        lockWait: (kind) => {
          if (kind === null) this.since.delete(owner);
          else this.since.set(owner, this.sim.now);
        },
      });
      this.owners.push(owner);
      this.sim.spawn(this.session(`${run}/${i}`, owner, until));
    }
    this.sim.spawn(this.watch(until + 10 * SECOND));
  }

  private *session(name: string, owner: LockOwner, until: number): Process {
    const random = this.sim.random(name);
    while (this.sim.now < until) {
      yield this.sim.hold(random.integer(0, 400) * MILLISECOND);
      for (let n = random.integer(1, 4); n > 0; n--) {
        const outcome = yield* this.take(owner, random.integer(0, 4), random.integer(0, 7));
        this.outcomes[outcome]++;
        if (outcome !== 'granted') break;
        yield this.sim.hold(random.integer(0, 50) * MILLISECOND);
      }
      this.manager.releaseAll(owner, random.chance(0.7));
    }
    this.ended++;
  }

  private *take(owner: LockOwner, what: number, mode: number) {
    const { manager } = this;
    if (what < 2) {
      const asked = manager.lockRelation(owner, what, (mode + 1) as LockMode);
      return yield* manager.finish(owner, asked);
    }
    const rowMode = (mode % 4) as RowLockMode;
    const row = rowId(0, what);
    const outcome: LockOutcome = manager.lockRow(owner, row, rowMode)
      ? 'granted'
      : yield* manager.waitForRow(owner, row, rowMode);
    if (outcome === 'granted' && mode > 5) manager.updateRow(owner, row);
    return outcome;
  }

  /** No circle may stand longer than deadlock_timeout after the last of it began to wait. */
  private *watch(until: number): Process {
    while (this.sim.now < until) {
      yield this.sim.hold(25 * MILLISECOND);
      for (const owner of this.owners) {
        if (owner.waitLock === null || !isInCycle(owner, allEdges)) continue;
        const reached = this.reachedFrom(owner);
        const members = reached.filter((each) => this.reachedFrom(each).includes(owner));
        const last = Math.max(...members.map((each) => this.since.get(each)!));
        expect(this.sim.now - last).toBeLessThanOrEqual(SETTINGS.deadlock_timeout);
      }
    }
  }

  private reachedFrom(start: LockOwner): LockOwner[] {
    const seen = new Set<LockOwner>();
    const frontier = [...allEdges(start)];
    for (let next = frontier.pop(); next; next = frontier.pop()) {
      if (!seen.has(next)) frontier.push(...allEdges(next));
      seen.add(next);
    }
    return [...seen];
  }
}

describe('deadlocks in time', () => {
  test('40 melees: no circle outlives deadlock_timeout, and everybody comes to an end', () => {
    let deadlocks = 0;
    let soft = 0;
    for (let run = 0; run < 40; run++) {
      const melee = new Melee(run, 6, 30 * SECOND);
      melee.sim.run(60 * SECOND);
      expect(melee.ended, `run ${run}`).toBe(6);
      expect(melee.outcomes.deadlock).toBe(melee.manager.deadlocks);
      expect(melee.manager.table.size + melee.manager.rows.size).toBe(0);
      deadlocks += melee.manager.deadlocks;
      soft += melee.manager.softDeadlocks;
    }
    expect(deadlocks).toBeGreaterThan(200);
    expect(soft).toBeGreaterThan(5);
  });
});
