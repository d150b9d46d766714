/**
 * A thread of a client program that serves many sessions: pgbench -j, a driver's event loop.
 *
 * Kept: a session that has an answer to read waits until the thread comes to it; the thread takes
 * all whose answers are there when it looks (poll), one after the other, and sends each its next
 * statement before it turns to the next; it keeps its core and its caches meanwhile. Left out: that
 * a long round is interrupted for others at the end of its slice.
 */
import type { Cores } from '../hardware/cores.ts';
import type { Nanoseconds, Process, ProcessId, Simulation } from '../kernel/index.ts';

interface Turn {
  readonly process: ProcessId;
  readonly ticket: number;
  readonly duration: Nanoseconds;
}

export class ClientThread {
  private readonly sim: Simulation;
  private readonly cpu: Cores;
  private ready: Turn[] = [];
  private process: ProcessId = -1;
  private idleTicket = -1;

  constructor(sim: Simulation, cpu: Cores) {
    this.sim = sim;
    this.cpu = cpu;
  }

  start(): void {
    this.process = this.sim.spawn(this.run());
  }

  /** `yield thread.serve(d)`: the running session goes on when the thread has worked d for it. */
  serve(duration: Nanoseconds): undefined {
    const { sim } = this;
    this.ready.push({ process: sim.running, ticket: sim.park(), duration });
    sim.wake(this.process, this.idleTicket);
  }

  private *run(): Process {
    const { sim, cpu } = this;
    for (;;) {
      const round = this.ready;
      if (round.length === 0) {
        this.idleTicket = sim.park();
        yield;
        this.idleTicket = -1;
        continue;
      }
      this.ready = [];
      let total = 0;
      for (const { duration } of round) total += duration;
      const end = cpu.visit(total);
      let at = end - total;
      for (const { process, ticket, duration } of round) {
        at += duration;
        sim.wakeAt(process, ticket, at);
      }
      yield sim.holdUntil(end);
    }
  }
}
