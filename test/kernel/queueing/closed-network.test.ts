import { describe, expect, test } from 'vitest';
import { type Process, Random, Simulation, Station } from '../../../src/kernel/index.ts';
import { BatchMeans } from '../../helpers/batch-means.ts';
import { expectEstimate, PopulationMeter } from '../../helpers/laws.ts';
import { type ClosedStation, convolution, meanValueAnalysis } from '../../helpers/mva.ts';

const MS = 1_000_000;

const ms = (service: number, servers = 1): ClosedStation => ({ service, servers });

// stations, think time in ms, customers, throughput per second, response in ms
const NETWORKS: [ClosedStation[], number, number, number, number][] = [
  [[ms(5)], 0, 5, 200, 25],
  [[ms(10)], 1000, 50, 49.06953, 18.9622],
  [[ms(10)], 1000, 105, 95.17392, 103.243],
  [[ms(5), ms(8)], 0, 10, 124.5712, 80.2754],
  [[ms(5), ms(8)], 100, 20, 120.7874, 65.5802],
  [[ms(5), ms(4), ms(3)], 50, 30, 199.0244, 100.735],
  [[ms(20, 4)], 100, 20, 158.2305, 26.3979],
  [[ms(20, 4)], 100, 26, 187.4294, 38.7189],
  [[ms(20, 4), ms(3)], 50, 15, 176.2892, 35.0875],
  [[ms(10, 8), ms(4), ms(2, 120)], 500, 120, 222.5057, 39.312],
];

/** Customers think, visit each station in turn, and think again. */
class ClosedNetwork {
  readonly response: BatchMeans;
  readonly sim = new Simulation();
  readonly meters: PopulationMeter[];
  readonly stations: Station[];
  readonly whole: PopulationMeter;
  completed = 0;
  private readonly random: Random;
  private readonly services: readonly ClosedStation[];
  private readonly think: number;
  private readonly goal: number;

  constructor(services: readonly ClosedStation[], think: number, customers: number, goal: number) {
    this.services = services;
    this.think = think;
    this.goal = goal;
    this.random = new Random(`closed ${JSON.stringify(services)} ${think} ${customers}`);
    this.response = new BatchMeans(goal);
    this.stations = services.map(({ servers }) => new Station(this.sim, servers));
    this.meters = services.map(({ servers }) => new PopulationMeter(this.sim, servers));
    this.whole = new PopulationMeter(this.sim, customers);
    for (let i = 0; i < customers; i++) this.sim.spawn(this.customer());
    this.sim.run(2 ** 52);
  }

  get throughput(): number {
    return (this.completed / this.sim.now) * 1_000 * MS;
  }

  private *customer(): Process {
    const { sim, random } = this;
    for (;;) {
      if (this.think > 0) yield sim.hold(random.exponential(this.think * MS));
      const began = sim.now;
      this.whole.arrive();
      for (let i = 0; i < this.stations.length; i++) {
        const came = sim.now;
        this.meters[i]!.arrive();
        yield this.stations[i]!.serve(random.exponential(this.services[i]!.service * MS));
        this.meters[i]!.depart(came);
      }
      this.whole.depart(began);
      this.response.add((sim.now - began) / MS);
      if (++this.completed === this.goal) sim.stop();
    }
  }
}

describe('closed network', () => {
  test.each(NETWORKS)('%j, think %d ms, %i customers', { timeout: 60_000 }, (...network) => {
    const [stations, think, customers, throughput, response] = network;
    const exact = meanValueAnalysis(stations, think, customers);
    const again = convolution(stations, think, customers);
    expect(exact.throughput / again.throughput).toBeCloseTo(1, 9);
    expect(exact.throughput * 1_000).toBeCloseTo(throughput, 3);
    expect(exact.response / response).toBeCloseTo(1, 5);

    const run = new ClosedNetwork(stations, think, customers, 1_000_000);
    expectEstimate('R', run.response, exact.response, 0.01);
    expect(Math.abs(run.throughput / throughput - 1)).toBeLessThan(0.005);
    run.whole.checkLittle();
    run.stations.forEach((station, i) => {
      run.meters[i]!.checkLittle();
      run.meters[i]!.checkStation(station);
      const utilisation = (exact.throughput * stations[i]!.service) / stations[i]!.servers;
      expect(run.meters[i]!.utilisation / utilisation).toBeCloseTo(1, 1.7);
    });
  });

  test('without think time the one server is never idle', () => {
    const run = new ClosedNetwork([ms(5)], 0, 5, 100_000);
    expect(run.stations[0]!.idle).toBe(0);
    expect(run.stations[0]!.served).toBe(run.sim.now);
  });
});
