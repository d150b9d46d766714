import { Disk } from '../../src/hardware/disk.ts';
import { Host } from '../../src/hardware/host.ts';
import { Network, type PathConditions } from '../../src/hardware/network.ts';
import { diskSpec, findDisk } from '../../src/hardware/presets/index.ts';
import {
  connect,
  Endpoint,
  LINUX_SOCKET,
  type Listener,
  type Packet,
  type SocketOptions,
} from '../../src/hardware/tcp.ts';
import {
  constant,
  Mailbox,
  MILLISECOND,
  type Process,
  Simulation,
} from '../../src/kernel/index.ts';

/** One way between any two hosts. */
export const DELAY = 10 * MILLISECOND;
/** The first retransmission: Linux's 200 ms and a round trip. */
export const RTO = 200 * MILLISECOND + 2 * DELAY;

export function hostNamed(sim: Simulation, name: string, index: number, nic = 1e18): Host {
  const disk = new Disk(sim, sim.random(`${name}/disk`), diskSpec(findDisk('nvme')!));
  const memoryBytes = 2 ** 34;
  return new Host(sim, {
    ...{ name, zone: name, index, cores: 2, disk, memoryBytes, nicBitsPerSecond: nic },
  });
}

export const PLAIN: PathConditions = {
  delay: constant(DELAY),
  loss: 0,
  bitsPerSecond: Number.POSITIVE_INFINITY,
};

export interface World {
  readonly sim: Simulation;
  readonly network: Network;
  readonly hosts: readonly Host[];
}

export function world(
  names: readonly string[],
  conditions: Partial<PathConditions> = {},
  seed = 1,
): World {
  const sim = new Simulation(seed);
  const hosts = names.map((name, i) => hostNamed(sim, name, i));
  return { sim, hosts, network: new Network(sim, hosts, () => ({ ...PLAIN, ...conditions })) };
}

/** A port that takes every connection and hands the server's ends over. */
export function listener<M>(
  sim: Simulation,
  options: SocketOptions = LINUX_SOCKET,
): Listener<M> & { readonly accepted: { endpoint: Endpoint<M>; at: number }[] } {
  const accepted: { endpoint: Endpoint<M>; at: number }[] = [];
  return {
    options,
    accepted,
    accept: (host) => new Endpoint(host, new Mailbox<Packet<M>>(sim), options),
    established: (endpoint, at) => accepted.push({ endpoint, at }),
  };
}

/** `instant what` for all that an endpoint's inbox gets, as long as the run lasts. */
export function* reader<M>(sim: Simulation, inbox: Mailbox<Packet<M>>, log: string[]): Process {
  for (;;) {
    const packet = inbox.take();
    if (packet === undefined) yield inbox.receive();
    else log.push(`${sim.now / MILLISECOND} ${packet.ending ?? packet.message}`);
  }
}

export interface Connection {
  readonly client: Endpoint<number>;
  readonly server: Endpoint<number>;
  readonly atClient: string[];
  readonly atServer: string[];
}

/** A connection between the first two hosts that stands by now, with a reader at each end. */
export function connected(
  { sim, network, hosts }: World,
  options: SocketOptions = LINUX_SOCKET,
): Connection {
  const port = listener<number>(sim, options);
  const client = new Endpoint<number>(hosts[0]!, new Mailbox(sim), options);
  sim.spawn(
    (function* () {
      yield* connect(network, client, hosts[1]!, () => port);
    })(),
  );
  sim.run(400 * MILLISECOND);
  const server = port.accepted[0]!.endpoint;
  const atClient: string[] = [];
  const atServer: string[] = [];
  sim.spawn(reader(sim, client.inbox, atClient), hosts[0]!.group);
  sim.spawn(reader(sim, server.inbox, atServer), hosts[1]!.group);
  return { client, server, atClient, atServer };
}

/** Does something at an instant, in milliseconds. */
export function at(sim: Simulation, milliseconds: number, act: () => void): void {
  sim.spawn(
    (function* (): Process {
      yield sim.holdUntil(milliseconds * MILLISECOND);
      act();
    })(),
  );
}
