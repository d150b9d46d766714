import type { HostSpec, Machine, Network } from '../model.ts';
import { naturalCompare, naturalEntries } from '../natural.ts';
import type { Path } from '../problem.ts';
import { type Context, unknownName } from './context.ts';
import { defaultMachine, machineFor } from './hardware.ts';

/** Where something says that it runs. */
export interface Placement {
  readonly zone?: string | undefined;
  readonly hardware?: string | undefined;
  readonly host?: string | undefined;
}

/** The machines that run: those that the file names, and one for each thing that names none. */
export class Hosts {
  private readonly context: Context;
  private readonly network: Network;
  private readonly machines: ReadonlyMap<string, Machine>;
  private readonly hosts = new Map<string, HostSpec>();
  private fallback: Machine | undefined;

  constructor(context: Context, network: Network, machines: ReadonlyMap<string, Machine>) {
    this.context = context;
    this.network = network;
    this.machines = machines;
    for (const [name, given] of naturalEntries(context.file.hosts ?? {}))
      this.hosts.set(name, this.make(['hosts', name], name, given, true));
  }

  /** All hosts in natural order. */
  all(): ReadonlyMap<string, HostSpec> {
    return new Map([...this.hosts].sort(([a], [b]) => naturalCompare(a, b)));
  }

  /** The host that a component names, or one of its own that has the component's name. */
  place(path: Path, given: Placement, ownName: string): HostSpec {
    if (given.host !== undefined) return this.named(path, given, given.host);
    const taken = this.hosts.get(ownName);
    if (taken?.named) {
      const why = `a host has this name too; say host: ${ownName} if it runs there`;
      this.context.findings.problem(path, why, { atKey: true });
    }
    const host = this.make(path, ownName, given, false);
    this.hosts.set(ownName, host);
    return host;
  }

  /** The zone that a component names, or the first one. */
  zone(path: Path, zone: string | undefined): string {
    const { zones } = this.network;
    if (zone !== undefined && zones.has(zone)) return zone;
    if (zone !== undefined)
      unknownName(this.context, [...path, 'zone'], zone, 'a zone', zones.keys());
    return zones.keys().next().value ?? 'a';
  }

  /** A host that the file names; null, and a problem, if there is none of that name. */
  find(path: Path, name: string): HostSpec | null {
    const host = this.hosts.get(name);
    if (host !== undefined) return host;
    unknownName(this.context, path, name, 'a host', this.hosts.keys());
    return null;
  }

  private named(path: Path, given: Placement, name: string): HostSpec {
    const host = this.find([...path, 'host'], name);
    if (host === null) return this.make(path, name, {}, true);
    const { findings } = this.context;
    if (given.zone !== undefined && given.zone !== host.zone)
      findings.problem([...path, 'zone'], `the host ${name} lies in zone ${host.zone}`);
    if (given.hardware !== undefined && given.hardware !== host.machine.name)
      findings.problem([...path, 'hardware'], `the host ${name} is a ${host.machine.name}`);
    return host;
  }

  private make(path: Path, name: string, given: Placement, named: boolean): HostSpec {
    return { name, zone: this.zone(path, given.zone), machine: this.machine(path, given), named };
  }

  private machine(path: Path, given: Placement): Machine {
    const { context, machines } = this;
    if (given.hardware === undefined || machines.has(given.hardware))
      return machineFor(context, machines, given.hardware);
    const at = [...path, 'hardware'];
    unknownName(context, at, given.hardware, 'hardware of this scenario', machines.keys());
    this.fallback ??= defaultMachine(context);
    return this.fallback;
  }
}
