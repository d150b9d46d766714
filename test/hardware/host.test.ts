import { describe, expect, it } from 'vitest';
import { Disk } from '../../src/hardware/disk.ts';
import { Host, schedulerSlice } from '../../src/hardware/host.ts';
import { diskSpec, findDisk } from '../../src/hardware/presets/index.ts';
import { type Process, SECOND, Simulation } from '../../src/kernel/index.ts';

const MS = 1_000_000;

function machine(sim: Simulation, cores = 2): Host {
  return new Host(sim, {
    name: 'pg1',
    zone: 'a',
    index: 0,
    cores,
    memoryBytes: 16 * 1024 * 1024 * 1024,
    disk: new Disk(sim, sim.random('pg1/disk'), diskSpec(findDisk('nvme')!)),
    nicBitsPerSecond: 1e10,
  });
}

function* every(sim: Simulation, milliseconds: number, act: () => void): Process {
  for (;;) {
    yield sim.hold(milliseconds * MS);
    act();
  }
}

describe('power', () => {
  it('takes all processes of all groups with it, at once and for good', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    const steps = [0, 0, 0];
    const server = host.newGroup();
    host.spawn(every(sim, 1, () => steps[0]!++));
    host.spawn(
      every(sim, 1, () => steps[1]!++),
      server,
    );
    sim.spawn(every(sim, 1, () => steps[2]!++));
    sim.run(10.5 * MS);
    host.powerOff();
    sim.run(20.5 * MS);
    host.powerOn();
    sim.run(30.5 * MS);
    expect(steps).toEqual([10, 10, 30]);
    expect([host.state, host.incarnation, host.bootedAt]).toEqual(['up', 1, 20.5 * MS]);
  });

  it('tells its listeners in their order, after the processes, and wakes who watches', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    const said: string[] = [];
    const process = host.spawn(every(sim, 1, () => {}));
    host.onPowerOff(() => said.push(sim.isAlive(process) ? 'alive' : 'gone'));
    host.onPowerOff(() => said.push('system cache lost'));
    host.onPowerOn(() => said.push('boot'));
    sim.spawn(
      (function* () {
        for (;;) {
          yield host.changed.wait();
          said.push(host.state);
        }
      })(),
    );
    sim.run(MS);
    host.powerOff();
    host.powerOff(); // nothing more to lose
    sim.run(2 * MS);
    host.powerOn();
    host.powerOn();
    sim.run(3 * MS);
    expect(said).toEqual(['gone', 'system cache lost', 'off', 'boot', 'up']);
    expect(host.incarnation).toBe(1);
  });

  it('is not there for new processes', () => {
    const host = machine(new Simulation(1));
    host.powerOff();
    expect(() => host.spawn(every(new Simulation(1), 1, () => {}))).toThrow(/pg1 is off/);
  });

  it('can be cut by a process of the machine itself', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    let later = 0;
    host.spawn(
      (function* () {
        yield sim.hold(MS);
        host.powerOff();
        yield sim.hold(MS);
        later++;
      })(),
    );
    sim.run(SECOND);
    expect([later, host.state]).toEqual([0, 'off']);
  });

  it('takes the queue of the disk with it', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    for (let i = 0; i < 10_000; i++) host.disk.submit('fsync', 8192);
    expect(host.disk.outstanding).toBe(10_000);
    host.powerOff();
    expect(host.disk.outstanding).toBe(0);
  });
});

describe('a pause', () => {
  it('stops every step, and what came due meanwhile happens at its end', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    const at: number[] = [];
    host.spawn(every(sim, 1, () => at.push(sim.now / MS)));
    sim.run(2.5 * MS);
    host.pause();
    expect(host.state).toBe('paused');
    sim.run(10.5 * MS);
    host.resume();
    sim.run(12 * MS);
    expect(at).toEqual([1, 2, 10.5, 11.5]);
  });

  it('makes the machine unreachable, as the loss of power does', () => {
    const host = machine(new Simulation(1));
    const heard: boolean[] = [];
    host.onReachabilityChange((reachable) => heard.push(reachable));
    host.pause();
    host.resume();
    host.powerOff();
    host.powerOn();
    expect(heard).toEqual([false, true, false, true]);
  });

  it('of one group leaves the others going', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    const server = host.newGroup();
    const steps = [0, 0];
    host.spawn(every(sim, 1, () => steps[0]!++));
    host.spawn(
      every(sim, 1, () => steps[1]!++),
      server,
    );
    host.pause(server);
    sim.run(5.5 * MS);
    expect([host.state, ...steps]).toEqual(['up', 5, 0]);
  });

  it('of one group outlives a pause of the machine, and the other way round', () => {
    for (const serverFirst of [true, false]) {
      const sim = new Simulation(1);
      const host = machine(sim);
      const server = host.newGroup();
      let steps = 0;
      host.spawn(
        every(sim, 1, () => steps++),
        server,
      );
      host.pause(server);
      host.pause();
      if (serverFirst) host.resume(server);
      else host.resume();
      sim.run(5.5 * MS);
      expect(steps).toBe(0);
      if (serverFirst) host.resume();
      else host.resume(server);
      sim.run(8 * MS);
      expect(steps).toBeGreaterThan(0);
    }
  });

  it('ends with the power', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    host.pause(host.group);
    host.pause();
    host.powerOff();
    host.powerOn();
    let steps = 0;
    host.spawn(every(sim, 1, () => steps++));
    sim.run(5.5 * MS);
    expect([host.state, steps]).toEqual(['up', 5]);
  });

  it('holds for a process that is started meanwhile', () => {
    const sim = new Simulation(1);
    const host = machine(sim);
    host.pause();
    let steps = 0;
    host.spawn(
      every(sim, 1, () => steps++),
      host.newGroup(),
    );
    sim.run(5 * MS);
    expect(steps).toBe(0);
    host.resume();
    sim.run(7.5 * MS);
    expect(steps).toBe(2);
  });
});

describe('the cores', () => {
  it('are given for as long as Linux would', () => {
    // kernel/sched/fair.c: 0.75 ms * (1 + ilog2(cores)), cores counted up to 8
    const slices = [1, 2, 3, 4, 7, 8, 16, 64].map((cores) => schedulerSlice(cores) / MS);
    expect(slices).toEqual([0.75, 1.5, 1.5, 2.25, 2.25, 3, 3, 3]);
  });

  it('let a short burst pass between the slices of long ones', () => {
    const sim = new Simulation(1);
    const host = machine(sim, 1);
    const ends = new Map<string, number>();
    const work = (name: string, milliseconds: number): void => {
      host.spawn(
        (function* () {
          yield host.cpu.serve(milliseconds * MS, host.group);
          ends.set(name, sim.now / MS);
        })(),
      );
    };
    work('long', 100);
    sim.run(0.1 * MS);
    work('short', 0.1);
    sim.run(SECOND);
    expect(ends.get('short')).toBe(0.85); // one slice of 0.75 ms, then its own
    expect(ends.get('long')).toBeCloseTo(100.1, 9);
  });
});
