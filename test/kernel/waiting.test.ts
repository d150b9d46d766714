import { describe, expect, test } from 'vitest';
import {
  Interrupt,
  Latch,
  type Process,
  type ProcessId,
  Random,
  Signal,
  Simulation,
  Watermark,
} from '../../src/kernel/index.ts';
import { Journal } from '../helpers/journal.ts';

function world() {
  const sim = new Simulation();
  return { sim, journal: new Journal(sim) };
}

describe('signal', () => {
  test('wakes all who wait, in the order of their coming, and nobody who comes after', () => {
    const { sim, journal } = world();
    const signal = new Signal(sim);
    function* waiter(name: string, comes: number): Process {
      yield sim.hold(comes);
      yield signal.wait();
      journal.note(name);
      yield signal.wait(); // in the same instant: must not be woken again
      journal.note(`${name} again`);
    }
    for (const [name, comes] of [
      ['b', 2],
      ['a', 1],
      ['c', 2],
    ] as const) {
      sim.spawn(waiter(name, comes));
    }
    sim.run(10);
    signal.fire();
    sim.run(11);
    expect(journal.lines).toEqual(['10 a', '10 b', '10 c']);
    signal.fire();
    signal.fire();
    sim.run(12);
    expect(journal.lines.slice(3)).toEqual(['11 a again', '11 b again', '11 c again']);
  });

  test('not fired before the deadline, the deadline it is', () => {
    const { sim, journal } = world();
    const signal = new Signal(sim);
    function* waiter(deadline: number): Process {
      yield signal.wait(deadline);
      journal.note(sim.timedOut ? 'deadline' : 'fired');
    }
    sim.spawn(waiter(5));
    sim.spawn(waiter(15));
    sim.run(10);
    signal.fire();
    sim.run(20);
    expect(journal.lines).toEqual(['5 deadline', '10 fired']);
  });

  test('a million waits that time out leave no list behind, and lose nobody', () => {
    const { sim } = world();
    const signal = new Signal(sim);
    let woken = 0;
    function* patient(): Process {
      yield signal.wait();
      woken++;
    }
    function* impatient(): Process {
      for (;;) yield signal.wait(sim.now + 1);
    }
    for (let i = 0; i < 100; i++) sim.spawn(patient());
    sim.spawn(impatient());
    sim.run(1_000_000);
    const heap = JSON.stringify([...queueOf(signal)]).length;
    expect(heap).toBeLessThan(10_000);
    signal.fire();
    sim.run(1_000_001);
    expect(woken).toBe(100);
  });
});

/** The wait list's storage, looked at from outside. */
function queueOf(signal: Signal): Int32Array {
  const { waiters } = signal as unknown as { waiters: { queue: { items: Int32Array } } };
  return waiters.queue.items;
}

describe('latch', () => {
  test('never has more holders than it may, serves in order, and is free in the end', () => {
    const { sim } = world();
    const random = new Random('latch');
    const latch = new Latch(sim, 3);
    const asked: ProcessId[] = [];
    const got: ProcessId[] = [];
    let holders = 0;
    let most = 0;
    function* user(): Process {
      for (let i = 0; i < 200; i++) {
        yield sim.hold(random.integer(0, 30));
        asked.push(sim.running);
        if (latch.taken()) yield;
        got.push(sim.running);
        most = Math.max(most, ++holders);
        yield sim.hold(random.integer(0, 10));
        holders--;
        latch.release();
      }
    }
    for (let i = 0; i < 12; i++) sim.spawn(user());
    sim.run(1_000_000);
    expect(got).toHaveLength(2_400);
    expect(got).toEqual(asked);
    expect(most).toBe(3);
    expect([latch.taken(), latch.taken(), latch.taken()]).toEqual([false, false, false]);
  });

  test('skips who was interrupted or killed while waiting', () => {
    const { sim, journal } = world();
    const latch = new Latch(sim);
    function* user(name: string): Process {
      if (latch.taken()) yield;
      journal.note(name);
      yield sim.hold(10);
      latch.release();
    }
    const [, b, c] = ['a', 'b', 'c', 'd'].map((name) => sim.spawn(user(name)));
    sim.run(5);
    sim.interrupt(b!, new Interrupt('cancel'));
    sim.kill(c!);
    sim.run(100);
    expect(journal.lines).toEqual(['0 a', '10 d']);
  });
});

describe('watermark', () => {
  test('releases exactly those whom it has reached, lowest first, equals in order', () => {
    const { sim, journal } = world();
    const mark = new Watermark(sim, 10);
    function* waiter(position: number, name: string): Process {
      if (mark.below(position)) yield;
      journal.note(name);
    }
    const positions = [30, 10, 20, 30, 25, 20];
    positions.forEach((position, i) => {
      sim.spawn(waiter(position, `${position}.${i}`));
    });
    sim.run(1);
    expect(mark.waiters).toBe(5);
    mark.advance(15);
    mark.advance(24);
    sim.run(2);
    mark.advance(12); // never backwards
    expect(mark.value).toBe(24);
    mark.advance(30);
    sim.run(3);
    expect(journal.lines).toEqual(['0 10.1', '1 20.2', '1 20.5', '2 25.4', '2 30.0', '2 30.3']);
    expect(mark.waiters).toBe(0);
  });

  test('agrees with a list that is searched, on random positions', () => {
    const { sim } = world();
    const random = new Random('watermark');
    const mark = new Watermark(sim);
    const waiting = new Map<number, number>(); // who: position
    let wrong = 0;
    function* waiter(who: number): Process {
      for (let i = 0; i < 100; i++) {
        const position = mark.value + random.integer(-5, 60);
        waiting.set(who, position);
        if (mark.below(position)) yield;
        waiting.delete(who);
        if (mark.value < position) wrong++;
        yield sim.hold(random.integer(0, 20));
      }
    }
    function* mover(): Process {
      for (let i = 0; i < 5_000; i++) {
        yield sim.hold(random.integer(1, 5));
        mark.advance(mark.value + random.integer(0, 8));
        yield sim.hold(0); // those released have gone on
        for (const position of waiting.values()) if (position <= mark.value) wrong++;
      }
    }
    for (let who = 0; who < 40; who++) sim.spawn(waiter(who));
    sim.spawn(mover());
    sim.run(100_000);
    expect(wrong).toBe(0);
    expect(waiting.size).toBe(0);
  });

  test('abandoned, it wakes all without moving; with a deadline, none waits longer', () => {
    const { sim, journal } = world();
    const mark = new Watermark(sim);
    function* waiter(position: number, deadline?: number): Process {
      if (mark.below(position, deadline)) yield;
      journal.note(`${position} ${mark.value >= position} ${sim.timedOut}`);
    }
    sim.spawn(waiter(1, 5));
    sim.spawn(waiter(3));
    sim.spawn(waiter(2));
    sim.run(10);
    mark.abandon();
    sim.run(20);
    expect(journal.lines).toEqual(['5 1 false true', '10 2 false false', '10 3 false false']);
  });

  test('waits that time out do not pile up', () => {
    const { sim } = world();
    const mark = new Watermark(sim);
    function* poller(): Process {
      for (;;) if (mark.below(1, sim.now + 1)) yield;
    }
    sim.spawn(poller());
    sim.run(10_000);
    expect(mark.waiters).toBeLessThan(200);
  });
});
