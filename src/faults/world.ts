import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import type { ProcessGroup, Simulation, Topic } from '../kernel/index.ts';
import type { Instance } from '../replication/instance.ts';
import type { FaultTarget } from './fault.ts';

/** Something on a host that can be killed and started: an agent, a proxy, a server. */
export interface Program {
  readonly host: Host;
  readonly group: ProcessGroup;
  /** SIGKILL; the kernel closes its connections. */
  crash(): void;
  /** Starts it if it does not run. */
  start(): void;
  /** Ends it in order and starts it again; null: killing and starting is all there is to it. */
  readonly restart: (() => void) | null;
}

/** What faults can reach. */
export interface FaultWorld {
  readonly sim: Simulation;
  readonly network: Network;
  /** One for each run; makes faults of the same kind on the same thing add up. */
  readonly overlaps: Overlaps;
  /**
   * The machines of a target, in the order of their indices: of a zone all, those of clients and
   * proxies included.
   */
  hostsOf(target: FaultTarget): readonly Host[];
  /** What runs under the target's name; null for machines, zones and clients. */
  programOf(target: FaultTarget): Program | null;
  instance(server: string): Instance;
  /** `patronictl switchover`; null: whoever leads, whom Patroni chooses. */
  requestSwitchover(from: string | null, to: string | null): void;
  /** A kind of event by its name. */
  topic(name: string): Topic<number[]> | undefined;
}

/** Faults that overlap: what two of them hold down stays down until both have ended. */
export class Overlaps {
  private readonly holds = new Map<string, Map<object, number>>();

  /** One more fault brings the thing into a state; true for the first. */
  enter(state: string, thing: object): boolean {
    const things = this.holds.get(state) ?? new Map<object, number>();
    this.holds.set(state, things);
    const count = (things.get(thing) ?? 0) + 1;
    things.set(thing, count);
    return count === 1;
  }

  /** One less; true for the last. */
  leave(state: string, thing: object): boolean {
    const things = this.holds.get(state)!;
    const count = things.get(thing)! - 1;
    things.set(thing, count);
    return count === 0;
  }
}

/** Each host of the targets once, in the order of the targets. */
export function hostsOfAll(world: FaultWorld, targets: readonly FaultTarget[]): Host[] {
  return [...new Set(targets.flatMap((target) => world.hostsOf(target)))];
}

/** Each program of the targets once. */
export function programsOf(world: FaultWorld, targets: readonly FaultTarget[]): Program[] {
  const found = targets.flatMap((target) => world.programOf(target) ?? []);
  return [...new Set(found)];
}
