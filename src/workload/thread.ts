/**
 * A thread of a client program that serves many sessions: pgbench -j, a driver's event loop.
 *
 * Kept: a session that has an answer to read waits until the thread comes to it; the thread takes
 * those whose answers are there when it looks (poll), one after the other, and sends each its next
 * statement before it turns to the next. The scheduler is fair by time, not by turns: while others
 * wait for a core too, a thread has it for as long as they have it at a time in the mean. What it
 * does for the first of a round is in the caches for the rest.
 */
import type { Cores } from '../hardware/cores.ts';
import type { Nanoseconds, Process, ProcessId, Simulation } from '../kernel/index.ts';
import { Queue } from './queue.ts';

interface Turn {
  readonly process: ProcessId;
  readonly ticket: number;
  readonly duration: Nanoseconds;
}

export class ClientThread {
  private readonly sim: Simulation;
  private readonly cpu: Cores;
  private readonly ready = new Queue<Turn>();
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
      if (this.ready.length === 0) {
        this.idleTicket = sim.park();
        yield;
        this.idleTicket = -1;
      }
      const round = this.round();
      const first = round[0]!.duration;
      let total = 0;
      for (const { duration } of round) total += duration;
      const end = cpu.visit(first, 0, total - first);
      let at = end - total;
      for (const { process, ticket, duration } of round) {
        at += duration;
        sim.wakeAt(process, ticket, at);
      }
      yield sim.holdUntil(end);
    }
  }

  /** Whom it serves before it looks again, at least one. */
  private round(): Turn[] {
    const { cpu, ready } = this;
    const isAlone = cpu.firstFree <= this.sim.now;
    let left = isAlone ? Number.POSITIVE_INFINITY : cpu.busyTime / cpu.visits;
    const round: Turn[] = [];
    for (let n = ready.length; n > 0 && left > 0; n--) {
      const turn = ready.shift()!;
      round.push(turn);
      left -= turn.duration;
    }
    return round;
  }
}
