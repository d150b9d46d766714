import { describe, expect, test } from 'vitest';
import { Agenda, Random } from '../../src/kernel/index.ts';
import { NaiveAgenda } from '../naive/agenda.ts';

const LAST = Number.MAX_SAFE_INTEGER;
const PROCESSES = 24;

/** Distances as they occur, and as they hurt: none, tiny, around a byte, any power of two. */
function distance(random: Random): number {
  const kind = random.integer(0, 9);
  if (kind < 2) return 0;
  if (kind < 4) return random.integer(1, 3);
  if (kind < 6) return random.integer(250, 260);
  const magnitude = random.integer(0, 53);
  let power = 1;
  for (let i = 0; i < magnitude; i++) power *= 2;
  return Math.min(LAST, power + random.integer(-2, 2));
}

/** One step on both; a sentence if they differ. */
function step(agenda: Agenda, naive: NaiveAgenda, random: Random): string | null {
  const process = random.integer(0, PROCESSES - 1);
  const dice = random.uniform();
  if (dice < 0.5) {
    if (naive.isPending(process)) return null;
    const instant = Math.min(LAST, Math.max(naive.now, naive.now + distance(random)));
    agenda.enter(instant, process);
    naive.enter(instant, process);
  } else if (dice < 0.65) {
    agenda.remove(process);
    naive.remove(process);
  } else if (naive.size > 0) {
    const expected = naive.removeFirst();
    const got = agenda.removeFirst();
    if (got !== expected) return `removed ${got} first, not ${expected}`;
    if (agenda.now !== naive.now) return `the clock shows ${agenda.now}, not ${naive.now}`;
  }
  if (agenda.size !== naive.size) return `holds ${agenda.size}, not ${naive.size}`;
  if (agenda.isPending(process) !== naive.isPending(process)) return `differs on ${process}`;
  if (naive.isPending(process) && agenda.instantOf(process) !== naive.instantOf(process)) {
    return `moved ${process}`;
  }
  return null;
}

function drain(agenda: Agenda, naive: NaiveAgenda): string | null {
  while (naive.size > 0) {
    if (agenda.removeFirst() !== naive.removeFirst()) return 'drained in another order';
    if (agenda.now !== naive.now) return 'drained at other instants';
  }
  return agenda.size === 0 ? null : 'is not empty';
}

describe('agenda', () => {
  test('does what a sorted array does, in 50,000 random cases', () => {
    const random = new Random('agenda');
    let removals = 0;
    for (let n = 0; n < 50_000; n++) {
      const agenda = new Agenda(4); // grows
      const naive = new NaiveAgenda();
      let difference: string | null = null;
      for (let i = random.integer(1, 60); i > 0 && !difference; i--) {
        difference = step(agenda, naive, random);
      }
      removals += naive.size;
      difference ??= drain(agenda, naive);
      if (difference) expect.fail(`case ${n}: the agenda ${difference}`);
    }
    expect(removals).toBeGreaterThan(100_000); // the cases were not all empty
  });

  test('keeps the order of entry among equal instants over every level of the wheel', () => {
    for (let level = 0, instant = 7; level < 7; level++, instant *= 256) {
      const agenda = new Agenda();
      for (let process = 0; process < 500; process++) agenda.enter(instant, (process * 7) % 500);
      const order = Array.from({ length: 500 }, () => agenda.removeFirst());
      expect(order).toEqual(Array.from({ length: 500 }, (_, process) => (process * 7) % 500));
      expect(agenda.now).toBe(instant);
    }
  });

  test('reaches the last instant that a double holds exactly', () => {
    const agenda = new Agenda();
    agenda.enter(LAST, 1);
    agenda.enter(LAST - 1, 2);
    agenda.enter(LAST, 3);
    expect([agenda.removeFirst(), agenda.removeFirst(), agenda.removeFirst()]).toEqual([2, 1, 3]);
    expect(agenda.now).toBe(LAST);
  });

  test.each([
    ['the past', 99],
    ['a fraction of a nanosecond', 100.5],
    ['no number', Number.NaN],
    ['never', Number.POSITIVE_INFINITY],
    ['beyond 2^53', 2 * LAST],
  ])('refuses %s and stays as it was', (_, instant) => {
    const agenda = new Agenda();
    agenda.enter(100, 1);
    agenda.removeFirst();
    expect(() => agenda.enter(instant, 2)).toThrow(RangeError);
    expect(agenda.isPending(2)).toBe(false);
    expect(agenda.size).toBe(0);
  });

  test('refuses a process that is pending already', () => {
    const agenda = new Agenda();
    agenda.enter(100, 1);
    expect(() => agenda.enter(200, 1)).toThrow('process 1 cannot go on at 200: it is pending');
    expect(agenda.instantOf(1)).toBe(100);
  });
});
