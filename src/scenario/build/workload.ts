/** Client groups and what they connect to, from a scenario. */
import type { Host } from '../../hardware/host.ts';
import { LINUX_SOCKET, type SocketOptions } from '../../hardware/tcp.ts';
import { NEVER, SECOND } from '../../kernel/index.ts';
import type { Instance } from '../../replication/instance.ts';
import type { Haproxy } from '../../routing/haproxy.ts';
import type { ConnectionOptions, Target, TargetSessionAttrs } from '../../routing/libpq.ts';
import { ClientGroup, type WorkloadContext } from '../../workload/clients.ts';
import type { Script } from '../../workload/script.ts';
import { toDistribution } from '../law.ts';
import type { ConnectTarget, LibpqTarget, Scenario } from '../model.ts';
import { freeHostName } from './machines.ts';

/** What clients can connect to. */
export interface Destinations {
  readonly instances: ReadonlyMap<string, Instance>;
  readonly haproxy: Haproxy | null;
}

export function buildClients(
  context: WorkloadContext,
  scenario: Scenario,
  hosts: ReadonlyMap<string, Host>,
  destinations: Destinations,
  scripts: ReadonlyMap<string, Script>,
): ClientGroup[] {
  let firstSession = 0;
  return [...scenario.workload.clients.values()].map((spec, index) => {
    const host = hosts.get(spec.host ?? freeHostName('clients', spec.zone))!;
    const group = new ClientGroup(context, {
      name: spec.name,
      index,
      host,
      sessions: spec.count,
      firstSession,
      rate: spec.rate,
      think: spec.think && toDistribution(spec.think),
      mix: spec.run.map(({ transaction, weight }) => ({
        script: scripts.get(transaction)!,
        weight,
      })),
      connection: connectionOptions(spec.connect, destinations),
      connectionPerTransaction: spec.connection === 'per-transaction',
      prepared: spec.protocol === 'prepared',
      starts: spec.starts,
      ends: spec.ends ?? NEVER,
      reconnect: toDistribution(spec.reconnect),
      cpu: spec.cpu && toDistribution(spec.cpu),
      threads: spec.threads,
      retry: spec.retry && { ...spec.retry, wait: toDistribution(spec.retry.wait) },
    });
    firstSession += spec.count;
    return group;
  });
}

function connectionOptions(target: ConnectTarget, to: Destinations): ConnectionOptions {
  const plain = (targets: readonly Target[]): ConnectionOptions => ({
    targets,
    targetSessionAttrs: 'any',
    loadBalanceHosts: false,
    connectTimeout: 0,
    socket: LINUX_SOCKET,
  });
  switch (target.kind) {
    case 'server':
      return plain([targetOf(to.instances.get(target.server)!)]);
    case 'group':
      return plain(target.servers.map((name) => targetOf(to.instances.get(name)!)));
    case 'haproxy':
      return plain([to.haproxy!.target(target.frontend)]);
    case 'hosts':
      return {
        targets: target.hosts.map((name) => targetOf(to.instances.get(name)!)),
        targetSessionAttrs: target.target_session_attrs as TargetSessionAttrs,
        loadBalanceHosts: target.load_balance_hosts === 'random',
        connectTimeout: target.connect_timeout ?? 0,
        socket: socketOf(target),
      };
    default:
      throw new Error(`${target.kind} is not built`);
  }
}

function targetOf({ server }: Instance): Target {
  return { host: server.host, listener: () => server.listener };
}

/** libpq sets keepalives unless told not to; unset times are the kernel's. */
function socketOf(target: LibpqTarget): SocketOptions {
  return {
    userTimeout: target.tcp_user_timeout ?? 0,
    keepaliveIdle: target.keepalives
      ? (target.keepalives_idle ?? LINUX_SOCKET.keepaliveIdle)
      : NEVER_PROBED,
    keepaliveInterval: target.keepalives_interval ?? LINUX_SOCKET.keepaliveInterval,
    keepaliveCount: target.keepalives_count ?? LINUX_SOCKET.keepaliveCount,
  };
}

/** A year: longer than any run. */
const NEVER_PROBED = 365 * 24 * 3600 * SECOND;
