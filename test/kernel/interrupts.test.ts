import { describe, expect, test } from 'vitest';
import {
  Interrupt,
  Latch,
  type Process,
  ProcessGroup,
  Simulation,
} from '../../src/kernel/index.ts';
import { Journal } from '../helpers/journal.ts';

let sim: Simulation;
let journal: Journal;

function fresh(): void {
  sim = new Simulation();
  journal = new Journal(sim);
}

/** Holds, notes interrupts and goes on with the next hold; notes its `finally`. */
function* patient(name: string, waits: number[]): Process {
  try {
    for (const wait of waits) {
      try {
        yield sim.hold(wait);
        journal.note(name);
      } catch (interrupt) {
        journal.note(`${name} ${(interrupt as Interrupt).reason}`);
      }
    }
  } finally {
    journal.note(`${name} finally`);
  }
}

function* at(instant: number, action: () => void): Process {
  yield sim.holdUntil(instant);
  action();
}

describe('interrupt', () => {
  test('is thrown at the yield, at its instant; the old wake-up is gone', () => {
    fresh();
    const process = sim.spawn(patient('p', [10, 20]));
    sim.spawn(at(4, () => sim.interrupt(process, new Interrupt('cancel'))));
    sim.run(100);
    expect(journal.lines).toEqual(['4 p cancel', '24 p', '24 p finally']);
    expect(sim.isAlive(process)).toBe(false);
  });

  test('runs `finally` and ends a process that does not catch it; others go on', () => {
    fresh();
    function* naked(): Process {
      try {
        yield sim.hold(10);
      } finally {
        journal.note('finally');
      }
    }
    const process = sim.spawn(naked());
    sim.spawn(at(4, () => sim.interrupt(process, new Interrupt('cancel'))));
    sim.spawn(journal.walker('w', [7]));
    sim.run(100);
    expect(journal.lines).toEqual(['0 w starts', '4 finally', '7 w']);
    expect(sim.isAlive(process)).toBe(false);
  });

  test('any other exception ends the run: it is a bug', () => {
    fresh();
    function* broken(): Process {
      try {
        yield sim.hold(10);
      } catch {
        throw new Error('bug');
      }
    }
    const process = sim.spawn(broken());
    sim.spawn(at(4, () => sim.interrupt(process, new Interrupt('cancel'))));
    expect(() => sim.run(100)).toThrow('bug');
  });

  test('finds a process that was not started yet at its first yield', () => {
    fresh();
    const process = sim.spawn(patient('p', [10, 20]));
    sim.interrupt(process, new Interrupt('early'));
    sim.run(100);
    expect(journal.lines).toEqual(['0 p early', '20 p', '20 p finally']);
  });

  test('does not swallow a wake-up: a latch handed over is not lost', () => {
    fresh();
    const latch = new Latch(sim);
    function* user(name: string, time: number): Process {
      try {
        if (latch.taken()) yield;
      } catch {
        journal.note(`${name} interrupted while waiting`);
        return;
      }
      try {
        yield sim.hold(time);
      } catch {
        journal.note(`${name} interrupted as owner`);
      } finally {
        latch.release();
      }
    }
    sim.spawn(user('a', 10));
    const b = sim.spawn(user('b', 10));
    const c = sim.spawn(user('c', 10));
    sim.spawn(user('d', 10));
    sim.spawn(at(5, () => sim.interrupt(c, new Interrupt('waits'))));
    sim.spawn(at(10, () => sim.interrupt(b, new Interrupt('owns by now'))));
    sim.run(19);
    expect(journal.lines).toEqual(['5 c interrupted while waiting', '10 b interrupted as owner']);
    function* late(): Process {
      expect(latch.taken()).toBe(true); // d has it until 20
      yield;
      journal.note('late has it');
    }
    sim.spawn(late());
    sim.run(100);
    expect(journal.lines.at(-1)).toBe('20 late has it');
  });

  test('twice at one instant is thrown once, with the later reason', () => {
    fresh();
    const process = sim.spawn(patient('p', [10, 20]));
    sim.run(4);
    sim.interrupt(process, new Interrupt('first'));
    sim.interrupt(process, new Interrupt('second'));
    sim.run(100);
    expect(journal.lines).toEqual(['4 p second', '24 p', '24 p finally']);
  });

  test('of oneself or of nobody is without effect', () => {
    fresh();
    function* self(): Process {
      sim.interrupt(sim.running, new Interrupt('self'));
      yield sim.hold(5);
      journal.note('went on');
    }
    const process = sim.spawn(self());
    sim.run(10);
    sim.interrupt(process, new Interrupt('late'));
    sim.run(20);
    expect(journal.lines).toEqual(['5 went on']);
  });

  test('is not a time-out', () => {
    fresh();
    const seen: boolean[] = [];
    function* waiter(): Process {
      yield sim.hold(2);
      try {
        sim.park(100);
        yield;
      } catch {
        seen.push(sim.timedOut);
      }
    }
    const process = sim.spawn(waiter());
    sim.run(5);
    sim.interrupt(process, new Interrupt('cancel'));
    sim.run(200);
    expect(seen).toEqual([false]);
  });
});

describe('kill', () => {
  test('ends a holding process without `finally`', () => {
    fresh();
    const process = sim.spawn(patient('p', [10]));
    sim.run(4);
    sim.kill(process);
    expect(sim.isAlive(process)).toBe(false);
    sim.run(100);
    expect(journal.lines).toEqual([]);
    sim.kill(process);
  });

  test('takes a process out of the ready ring; its number may be used again at once', () => {
    fresh();
    const process = sim.spawn(journal.walker('victim', [1]));
    sim.spawn(journal.walker('w', [1]));
    sim.kill(process);
    expect(sim.spawn(journal.walker('heir', [1]))).toBe(process);
    sim.run(10);
    expect(journal.lines).toEqual(['0 w starts', '0 heir starts', '1 w', '1 heir']);
  });

  test('by itself lets the step end, and nothing after it', () => {
    fresh();
    function* suicide(): Process {
      yield sim.hold(5);
      sim.kill(sim.running);
      journal.note('last words');
      yield sim.hold(5);
      journal.note('a ghost');
    }
    const process = sim.spawn(suicide());
    sim.run(7);
    expect(sim.isAlive(process)).toBe(false);
    sim.spawn(journal.walker('heir', [5]));
    sim.run(100);
    expect(journal.lines).toEqual(['5 last words', '7 heir starts', '12 heir']);
  });

  test('by itself after waking itself leaves nothing ready', () => {
    fresh();
    function* suicide(): Process {
      sim.wake(sim.running, sim.park());
      sim.kill(sim.running);
      yield;
      journal.note('a ghost');
    }
    sim.spawn(suicide());
    sim.spawn(journal.walker('w', [1]));
    sim.run(10);
    expect(journal.lines).toEqual(['0 w starts', '1 w']);
  });

  test('of a group ends its members in the order of creation, the killer at its next yield', () => {
    fresh();
    const group = new ProcessGroup(sim);
    const alive = () => members.map((member) => sim.isAlive(member));
    function* killer(): Process {
      yield sim.hold(5);
      group.kill();
      journal.note(alive().join());
      yield sim.hold(1);
      journal.note('a ghost');
    }
    const members = [
      sim.spawn(patient('a', [10]), group),
      sim.spawn(killer(), group),
      sim.spawn(patient('b', [10]), group),
    ];
    sim.spawn(journal.walker('outside', [6]));
    sim.run(100);
    expect(journal.lines).toEqual(['0 outside starts', '5 false,true,false', '6 outside']);
    expect(alive()).toEqual([false, false, false]);
  });

  test('an ended member is no longer of the group, whoever has its number now', () => {
    fresh();
    const group = new ProcessGroup(sim);
    const member = sim.spawn(journal.walker('member', [1]), group);
    sim.run(2);
    expect(sim.spawn(journal.walker('heir', [5]))).toBe(member);
    group.kill();
    group.interrupt(new Interrupt('cancel'));
    sim.run(100);
    expect(journal.lines.at(-1)).toBe('7 heir');
  });
});
