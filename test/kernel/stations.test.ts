import { describe, expect, test } from 'vitest';
import {
  MILLISECOND,
  type Process,
  ProcessGroup,
  Processor,
  Random,
  SharingStation,
  Simulation,
  Station,
} from '../../src/kernel/index.ts';
import { Journal } from '../helpers/journal.ts';
import { PopulationMeter } from '../helpers/laws.ts';

type Serving = { serve(duration: number): undefined };

/** Visitors come at the given instants for the given services; returns when each one leaves. */
function departures(
  make: (sim: Simulation) => Serving,
  visits: readonly (readonly [comes: number, duration: number])[],
): number[] {
  const sim = new Simulation();
  const station = make(sim);
  const left: number[] = [];
  visits.forEach(([comes, duration], i) => {
    sim.spawn(
      (function* (): Process {
        yield sim.hold(comes);
        yield station.serve(duration);
        left[i] = sim.now;
      })(),
    );
  });
  sim.run(1e12);
  return left;
}

function randomVisits(count: number, seed: string): [number, number][] {
  const random = new Random(seed);
  let comes = 0;
  return Array.from({ length: count }, () => {
    comes += random.integer(0, 60);
    return [comes, random.chance(0.1) ? 0 : random.integer(1, 100)];
  });
}

/** First come first served with a list of servers, searched: Kiefer and Wolfowitz's recursion. */
function naiveDepartures(servers: number, visits: readonly (readonly [number, number])[]) {
  const freeAt = new Array<number>(servers).fill(0);
  return visits.map(([comes, duration]) => {
    const server = freeAt.indexOf(Math.min(...freeAt));
    freeAt[server] = Math.max(comes, freeAt[server]!) + duration;
    return freeAt[server]!;
  });
}

describe('station', () => {
  test.each([1, 2, 3, 7, 64])('%i servers: departures as by the recursion', (servers) => {
    const visits = randomVisits(5_000, `visits ${servers}`);
    const left = departures((sim) => new Station(sim, servers), visits);
    expect(left).toEqual(naiveDepartures(servers, visits));
  });

  test('accounts for every nanosecond of its servers, at any instant', () => {
    const sim = new Simulation();
    const random = new Random('account');
    sim.run(1_000); // stations may be built late
    const station = new Station(sim, 3);
    const meter = new PopulationMeter(sim, 3);
    function* visitor(): Process {
      for (;;) {
        yield sim.hold(random.integer(0, 300));
        const arrivedAt = sim.now;
        meter.arrive();
        yield station.serve(random.integer(0, 100));
        meter.depart(arrivedAt);
      }
    }
    for (let i = 0; i < 8; i++) sim.spawn(visitor());
    for (let i = 1; i <= 2_000; i++) {
      sim.run(1_000 + 37 * i);
      meter.checkStation(station);
      meter.checkLittle();
    }
    expect(station.visits).toBe(meter.arrivals);
  });

  test('an occupied station tells when it will be free; nobody needs to wait for it', () => {
    const sim = new Simulation();
    const station = new Station(sim, 1);
    sim.run(10);
    expect(station.nextFree).toBe(10);
    expect(station.occupy(5)).toBe(15);
    expect(station.occupy(5)).toBe(20);
    expect(station.nextFree).toBe(20);
    expect(station.occupy(5, 40)).toBe(45);
    expect([station.busyTime, station.idleTime, station.waitTime]).toEqual([15, 30, 5]);
  });
});

describe('processor', () => {
  test('a visit of at most a slice is served like by a station', () => {
    const visits = randomVisits(2_000, 'short');
    const left = departures((sim) => new Processor(sim, 2, 100), visits);
    expect(left).toEqual(naiveDepartures(2, visits));
  });

  test('lets short visits pass between the slices of a long one', () => {
    const visits = [
      [0, 100],
      [1, 5],
      [12, 5],
      [60, 3],
    ] as const;
    const left = departures((sim) => new Processor(sim, 1, 10), visits);
    expect(left).toEqual([113, 15, 30, 63]);
  });

  test('two long visits take turns and end within a slice of each other', () => {
    const left = departures(
      (sim) => new Processor(sim, 1, 10),
      [
        [0, 100],
        [0, 100],
      ],
    );
    expect(left).toEqual([190, 200]);
  });

  test('serves all the work there is, whatever the slice', () => {
    const visits = randomVisits(500, 'work');
    const last = (slice: number) =>
      Math.max(...departures((sim) => new Processor(sim, 1, slice), visits));
    expect(last(7)).toBe(last(1_000));
    expect(last(30)).toBe(last(1_000));
  });

  test('stops at the end of the slice when its visitor is gone', () => {
    const sim = new Simulation();
    const processor = new Processor(sim, 1, MILLISECOND);
    const group = new ProcessGroup(sim);
    const journal = new Journal(sim);
    function* visitor(name: string, duration: number): Process {
      yield processor.serve(duration, group);
      journal.note(name);
    }
    const long = sim.spawn(visitor('long', 1_000 * MILLISECOND));
    sim.spawn(visitor('other', 3 * MILLISECOND));
    sim.run(2.5 * MILLISECOND);
    sim.kill(long);
    sim.run(2_000 * MILLISECOND);
    expect(journal.lines).toEqual([`${5 * MILLISECOND} other`]);
    expect(processor.served).toBe(5 * MILLISECOND);
  });
});

/** Processor sharing by steps of one nanosecond: everybody present gets an equal part of each. */
function naiveSharing(servers: number, visits: readonly (readonly [number, number])[]): number[] {
  const left: number[] = [];
  const remaining = visits.map(([, duration]) => duration);
  let present: number[] = [];
  let next = 0;
  for (let now = 0; next < visits.length || present.length > 0; now++) {
    for (; next < visits.length && visits[next]![0] <= now; next++) present.push(next);
    const rate = Math.min(1, servers / present.length);
    for (const i of present) {
      remaining[i]! -= rate;
      if (remaining[i]! <= 1e-6) left[i] = now + 1;
    }
    present = present.filter((i) => left[i] === undefined);
  }
  return left;
}

describe('processor sharing', () => {
  test('textbook case: who comes shares, who leaves gives back', () => {
    const visits = [
      [0, 10],
      [2, 4],
      [4, 1],
    ] as const;
    // alone to 2; halves to 4, thirds to 7 (the third has 1), halves to 11, alone to the end
    const left = departures((sim) => new SharingStation(sim, 1), visits);
    expect(left).toEqual([15, 11, 7]);
  });

  test('nobody gets more than one server', () => {
    const left = departures(
      (sim) => new SharingStation(sim, 4),
      [
        [0, 10],
        [0, 20],
        [5, 10],
      ],
    );
    expect(left).toEqual([10, 20, 15]);
  });

  test.each([1, 2, 3])('%i servers: as by steps of one nanosecond', (servers) => {
    const random = new Random(`sharing ${servers}`);
    const visits = Array.from({ length: 40 }, (_, i): [number, number] => [
      1_000 * i * 6 + random.integer(0, 5_000),
      random.integer(1, 12_000 * servers),
    ]);
    const left = departures((sim) => new SharingStation(sim, servers), visits);
    naiveSharing(servers, visits).forEach((at, i) => {
      expect(Math.abs(left[i]! - at)).toBeLessThanOrEqual(40); // half a step each
    });
  });

  test('makes progress after months of simulated time and with remainders of all kinds', () => {
    const sim = new Simulation();
    sim.run(2 ** 52);
    const station = new SharingStation(sim, 2);
    const random = new Random('months');
    let served = 0;
    function* visitor(): Process {
      for (let i = 0; i < 300; i++) {
        yield station.serve(random.integer(1, 1e6));
        served++;
      }
    }
    for (let i = 0; i < 7; i++) sim.spawn(visitor());
    sim.run(2 ** 52 + 1e12);
    expect(served).toBe(2_100);
    expect(sim.steps).toBeLessThan(10_000);
  });
});
