import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Interrupt, type Process, type ProcessId, Simulation } from '../../../src/kernel/index.ts';
import { LockManager } from '../../../src/postgres/locking/lock-manager.ts';
import { CONFLICTS, type LockMode } from '../../../src/postgres/locking/lock-modes.ts';
import type { LockOwner } from '../../../src/postgres/locking/lock-table.ts';
import { defaultSettings } from '../../../src/postgres/settings.ts';
import { NaiveLock } from '../../naive/lock-queue.ts';

const SETTINGS = defaultSettings(15);
const conflicts = (a: number, b: number) => (CONFLICTS[a]! & (1 << b)) !== 0;

interface Act {
  readonly who: number;
  readonly mode: LockMode;
  readonly act: 'request' | 'end' | 'interrupt' | 'kill';
}

/** Sessions that do as they are told; who waits is told nothing but to end. */
class Bench {
  readonly sim = new Simulation();
  readonly manager = new LockManager(this.sim, SETTINGS);
  readonly owners = Array.from({ length: 6 }, () => this.manager.enter({ lockWait: () => {} }));
  readonly processes: (ProcessId | null)[] = this.owners.map(() => null);
  private now = 0;

  request(who: number, mode: LockMode): string {
    const owner = this.owners[who]!;
    const request = this.manager.lockRelation(owner, 7, mode);
    if (request === 'wait') this.processes[who] = this.sim.spawn(this.waiting(who, owner));
    this.settle();
    return request;
  }

  end(who: number, how: Act['act']): void {
    const process = this.processes[who];
    if (process != null && how === 'interrupt') {
      this.sim.interrupt(process, new Interrupt('cancel'));
      this.settle();
    } else if (process != null) this.sim.kill(process);
    this.processes[who] = null;
    this.manager.releaseAll(this.owners[who]!);
    this.settle();
  }

  private *waiting(who: number, owner: LockOwner): Process {
    yield* this.manager.wait(owner);
    this.processes[who] = null;
  }

  private settle(): void {
    this.sim.run(++this.now);
  }

  /** Who holds what, and who waits for what in which order. */
  state() {
    const lock = this.manager.table.find('relation', 7);
    const held = this.owners.flatMap((owner, i) => {
      const mask = (lock?.holders.get(owner) ?? 0) | owner.fastPath.maskOf(7);
      return [1, 2, 3, 4, 5, 6, 7, 8].filter((m) => mask & (1 << m)).map((m) => `${i}:${m}`);
    });
    const queue = (lock?.queue ?? []).map((o) => `${this.owners.indexOf(o)}:${o.waitMode}`);
    const waiting = this.processes.flatMap((process, i) => (process === null ? [] : [`${i}`]));
    return { held, queue, waiting };
  }
}

function naiveState(naive: NaiveLock) {
  const queue = naive.queue.map(({ owner, mode }) => `${owner}:${mode}`);
  return {
    held: naive.held.map(({ owner, mode }) => `${owner}:${mode}`).sort(),
    queue,
    waiting: naive.queue.map(({ owner }) => owner).sort(),
  };
}

const act: fc.Arbitrary<Act> = fc.record({
  who: fc.nat(5),
  mode: fc.integer({ min: 1, max: 8 }) as fc.Arbitrary<LockMode>,
  act: fc.oneof(
    { weight: 5, arbitrary: fc.constant('request' as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('end', 'interrupt', 'kill') as fc.Arbitrary<Act['act']>,
    },
  ),
});

describe('one lock', () => {
  test("3,000 random schedules: holders, queue and waiters are the naive twin's", () => {
    const seen = { wait: 0, deadlock: 0, granted: 0, passed: 0 };
    fc.assert(
      fc.property(fc.array(act, { minLength: 5, maxLength: 50 }), (acts) => {
        const bench = new Bench();
        const naive = new NaiveLock(conflicts);
        for (const { who, mode, act: what } of acts) {
          if (what !== 'request') {
            bench.end(who, what);
            naive.release(`${who}`);
          } else if (bench.processes[who] === null) {
            const answer = bench.request(who, mode) as keyof typeof seen;
            const behind = naive.queue.length;
            expect(answer).toBe(naive.request({ owner: `${who}`, mode }));
            seen[answer]++;
            if (answer === 'granted' && behind > 0) seen.passed++;
          }
          expect(bench.state()).toEqual(naiveState(naive));
        }
        for (let who = 0; who < 6; who++) bench.end(who, 'kill');
        expect(bench.manager.table.size).toBe(0);
      }),
      { numRuns: 3000, seed: 1 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(100);
  });
});
