import { describe, expect, test } from 'vitest';
import { constant, MILLISECOND, SECOND } from '../../src/kernel/index.ts';
import { costsOf, DEFAULT_COSTS } from '../../src/postgres/costs.ts';
import { ONE_WAY, World } from '../helpers/world.ts';
import { clients, SELECT, WRITE } from './fixtures.ts';

const COSTS = costsOf(DEFAULT_COSTS);

const SERVICE = 2 * ONE_WAY + COSTS.statement('select', true);
/** A snapshot visits two connections, 0.5 ns each; later ones are the same once more. */
const VISIT = 1;

function single(settings = {}): World {
  return new World({ servers: [{ name: 'pg1', settings }] });
}

describe('an open loop', () => {
  test('arrivals are a Poisson process: mean and variance of counts, and of the gaps', () => {
    const world = single();
    const arrivals: number[] = [];
    world.workload.invoked.observe((at) => arrivals.push(at));
    clients(world, { sessions: 100, rate: 2000, starts: SECOND, ends: 51 * SECOND });
    world.sim.run(60 * SECOND);
    const expected = 2000 * 50;
    expect(Math.abs(arrivals.length - expected)).toBeLessThan(3 * Math.sqrt(expected));
    const windows = Array<number>(5000).fill(0);
    for (const at of arrivals) windows[Math.floor((at - SECOND) / (10 * MILLISECOND))]!++;
    const mean = windows.reduce((a, b) => a + b, 0) / windows.length;
    const variance = windows.reduce((a, n) => a + (n - mean) * (n - mean), 0) / windows.length;
    expect(Math.abs(variance / mean - 1), 'index of dispersion').toBeLessThan(0.06);
    const gaps = arrivals.slice(1).map((at, i) => (at - arrivals[i]!) / (SECOND / 2000));
    const square = gaps.reduce((a, gap) => a + gap * gap, 0) / gaps.length;
    expect(Math.abs(square - 2), 'second moment of an exponential').toBeLessThan(0.1);
  });

  test('latency counts from the arrival, service from the start: against a queue by hand', () => {
    const world = single();
    const arrivals: number[] = [];
    const latencies: number[] = [];
    const services: number[] = [];
    const waits: number[] = [];
    const connected: number[] = [];
    world.workload.connected.observe((at) => connected.push(at));
    world.workload.invoked.observe((at) => arrivals.push(at));
    world.workload.began.observe((_, __, ___, waited) => waits.push(waited));
    world.workload.acknowledged.observe((_, __, ___, latency, service) => {
      latencies.push(latency);
      services.push(service);
    });
    clients(world, { sessions: 2, rate: 900, starts: SECOND, ends: 6 * SECOND });
    world.sim.run(30 * SECOND);
    const free = [...connected];
    const hasServed = [false, false];
    const expected = arrivals.map((at) => {
      const next = free[0]! <= free[1]! ? 0 : 1;
      const starts = Math.max(at, free[next]!);
      const service = hasServed[next] ? SERVICE : SERVICE + COSTS.firstQuery + VISIT;
      hasServed[next] = true;
      free[next] = starts + service;
      return { wait: starts - at, ends: free[next]!, service };
    });
    expect(waits).toEqual(expected.slice(0, waits.length).map(({ wait }) => wait));
    const inOrder = expected.sort((a, b) => a.ends - b.ends).slice(0, latencies.length);
    expect(latencies).toEqual(inOrder.map(({ wait, service }) => wait + service));
    expect(services).toEqual(inOrder.map(({ service }) => service));
    expect(latencies.length).toBeGreaterThan(4000);
    expect(Math.max(...waits)).toBeGreaterThan(0);
  });

  test('the session that has been idle longest is next', () => {
    const world = single();
    const order: number[] = [];
    world.workload.began.observe((_, session) => order.push(session));
    clients(world, { sessions: 7, rate: 20, starts: SECOND, ends: 30 * SECOND });
    world.sim.run(40 * SECOND);
    expect(order.length).toBeGreaterThan(400);
    const first = order.slice(0, 7);
    expect([...first].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const repeats = order.filter((session, i) => session === first[i % 7]).length;
    expect(repeats / order.length, 'round and round while none is busy').toBeGreaterThan(0.95);
  });

  test('at the end everybody hangs up, idle or not', () => {
    const world = single();
    clients(world, { sessions: 5, rate: 3, ends: 5 * SECOND });
    world.sim.run(4 * SECOND);
    expect(world.server('pg1').backends.size).toBe(5);
    world.sim.run(6 * SECOND);
    expect(world.server('pg1').backends.size).toBe(0);
  });

  test('scripts are drawn by weight', () => {
    const world = single();
    const mix = [
      { script: SELECT, weight: 9 },
      { script: WRITE, weight: 1 },
    ];
    const counts = [0, 0];
    world.workload.invoked.observe((_, __, script) => {
      counts[script]!++;
    });
    clients(world, { sessions: 50, rate: 1000, mix, ends: 10 * SECOND });
    world.sim.run(10 * SECOND);
    const total = counts[0]! + counts[1]!;
    const deviation = Math.sqrt(0.9 * 0.1 * total);
    expect(Math.abs(counts[1]! - 0.1 * total)).toBeLessThan(3 * deviation);
  });
});

describe('a closed loop', () => {
  test('runs, thinks, runs: n sessions make n / (think + service) a second', () => {
    const world = single();
    let done = 0;
    world.workload.acknowledged.observe((at) => {
      if (at >= SECOND) done++;
    });
    const think = 8 * MILLISECOND;
    clients(world, { sessions: 4, think: constant(think) });
    world.sim.run(11 * SECOND);
    expect(Math.abs(done - (10 * 4 * SECOND) / (think + SERVICE))).toBeLessThanOrEqual(4);
  });

  test('it arrives when it starts: latency is service', () => {
    const world = single();
    world.workload.acknowledged.observe((_, __, ___, latency, service) => {
      expect(latency).toBe(service);
    });
    clients(world, { sessions: 3 });
    world.sim.run(SECOND);
    expect(world.workload.acknowledged.count).toBeGreaterThan(100);
  });

  test('with a connection for each transaction nothing stays open', () => {
    const world = single();
    let highest = 0;
    world.events.connections.observe((_, __, count) => {
      highest = Math.max(highest, count);
    });
    const options = { sessions: 1, connectionPerTransaction: true, think: constant(SECOND) };
    clients(world, options);
    world.sim.run(10.5 * SECOND);
    expect(highest).toBe(1);
    expect(world.workload.connected.count).toBe(world.workload.invoked.count);
    expect(world.workload.acknowledged.count).toBeGreaterThan(8);
  });
});
