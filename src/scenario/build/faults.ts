/** What the faults of a scenario reach, and whom they strike. */

import { BackendProgram } from '../../faults/backend-program.ts';
import type { FaultTarget } from '../../faults/fault.ts';
import { ServerProgram } from '../../faults/server-program.ts';
import { type FaultWorld, Overlaps, type Program } from '../../faults/world.ts';
import type { EtcdNode } from '../../ha/etcd-node.ts';
import type { PatroniAgent } from '../../ha/patroni/agent.ts';
import type { Host } from '../../hardware/host.ts';
import type { Network } from '../../hardware/network.ts';
import type { Simulation } from '../../kernel/index.ts';
import type { Haproxy } from '../../routing/haproxy.ts';
import type { Fault } from '../faults.ts';
import type { Scenario } from '../model.ts';
import type { Cluster } from './cluster.ts';
import { freeHostName } from './machines.ts';

export interface Reach {
  readonly sim: Simulation;
  readonly network: Network;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly cluster: Cluster;
  readonly haproxy: Haproxy | null;
}

export function faultWorld(scenario: Scenario, reach: Reach): FaultWorld {
  const { sim, network, hosts, cluster } = reach;
  const programs = programsOf(reach);
  return {
    sim,
    network,
    overlaps: new Overlaps(),
    hostsOf: (target) => hostNames(scenario, target, hosts).map((name) => hosts.get(name)!),
    programOf: (target) => programs.get(keyOf(target)) ?? null,
    instance: (server) => cluster.instances.get(server)!,
    requestSwitchover: (from, to) => switchoverAgent(cluster, from)?.requestSwitchover(from, to),
    topic: (name) => sim.trace.find(name),
  };
}

/** Whom patronictl asks: the leader as an agent that answers knows it, else that agent. */
function switchoverAgent({ agents }: Cluster, from: string | null): PatroniAgent | undefined {
  const answering = [...agents.values()].filter(({ alive, host }) => alive && host.state === 'up');
  const leader = from ?? answering.find(({ leads }) => leads)?.name;
  return answering.find(({ name }) => name === leader) ?? answering[0];
}

/** For each fault the servers that it strikes, by index. */
export function faultVictims(scenario: Scenario): number[][] {
  const servers = [...scenario.servers.values()];
  const struck = (targets: readonly FaultTarget[]) => {
    const names = new Set(targets.flatMap((target) => hostNames(scenario, target)));
    return servers.flatMap(({ host }, index) => (names.has(host) ? [index] : []));
  };
  return scenario.faults.map((fault) => struck(targetsOf(fault)));
}

/** Of a partition only the sides that are not the largest are struck. */
function targetsOf(fault: Fault): readonly FaultTarget[] {
  switch (fault.kind) {
    case 'partition':
      return smallerSides(fault.sides).flat();
    case 'cut':
      return [...fault.from, ...fault.to];
    case 'slow_network':
    case 'packet_loss':
      return [...fault.stretch.from, ...fault.stretch.to];
    case 'switchover':
    case 'bulk_load':
    case 'connection_storm':
      return [];
    default:
      return fault.targets;
  }
}

function smallerSides(sides: readonly (readonly FaultTarget[])[]): (readonly FaultTarget[])[] {
  const largest = Math.max(...sides.map((side) => side.length));
  const smaller = sides.filter((side) => side.length < largest);
  return smaller.length > 0 ? smaller : [...sides];
}

/** The machines of a target; of a zone also the free ones of clients and proxies. */
function hostNames(
  scenario: Scenario,
  target: FaultTarget,
  hosts: ReadonlyMap<string, { readonly zone: string }> = scenario.hosts,
): string[] {
  switch (target.kind) {
    case 'server':
    case 'backend':
    case 'patroni':
      return [scenario.servers.get(target.server)!.host];
    case 'etcd':
      return [scenario.etcd!.members.find(({ name }) => name === target.member)!.host];
    case 'haproxy':
      return [scenario.haproxy!.host ?? freeHostName('haproxy', scenario.haproxy!.zone)];
    case 'clients': {
      const group = scenario.workload.clients.get(target.group)!;
      return [group.host ?? freeHostName('clients', group.zone)];
    }
    case 'host':
      return [target.host];
    case 'zone':
      return [...hosts].filter(([, { zone }]) => zone === target.zone).map(([name]) => name);
    case 'pgbouncer':
      return [];
  }
}

/** Everything that can be killed, by the name of its target. */
function programsOf({ cluster, haproxy }: Reach): Map<string, Program> {
  const managed = cluster.agents.size > 0;
  const programs = new Map<string, Program>();
  for (const [server, instance] of cluster.instances) {
    programs.set(keyOf({ kind: 'server', server }), new ServerProgram(instance, managed));
    programs.set(keyOf({ kind: 'backend', server }), new BackendProgram(instance.server));
  }
  for (const [server, agent] of cluster.agents) {
    programs.set(keyOf({ kind: 'patroni', server }), killable(agent));
  }
  for (const [member, node] of cluster.etcd) {
    programs.set(keyOf({ kind: 'etcd', member }), killable(node));
  }
  if (haproxy) programs.set(keyOf({ kind: 'haproxy' }), killable(haproxy));
  return programs;
}

function keyOf(target: FaultTarget): string {
  const name = 'server' in target ? target.server : 'member' in target ? target.member : '';
  return `${target.kind} ${name}`;
}

/** Killing and starting is all there is to restarting it; what is off starts when it boots. */
function killable(program: PatroniAgent | EtcdNode | Haproxy): Program {
  return {
    host: program.host,
    group: program.group,
    crash: () => program.crash(),
    start: () => {
      if (program.host.state !== 'off') program.start();
    },
    restart: null,
  };
}
