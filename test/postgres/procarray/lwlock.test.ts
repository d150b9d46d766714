import { describe, expect, test } from 'vitest';
import { type Process, Random, Simulation } from '../../../src/kernel/index.ts';
import { LWLock } from '../../../src/postgres/procarray/lwlock.ts';
import { NaiveLWLock, visit } from '../../naive/lwlock.ts';

interface Request {
  readonly at: number;
  readonly exclusive: boolean;
  readonly hold: number;
}

function requests(seed: string, count: number, gap: number, writers: number): Request[] {
  const random = new Random(seed);
  let at = 0;
  return Array.from({ length: count }, () => {
    at += random.exponential(gap);
    const exclusive = random.chance(writers);
    return { at, exclusive, hold: exclusive ? 200 : random.integer(100, 900) };
  });
}

function reallyGranted(all: readonly Request[]): number[] {
  const sim = new Simulation();
  const lock = new NaiveLWLock(sim);
  const granted: number[] = [];
  all.forEach((request, i) => {
    sim.spawn(visit(sim, lock, request, (at) => (granted[i] = at)));
  });
  sim.run(1e12);
  return granted;
}

function granted(all: readonly Request[]): { instants: number[]; steps: number } {
  const sim = new Simulation();
  const lock = new LWLock(sim, 0);
  const instants: number[] = [];
  all.forEach(({ at, exclusive, hold }, i) => {
    const body = function* (): Process {
      yield sim.holdUntil(at);
      const ask = () => (exclusive ? lock.exclusive(hold) : lock.shared(hold));
      for (let wait = ask(); wait > 0; wait = ask()) yield sim.hold(wait);
      instants[i] = sim.now;
    };
    sim.spawn(body());
  });
  sim.run(1e12);
  return { instants, steps: sim.steps };
}

const sorted = (values: number[]) => values.sort((a, b) => a - b);
const of = (all: readonly Request[], instants: number[], exclusive: boolean) =>
  instants.filter((_, i) => all[i]!.exclusive === exclusive);

describe('a lightweight lock (7.2)', () => {
  test.each([
    ['rare', 5_000, 0.2],
    ['busy', 600, 0.2],
    ['writers only', 250, 1],
    ['one writer in a hundred', 150, 0.01],
  ])('%s: granted when real holders and a real queue would have it', (seed, gap, writers) => {
    const all = requests(seed, 3_000, gap, writers);
    const expected = reallyGranted(all);
    const { instants } = granted(all);
    expect(of(all, instants, false)).toEqual(of(all, expected, false));
    expect(sorted(of(all, instants, true))).toEqual(sorted(of(all, expected, true)));
    expect(instants.filter((at, i) => at > all[i]!.at).length).toBeGreaterThan(5);
  });

  test('crowded: seldom another of several sleepers is first; all wait as long', () => {
    const all = requests('crowded', 20_000, 300, 0.1);
    const expected = reallyGranted(all);
    const { instants } = granted(all);
    const differ = instants.filter((at, i) => at !== expected[i]).length;
    expect(differ).toBeGreaterThan(0);
    expect(differ).toBeLessThan(0.02 * all.length);
    const waited = (list: number[]) => list.reduce((sum, at, i) => sum + at - all[i]!.at, 0);
    expect(waited(instants) / waited(expected)).toBeCloseTo(1, 2);
  });

  test('who finds it free costs no event', () => {
    const all = requests('free', 1_000, 100_000, 0.5).filter(
      ({ at }, i, list) => i === 0 || at - list[i - 1]!.at > 1_000,
    );
    expect(granted(all).steps).toBe(2 * all.length);
  });

  test('readers who overlap without a gap starve a writer', () => {
    const readers = Array.from({ length: 100 }, (_, i) => {
      return { at: 80 * i, exclusive: false, hold: 100 };
    });
    const all = [...readers, { at: 50, exclusive: true, hold: 10 }];
    expect(granted(all).instants.at(-1)).toBe(80 * 99 + 100);
    expect(granted(all).instants.slice(0, 100)).toEqual(readers.map(({ at }) => at));
  });

  test('who was woken runs later, and finds that somebody was faster', () => {
    const clock = { now: 0 };
    const lock = new LWLock(clock, 5_000);
    expect(lock.exclusive(100)).toBe(0);
    expect(lock.exclusive(100)).toBe(5_100);
    clock.now = 101;
    expect(lock.shared(10_000)).toBe(0);
    clock.now = 5_100;
    expect(lock.exclusive(100)).toBe(10_101 - 5_100 + 5_000);
  });

  test('a hold for which nobody waits follows the present ones', () => {
    const clock = { now: 10 };
    const lock = new LWLock(clock, 0);
    lock.shared(90);
    lock.occupy(50);
    clock.now = 120;
    expect(lock.shared(1)).toBe(30);
  });
});
