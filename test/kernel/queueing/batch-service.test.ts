import { describe, expect, test } from 'vitest';
import { type Process, Random, Signal, Simulation, Watermark } from '../../../src/kernel/index.ts';
import { BatchMeans } from '../../helpers/batch-means.ts';
import { expectClose, expectEstimate, PopulationMeter } from '../../helpers/laws.ts';

const SECOND = 1_000_000_000;
const MS = 1_000_000;

/**
 * Batch service without a bound: whoever comes during a batch is served by the next, and a batch
 * starts at once when the server is idle. The form of a group commit: a watermark and a server.
 */
class BatchService {
  readonly sim = new Simulation();
  readonly wait: BatchMeans;
  readonly startsFromIdle: BatchMeans;
  readonly meter = new PopulationMeter(this.sim, 1);
  batches = 0;
  busy = 0;
  private readonly random: Random;
  private readonly done = new Watermark(this.sim);
  private readonly work = new Signal(this.sim);
  private asked = 0;

  constructor(rate: number, length: number, customers: number) {
    this.random = new Random(`batches ${rate} ${length}`);
    this.wait = new BatchMeans(customers);
    this.startsFromIdle = new BatchMeans(customers);
    this.sim.spawn(this.server(length));
    this.sim.spawn(this.source(rate, customers));
    this.sim.run(2 ** 52);
  }

  private *source(rate: number, customers: number): Process {
    for (let i = 0; i < customers; i++) {
      yield this.sim.hold(this.random.exponential(SECOND / rate));
      this.sim.spawn(this.customer());
    }
    this.sim.stop();
  }

  private *customer(): Process {
    const cameAt = this.sim.now;
    this.meter.arrive();
    const position = ++this.asked;
    this.startsFromIdle.add(this.meter.inside === 1 ? 1 : 0);
    this.work.fire();
    if (this.done.below(position)) yield;
    this.meter.depart(cameAt);
    this.wait.add((this.sim.now - cameAt) / MS);
  }

  private *server(length: number): Process {
    for (;;) {
      while (this.done.value === this.asked) yield this.work.wait();
      const upTo = this.asked;
      this.batches++;
      yield this.sim.hold(length * MS);
      this.busy += length * MS;
      this.done.advance(upTo);
    }
  }
}

// arrivals per second, length of a batch in ms, batches per second, mean batch, P(idle), mean wait
const BATCHES = [
  [100, 1, 99.5186, 1.00484, 0.900481, 1.04976],
  [500, 1, 451.863, 1.10653, 0.548137, 1.22593],
  [1000, 1, 731.059, 1.36788, 0.268941, 1.36553],
  [5000, 1, 998.654, 5.00674, 0.00134578, 1.49933],
  [200, 5, 146.212, 1.36788, 0.268941, 6.82765],
  [700, 5, 198.289, 3.5302, 0.00855402, 7.47861],
  [50, 10, 45.1863, 1.10653, 0.548137, 12.2593],
  [400, 10, 99.5442, 4.01832, 0.00455804, 14.9772],
  [5000, 0.2, 3655.29, 1.36788, 0.268941, 0.273106],
  [20000, 0.5, 1999.99, 10, 4.54e-6, 0.749999],
] as const;

describe('batch service', () => {
  test.each(BATCHES)('%d per second, %d ms a batch', (...row) => {
    const [rate, length, batches, size, idle, wait] = row;
    const run = new BatchService(rate, length, 1_000_000);
    expectEstimate('wait', run.wait, wait, 0.01);
    const seconds = run.sim.now / SECOND;
    expect(Math.abs(run.batches / seconds / batches - 1)).toBeLessThan(0.005);
    expect(Math.abs(run.meter.arrivals / run.batches / size - 1)).toBeLessThan(0.005);
    // arrivals see time averages: as many find the server idle as it is idle
    const error = 3 * run.startsFromIdle.standardError;
    expect(Math.abs(run.startsFromIdle.mean - idle)).toBeLessThan(error + 1e-5);
    expect(Math.abs(1 - run.busy / run.sim.now - idle)).toBeLessThan(error + 1e-5);
    run.meter.checkLittle();
    // somebody is inside just when a batch is on its way
    const underway = run.meter.inside > 0 ? run.meter.busyArea - run.busy : 0;
    expect(underway).toBeLessThanOrEqual(length * MS);
    expectClose(run.busy + underway, run.meter.busyArea, 'batches = time with somebody inside');
  });
});

/** Waits for the k-th of n answers, which take exponential times of mean 1. */
function kthOfN(k: number, n: number, rounds: number, bound: number): [BatchMeans, BatchMeans] {
  const sim = new Simulation();
  const random = new Random(`${k} of ${n}`);
  const times = new BatchMeans(rounds);
  const late = new BatchMeans(rounds);
  function* answer(answers: Watermark): Process {
    yield sim.hold(random.exponential(MS));
    answers.advance(answers.value + 1);
  }
  function* asker(): Process {
    for (let i = 0; i < rounds; i++) {
      const began = sim.now;
      const answers = new Watermark(sim);
      for (let j = 0; j < n; j++) sim.spawn(answer(answers));
      if (answers.below(k)) yield;
      times.add((sim.now - began) / MS);
      late.add(sim.now - began > bound * MS ? 1 : 0);
    }
    sim.stop();
  }
  sim.spawn(asker());
  sim.run(2 ** 52);
  return [times, late];
}

// k, n, mean, P99
const ORDERS = [
  [1, 1, 1, 4.60517],
  [1, 2, 0.5, Math.LN10],
  [2, 2, 1.5, 5.29581],
  [1, 3, 0.333333, 1.53506],
  [2, 3, 0.833333, 2.83186],
  [3, 3, 1.83333, 5.70044],
  [4, 6, 0.95, 2.46829],
  [3, 5, 0.783333, 2.24772],
] as const;

describe('the k-th of n answers', () => {
  test.each(ORDERS)('%i of %i', (k, n, mean, p99) => {
    const [times, late] = kthOfN(k, n, 800_000, p99);
    expectEstimate('mean', times, mean, 0.01);
    expect(Math.abs(late.mean - 0.01)).toBeLessThan(3 * late.standardError);
  });
});
