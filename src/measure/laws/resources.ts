import type { Nanoseconds } from '../../kernel/time.ts';
import type { Observed, ObservedServer } from '../observed.ts';
import { Breaches, isClose, type Law } from './law.ts';

/** The cores of each host were busy or idle, all of the time. */
export function busyAndIdleFillTheTime(run: Observed): Law {
  const { clock, hosts } = run;
  const since = clock.now;
  const before = hosts.map(({ cpu }) => cpu.served + cpu.idle);
  const offered = hosts.map(({ cpu }) => cpu.offered ?? 0);
  return {
    broken: () =>
      hosts.flatMap(({ name, cpu }, i) => {
        const accounted = cpu.served + cpu.idle - before[i]!;
        const passed =
          cpu.offered === undefined ? (clock.now - since) * cpu.servers : cpu.offered - offered[i]!;
        if (isClose(accounted, passed)) return [];
        return [
          `busy + idle = cores x time: the ${cpu.servers} cores of ${name} have an account of ` +
            `${accounted} ns in ${clock.now - since} ns`,
        ];
      }),
  };
}

/** What backends did adds up to the time for which they were there. */
export class WaitsFillConnections implements Law {
  private readonly run: Observed;
  private readonly connections: Float64Array;
  private readonly connected: Float64Array;
  private readonly changedAt: Float64Array;
  private readonly before: Float64Array;

  constructor(run: Observed) {
    this.run = run;
    const { instances, postgres, clock } = run;
    this.connections = Float64Array.from(instances, ({ server }) => [...server.backends].length);
    this.connected = new Float64Array(instances.length);
    this.changedAt = new Float64Array(instances.length).fill(clock.now);
    this.before = Float64Array.from(instances, ({ server }) => timeIn(server));
    postgres.connections.observe((at, server, count) => {
      this.pass(at, server);
      this.connections[server] = count;
    });
  }

  broken(): string[] {
    return this.run.instances.flatMap(({ server }, index) => {
      this.pass(this.run.clock.now, index);
      const waits = timeIn(server) - this.before[index]!;
      const connected = this.connected[index]!;
      if (isClose(waits, connected)) return [];
      return [
        `waits fill connections: the backends of ${server.name} were there for ${connected} ns ` +
          `in all, their wait events and CPU add up to ${waits} ns`,
      ];
    });
  }

  private pass(at: Nanoseconds, server: number): void {
    this.connected[server]! += this.connections[server]! * (at - this.changedAt[server]!);
    this.changedAt[server] = at;
  }
}

function timeIn(server: ObservedServer): number {
  for (const { wait } of server.backends) wait.settle();
  let sum = 0;
  for (let event = 0; event < server.waits.total.length; event++) sum += server.waits.total[event]!;
  return sum;
}

/** No event happens before one that came before it; clients' events are in `InFlight`'s care. */
export class ClockIsMonotone implements Law {
  private readonly breaches = new Breaches();
  private last: Nanoseconds;

  constructor({ clock, postgres }: Observed) {
    this.last = clock.now;
    const look = (at: Nanoseconds) => {
      if (at < this.last) {
        const { last } = this;
        this.breaches.add(at, 'clock', () => `the clock went back from ${last} ns to ${at} ns`);
      }
      this.last = at;
    };
    postgres.flushed.observe(look);
    postgres.state.observe(look);
  }

  broken(): string[] {
    return this.breaches.sentences();
  }
}
