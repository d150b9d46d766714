import { describe, expect, test } from 'vitest';
import {
  Cores,
  FREE_SWITCHING,
  LINUX_SWITCHING,
  type SwitchCosts,
} from '../../src/hardware/cores.ts';
import {
  MILLISECOND,
  type Process,
  Processor,
  Random,
  Simulation,
} from '../../src/kernel/index.ts';

const CACHES = { ...FREE_SWITCHING, refill: 1.5, halfWork: 250_000, mostRefill: 164_000 };

/** A wake-up that is service from its beginning to its end. */
const ALL_WORK = { wakeup: 15_000, wakeupWork: 15_000 };

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

/** What one process loses in each of the visits of its story. */
function losses(
  cores: number,
  costs: SwitchCosts,
  story: (visit: Visit, sim: Simulation) => Process,
) {
  const sim = new Simulation();
  const cpu = new Cores(sim, cores, MILLISECOND, costs);
  const lost: number[] = [];
  const visit: Visit = (duration, kind = 0) => {
    const before = cpu.switchTime;
    cpu.serve(duration, null, kind);
    lost.push(cpu.switchTime - before);
  };
  sim.spawn(story(visit, sim));
  sim.run(1_000 * MILLISECOND);
  return { lost, cpu };
}

type Visit = (duration: number, kind?: number) => undefined;

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
    expect(leave((sim) => new Cores(sim, 3, 1_000, FREE_SWITCHING))).toEqual(plain);
  });

  test('one process alone on a core never switches', () => {
    const { cpu } = run(1, 1, LINUX_SWITCHING);
    expect([cpu.switches, cpu.switchTime]).toEqual([0, 0]);
  });

  test('who waits for a busy core pays the direct cost, once a visit', () => {
    const { visits, cpu } = run(4, 1, { ...FREE_SWITCHING, direct: 2_000 });
    expect(cpu.switchTime).toBe(2_000 * cpu.switches);
    expect(visits).toBeCloseTo(1e9 / 12_000, -3); // service and switch, the core always busy
  });

  test('no more processes than cores: nobody pays it', () => {
    expect(run(8, 8, { ...FREE_SWITCHING, direct: 2_000 }).cpu.switches).toBe(0);
  });

  test('throughput rises to the number of cores, then declines', () => {
    const rate = (n: number) => run(n, 4, LINUX_SWITCHING, 20_000).visits;
    const rates = [1, 2, 4, 8, 16, 64, 256, 1_024].map(rate);
    expect(rates[1]! / rates[0]!).toBeGreaterThan(1.9);
    const best = rates.indexOf(Math.max(...rates));
    expect([3, 4], 'at 2 to 4 processes a core').toContain(best);
    for (let i = best + 1; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]!);
    expect(rates.at(-1)! / rates[best]!).toBeGreaterThan(0.4);
  });

  test('a visit is one wake-up, whatever it loses', () => {
    const { visits, steps } = run(16, 2, LINUX_SWITCHING);
    expect(steps / visits).toBeLessThan(2.01); // and one for the pause
  });
});

describe('cold caches', () => {
  test.each([2, 17, 33, 257])('%d processes in turn: each fetches again by the law', (n) => {
    const { visits, cpu } = run(n, 1, CACHES);
    const each = cpu.switchTime / (visits - n); // the first visit of each is free
    const others = (n - 1) * (10_000 + each);
    expect(each / ((10_000 * 1.5 * others) / (others + 250_000))).toBeCloseTo(1, 1);
    expect(visits / (1e9 / (10_000 + each))).toBeCloseTo(1, 1);
  });

  test('what is lost grows with the work done, up to filling the cache', () => {
    const with257 = (service: number) =>
      run(257, 1, { ...CACHES, mostRefill: 20_000 }, 1_000, service);
    const each = ({ cpu, visits }: ReturnType<typeof run>) => cpu.switchTime / (visits - 257);
    expect(each(with257(8_000)) / each(with257(4_000))).toBeCloseTo(2, 0);
    expect(each(with257(100_000)) / 20_000).toBeCloseTo(1, 1);
  });

  test('what a kind of visit needs was last touched by that kind', () => {
    const { lost } = losses(1, CACHES, function* (visit) {
      yield visit(10_000, 1);
      yield visit(30_000, 2);
      yield visit(10_000, 1);
      yield visit(10_000, 3);
    });
    expect(lost, 'nobody else has run: its own other work evicts nothing').toEqual([0, 0, 0, 0]);
    const sim = new Simulation();
    const cpu = new Cores(sim, 1, MILLISECOND, CACHES);
    const seen: number[] = [];
    const one = function* (): Process {
      for (const kind of [1, 2, 1, 2]) {
        const before = cpu.switchTime;
        cpu.serve(10_000, null, kind);
        seen.push(cpu.switchTime - before);
        yield;
        yield sim.hold(1_000);
        cpu.occupy(125_000); // of others
      }
    };
    sim.spawn(one());
    sim.run(10 * MILLISECOND);
    // By then others have had twice 125 us since the last of each kind: half is gone.
    expect(seen).toEqual([0, 0, 7_500, 7_500]);
  });

  test('an idle core is woken, and has lost what so much work of others takes', () => {
    const costs = { ...CACHES, wakeup: 15_000, wakeupWork: 15_000, idleWork: 250_000 };
    const { lost } = losses(1, costs, function* (visit, sim) {
      yield visit(10_000);
      yield sim.hold(1);
      yield visit(10_000);
      yield sim.hold(1);
      yield visit(20_000);
    });
    expect(lost).toEqual([0, 15_000 + 7_500, 15_000 + 15_000]);
  });

  test('once idle, all kinds of visits that follow are cold, each once', () => {
    const costs = { ...CACHES, idleWork: 250_000 };
    const { lost } = losses(1, costs, function* (visit, sim) {
      yield visit(10_000, 1);
      yield visit(10_000, 2);
      yield sim.hold(1);
      yield visit(10_000, 1);
      yield visit(10_000, 2);
      yield visit(10_000, 1);
      yield visit(10_000, 2);
    });
    expect(lost).toEqual([0, 0, 7_500, 7_500, 0, 0]);
  });

  test('who goes straight on wakes no core, however many are idle', () => {
    const { lost } = losses(8, { ...FREE_SWITCHING, ...ALL_WORK }, function* (visit, sim) {
      yield sim.hold(5);
      yield visit(10_000);
      yield visit(10_000);
      yield visit(10_000);
      yield sim.hold(1);
      yield visit(10_000);
    });
    expect(lost).toEqual([15_000, 0, 0, 15_000]);
  });

  test('with more clients than cores none is idle', () => {
    const costs = { ...FREE_SWITCHING, wakeup: 20_000, wakeupWork: 20_000 };
    const alone = run(1, 2, costs);
    expect(alone.cpu.switchTime).toBeGreaterThanOrEqual(20_000 * (alone.visits - 1));
    const crowd = run(16, 2, costs);
    expect(crowd.cpu.switchTime).toBeLessThan(0.01 * 20_000 * crowd.visits);
  });
});

describe('waking', () => {
  test('while an idle core wakes up it idles, but for what is work', () => {
    const sim = new Simulation();
    const costs = { ...FREE_SWITCHING, wakeup: 15_000, wakeupWork: 9_000 };
    const cpu = new Cores(sim, 1, MILLISECOND, costs);
    const ends: number[] = [];
    const body = function* (): Process {
      for (let i = 0; i < 100; i++) {
        yield sim.hold(20_000);
        yield cpu.serve(10_000);
        ends.push(sim.now);
      }
    };
    sim.spawn(body());
    sim.run(10 * MILLISECOND);
    expect(ends.slice(0, 3)).toEqual([45_000, 90_000, 135_000]);
    expect(cpu.served).toBe(100 * 19_000);
    expect(cpu.idle).toBe(10 * MILLISECOND - 100 * 19_000);
  });

  test.each([1, 2, 8])('of %d busy cores the waker’s is another for all but one', (cores) => {
    const { visits, cpu } = run(64, cores, { ...FREE_SWITCHING, crossing: 4_000 });
    const each = (4_000 * (cores - 1)) / cores;
    const idle = cores; // the first visits find a core that has just begun to be there
    expect(cpu.switchTime).toBeGreaterThanOrEqual((visits - idle) * each * 0.999);
    expect(cpu.switchTime).toBeLessThanOrEqual((visits + 64) * each);
    expect(visits / ((cores * 1e9) / (10_000 + each))).toBeCloseTo(1, 2);
  });

  test('nobody wakes who goes straight on', () => {
    const { lost } = losses(2, { ...FREE_SWITCHING, crossing: 4_000 }, function* (visit) {
      yield visit(10_000);
      yield visit(10_000);
    });
    expect(lost.at(-1)).toBe(0);
  });
});

describe('against a naive twin that keeps lists of all visits', () => {
  interface Done {
    readonly process: number;
    readonly kind: number;
    readonly total: number;
  }

  /** Loss of a visit by adding up, one by one, what others had since. */
  function naive(history: readonly Done[], next: Done, cores: number, costs: SwitchCosts): number {
    let others = 0;
    for (let i = history.length - 1; i >= 0; i--) {
      const { process, kind, total } = history[i]!;
      if (process === next.process && kind === next.kind) {
        const share = others / cores / (others / cores + costs.halfWork);
        return Math.round(Math.min(next.total * costs.refill * share, costs.mostRefill));
      }
      if (process !== next.process) others += total;
    }
    return 0;
  }

  test.each([1, 2, 5])('each loss is the same, on %d cores', (cores) => {
    const sim = new Simulation();
    const costs = { ...CACHES, mostRefill: 9_000 };
    const cpu = new Cores(sim, cores, MILLISECOND, costs);
    const random = new Random('twin');
    const history: Done[] = [];
    let compared = 0;
    const session = function* (process: number): Process {
      for (;;) {
        const service = random.integer(1_000, 40_000);
        const kind = random.integer(0, 5);
        const expected = naive(history, { process, kind, total: service }, cores, costs);
        const before = cpu.switchTime;
        cpu.serve(service, null, kind);
        expect(cpu.switchTime - before).toBe(expected);
        history.push({ process, kind, total: service + expected });
        compared++;
        yield;
        yield sim.hold(random.integer(0, 50_000));
      }
    };
    for (let i = 0; i < 12; i++) sim.spawn(session(i));
    sim.run(20 * MILLISECOND);
    expect(compared).toBeGreaterThan(500);
  });
});
