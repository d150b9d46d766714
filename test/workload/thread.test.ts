import { describe, expect, test } from 'vitest';
import { Cores, FREE_SWITCHING } from '../../src/hardware/cores.ts';
import { MILLISECOND, type Process, Random, Simulation } from '../../src/kernel/index.ts';
import { ClientThread } from '../../src/workload/thread.ts';

/** Sessions of one thread that ask at the given instants; when each was served. */
function ask(asks: readonly { readonly at: number; readonly time: number }[], cores = 2) {
  const sim = new Simulation();
  const cpu = new Cores(sim, cores, MILLISECOND, FREE_SWITCHING);
  const thread = new ClientThread(sim, cpu);
  thread.start();
  const served: number[] = [];
  asks.forEach(({ at, time }, i) => {
    const session = function* (): Process {
      yield sim.hold(at);
      yield thread.serve(time);
      served[i] = sim.now;
    };
    sim.spawn(session());
  });
  sim.run(1_000 * MILLISECOND);
  return { served, cpu };
}

describe('a thread that serves many sessions (pgbench -j)', () => {
  test('against a naive queue: one after the other, in the order of their answers', () => {
    const random = new Random('asks');
    let at = 0;
    const asks = Array.from({ length: 400 }, () => {
      at += random.integer(1, 9_000);
      return { at, time: random.integer(1_000, 8_000) };
    });
    const { served, cpu } = ask(asks);
    let free = 0;
    const expected = asks.map((each) => {
      free = Math.max(free, each.at) + each.time;
      return free;
    });
    expect(served).toEqual(expected);
    expect(cpu.busyTime).toBe(asks.reduce((sum, { time }) => sum + time, 0));
  });

  test('however many cores there are, a thread uses one', () => {
    const asks = Array.from({ length: 10 }, () => ({ at: 0, time: 5_000 }));
    expect(Math.max(...ask(asks, 8).served)).toBe(50_000);
  });

  test('transactions begin in a pass of their own, before it looks for answers again', () => {
    const sim = new Simulation();
    const thread = new ClientThread(sim, new Cores(sim, 1, MILLISECOND, FREE_SWITCHING));
    thread.start();
    const turns: string[] = [];
    const session = function* (name: string, from: number): Process {
      yield sim.hold(from);
      yield thread.serve(1_000);
      turns.push(`${name} ends ${sim.now}`);
      const turn = thread.begin(1_000);
      yield;
      turns.push(`${name} begins ${sim.now}`);
      yield sim.holdUntil(turn.ends + 500); // its answer is there while the others begin
      yield thread.serve(1_000);
      turns.push(`${name} again ${sim.now}`);
    };
    for (const [i, name] of ['a', 'b', 'c'].entries()) sim.spawn(session(name, i));
    sim.run(MILLISECOND);
    // Only a was there when it looked first; then b and c, who had to wait until a had begun.
    expect(turns).toEqual([
      ...['a ends 1000', 'a begins 1000'],
      ...['b ends 3000', 'c ends 4000'],
      ...['b begins 4000', 'c begins 5000'],
      ...['a again 7000', 'b again 8000', 'c again 9000'],
    ]);
  });

  test('in a round only the first session finds the caches cold', () => {
    const sim = new Simulation();
    const costs = { ...FREE_SWITCHING, refill: 1, halfWork: 100_000, mostRefill: 1e9 };
    const cpu = new Cores(sim, 1, MILLISECOND, costs);
    const thread = new ClientThread(sim, cpu);
    thread.start();
    const session = function* (): Process {
      yield thread.serve(4_000);
      yield sim.hold(20_000);
      if (cpu.busyTime === 20_000) cpu.occupy(100_000); // of others: half of it is gone
      yield thread.serve(4_000);
    };
    for (let i = 0; i < 5; i++) sim.spawn(session());
    sim.run(10 * MILLISECOND);
    expect(cpu.switchTime).toBe(2_000);
  });

  test('while others wait for cores it has one for as long as they do, in the mean', () => {
    const sim = new Simulation();
    const cpu = new Cores(sim, 1, MILLISECOND, FREE_SWITCHING);
    const thread = new ClientThread(sim, cpu);
    thread.start();
    let ofThread = 0;
    let ofOther = 0;
    const hog = function* (): Process {
      for (;;) {
        yield cpu.serve(40_000);
        ofOther += 40_000;
      }
    };
    const session = function* (): Process {
      for (;;) {
        yield thread.serve(5_000);
        ofThread += 5_000;
      }
    };
    sim.spawn(hog());
    for (let i = 0; i < 50; i++) sim.spawn(session());
    sim.run(500 * MILLISECOND);
    expect(ofThread / ofOther).toBeGreaterThan(0.8);
    expect(ofThread / ofOther).toBeLessThan(1.25);
  });
});
