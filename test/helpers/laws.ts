import { expect } from 'vitest';
import type { Simulation, Station } from '../../src/kernel/index.ts';

/**
 * Measures a population from outside, by its arrivals and departures alone: the area under N(t),
 * the time sums of those inside, and how many of c servers must have been busy.
 */
export class PopulationMeter {
  arrivals = 0;
  departures = 0;
  /** The integral of N(t) over time. */
  area = 0;
  /** The integral of min(N(t), servers) over time. */
  busyArea = 0;
  inside = 0;
  private since: number;
  private sojourns = 0; // of those who left
  private entries = 0; // the instants of arrival of those inside, added up
  private readonly start: number;
  private readonly sim: Simulation;
  private readonly servers: number;

  constructor(sim: Simulation, servers: number) {
    this.sim = sim;
    this.servers = servers;
    this.start = sim.now;
    this.since = sim.now;
  }

  arrive(): void {
    this.integrate();
    this.arrivals++;
    this.inside++;
    this.entries += this.sim.now;
  }

  depart(arrivedAt: number): void {
    this.integrate();
    this.departures++;
    this.inside--;
    this.entries -= arrivedAt;
    this.sojourns += this.sim.now - arrivedAt;
  }

  get time(): number {
    return this.sim.now - this.start;
  }

  get meanPopulation(): number {
    this.integrate();
    return this.area / this.time;
  }

  get utilisation(): number {
    this.integrate();
    return this.busyArea / (this.servers * this.time);
  }

  /** Little's law: area under N(t) = time spent inside, by those who left and those who did not. */
  checkLittle(): void {
    this.integrate();
    expect(this.arrivals, 'arrived = departed + inside').toBe(this.departures + this.inside);
    const spent = this.sojourns + this.inside * this.sim.now - this.entries;
    expectClose(this.area, spent, "Little's law: area under N(t) = sum of sojourn times");
  }

  /** The station's own account of its servers against what the population says about them. */
  checkStation(station: Station): void {
    this.integrate();
    expect(station.served + station.idle, 'busy + idle = servers x time').toBe(
      this.servers * this.time,
    );
    expectClose(station.served, this.busyArea, 'busy time = time with that many inside');
  }

  private integrate(): void {
    const passed = this.sim.now - this.since;
    this.area += this.inside * passed;
    this.busyArea += Math.min(this.inside, this.servers) * passed;
    this.since = this.sim.now;
  }
}

/** Equal to 1e-9 of their size: what is left to the rounding of long sums. */
export function expectClose(got: number, expected: number, law: string): void {
  const size = Math.max(Math.abs(got), Math.abs(expected), 1);
  expect(Math.abs(got - expected) / size, `${law}: ${got} and ${expected}`).toBeLessThan(1e-9);
}

/**
 * Within three standard errors, and within a share of the exact value. Of 180 comparisons one is
 * outside by chance (Student's t, 29 degrees of freedom), but streams are fixed by their names:
 * what has passed once can fail only by a change of what is simulated.
 */
export function expectEstimate(
  what: string,
  estimate: { mean: number; standardError: number },
  exact: number,
  share: number,
): void {
  const off = Math.abs(estimate.mean - exact);
  const text = `${what}: ${estimate.mean} ± ${estimate.standardError}, exactly ${exact}`;
  expect(off, `${text}, in standard errors`).toBeLessThanOrEqual(3 * estimate.standardError);
  expect(off / exact, `${text}, as a share`).toBeLessThanOrEqual(share);
}
