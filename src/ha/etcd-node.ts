/**
 * An etcd member on a host: the processes of `etcd/member.ts` with the network and the disk under
 * them, and the port on which clients call it and watch.
 *
 * Kept: what members and clients send crosses the network of their hosts; fsyncs go to the host's
 * disk, shared with whatever else lives there. A message between members that meets a closed path
 * is lost, as rafthttp drops what it cannot send.
 */
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import type { Service } from '../hardware/service.ts';
import { Endpoint, LINUX_SOCKET, type Listener, type Packet } from '../hardware/tcp.ts';
import { Mailbox, type Nanoseconds, type ProcessGroup } from '../kernel/index.ts';
import {
  type ClientRef,
  type Command,
  type EtcdConfig,
  EtcdMember,
  type PeerMessage,
  type Request,
  type Response,
  type Watch,
  type WatchEvent,
} from './etcd/index.ts';
import type { HaEvents } from './events.ts';
import { LEADER } from './patroni/keys.ts';
import type { NodeId, Persisted } from './raft/index.ts';

const MESSAGE_BYTES = 250;

/** Sees who holds the leader key, whichever member applies a change first. */
export class LeaderKeyObserver {
  private revision = 0;
  private readonly events: HaEvents;
  private readonly indexOf: (name: string) => number;

  constructor(events: HaEvents, indexOf: (name: string) => number) {
    this.events = events;
    this.indexOf = indexOf;
  }

  saw(event: WatchEvent): void {
    const { modRevision, value } = event.keyValue;
    if (modRevision <= this.revision) return;
    this.revision = modRevision;
    this.events.leaderKey.emit(event.type === 'put' ? this.indexOf(value) : -1);
  }
}

export class EtcdNode implements Service<Request, Response> {
  readonly name: string;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly member: EtcdMember;
  private readonly network: Network;
  private readonly leaderKey: LeaderKeyObserver;
  private readonly responders = new Map<ClientRef, (response: Response) => void>();
  private readonly connections = new Set<Endpoint<Response>>();
  private nextRef: ClientRef = 1;
  private peers: readonly EtcdNode[] = [];

  constructor(
    network: Network,
    events: HaEvents,
    name: string,
    host: Host,
    id: NodeId,
    members: readonly NodeId[],
    config: EtcdConfig,
    initial: Persisted<Command>,
    leaderKey: LeaderKeyObserver,
  ) {
    const { sim } = network;
    this.leaderKey = leaderKey;
    this.name = name;
    this.host = host;
    this.network = network;
    this.group = host.newGroup();
    const random = sim.random(`etcd/${name}`);
    this.member = new EtcdMember(
      sim,
      id,
      members,
      config,
      host.disk,
      random,
      {
        send: (to, message) => this.send(to, message),
        reply: (ref, response) => this.reply(ref, response),
        leadership: (leader, term) => {
          if (leader === id) events.etcdLeader.emit(id - 1, term);
        },
      },
      initial,
    );
    host.onPowerOff(() => this.stopped());
    host.onPowerOn(() => this.start());
  }

  /** The members know each other from now on, in the order of their ids. */
  connect(nodes: readonly EtcdNode[]): void {
    this.peers = nodes;
  }

  start(): void {
    if (this.member.isUp) return;
    this.member.start(this.group);
    const ref = this.nextRef++;
    this.responders.set(ref, (response) => {
      if (response.type !== 'watch-events') return;
      for (const event of response.events) this.leaderKey.saw(event);
    });
    this.member.submit(ref, { type: 'watch', key: LEADER });
  }

  /** The process is gone; its kernel closes its connections. */
  crash(): void {
    this.group.kill();
    for (const endpoint of this.connections) endpoint.close();
    this.stopped();
  }

  get listening(): boolean {
    return this.member.isUp;
  }

  handle(request: Request, respond: (response: Response) => void): void {
    const ref = this.nextRef++;
    this.responders.set(ref, (response) => {
      this.responders.delete(ref);
      respond(response);
    });
    this.member.submit(ref, request);
  }

  /** Where a client connects to watch; its events come through the connection. */
  watchListener(request: Watch): Listener<Response> | undefined {
    if (!this.listening) return undefined;
    return {
      options: LINUX_SOCKET,
      accept: (host) =>
        new Endpoint(host, new Mailbox<Packet<Response>>(this.network.sim), LINUX_SOCKET),
      established: (endpoint, at) => this.watch(endpoint, request, at),
    };
  }

  private watch(endpoint: Endpoint<Response>, request: Watch, at: Nanoseconds): void {
    const ref = this.nextRef++;
    this.connections.add(endpoint);
    this.responders.set(ref, (response) => {
      if (endpoint.peer.closed) {
        this.responders.delete(ref);
        this.connections.delete(endpoint);
        this.member.submit(ref, { type: 'cancel-watch' });
        endpoint.close();
      } else endpoint.send(response, MESSAGE_BYTES);
    });
    this.member.submit(ref, request, at);
  }

  private reply(ref: ClientRef, response: Response): void {
    this.responders.get(ref)?.(response);
  }

  private send(to: NodeId, message: PeerMessage): void {
    const peer = this.peers[to - 1]!;
    const path = this.network.path(this.host, peer.host);
    if (!path.open || path.loses()) return;
    const at = path.leave(MESSAGE_BYTES) + path.draw();
    if (peer.listening) peer.member.deliver(message, at);
    else this.member.unreachable(to);
  }

  private stopped(): void {
    this.member.crash();
    this.responders.clear();
    this.connections.clear();
  }
}
