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
 * Left out: windows and slow start, delayed acknowledgements, fast retransmit. Two files: `tcp.ts`
 * has connections and the handshake, `stream.ts` one direction of a connection.
 */
import {
  type Mailbox,
  MILLISECOND,
  type Nanoseconds,
  NEVER,
  type ProcessGroup,
  SECOND,
} from '../kernel/index.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import { Stream } from './stream.ts';

/** How a connection ended: closed by the peer, reset by its host, or given up by our own kernel. */
export type Ending = 'closed' | 'reset' | 'timed out';

/** What an inbox receives: a message for one endpoint, or the news that its connection ended. */
export interface Packet<M> {
  readonly endpoint: Endpoint<M>;
  readonly message: M | null;
  readonly ending: Ending | null;
  /** When it left the sender's network card. */
  readonly leaves: Nanoseconds;
  /** Its size; absent on what never crossed the network. */
  readonly bytes?: number;
  /** Where a splice passed it on; then `leaves` is when it leaves that host. */
  readonly via?: Endpoint<M> | null;
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

const SYN_RETRIES = 6; // net.ipv4.tcp_syn_retries
const FIN_BYTES = 40;
const SMALL_QUEUE = MILLISECOND;

/** One end of a connection. Whoever owns it reads its messages from the inbox that it gave. */
export class Endpoint<M> {
  readonly host: Host;
  readonly inbox: Mailbox<Packet<M>>;
  readonly options: SocketOptions;
  /** True once this end neither sends nor receives any more. */
  closed = false;
  peer!: Endpoint<M>;
  stream!: Stream<M>;
  /** Where messages go that arrive here, if no process has to see them; see `splice`. */
  splice: Splice<M> | null = null;
  /** Reset or timed out: the owner has been told, the peer will not be. */
  private lost = false;

  constructor(host: Host, inbox: Mailbox<Packet<M>>, options: SocketOptions) {
    this.host = host;
    this.inbox = inbox;
    this.options = options;
  }

  /** What reaches this end now is answered by a reset. */
  get gone(): boolean {
    return this.closed || this.lost;
  }

  /** Sends a message of so many bytes to the peer. Nothing happens on an ended connection. */
  send(message: M, bytes: number): void {
    if (!this.gone) this.stream.send(message, null, bytes);
  }

  /**
   * From when on what is sent next waits behind a millisecond of its own connection at most: more
   * Linux does not hand to the network card (tcp_output.c:tcp_small_queue_check), so that a bulk
   * transfer does not hold up all others. Who sends much waits for it.
   */
  get roomAt(): Nanoseconds {
    return this.stream.drainedAt - SMALL_QUEUE;
  }

  /** Closes in order: the peer gets all that was sent, then the news. */
  close(): void {
    if (this.closed) return;
    if (!this.peer.closed && !this.lost) this.stream.send(null, 'closed', FIN_BYTES);
    this.closed = true;
    if (this.peer.closed || this.lost) this.stream.forget();
  }

  /**
   * The host lost power: the connection is over on this side without a word to the peer. An owner
   * that is no process of the host, and so outlives it, finds a reset.
   */
  abandon(): void {
    this.end('reset', this.stream.now);
    this.closed = true;
    this.stream.drop();
  }

  /** The owner learns, at the given instant, that the connection has ended. */
  end(ending: Ending, at: Nanoseconds): void {
    if (this.gone) return;
    this.lost = true;
    this.inbox.send({ endpoint: this, message: null, ending, leaves: at, bytes: 0 }, at);
  }

  /** The reset that was to end the connection has been lost on its way. */
  resetLost(): void {
    this.lost = false;
  }
}

/** A process's two connections, joined in its kernel. */
export interface Splice<M> {
  readonly to: Endpoint<M>;
  readonly process: ProcessGroup;
}

/**
 * From now on a message that reaches one endpoint is passed on by the other at that instant, as by
 * splice(2): the process between them is not woken and costs nothing. It still gets the news of
 * endings, and every message that the next leg cannot take at once: a path that is closed, slow or
 * lossy, a stream that waits for a retransmission, a process that is stopped. A message that is on
 * the first leg when the process dies is passed on all the same: at most one delay late.
 */
export function splice<M>(a: Endpoint<M>, b: Endpoint<M>, process: ProcessGroup): void {
  a.splice = { to: b, process };
  b.splice = { to: a, process };
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
  /** Makes the server's end of a connection. */
  accept(host: Host): Endpoint<M>;
  /** The connection is established for the server at the given instant. */
  established(endpoint: Endpoint<M>, at: Nanoseconds): void;
}

export type Handshake = 'connected' | 'refused' | 'timed out';

/**
 * The client's part of the handshake: 'connected' after one round trip if somebody listens there,
 * 'refused' after one if nobody does, 'timed out' at the deadline or after the sixth SYN retry
 * (SYNs at 0, 1, 3, 7, 15, 31, 63 s; given up after 127 s; tcp(7), tcp_syn_retries).
 */
export function* handshake(
  network: Network,
  from: Host,
  to: Host,
  listening: () => boolean,
  deadline: Nanoseconds = NEVER,
): Generator<undefined, Handshake, undefined> {
  const { sim } = network;
  const there = network.path(from, to);
  const back = network.path(to, from);
  let next = sim.now;
  let wait = SECOND;
  for (let attempt = 0; attempt <= SYN_RETRIES; attempt++) {
    const sent = sim.now;
    if (there.open && !there.loses()) {
      yield sim.holdUntil(Math.min(deadline, sent + there.draw()));
      if (sim.now >= deadline) return 'timed out';
      if (there.openSince(sent) && back.open && !back.loses()) {
        const answered = sim.now;
        const accepted = listening();
        yield sim.holdUntil(Math.min(deadline, answered + back.draw()));
        if (sim.now >= deadline) return 'timed out';
        if (back.openSince(answered)) return accepted && listening() ? 'connected' : 'refused';
      }
    }
    next += wait;
    wait *= 2;
    yield sim.holdUntil(Math.min(deadline, next));
    if (sim.now >= deadline) return 'timed out';
  }
  return 'timed out';
}

export type ConnectResult<M> = Endpoint<M> | 'refused' | 'timed out';

/** Connects the running process's client endpoint to a host; durations as of the handshake. */
export function* connect<M>(
  network: Network,
  client: Endpoint<M>,
  to: Host,
  listenerOf: () => Listener<M> | undefined,
  deadline: Nanoseconds = NEVER,
): Generator<undefined, ConnectResult<M>, undefined> {
  const listening = () => listenerOf() !== undefined;
  const result = yield* handshake(network, client.host, to, listening, deadline);
  if (result !== 'connected') return result;
  const listener = listenerOf()!;
  join(network, client, listener.accept(to));
  const acknowledged = network.sim.now + network.path(client.host, to).draw();
  listener.established(client.peer, acknowledged);
  return client;
}
