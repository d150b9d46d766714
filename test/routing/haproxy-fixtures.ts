import { HaEvents } from '../../src/ha/events.ts';
import type { RestPath } from '../../src/ha/patroni/rest.ts';
import type { Host } from '../../src/hardware/host.ts';
import type { Network } from '../../src/hardware/network.ts';
import type { Service } from '../../src/hardware/service.ts';
import { connect, Endpoint, LINUX_SOCKET, type Packet } from '../../src/hardware/tcp.ts';
import {
  Mailbox,
  MILLISECOND,
  NEVER,
  type Process,
  SECOND,
  type Simulation,
} from '../../src/kernel/index.ts';
import type { WireMessage } from '../../src/postgres/statement.ts';
import { type FrontendName, Haproxy } from '../../src/routing/haproxy.ts';
import type { HaproxySettings } from '../../src/routing/haproxy-settings.ts';
import type { Target } from '../../src/routing/libpq.ts';
import { world } from '../hardware/network-fixtures.ts';

/** Patroni's template (extras/confd/templates/haproxy.tmpl). */
export const TEMPLATE: HaproxySettings = {
  ...{ inter: 3 * SECOND, fastinter: null, downinter: null, fall: 3, rise: 2 },
  ...{ 'timeout check': 5 * SECOND, 'timeout connect': 4 * SECOND, 'timeout queue': null },
  ...{ 'timeout client': 1800 * SECOND, 'timeout server': 1800 * SECOND },
  ...{ 'on-marked-down': 'shutdown-sessions', 'on-marked-up': 'none', balance: 'roundrobin' },
  ...{ maxconn: null, retries: 2, redispatch: false, slowstart: 0 },
};

/** A server that answers each statement at once, and a REST API beside it. */
export class Backend {
  readonly name: string;
  readonly host: Host;
  /** What the API answers to each path. */
  readonly status: Partial<Record<RestPath, number>>;
  /** Whether the API, or the port of the server, is listened on. */
  apiListens = true;
  listens = true;
  readonly agent;
  readonly connections: Endpoint<WireMessage>[] = [];
  private readonly sim: Simulation;

  constructor(sim: Simulation, host: Host, primary: boolean) {
    this.sim = sim;
    this.name = host.name;
    this.host = host;
    this.agent = host.newGroup();
    this.status = primary
      ? { '/primary': 200, '/replica': 503 }
      : { '/primary': 503, '/replica': 200 };
  }

  get rest(): Service<RestPath, number> {
    const backend = this;
    return {
      host: this.host,
      group: this.agent,
      get listening() {
        return backend.apiListens && backend.host.state === 'up';
      },
      handle: (path, respond) => respond(this.status[path] ?? 503),
    };
  }

  get target(): Target {
    const listener = {
      options: LINUX_SOCKET,
      accept: (host: Host) => new Endpoint(host, this.newInbox(), LINUX_SOCKET),
      established: (endpoint: Endpoint<WireMessage>) => {
        this.connections.push(endpoint);
        this.host.spawn(this.serve(endpoint));
      },
    };
    return { host: this.host, listener: () => (this.listens ? listener : undefined) };
  }

  private newInbox() {
    return new Mailbox<Packet<WireMessage>>(this.sim);
  }

  private *serve(endpoint: Endpoint<WireMessage>): Process {
    for (;;) {
      const packet = endpoint.inbox.take();
      if (packet === undefined) yield endpoint.inbox.receive();
      else if (packet.ending) return endpoint.close();
      else endpoint.send({ type: 'complete' }, 100);
    }
  }
}

export interface ProxyWorld {
  readonly sim: Simulation;
  readonly network: Network;
  readonly proxy: Haproxy;
  readonly clients: Host;
  readonly backends: readonly Backend[];
  /** `instant frontend server up` in milliseconds. */
  readonly changes: [number, number, number, number][];
}

/** Clients, a proxy and three servers on hosts of their own, 10 ms from each other; pg1 leads. */
export function proxyWorld(
  settings: Partial<HaproxySettings> = {},
  options: { seed?: number; patroni?: boolean; relayCost?: number } = {},
): ProxyWorld {
  const names = ['app', 'proxy', 'pg1', 'pg2', 'pg3'];
  const { sim, network, hosts } = world(names, {}, options.seed ?? 1);
  const events = new HaEvents(sim.trace);
  const backends = hosts.slice(2).map((host, i) => new Backend(sim, host, i === 0));
  const changes: [number, number, number, number][] = [];
  events.routed.observe((at, frontend, server, up) => {
    changes.push([at / MILLISECOND, frontend, server, up]);
  });
  const patroni = options.patroni ?? true;
  const lines = (frontend: FrontendName) =>
    backends.flatMap((backend, index) => {
      const inService = (index === 0) === (frontend === 'primary');
      if (!patroni && !inService) return [];
      const { name, target } = backend;
      return [{ name, index, target, check: patroni ? backend.rest : null, inService }];
    });
  const proxy = new Haproxy(network, events, {
    host: hosts[1]!,
    settings: { ...TEMPLATE, ...settings },
    relayCost: options.relayCost ?? 0,
    servers: { primary: lines('primary'), replica: lines('replica') },
  });
  proxy.beginInService();
  return { sim, network, proxy, clients: hosts[0]!, backends, changes };
}

export interface Client {
  endpoint: Endpoint<WireMessage> | null;
  /** `instant what` in milliseconds: how connecting went, then all that came. */
  readonly log: string[];
}

const ASK: WireMessage = {
  ...{
    type: 'statement',
    verb: 'select',
    relation: null,
    key: 0,
    prepared: false,
    commit: null,
    details: null,
    usage: null,
  },
};

/** A client that connects at an instant, asks once at each further one, and logs what it gets. */
export function client(
  { sim, network, proxy, clients }: ProxyWorld,
  frontend: FrontendName,
  milliseconds: number,
  asks: readonly number[] = [],
): Client {
  const inbox = new Mailbox<Packet<WireMessage>>(sim);
  const endpoint = new Endpoint(clients, inbox, LINUX_SOCKET);
  const made: Client = { endpoint: null, log: [] };
  const say = (what: string) => made.log.push(`${sim.now / MILLISECOND} ${what}`);
  function* talk(): Process {
    yield sim.holdUntil(milliseconds * MILLISECOND);
    const target = proxy.target(frontend);
    const result = yield* connect(network, endpoint, target.host, target.listener);
    say(typeof result === 'string' ? result : 'connected');
    if (typeof result === 'string') return;
    made.endpoint = result;
    let next = 0;
    for (;;) {
      const packet = inbox.take();
      const askAt = (asks[next] ?? NEVER) * MILLISECOND;
      if (packet) {
        say(packet.ending ?? packet.message!.type);
        if (packet.ending) return endpoint.close();
      } else if (sim.now >= askAt) {
        next++;
        endpoint.send(ASK, 100);
      } else yield inbox.receive(askAt);
    }
  }
  sim.spawn(talk(), clients.group);
  return made;
}
