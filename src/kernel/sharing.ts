import type { Process, ProcessId, Simulation } from './simulation.ts';
import { type Nanoseconds, NEVER } from './time.ts';
import { Signal } from './waiting.ts';

interface Visit {
  readonly end: number; // in the station's own time
  readonly process: ProcessId;
  readonly ticket: number;
}

/**
 * Processor sharing: n servers divide their capacity evenly among all who are present, and nobody
 * gets more than one server's worth. It keeps a time of its own that runs as fast as each visitor
 * is served; a visit ends at a fixed instant of that time, whoever comes and goes meanwhile.
 */
export class SharingStation {
  private readonly sim: Simulation;
  private readonly servers: number;
  private readonly visits: Visit[] = []; // by end
  private readonly arrival: Signal;
  private ownTime = 0;
  private since: Nanoseconds = 0;

  constructor(sim: Simulation, servers: number) {
    this.sim = sim;
    this.servers = servers;
    this.arrival = new Signal(sim);
    sim.spawn(this.departures());
  }

  /** `yield station.serve(d)`: the running process goes on when it has received service d. */
  serve(duration: Nanoseconds): undefined {
    this.catchUp();
    const end = this.ownTime + duration;
    let at = this.visits.length;
    while (at > 0 && this.visits[at - 1]!.end > end) at--;
    this.visits.splice(at, 0, { end, process: this.sim.running, ticket: this.sim.park() });
    this.arrival.fire();
  }

  private get rate(): number {
    return Math.min(1, this.servers / this.visits.length);
  }

  private catchUp(): void {
    if (this.visits.length === 0)
      this.ownTime = 0; // keeps it small, and so exact
    else this.ownTime += (this.sim.now - this.since) * this.rate;
    this.since = this.sim.now;
  }

  private *departures(): Process {
    for (;;) {
      const next = this.visits[0];
      const left = next ? Math.ceil((next.end - this.ownTime) / this.rate) : NEVER;
      yield this.arrival.wait(this.sim.now + left);
      this.catchUp();
      while (this.visits.length > 0 && this.visits[0]!.end <= this.ownTime + 1e-6) {
        const { process, ticket } = this.visits.shift()!;
        this.sim.wake(process, ticket);
      }
    }
  }
}
