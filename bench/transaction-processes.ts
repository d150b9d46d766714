import { Latch, type Process, Random, Signal, Simulation, Watermark } from '../src/kernel/index.ts';
import { type Outcome, SEED, SESSIONS, type Workload } from './workload.ts';

/** The workload of `workload.ts` as generator processes: what the model looks like. */
export class TransactionProcesses implements Workload {
  readonly outcome: Outcome = { completed: 0, latencySum: 0, steps: 0 };
  private readonly sim = new Simulation();
  private readonly random = new Random(SEED);
  private readonly cpu = new Latch(this.sim, 4);
  private readonly log = new Latch(this.sim, 1);
  private readonly work = new Signal(this.sim);
  private readonly flushed = new Watermark(this.sim);
  private inserted = 0;
  private idle = false;

  constructor() {
    this.sim.spawn(this.flusher());
    for (let i = 0; i < SESSIONS; i++) this.sim.spawn(this.session());
  }

  advance(until: number): Outcome {
    this.sim.run(until);
    this.outcome.steps = this.sim.steps;
    return this.outcome;
  }

  private *session(): Process {
    const { sim, random, cpu, log, flushed, outcome } = this;
    for (;;) {
      const began = sim.now;
      if (cpu.taken()) yield;
      yield sim.hold(random.exponential(50_000));
      cpu.release();
      for (let page = 0; page < 3; page++) {
        yield sim.hold(random.uniform() < 0.95 ? 1_000 : random.exponential(100_000));
      }
      if (log.taken()) yield;
      yield sim.hold(2_000);
      log.release();
      const position = ++this.inserted;
      if (this.idle) this.work.fire();
      if (flushed.below(position)) yield;
      yield sim.hold(random.exponential(200_000));
      outcome.completed++;
      outcome.latencySum += sim.now - began;
    }
  }

  private *flusher(): Process {
    for (;;) {
      this.idle = true;
      while (this.inserted === this.flushed.value) yield this.work.wait();
      this.idle = false;
      const upTo = this.inserted;
      yield this.sim.hold(this.random.integer(100_000, 999_999));
      this.flushed.advance(upTo);
    }
  }
}
