import type { FaultTarget } from '../faults.ts';
import type { Machine, Scenario } from '../model.ts';
import type { Path } from '../problem.ts';
import { type Context, unknownName } from './context.ts';

/** The parts of a scenario that a fault can name. */
export type Named = Pick<
  Scenario,
  | 'network'
  | 'hardware'
  | 'servers'
  | 'groups'
  | 'etcd'
  | 'pgbouncer'
  | 'hosts'
  | 'patroni'
  | 'haproxy'
  | 'workload'
>;

/** Reads what faults strike: one name can stand for several targets where it is a group's. */
export class FaultTargets {
  private readonly context: Context;
  private readonly named: Named;

  constructor(context: Context, named: Named) {
    this.context = context;
    this.named = named;
  }

  /** Targets of a fault that strikes machines or processes, or (`zonesFirst`) the network. */
  read(path: Path, names: readonly string[], zonesFirst = false): FaultTarget[] {
    return names.flatMap((name, i) => {
      const found = this.lookUp(name, zonesFirst);
      if (found !== undefined) return found;
      const at = names.length > 1 ? [...path, i] : path;
      unknownName(this.context, at, name, 'anything that a fault can strike', this.names());
      return [];
    });
  }

  /** A target that must be one server. */
  server(path: Path, name: string): string | null {
    const { groups } = this.named;
    const members = groups.get(name) ?? [];
    if (members.length === 1) return members[0]!;
    if (members.length === 0) unknownName(this.context, path, name, 'a server', groups.keys());
    else {
      const why = `${name} is a group of ${members.length} servers; this fault strikes one`;
      this.context.findings.problem(path, why, { nearest: members[0]! });
    }
    return null;
  }

  /** A machine of the section `hardware`. */
  machine(path: Path, name: string): Machine | null {
    const { hardware } = this.named;
    const found = hardware.get(name);
    if (found === undefined)
      unknownName(this.context, path, name, 'a machine of hardware', hardware.keys());
    return found ?? null;
  }

  private lookUp(name: string, zonesFirst: boolean): FaultTarget[] | undefined {
    const { network, groups, hosts, haproxy } = this.named;
    const zone = network.zones.has(name) ? [{ kind: 'zone' as const, zone: name }] : undefined;
    if (zonesFirst && zone !== undefined) return zone;
    const members = groups.get(name);
    if (members !== undefined) return members.map((server) => ({ kind: 'server', server }));
    if (zone !== undefined) return zone;
    if (name === 'haproxy' && haproxy !== null) return [{ kind: 'haproxy' }];
    return this.part(name) ?? (hosts.has(name) ? [{ kind: 'host', host: name }] : undefined);
  }

  /** `pg1.backend`, `pg1.patroni`, `etcd.a`, `pgbouncer.P`, `clients.app`. */
  private part(name: string): FaultTarget[] | undefined {
    const [first, second, ...rest] = name.split('.');
    if (second === undefined || rest.length > 0) return undefined;
    const { groups, etcd, pgbouncer, patroni, workload } = this.named;
    if (second === 'backend')
      return groups.get(first!)?.map((server) => ({ kind: 'backend', server }));
    if (second === 'patroni' && patroni !== null)
      return groups.get(first!)?.map((server) => ({ kind: 'patroni', server }));
    if (first === 'etcd' && etcd?.members.some((member) => member.name === second))
      return [{ kind: 'etcd', member: second }];
    if (first === 'pgbouncer' && pgbouncer.has(second))
      return [{ kind: 'pgbouncer', pool: second }];
    if (first === 'clients' && workload.clients.has(second))
      return [{ kind: 'clients', group: second }];
    return undefined;
  }

  private names(): string[] {
    const { network, groups, etcd, pgbouncer, patroni, hosts, haproxy } = this.named;
    const servers = [...groups.keys()];
    const all = [
      ...servers,
      ...(patroni === null ? [] : servers.map((server) => `${server}.patroni`)),
      ...(etcd?.members ?? []).map((member) => `etcd.${member.name}`),
      ...[...pgbouncer.keys()].map((pool) => `pgbouncer.${pool}`),
      ...(haproxy === null ? [] : ['haproxy']),
      ...network.zones.keys(),
      ...hosts.keys(),
    ];
    return [...new Set(all)];
  }
}
