import { describe, expect, it } from 'vitest';
import { MILLISECOND, type Process, SECOND } from '../../src/kernel/index.ts';
import { fault, faultyWorld, host, patroni, play, server, story } from './fixtures.ts';

describe('when', () => {
  it('at a drawn instant: within its law, by the seed and the fault’s place alone', () => {
    const began = (seed: number, before: number) => {
      const made = faultyWorld(seed);
      const drawn = { kind: 'drawn', at: { kind: 'uniform', min: 1e9, max: 3e9 } } as const;
      const cut = {
        ...fault('cut', 0, null, { from: [host('a')], to: [host('b')] }),
        start: drawn,
      };
      const others = Array.from({ length: before }, () =>
        fault('cut', 500, 10, { from: [host('a')], to: [host('c')] }),
      );
      play(made, cut, ...others);
      made.sim.run(10 * SECOND);
      return Number(made.log.find((line) => line.endsWith('began 0'))!.split(' ')[0]);
    };
    const instants = Array.from({ length: 50 }, (_, seed) => began(seed, 0));
    expect(Math.min(...instants)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...instants)).toBeLessThanOrEqual(3_000);
    const mean = instants.reduce((sum, each) => sum + each, 0) / 50;
    expect(Math.abs(mean - 2_000)).toBeLessThan((3 * 2_000) / Math.sqrt(12 * 50));
    expect(began(7, 3)).toBe(began(7, 0));
  });

  it('on the count-th event of a topic, at its instant, counted from the start of the run', () => {
    const made = faultyWorld();
    const start = { kind: 'event', event: 'clock.tick', count: 4 } as const;
    play(made, { ...fault('crash', 0, 10, { targets: [patroni('pg1')] }), start });
    made.ticks.emit(0); // before the run's first step
    made.sim.spawn(
      (function* (): Process {
        for (let n = 1; n < 10; n++) {
          yield made.sim.hold(7 * MILLISECOND);
          made.ticks.emit(n);
        }
      })(),
    );
    made.sim.run(SECOND);
    expect(made.log).toEqual(['21 began 0', '31 ended 0']);
    expect(made.agents[0]!.did).toEqual(['0 start', '21 crash', '31 start']);
  });

  it('even if the event comes before the fault has begun to wait', () => {
    const made = faultyWorld();
    const start = { kind: 'event', event: 'clock.tick', count: 1 } as const;
    play(made, { ...fault('crash', 0, null, { targets: [patroni('pg1')] }), start });
    made.ticks.emit(0);
    made.sim.run(SECOND);
    expect(made.log).toEqual(['0 began 0']);
  });

  it('a fault that does not come, and one that outlives the run', () => {
    const made = faultyWorld();
    const start = { kind: 'event', event: 'clock.tick', count: 1 } as const;
    play(
      made,
      { ...fault('crash', 0, null, { targets: [patroni('pg1')] }), start },
      fault('cut', 500, 60_000, { from: [host('a')], to: [host('b')] }),
    );
    made.sim.run(SECOND);
    expect(made.log).toEqual(['500 began 1']);
    expect(story(made)).toEqual(['500 nothing gets from host a to host b for 1 min']);
  });

  it('what the builder should have refused is a bug', () => {
    const made = faultyWorld();
    expect(() => play(made, { ...fault('crash', 0, 1, { targets: [host('a')] }) })).toThrow(
      'faults.0: host a is no process',
    );
    const start = { kind: 'event', event: 'txn.aknowledged', count: 1 } as const;
    const wrong = { ...fault('crash', 0, 1, { targets: [server('pg1')] }), start };
    expect(() => play(made, wrong)).toThrow('no event is called txn.aknowledged');
  });
});
