import { describe, expect, test } from 'vitest';
import { type Process, Simulation } from '../../src/kernel/index.ts';
import { Journal } from '../helpers/journal.ts';

function world(): { sim: Simulation; journal: Journal } {
  const sim = new Simulation();
  return { sim, journal: new Journal(sim) };
}

describe('processes', () => {
  test('start in the order of spawning, before the clock moves', () => {
    const { sim, journal } = world();
    sim.spawn(journal.walker('a', [5, 5]));
    sim.spawn(journal.walker('b', [10]));
    sim.run(100);
    expect(journal.lines).toEqual(['0 a starts', '0 b starts', '5 a', '10 b', '10 a']);
    expect(sim.now).toBe(100);
  });

  test('a child starts after what is ready, at the instant of its parent', () => {
    const { sim, journal } = world();
    function* parent(): Process {
      yield sim.hold(3);
      sim.spawn(journal.walker('child', []));
      journal.note('parent goes on first');
    }
    sim.spawn(parent());
    sim.run(10);
    expect(journal.lines).toEqual(['3 parent goes on first', '3 child starts']);
  });

  test('one run or many make the same steps', () => {
    const walk = (stops: number[]) => {
      const { sim, journal } = world();
      for (let i = 1; i < 8; i++) sim.spawn(journal.walker(`p${i}`, [i, i, 2 * i, 0, 12]));
      for (const stop of stops) sim.run(stop);
      return { lines: journal.lines, steps: sim.steps, now: sim.now };
    };
    expect(walk([0, 1, 2, 3, 7, 8, 8, 20, 100])).toEqual(walk([100]));
  });

  test('holdUntil a past instant goes on now, after what is entered for now', () => {
    const { sim, journal } = world();
    function* late(): Process {
      yield sim.hold(10);
      yield sim.holdUntil(4);
      journal.note('late');
    }
    sim.spawn(late());
    sim.spawn(journal.walker('w', [10]));
    sim.run(20);
    expect(journal.lines).toEqual(['0 w starts', '10 w', '10 late']);
  });

  test('a negative or broken duration is refused loudly', () => {
    for (const duration of [-1, 0.5, Number.NaN]) {
      const { sim, journal } = world();
      sim.spawn(journal.walker('w', [10, duration]));
      expect(() => sim.run(20)).toThrow(RangeError);
    }
  });

  test('stop ends the run at its instant, and a stop between runs does no harm', () => {
    const { sim, journal } = world();
    function* stopper(): Process {
      yield sim.hold(5);
      sim.stop();
      sim.stop();
      sim.spawn(journal.walker('still ready', []));
    }
    sim.spawn(stopper());
    sim.spawn(journal.walker('w', [5, 1]));
    sim.run(100);
    expect(sim.now).toBe(5);
    expect(journal.lines).toEqual(['0 w starts', '5 still ready starts', '5 w']);
    sim.stop();
    sim.run(100);
    expect(sim.now).toBe(100);
    expect(journal.lines.at(-1)).toBe('6 w');
  });

  test('the number of an ended process is given to the next', () => {
    const { sim, journal } = world();
    const first = sim.spawn(journal.walker('a', [1]));
    expect(sim.isAlive(first)).toBe(true);
    sim.run(2);
    expect(sim.isAlive(first)).toBe(false);
    expect(sim.spawn(journal.walker('b', [1]))).toBe(first);
    sim.run(4);
    expect(journal.lines).toEqual(['0 a starts', '1 a', '2 b starts', '3 b']);
  });

  test('thousands of processes, alive at once and one after the other', () => {
    const { sim } = world();
    let ended = 0;
    function* child(wait: number): Process {
      yield sim.hold(wait);
      ended++;
    }
    function* parent(): Process {
      for (let i = 0; i < 20_000; i++) {
        sim.spawn(child(1 + (i % 5_000)));
        yield sim.hold(1);
      }
    }
    sim.spawn(parent());
    sim.run(30_000);
    expect(ended).toBe(20_000);
    expect(sim.steps).toBe(20_001 + 2 * 20_000);
  });
});

describe('parking and waking', () => {
  /** Parks again and again; notes whether the clock or somebody woke it. */
  function* parker(
    sim: Simulation,
    journal: Journal,
    tickets: number[],
    deadlines: (number | undefined)[],
  ): Process {
    for (const deadline of deadlines) {
      tickets.push(sim.park(deadline));
      yield;
      journal.note(sim.timedOut ? 'deadline' : 'woken');
    }
  }

  test('a ticket wakes once; a stale one does nothing', () => {
    const { sim, journal } = world();
    const tickets: number[] = [];
    const process = sim.spawn(parker(sim, journal, tickets, [undefined, undefined]));
    sim.run(10);
    const ticket = tickets[0]!;
    expect(sim.isWaiting(process, ticket)).toBe(true);
    expect(sim.wake(process, ticket)).toBe(true);
    expect(sim.isWaiting(process, ticket)).toBe(false);
    expect(sim.wake(process, ticket)).toBe(false);
    sim.run(20);
    expect(sim.wake(process, ticket)).toBe(false);
    sim.run(30);
    expect(journal.lines).toEqual(['10 woken']);
    expect(tickets).toHaveLength(2);
    expect(tickets[1]).not.toBe(ticket);
  });

  test('the deadline makes the ticket stale, and the wake-up removes the deadline', () => {
    const { sim, journal } = world();
    const tickets: number[] = [];
    const process = sim.spawn(parker(sim, journal, tickets, [5, 100, 50]));
    sim.run(7);
    expect(sim.wake(process, tickets[0]!)).toBe(false);
    expect(sim.wake(process, tickets[1]!)).toBe(true);
    sim.run(200);
    expect(journal.lines).toEqual(['5 deadline', '7 woken', '50 deadline']);
  });

  test('woken before the deadline of the same instant, it was not timed out', () => {
    const { sim, journal } = world();
    const tickets: number[] = [];
    function* waker(): Process {
      yield sim.hold(5); // entered before the deadline is
      sim.wake(process, tickets[0]!);
    }
    sim.spawn(waker());
    const process = sim.spawn(parker(sim, journal, tickets, [5]));
    sim.run(10);
    expect(journal.lines).toEqual(['5 woken']);
  });

  test('wakeAt only ever makes it earlier, and never needs the past', () => {
    const { sim, journal } = world();
    const tickets: number[] = [];
    const process = sim.spawn(parker(sim, journal, tickets, [40, undefined, undefined]));
    sim.run(1);
    sim.wakeAt(process, tickets[0]!, 60);
    sim.wakeAt(process, tickets[0]!, 20);
    sim.wakeAt(process, tickets[0]!, 30);
    sim.run(25);
    expect(journal.lines).toEqual(['20 deadline']);
    sim.wakeAt(process, tickets[0]!, 30); // stale
    sim.wakeAt(process, tickets[1]!, 3); // past
    sim.run(100);
    expect(journal.lines).toEqual(['20 deadline', '25 deadline']);
  });

  test('a ticket of an ended process does not wake the next with its number', () => {
    const { sim, journal } = world();
    const tickets: number[] = [];
    const process = sim.spawn(parker(sim, journal, tickets, [undefined]));
    sim.run(1);
    sim.kill(process);
    expect(sim.wake(process, tickets[0]!)).toBe(false);
    const next: number[] = [];
    expect(sim.spawn(parker(sim, journal, next, [undefined]))).toBe(process);
    sim.run(2);
    expect(sim.wake(process, tickets[0]!)).toBe(false);
    expect(sim.wake(process, next[0]!)).toBe(true);
    sim.run(3);
    expect(journal.lines).toEqual(['2 woken']);
  });
});
