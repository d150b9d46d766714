/**
 * A thread of a client program that serves many sessions: pgbench -j, a driver's event loop.
 *
 * Kept: pgbench's passes over its sessions (pgbench.c:threadRun). One reads the answers that are
 * there when it looks (poll) and sends the sessions' next statements; whose transaction has ended
 * begins the next one in a pass of its own, which comes before the thread looks again. pgbench's
 * latency is from the one turn to the other: what a session waits between its transactions is in
 * no latency. The scheduler is fair by time, not by turns: while others wait for a core too, a
 * thread has it for as long as they have it at a time in the mean, and goes on with its pass when
 * it has a core again. What it does for the first of a pass is in the caches for the rest.
 */
import type { Cores } from '../hardware/cores.ts';
import type { Nanoseconds, Process, ProcessId, Simulation } from '../kernel/index.ts';
import { Queue } from './queue.ts';

/** Its passes, as kinds of visits of a core. */
const ANSWERED = 0;
const BEGINNING = 1;

export interface Turn {
  readonly process: ProcessId;
  readonly ticket: number;
  readonly duration: Nanoseconds;
  /** When the thread has done it, from its beginning on. */
  ends: Nanoseconds;
}

export class ClientThread {
  private readonly sim: Simulation;
  private readonly cpu: Cores;
  /** Sessions with an answer to read, and those that begin a transaction. */
  private readonly answered = new Queue<Turn>();
  private readonly beginning = new Queue<Turn>();
  /** Those of the pass that it is in who have not had their turn. */
  private readonly pass = new Queue<Turn>();
  /** What it does in this pass, for the caches: reading answers, or beginning transactions. */
  private kind: number = ANSWERED;
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
    this.ask(this.answered, duration);
  }

  /**
   * `const turn = thread.begin(d); yield;`: the running session, which begins a transaction, goes
   * on when its turn comes, and can send when `turn.ends`.
   */
  begin(duration: Nanoseconds): Turn {
    return this.ask(this.beginning, duration);
  }

  /** The running session waits for its turn. */
  private ask(queue: Queue<Turn>, duration: Nanoseconds): Turn {
    const { sim } = this;
    const turn = { process: sim.running, ticket: sim.park(), duration, ends: 0 };
    queue.push(turn);
    sim.wake(this.process, this.idleTicket);
    return turn;
  }

  private *run(): Process {
    const { sim, cpu } = this;
    for (;;) {
      if (this.answered.length + this.beginning.length + this.pass.length === 0) {
        this.idleTicket = sim.park();
        yield;
        this.idleTicket = -1;
      }
      const turns = this.turns();
      const first = turns[0]!.duration;
      let total = 0;
      for (const { duration } of turns) total += duration;
      const before = cpu.busyTime;
      const end = cpu.visit(first, this.kind, total - first);
      let at = end - (cpu.busyTime - before);
      let lost = end - total - at;
      for (const turn of turns) {
        turn.ends = at + turn.duration + lost;
        sim.wakeAt(turn.process, turn.ticket, this.kind === ANSWERED ? turn.ends : at);
        at = turn.ends;
        lost = 0;
      }
      yield sim.holdUntil(end);
    }
  }

  /** Whom it serves before others have the core, at least one; those of a new pass, if need be. */
  private turns(): Turn[] {
    if (this.pass.length === 0) {
      const next = this.beginning.length > 0 ? this.beginning : this.answered;
      this.kind = next === this.beginning ? BEGINNING : ANSWERED;
      while (next.length > 0) this.pass.push(next.shift()!);
    }
    const turns: Turn[] = [];
    for (let left = this.quantum(); left > 0 && this.pass.length > 0; ) {
      const turn = this.pass.shift()!;
      turns.push(turn);
      left -= turn.duration;
    }
    return turns;
  }

  /** For how long it has a core: while nobody else wants one, for as long as it likes. */
  private quantum(): Nanoseconds {
    const { cpu } = this;
    const isAlone = cpu.firstFree <= this.sim.now;
    return isAlone ? Number.POSITIVE_INFINITY : cpu.busyTime / cpu.visits;
  }
}
