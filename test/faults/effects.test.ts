import { describe, expect, it } from 'vitest';
import { FAULTS, faultRefusal, findFault } from '../../src/faults/catalog.ts';
import { MILLISECOND } from '../../src/kernel/index.ts';
import type { FaultyWorld } from './fixtures.ts';
import { fault, faultyWorld, host, patroni, play, server, story, zone } from './fixtures.ts';

/** The pairs of hosts between which nothing gets, as `ab`, at an instant in milliseconds. */
function closedAt(made: FaultyWorld, milliseconds: number): string[] {
  made.sim.run(milliseconds * MILLISECOND);
  const { hosts, network } = made;
  return hosts.flatMap((from) =>
    hosts.flatMap((to) => (network.path(from, to).open ? [] : [`${from.name}${to.name}`])),
  );
}

describe('the network', () => {
  it('a partition closes every way between sides, and none within a side', () => {
    const made = faultyWorld();
    play(made, fault('partition', 10, 20, { sides: [[zone('a')], [zone('b'), zone('c')]] }));
    expect(closedAt(made, 9)).toEqual([]);
    expect(closedAt(made, 10)).toEqual(['ab', 'ac', 'ba', 'ca']);
    expect(closedAt(made, 29)).toHaveLength(4);
    expect(closedAt(made, 30)).toEqual([]);
    expect(story(made)).toEqual([
      '10 the network parts: zone a | zone b and zone c for 20 ms',
      '30 the network is whole again: zone a, zone b and zone c',
    ]);
  });

  it('of three sides all are apart; a host on no side reaches everybody', () => {
    const made = faultyWorld();
    play(made, fault('partition', 10, 10, { sides: [[zone('a')], [zone('b')], [zone('c')]] }));
    play(made, fault('partition', 30, 10, { sides: [[server('pg1')], [host('b')]] }));
    expect(closedAt(made, 15)).toHaveLength(6);
    expect(closedAt(made, 35)).toEqual(['ab', 'ba']);
  });

  it('two partitions that overlap: a way is open when neither lies across it', () => {
    const made = faultyWorld();
    play(
      made,
      fault('partition', 10, 30, { sides: [[zone('a')], [zone('b')]] }),
      fault('partition', 20, 40, { sides: [[zone('a')], [zone('b'), zone('c')]] }),
    );
    expect(closedAt(made, 15)).toEqual(['ab', 'ba']);
    expect(closedAt(made, 30)).toEqual(['ab', 'ac', 'ba', 'ca']);
    expect(closedAt(made, 45)).toEqual(['ab', 'ac', 'ba', 'ca']);
    expect(closedAt(made, 61)).toEqual([]);
    expect(made.log).toEqual(['10 began 0', '20 began 1', '40 ended 0', '60 ended 1']);
  });

  it('a cut closes one way', () => {
    const made = faultyWorld();
    play(made, fault('cut', 10, 10, { from: [host('a')], to: [zone('b'), zone('c')] }));
    expect(closedAt(made, 15)).toEqual(['ab', 'ac']);
    expect(closedAt(made, 25)).toEqual([]);
  });

  it('a slow network and packet loss change the ways that they name, and add up', () => {
    const made = faultyWorld();
    const [a, b, c] = made.hosts;
    const between = { from: [zone('a')], to: [zone('b')], bothWays: true };
    const oneWay = { from: [zone('a')], to: [zone('b'), zone('c')], bothWays: false };
    const delay = { kind: 'constant', value: 5 * MILLISECOND } as const;
    const more = { stretch: oneWay, delay, factor: 1, bandwidthBitsPerSecond: null };
    const double = { stretch: between, delay: null, factor: 2, bandwidthBitsPerSecond: 8e6 };
    play(made, fault('slow_network', 10, 20, double), fault('slow_network', 20, 20, more));
    play(made, fault('packet_loss', 20, 20, { stretch: oneWay, loss: 1 }));
    const means = (milliseconds: number) => {
      made.sim.run(milliseconds * MILLISECOND);
      const ways = [
        made.network.path(a!, b!),
        made.network.path(b!, a!),
        made.network.path(a!, c!),
      ];
      return ways.map((path) => [path.meanDelay / MILLISECOND, path.loses()]);
    };
    expect(means(5).map(([mean]) => mean)).toEqual([10, 10, 10]);
    expect(means(15).map(([mean]) => mean)).toEqual([20, 20, 10]);
    expect(made.network.path(b!, a!).leave(1_000)).toBe(16 * MILLISECOND); // 1 kB at 1 MB/s
    expect(means(25)).toEqual([
      [25, true],
      [20, false],
      [15, true],
    ]);
    expect(means(35).map(([mean]) => mean)).toEqual([15, 10, 15]);
    expect(means(45)).toEqual([10, 10, 10].map((mean) => [mean, false]));
  });
});

describe('machines', () => {
  it('lose power and boot; what starts at boot starts', () => {
    const made = faultyWorld();
    play(made, fault('power_off', 10.5, 20, { targets: [server('pg1')] }));
    made.sim.run(20 * MILLISECOND);
    expect(made.hosts.map(({ state }) => state)).toEqual(['off', 'up', 'up']);
    made.sim.run(40.7 * MILLISECOND);
    expect(made.agents[0]!.did).toEqual(['0 start', '30.5 start']);
    expect(made.agents.map(({ steps }) => steps)).toEqual([20, 40, 40]);
    expect(story(made)[0]).toBe('10.5 pg1 loses power for 20 ms');
  });

  it('stay off while any fault keeps them off', () => {
    const made = faultyWorld();
    play(
      made,
      fault('zone_outage', 10, 20, { targets: [zone('a'), zone('b')] }),
      fault('power_off', 20, 30, { targets: [host('b')] }),
    );
    const states = (milliseconds: number) => {
      made.sim.run(milliseconds * MILLISECOND);
      return made.hosts.map(({ state }) => state);
    };
    expect(states(25)).toEqual(['off', 'off', 'up']);
    expect(states(35)).toEqual(['up', 'off', 'up']);
    expect(states(55)).toEqual(['up', 'up', 'up']);
  });

  it('and their disks get slower, by both factors where two faults meet', () => {
    const made = faultyWorld();
    const laws = {
      read: null,
      write: null,
      fsync: null,
      iops: null,
      throughputBytesPerSecond: null,
    };
    const slow = (at: number, factor: number) =>
      fault('slow_disk', at, 20, { targets: [host('a')], factor, ...laws });
    play(made, slow(10, 3), slow(20, 5));
    /** The mean of many fsyncs, alone on the device. */
    const mean = (milliseconds: number) => {
      made.sim.run(milliseconds * MILLISECOND);
      let sum = 0;
      for (let i = 0; i < 3_000; i++) {
        made.hosts[0]!.disk.powerOff(); // empties the queue
        sum += made.hosts[0]!.disk.submit('fsync', 0) - made.sim.now;
      }
      return sum / 3_000;
    };
    const [before, first, both, second, after] = [5, 15, 25, 35, 45].map(mean);
    for (const [got, factor] of [
      [first, 3],
      [both, 15],
      [second, 5],
      [after, 1],
    ] as const)
      expect(Math.abs(got! / before! / factor - 1)).toBeLessThan(0.1);
  });
});

describe('processes', () => {
  it('crash, and are started again after `for`, by the last of the faults that killed them', () => {
    const made = faultyWorld();
    const targets = [patroni('pg1')];
    play(made, fault('crash', 10.5, 20, { targets }), fault('crash', 20, 30, { targets }));
    play(made, fault('crash', 15, null, { targets: [patroni('pg2')] }));
    made.sim.run(60.7 * MILLISECOND);
    const [first, second] = made.agents;
    expect(first!.did).toEqual(['0 start', '10.5 crash', '20 crash', '50 start']);
    expect(first!.steps).toBe(20);
    expect(second!.did).toEqual(['0 start', '15 crash']);
    expect(story(made)).toContain('10.5 Patroni on pg1 crashes for 20 ms');
  });

  it('are paused by themselves or with their machine, and go on when no fault holds them', () => {
    const made = faultyWorld();
    play(
      made,
      fault('pause', 10.5, 20, { targets: [patroni('pg1')] }),
      fault('pause', 20.5, 20, { targets: [host('a'), host('b')] }),
      fault('pause', 25.5, 25, { targets: [patroni('pg1')] }),
    );
    const steps = (milliseconds: number) => {
      made.sim.run((milliseconds + 0.7) * MILLISECOND);
      return made.agents.map(({ steps }) => steps);
    };
    expect(steps(15)).toEqual([10, 15, 15]);
    expect(made.hosts[0]!.state).toBe('up');
    expect(steps(30)).toEqual([10, 20, 30]);
    expect(made.hosts.map(({ state }) => state)).toEqual(['paused', 'paused', 'up']);
    const [first, second] = steps(45);
    expect([first, second]).toEqual([10, 26]); // the step that was due at 21 ms comes at 40.5 ms
    expect(steps(55)[0]).toBe(16);
  });

  it('are restarted: ended and started at once where that is all there is to it', () => {
    const made = faultyWorld();
    play(made, fault('restart', 10.5, null, { targets: [patroni('pg3')] }));
    made.sim.run(20 * MILLISECOND);
    expect(made.agents[2]!.did).toEqual(['0 start', '10.5 crash', '10.5 start']);
    expect(made.log).toEqual(['10.5 began 0']);
  });

  it('an operator asks for a switchover', () => {
    const made = faultyWorld();
    play(made, fault('switchover', 10, null, { from: null, to: 'pg2' }));
    made.sim.run(20 * MILLISECOND);
    expect(made.switchovers).toEqual([[null, 'pg2']]);
    expect(story(made)).toEqual(['10 an operator asks for a switchover to pg2']);
  });
});

describe('the catalogue', () => {
  it('has each kind once, in order, with its doc', () => {
    const kinds = FAULTS.map(({ kind }) => kind);
    expect(kinds).toEqual([...new Set(kinds)].sort());
    for (const { kind, doc } of FAULTS) {
      expect(findFault(kind)!.kind).toBe(kind);
      expect(doc).toMatch(/\.$/);
    }
  });

  it.each(['clock_jump', 'cancel_queries', 'bulk_load', 'connection_storm'])(
    '%s is in the language and refused',
    (kind) => {
      expect(findFault(kind)).toBeUndefined();
      expect(faultRefusal({ kind })).toBe(`${kind} is not built yet`);
    },
  );

  it('says why a fault cannot be played', () => {
    const refusals = [
      fault('crash', 0, null, { targets: [zone('a')] }),
      fault('crash', 0, null, { targets: [{ kind: 'pgbouncer', pool: 'p' }] }),
      fault('promote', 0, 5, { targets: [server('pg2')] }),
      fault('restart', 0, 5, { targets: [server('pg2')] }),
      fault('zone_outage', 0, 5, { targets: [host('a')] }),
      fault('crash', 0, 5, { targets: [server('pg1')] }),
    ].map(faultRefusal);
    expect(refusals).toEqual([
      'zone a is no process; power_off strikes machines',
      'PgBouncer p is not part of the model yet',
      'a promotion is not undone: it has no `for`',
      'restart has no `for`: it takes the time it takes',
      'zone_outage strikes zones',
      null,
    ]);
  });
});
