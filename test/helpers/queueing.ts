import { expect } from 'vitest';
import {
  Latch,
  type Process,
  Processor,
  Random,
  SharingStation,
  Simulation,
  Station,
} from '../../src/kernel/index.ts';
import { BatchMeans } from './batch-means.ts';
import { expectClose, PopulationMeter } from './laws.ts';

/** The unit of time in which the published tables are simulated: 1 "second" is 10 ms here. */
export const UNIT = 10_000_000;

export type Discipline = 'station' | 'processor' | 'sharing' | 'latch';

export interface OpenQueue {
  readonly name: string;
  /** Poisson arrivals per unit of time. */
  readonly arrivalRate: number;
  readonly servers: number;
  /** Draws a service in nanoseconds. */
  readonly service: (random: Random) => number;
  readonly customers: number;
  readonly discipline?: Discipline;
  /** Refuse who finds this many inside. */
  readonly capacity?: number;
  /** The share of customers who will be let in, at least. */
  readonly admitted?: number;
  /** Count how many sojourns, or waits, are longer than this (in units). */
  readonly sojournBound?: number;
  readonly waitBound?: number;
}

/**
 * The standard error of the mean wait, as a share of it, that n customers leave in heavy traffic
 * (Whitt, "Planning queueing simulations", 1989): sqrt(2 (1 + cv2) / n) / (1 - rho).
 */
function heavyTrafficError(rho: number, squaredVariation: number, n: number): number {
  return Math.sqrt((2 * (1 + squaredVariation)) / n) / (1 - rho);
}

/** Enough customers for a third of a percent; at least two million, and no more than time has. */
export function customersFor(rho: number, squaredVariation: number): number {
  const relative = heavyTrafficError(rho, squaredVariation, 1) / (rho > 0.9 ? 0.01 : 0.0033);
  return Math.round(Math.min(8_000_000, Math.max(2_000_000, relative * relative)));
}

/**
 * How far from the exact value a run may be: 1 % up to a utilisation of 0.9, 3 % above, and where
 * not even eight million customers can know it so well, three standard errors.
 */
export function shareFor(rho: number, squaredVariation: number): number {
  const error = heavyTrafficError(rho, squaredVariation, customersFor(rho, squaredVariation));
  return rho <= 0.9 ? 0.01 : Math.max(0.03, rho > 0.96 ? 3 * error : 0);
}

/**
 * Customers come, are served by one of the kernel's stations, and go. Each is a process of its own;
 * every run is held to the operational laws before its numbers are looked at.
 */
export class OpenQueueRun {
  readonly sojourn: BatchMeans;
  readonly wait: BatchMeans;
  readonly anyWait: BatchMeans;
  readonly longSojourns: BatchMeans;
  readonly longWaits: BatchMeans;
  readonly refused: BatchMeans;
  readonly meter: PopulationMeter;
  private readonly queue: OpenQueue;
  private readonly sim = new Simulation();
  private readonly random: Random;
  private readonly place: Station | SharingStation | Latch;
  private readonly discipline: Discipline;
  private work = 0;

  constructor(queue: OpenQueue) {
    this.queue = queue;
    this.random = new Random(queue.name);
    this.meter = new PopulationMeter(this.sim, queue.servers);
    this.discipline = queue.discipline ?? 'station';
    this.place = this.build(this.discipline);
    const admitted = queue.customers * (queue.admitted ?? 1);
    this.sojourn = new BatchMeans(admitted);
    this.wait = new BatchMeans(admitted);
    this.anyWait = new BatchMeans(admitted);
    this.longSojourns = new BatchMeans(admitted);
    this.longWaits = new BatchMeans(admitted);
    this.refused = new BatchMeans(queue.customers);
    this.sim.spawn(this.source());
    this.sim.run(2 ** 52); // until the last has left
    this.checkLaws();
    this.checkWork();
  }

  /** Served per unit of time. */
  get throughput(): number {
    return (this.meter.departures / this.meter.time) * UNIT;
  }

  private *source(): Process {
    const { arrivalRate, capacity = Number.POSITIVE_INFINITY, customers } = this.queue;
    for (let i = 0; i < customers; i++) {
      yield this.sim.hold(this.random.exponential(UNIT / arrivalRate));
      const full = this.meter.arrivals - this.meter.departures >= capacity;
      this.refused.add(full ? 1 : 0);
      if (!full) this.sim.spawn(this.customer());
    }
    this.checkLaws();
  }

  private *customer(): Process {
    const { sojournBound = 0, waitBound = 0, service } = this.queue;
    const arrivedAt = this.sim.now;
    this.meter.arrive();
    const duration = service(this.random);
    this.work += duration;
    const { place } = this;
    if (place instanceof Latch) {
      if (place.taken()) yield;
      yield this.sim.hold(duration);
      place.release();
    } else yield place.serve(duration);
    this.meter.depart(arrivedAt);
    const sojourn = (this.sim.now - arrivedAt) / UNIT;
    const wait = (this.sim.now - arrivedAt - duration) / UNIT;
    this.sojourn.add(sojourn);
    this.wait.add(wait);
    this.anyWait.add(wait > 0 ? 1 : 0);
    this.longSojourns.add(sojourn > sojournBound ? 1 : 0);
    this.longWaits.add(wait > waitBound ? 1 : 0);
    if (this.refused.count === this.queue.customers && this.meter.inside === 0) this.sim.stop();
  }

  private build(discipline: Discipline): Station | SharingStation | Latch {
    const { sim } = this;
    const { servers } = this.queue;
    if (discipline === 'latch') return new Latch(sim, servers);
    if (discipline === 'sharing') return new SharingStation(sim, servers);
    if (discipline === 'processor') return new Processor(sim, servers, UNIT / 100);
    return new Station(sim, servers);
  }

  /** Little's law and the balance of the servers' time; holds at any instant. */
  private checkLaws(): void {
    this.meter.checkLittle();
    if (!(this.place instanceof Station)) return;
    const { served, idle, servers } = this.place;
    expectClose(served + idle, servers * this.meter.time, 'busy + idle = servers x time');
    if (this.discipline === 'station') this.meter.checkStation(this.place);
  }

  /** When all have left, the servers were busy for just the work that was brought. */
  private checkWork(): void {
    expect(this.meter.inside).toBe(0);
    // under processor sharing each departure is rounded up to a whole nanosecond
    const rounding = this.discipline === 'sharing' ? this.meter.departures : 0;
    const difference = Math.abs(this.meter.busyArea - this.work);
    expect(difference, 'busy time = work brought').toBeLessThanOrEqual(rounding + 1e-9 * this.work);
  }
}
