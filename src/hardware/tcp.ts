/**
 * TCP as its users see it: a connection is two streams that deliver messages in order, late rather
 * than never, until one side gives up.
 *
 * Kept: the handshake with its SYN retries; a lost packet costs a retransmission time-out (Linux:
 * smoothed round trip + 200 ms, doubled each time up to 120 s) and everything behind it waits; a
 * closed path stalls the stream, which resumes at the first retransmission after the path opens;
 * TCP_USER_TIMEOUT or 15 retransmissions end it; keepalives find a silent peer; a crashed process's
 * connections are closed by its kernel after what it had sent; a host that lost power says nothing,
 * and resets what reaches it after its boot. (Linux tcp_timer.c, tcp_output.c; tcp(7).)
 * Left out: windows and slow start, delayed acknowledgements, fast retransmit.
 */
import {
  type Mailbox,
  MILLISECOND,
  type Nanoseconds,
  NEVER,
  type Process,
  SECOND,
  type Simulation,
} from '../kernel/index.ts';
import type { Host } from './host.ts';
import type { Network, Path, Traffic } from './network.ts';

/** How a connection ended: closed by the peer, reset by its host, or given up by our own kernel. */
export type Ending = 'closed' | 'reset' | 'timed out';

/** What an inbox receives: a message for one endpoint, or the news that its connection ended. */
export interface Packet<M> {
  readonly endpoint: Endpoint<M>;
  readonly message: M | null;
  readonly ending: Ending | null;
  /** When it left the sender's network card. */
  readonly leaves: Nanoseconds;
}

export interface SocketOptions {
  /** TCP_USER_TIMEOUT: how long sent data may stay unacknowledged. 0: 15 retransmissions. */
  readonly userTimeout: Nanoseconds;
  /** Keepalive: first probe after so long a silence, then probes at an interval, so many. */
  readonly keepaliveIdle: Nanoseconds;
  readonly keepaliveInterval: Nanoseconds;
  readonly keepaliveCount: number;
}

/** Linux's defaults (tcp(7)): tcp_keepalive_time, _intvl, _probes. */
export const LINUX_SOCKET: SocketOptions = {
  userTimeout: 0,
  keepaliveIdle: 7200 * SECOND,
  keepaliveInterval: 75 * SECOND,
  keepaliveCount: 9,
};

const RTO_MIN = 200 * MILLISECOND;
const RTO_MAX = 120 * SECOND;
const RETRIES = 15; // net.ipv4.tcp_retries2
const SYN_RETRIES = 6; // net.ipv4.tcp_syn_retries

/** One end of a connection. Whoever owns it reads its messages from the inbox that it gave. */
export class Endpoint<M> {
  readonly host: Host;
  readonly inbox: Mailbox<Packet<M>>;
  readonly options: SocketOptions;
  /** True once this end neither sends nor receives any more. */
  closed = false;
  peer!: Endpoint<M>;
  stream!: Stream<M>;
  /** Reset or timed out: the owner has been told, the peer will not be. */
  private lost = false;

  constructor(host: Host, inbox: Mailbox<Packet<M>>, options: SocketOptions) {
    this.host = host;
    this.inbox = inbox;
    this.options = options;
  }

  /** Sends a message of so many bytes to the peer. Nothing happens on a closed connection. */
  send(message: M, bytes: number): void {
    if (!this.closed) this.stream.send(message, null, bytes);
  }

  /** Closes in order: the peer gets all that was sent, then the news. */
  close(): void {
    if (this.closed) return;
    if (!this.peer.closed && !this.lost) this.stream.send(null, 'closed', 40);
    this.closed = true;
    if (this.peer.closed || this.lost) this.stream.forget();
  }

  /** The connection is over on this side without a word to the peer: a lost host, a time-out. */
  abandon(): void {
    this.closed = true;
    this.stream.drop();
  }

  /** The owner learns, at the given instant, that the connection has ended. */
  end(ending: Ending, at: Nanoseconds): void {
    if (this.closed || this.lost) return;
    this.lost = true;
    this.inbox.send({ endpoint: this, message: null, ending, leaves: at }, at);
  }
}

/** One direction of a connection. */
class Stream<M> implements Traffic {
  private readonly sim: Simulation;
  private readonly path: Path;
  private readonly reverse: Path;
  private readonly sender: Endpoint<M>;
  private readonly receiver: Endpoint<M>;
  private lastArrival: Nanoseconds = 0;
  /** Since when the first unacknowledged packet has been lost; NEVER while all goes well. */
  private stalledAt: Nanoseconds = NEVER;
  private backlog: Packet<M>[] = [];
  private probing = false;

  constructor(network: Network, sender: Endpoint<M>, receiver: Endpoint<M>) {
    this.sim = network.sim;
    this.path = network.path(sender.host, receiver.host);
    this.reverse = network.path(receiver.host, sender.host);
    this.sender = sender;
    this.receiver = receiver;
    this.path.traffic.add(this);
    this.reverse.traffic.add(this);
  }

  send(message: M | null, ending: Ending | null, bytes: number): void {
    const { sim, path } = this;
    const leaves = path.leave(bytes);
    const packet: Packet<M> = { endpoint: this.receiver, message, ending, leaves };
    if (this.stalledAt !== NEVER || !path.open) {
      this.backlog.push(packet);
      this.stall(sim.now);
    } else if (this.receiver.closed) this.reset(sim.now);
    else {
      let at = leaves + path.draw();
      for (let rto = this.rto; path.loses(); rto = Math.min(2 * rto, RTO_MAX)) at += rto;
      this.deliver(packet, at);
      if (!this.reverse.open) this.stall(sim.now);
    }
  }

  /** What is on the way is dropped, and acknowledgements on their way back are too. */
  pathClosed(): void {
    const now = this.sim.now;
    if (this.path.open && this.reverse.open) return;
    const senderLost = this.sender.host.state === 'off';
    if (senderLost) this.sender.abandon();
    if (!this.path.open) {
      const lost = this.receiver.inbox.withdraw((packet) => packet.endpoint === this.receiver);
      if (lost.length > 0 && !senderLost) {
        this.backlog.unshift(...lost);
        this.stall(now);
      }
    } else if (senderLost) {
      // Packets that have left arrive; what was still in the host's buffers does not.
      this.receiver.inbox.withdraw((p) => p.endpoint === this.receiver && p.leaves > now);
    }
    if (senderLost) return;
    if (this.lastArrival + this.reverse.meanDelay > now) this.stall(now);
    if (!this.probing && !this.sender.closed) this.sim.spawn(this.probe());
  }

  /** The stream goes on at the first retransmission that comes through. */
  pathOpened(): void {
    if (this.stalledAt === NEVER || !this.path.open || !this.reverse.open) return;
    let at = this.stalledAt;
    for (let rto = this.rto; at < this.sim.now; rto = Math.min(2 * rto, RTO_MAX)) at += rto;
    const packets = this.backlog;
    this.backlog = [];
    this.stalledAt = NEVER;
    if (this.receiver.closed) this.reset(at);
    else
      for (const packet of packets) this.deliver({ ...packet, leaves: at }, at + this.path.draw());
  }

  /** Nothing of this stream is wanted any more. */
  drop(): void {
    this.backlog = [];
    this.stalledAt = NEVER;
    this.unregister();
  }

  /** Both ends are closed: neither direction has anything to deliver any more. */
  forget(): void {
    this.unregister();
    this.receiver.stream.unregister();
  }

  private unregister(): void {
    this.path.traffic.delete(this);
    this.reverse.traffic.delete(this);
  }

  private get rto(): Nanoseconds {
    return RTO_MIN + Math.round(this.path.meanDelay + this.reverse.meanDelay);
  }

  /** Streams deliver in order: nothing overtakes what was sent before. */
  private deliver(packet: Packet<M>, at: Nanoseconds): void {
    if (at > this.lastArrival) this.lastArrival = at;
    this.receiver.inbox.send(packet, this.lastArrival);
  }

  private reset(at: Nanoseconds): void {
    this.sender.end('reset', at + this.path.draw() + this.reverse.draw());
  }

  private stall(since: Nanoseconds): void {
    if (this.stalledAt !== NEVER) return;
    this.stalledAt = since;
    this.sim.spawn(this.giveUp(since));
  }

  /** Ends the connection on the sender's side if its data stays unacknowledged for too long. */
  private *giveUp(since: Nanoseconds): Process {
    yield this.sim.hold(this.sender.options.userTimeout || this.patience());
    if (this.stalledAt !== since) return;
    this.sender.end('timed out', this.sim.now);
    this.drop();
  }

  private patience(): Nanoseconds {
    let total = 0;
    let rto = this.rto;
    for (let retry = 0; retry <= RETRIES; retry++, rto = Math.min(2 * rto, RTO_MAX)) total += rto;
    return total;
  }

  /** Keepalive, from the last time that the path closed: a silent peer is given up. */
  private *probe(): Process {
    const { keepaliveIdle, keepaliveInterval, keepaliveCount } = this.sender.options;
    this.probing = true;
    yield this.sim.hold(keepaliveIdle);
    const silent = !(this.path.open && this.reverse.open);
    if (silent) yield this.sim.hold(keepaliveInterval * keepaliveCount);
    this.probing = false;
    if (this.sender.closed) return;
    if (this.path.open && this.reverse.open) {
      if (this.receiver.closed) this.reset(this.sim.now);
    } else if (silent) {
      this.sender.end('timed out', this.sim.now);
      this.drop();
    }
  }
}

/** Makes a connection between two endpoints that exists from now on: no handshake. */
export function join<M>(network: Network, client: Endpoint<M>, server: Endpoint<M>): void {
  client.peer = server;
  server.peer = client;
  client.stream = new Stream(network, client, server);
  server.stream = new Stream(network, server, client);
}

/** Where a host takes connections on a port: the queue of those not accepted yet. */
export interface Listener<M> {
  readonly options: SocketOptions;
  /** Makes the server's end, at the instant at which the client's SYN arrives. */
  accept(host: Host): Endpoint<M>;
  /** The connection is established for the server at the given instant. */
  established(endpoint: Endpoint<M>, at: Nanoseconds): void;
}

export type ConnectResult<M> = Endpoint<M> | 'refused' | 'timed out';

/**
 * Connects the running process's client endpoint to a host: one round trip if somebody listens
 * there, 'refused' after one if nobody does, 'timed out' at the deadline or after the sixth SYN
 * retry (1, 3, 7, 15, 31, 63 s; given up after 127 s).
 */
export function* connect<M>(
  network: Network,
  client: Endpoint<M>,
  to: Host,
  listenerOf: () => Listener<M> | undefined,
  deadline: Nanoseconds = NEVER,
): Generator<undefined, ConnectResult<M>, undefined> {
  const { sim } = network;
  const there = network.path(client.host, to);
  const back = network.path(to, client.host);
  let retryAfter = SECOND;
  for (let attempt = 0; attempt <= SYN_RETRIES; attempt++, retryAfter *= 2) {
    const sent = sim.now;
    const next = Math.min(deadline, sent + retryAfter);
    if (there.open && !there.loses()) {
      yield sim.holdUntil(Math.min(deadline, sent + there.draw()));
      if (sim.now >= deadline) return 'timed out';
      if (there.openSince(sent) && back.open && !back.loses()) {
        const listener = listenerOf();
        yield sim.holdUntil(Math.min(deadline, sim.now + back.draw()));
        if (sim.now >= deadline) return 'timed out';
        if (back.openSince(sent)) {
          if (!listener || listenerOf() !== listener) return 'refused';
          join(network, client, listener.accept(to));
          listener.established(client.peer, sim.now + there.draw());
          return client;
        }
      }
    }
    yield sim.holdUntil(next);
    if (sim.now >= deadline) return 'timed out';
  }
  return 'timed out';
}
