import type { Interrupt, ProcessId, Simulation } from './simulation.ts';

/** Processes that live, freeze and die together: those of one host, or of one server. */
export class ProcessGroup {
  frozen = false;
  private readonly sim: Simulation;
  private readonly members = new Set<ProcessId>(); // a Set keeps the order of creation

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  add(process: ProcessId): void {
    this.members.add(process);
  }

  delete(process: ProcessId): void {
    this.members.delete(process);
  }

  /** Ends all members in the order of their creation. */
  kill(): void {
    for (const process of [...this.members]) this.sim.kill(process);
  }

  interrupt(interrupt: Interrupt): void {
    for (const process of [...this.members]) this.sim.interrupt(process, interrupt);
  }

  freeze(): void {
    this.frozen = true;
    for (const process of this.members) this.sim.freeze(process);
  }

  thaw(): void {
    this.frozen = false;
    for (const process of this.members) this.sim.thaw(process);
  }
}
