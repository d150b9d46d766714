import { describe, expect, test } from 'vitest';
import {
  Interrupt,
  type Process,
  ProcessGroup,
  Signal,
  Simulation,
} from '../../src/kernel/index.ts';
import { Journal } from '../helpers/journal.ts';

function world() {
  const sim = new Simulation();
  return { sim, journal: new Journal(sim), group: new ProcessGroup(sim) };
}

describe('freeze and thaw', () => {
  test('a timer that fires meanwhile is attended to at the thaw, as a time-out', () => {
    const { sim, journal, group } = world();
    const signal = new Signal(sim);
    function* waiter(): Process {
      yield signal.wait(10);
      journal.note(sim.timedOut ? 'deadline' : 'woken');
      yield sim.hold(5);
      journal.note('held 5');
    }
    sim.spawn(waiter(), group);
    sim.run(5);
    group.freeze();
    sim.run(50);
    expect(journal.lines).toEqual([]);
    signal.fire(); // too late: the deadline has passed
    group.thaw();
    sim.run(100);
    expect(journal.lines).toEqual(['50 deadline', '55 held 5']);
  });

  test('a timer of later than the thaw is not moved', () => {
    const { sim, journal, group } = world();
    sim.spawn(journal.walker('w', [10]), group);
    sim.run(2);
    group.freeze();
    sim.run(7);
    group.thaw();
    sim.run(20);
    expect(journal.lines).toEqual(['0 w starts', '10 w']);
  });

  test('a signal that fires meanwhile is attended to at the thaw, as a wake-up', () => {
    const { sim, journal, group } = world();
    const signal = new Signal(sim);
    function* waiter(): Process {
      yield signal.wait(10);
      journal.note(sim.timedOut ? 'deadline' : 'woken');
    }
    sim.spawn(waiter(), group);
    sim.run(5);
    group.freeze();
    signal.fire();
    sim.run(50);
    group.thaw();
    sim.run(100);
    expect(journal.lines).toEqual(['50 woken']);
  });

  test('who is spawned into a frozen group starts at the thaw', () => {
    const { sim, journal, group } = world();
    group.freeze();
    sim.spawn(journal.walker('w', [1]), group);
    sim.run(5);
    group.thaw();
    sim.run(10);
    expect(journal.lines).toEqual(['5 w starts', '6 w']);
  });

  test('thawed at the instant of its wake-up it takes one step, not two', () => {
    const { sim, journal, group } = world();
    const signal = new Signal(sim);
    function* waiter(): Process {
      for (;;) {
        yield signal.wait();
        journal.note('woken');
      }
    }
    sim.spawn(waiter(), group);
    sim.run(5);
    group.freeze();
    signal.fire();
    group.thaw();
    group.thaw();
    sim.run(10);
    expect(journal.lines).toEqual(['5 woken']);
  });

  test('killed while frozen it stays dead; the next with its number is not frozen', () => {
    const { sim, journal, group } = world();
    const process = sim.spawn(journal.walker('w', [10]), group);
    sim.run(5);
    group.freeze();
    sim.run(20);
    group.kill();
    sim.freeze(process); // nobody there
    expect(sim.spawn(journal.walker('heir', [1]))).toBe(process);
    group.thaw();
    sim.run(30);
    expect(journal.lines).toEqual(['0 w starts', '20 heir starts', '21 heir']);
  });

  /** Interrupted while frozen, before or after its turn came, and thawed before the ring moves. */
  test.each([
    ['its turn not come', 5, ['20 caught', '23 next']],
    ['its turn missed', 15, ['20 first', '20 caught', '23 next']],
  ])('interrupted with %s: one interrupt, at the thaw', (_, instant, expected) => {
    const { sim, journal, group } = world();
    function* waiter(): Process {
      try {
        yield sim.hold(10);
        journal.note('first');
        yield sim.hold(100);
      } catch {
        journal.note('caught');
      }
      yield sim.hold(3);
      journal.note('next');
    }
    const process = sim.spawn(waiter(), group);
    sim.run(2);
    group.freeze();
    sim.run(instant);
    sim.interrupt(process, new Interrupt('cancel'));
    if (instant === 15) sim.interrupt(process, new Interrupt('cancel'));
    sim.run(20);
    group.thaw();
    sim.run(300);
    expect(journal.lines).toEqual(expected);
  });

  test('interrupted and thawed at one instant it is queued once', () => {
    const { sim, journal, group } = world();
    const process = sim.spawn(journal.walker('w', [10, 5, 5]), group);
    sim.run(2);
    group.freeze();
    sim.run(12);
    sim.interrupt(process, new Interrupt('cancel'));
    group.thaw();
    sim.run(100);
    expect(journal.lines).toEqual(['0 w starts', '12 w']);
    expect(sim.steps).toBe(3);
  });
});
