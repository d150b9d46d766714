import { describe, expect, test } from 'vitest';
import { Cores, LINUX_SWITCHING, type SwitchCosts } from '../../src/hardware/cores.ts';
import {
  MILLISECOND,
  type Process,
  Processor,
  Random,
  Simulation,
} from '../../src/kernel/index.ts';

const NOTHING: SwitchCosts = { direct: 0, refill: 0, halfVisits: 1, wakeup: 0 };

/** Sessions that serve, pause, and serve; visits a second and the cores afterwards. */
function run(sessions: number, cores: number, costs: SwitchCosts, pause = 1_000, service = 10_000) {
  const sim = new Simulation();
  const cpu = new Cores(sim, cores, MILLISECOND, costs);
  let visits = 0;
  for (let i = 0; i < sessions; i++) {
    const body = function* (): Process {
      for (;;) {
        yield cpu.serve(service);
        visits++;
        yield sim.hold(pause);
      }
    };
    sim.spawn(body());
  }
  sim.run(1_000 * MILLISECOND);
  return { visits, cpu, steps: sim.steps };
}

describe('what cores lose between processes (7.4)', () => {
  test('nothing is lost when nothing costs: a processor', () => {
    const random = new Random('same');
    const leave = (make: (sim: Simulation) => Processor) => {
      const sim = new Simulation();
      const cpu = make(sim);
      const left: number[] = [];
      for (let i = 0; i < 500; i++) {
        const body = function* (): Process {
          yield sim.hold(i * 100);
          yield cpu.serve((i * 7_919) % 5_000);
          left[i] = sim.now;
        };
        sim.spawn(body());
      }
      sim.run(random.integer(1e9, 1e9));
      return left;
    };
    const plain = leave((sim) => new Processor(sim, 3, 1_000));
    expect(leave((sim) => new Cores(sim, 3, 1_000, NOTHING))).toEqual(plain);
  });

  test('one process alone on a core never switches', () => {
    const { cpu } = run(1, 1, LINUX_SWITCHING);
    expect([cpu.switches, cpu.switchTime]).toEqual([0, 0]);
  });

  test('who waits for a busy core pays the direct cost, once a visit', () => {
    const { visits, cpu } = run(4, 1, { ...NOTHING, direct: 2_000 });
    expect(cpu.switchTime).toBe(2_000 * cpu.switches);
    expect(visits).toBeCloseTo(1e9 / 12_000, -3); // service and switch, the core always busy
  });

  test('no more processes than cores: nobody pays it', () => {
    expect(run(8, 8, { ...NOTHING, direct: 2_000 }).cpu.switches).toBe(0);
  });

  test.each([2, 17, 33, 257])('%d processes in turn on one core refill by the law', (n) => {
    const { visits, cpu } = run(n, 1, { ...NOTHING, refill: 10_000, halfVisits: 16 });
    const each = (10_000 * (n - 1)) / (n - 1 + 16);
    const all = cpu.switchTime / (visits - n); // the first visit of each is free
    expect(all / each).toBeCloseTo(1, 1);
    expect(visits).toBeCloseTo(1e9 / (10_000 + each), -3);
  });

  test('throughput rises to the number of cores, then declines slowly', () => {
    const rate = (n: number) => run(n, 4, LINUX_SWITCHING, 20_000).visits;
    const rates = [1, 2, 4, 8, 16, 64, 256, 1_024].map(rate);
    expect(rates[1]! / rates[0]!).toBeGreaterThan(1.9);
    const best = rates.indexOf(Math.max(...rates));
    expect([3, 4], 'at 2 to 4 processes a core').toContain(best);
    for (let i = best + 1; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
    expect(rates.at(-1)! / rates[best]!).toBeGreaterThan(0.4);
  });

  test('who finds an idle core wakes it; with more clients than cores none is idle', () => {
    const costs = { ...NOTHING, wakeup: 20_000 };
    const alone = run(1, 2, costs);
    expect(alone.cpu.switchTime).toBeGreaterThanOrEqual(20_000 * alone.visits);
    const crowd = run(16, 2, costs);
    expect(crowd.cpu.switchTime).toBeLessThan(0.01 * 20_000 * crowd.visits);
  });

  test('a visit is one wake-up, whatever it loses', () => {
    const { visits, steps } = run(16, 2, LINUX_SWITCHING);
    expect(steps / visits).toBeLessThan(2.01); // and one for the pause
  });
});
