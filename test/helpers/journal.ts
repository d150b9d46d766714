import type { Process, Simulation } from '../../src/kernel/index.ts';

/** What happened when, as lines `instant text`: the form in which small runs are compared. */
export class Journal {
  readonly lines: string[] = [];
  private readonly sim: Simulation;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  note(text: string): void {
    this.lines.push(`${this.sim.now} ${text}`);
  }

  /** A process that notes its name after each of the given waits. */
  *walker(name: string, waits: readonly number[]): Process {
    this.note(`${name} starts`);
    for (const wait of waits) {
      yield this.sim.hold(wait);
      this.note(name);
    }
  }
}
