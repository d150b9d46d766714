/** HAProxy, from a scenario: with Patroni its REST API tells the roles, else the file does. */
import type { HaEvents } from '../../ha/events.ts';
import type { Host } from '../../hardware/host.ts';
import type { Network } from '../../hardware/network.ts';
import { MICROSECOND } from '../../kernel/index.ts';
import type { Instance } from '../../replication/instance.ts';
import { Haproxy, type HaproxyServerOptions } from '../../routing/haproxy.ts';
import type { Scenario } from '../model.ts';
import type { Cluster } from './cluster.ts';
import { freeHostName } from './machines.ts';

/** Reading a message and writing it again: two system calls. */
const RELAY_COST = 10 * MICROSECOND;

export function buildHaproxy(
  network: Network,
  events: HaEvents,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
  cluster: Cluster,
): Haproxy | null {
  const { haproxy: spec } = scenario;
  if (!spec) return null;
  const host = hosts.get(spec.host ?? freeHostName('haproxy', spec.zone))!;
  const instances = [...cluster.instances.values()];
  const isPrimary = ({ server }: Instance) => scenario.servers.get(server.name)!.standbyOf === null;
  const managed = cluster.agents.size > 0;
  const line = (instance: Instance, inService: boolean): HaproxyServerOptions => ({
    name: instance.server.name,
    index: instance.server.index,
    target: { host: instance.server.host, listener: () => instance.server.listener },
    check: cluster.agents.get(instance.server.name)?.api.status ?? null,
    inService,
  });
  const primaries = managed ? instances : instances.filter(isPrimary);
  const replicas = managed ? instances : instances.filter((each) => !isPrimary(each));
  const haproxy = new Haproxy(network, events, {
    host,
    settings: spec.settings,
    relayCost: spec.host === null ? 0 : RELAY_COST,
    servers: {
      primary: primaries.map((each) => line(each, isPrimary(each))),
      replica: replicas.map((each) => line(each, !isPrimary(each))),
    },
  });
  haproxy.beginInService();
  return haproxy;
}
