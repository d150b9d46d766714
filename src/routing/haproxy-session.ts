/**
 * One session through HAProxy in TCP mode: a client's connection, one to a server, and a process
 * that passes messages on between them.
 *
 * Kept: the choice of a server, the queue with its time limit, retries with their pause of a second
 * after a refusal, redispatch, the end of both connections when either ends, after so long a
 * silence, or when the server is marked down. Any message restarts the clocks of both sides, so the
 * shorter of `timeout client` and `timeout server` counts (stconn.h, without independent-streams).
 * Left out: half-closed connections, buffers (a side that reads slowly does not slow the other).
 * Source: HAProxy src/backend.c: back_try_conn_req, back_handle_st_cer, back_handle_st_req;
 * include/haproxy/stream.h: stream_choose_redispatch; src/stream.c: stream_shutdown_self.
 */
import { connect, Endpoint, LINUX_SOCKET, type Packet, splice } from '../hardware/tcp.ts';
import { type Mailbox, type Nanoseconds, NEVER, type Process, SECOND } from '../kernel/index.ts';
import type { WireMessage } from '../postgres/statement.ts';
import type { HaproxyBackend } from './haproxy-backend.ts';
import type { HaproxyServer } from './haproxy-server.ts';

/** The wait before the same server is tried again; `timeout connect` if that is shorter. */
const TURN_AROUND = SECOND;

export class HaproxySession {
  /** HAProxy's end of the client's connection; both ends of the session share its inbox. */
  readonly client: Endpoint<WireMessage>;
  private server: Endpoint<WireMessage> | null = null;
  private assigned: HaproxyServer | null = null;
  private readonly backend: HaproxyBackend;
  private readonly inbox: Mailbox<Packet<WireMessage>>;
  private dead = false;

  constructor(backend: HaproxyBackend, client: Endpoint<WireMessage>) {
    this.backend = backend;
    this.client = client;
    this.inbox = client.inbox;
  }

  /**
   * Messages go both ways until either side ends or is silent for too long. Where nothing of that
   * takes time or has to be watched, the kernel passes them on (`option splice-auto`).
   */
  *run(): Process {
    const { inbox, backend } = this;
    const { sim, host, relayCost, idleLimit } = backend;
    this.server = yield* this.open();
    if (this.server && relayCost === 0 && idleLimit === NEVER) {
      splice(this.client, this.server, backend.group);
    }
    let silentAt = sim.now + idleLimit;
    while (this.server && !this.dead) {
      const packet = inbox.take();
      if (packet === undefined) {
        if (sim.now >= silentAt) break;
        yield inbox.receive(silentAt);
      } else if (packet.ending) break;
      else {
        if (relayCost > 0) yield host.cpu.serve(relayCost);
        const other = packet.endpoint === this.client ? this.server : this.client;
        other.send(packet.message!, packet.bytes ?? 0);
        silentAt = sim.now + idleLimit;
      }
    }
    this.closeBoth();
    this.leaveServer();
    backend.ended(this);
  }

  /** The server is down, and its sessions are to end with it. */
  shutDown(): void {
    this.dead = true;
    this.inbox.nudge();
  }

  /** What the kernel does for a process that is gone. */
  closeBoth(): void {
    this.client.close();
    this.server?.close();
  }

  /** A connection to a server, or null: the client is turned away. */
  private *open() {
    const { sim, network, host, settings } = this.backend;
    const patience = settings['timeout connect'] ?? NEVER;
    if (!(yield* this.choose())) return null;
    for (let retry = 0; !this.dead; retry++) {
      const target = this.assigned!.target;
      const endpoint = new Endpoint(host, this.inbox, LINUX_SOCKET);
      const deadline = sim.now + patience;
      const result = yield* connect(network, endpoint, target.host, target.listener, deadline);
      if (typeof result !== 'string') return result;
      if (this.dead || retry >= settings.retries) return null;
      if (!(yield* this.prepareRetry(retry + 1, result === 'refused', patience))) return null;
    }
    return null;
  }

  /** Chooses again where redispatch says so, and pauses before the same server after a refusal. */
  private *prepareRetry(retry: number, refused: boolean, patience: Nanoseconds) {
    const { sim, settings, serversUp } = this.backend;
    const again =
      settings.redispatch &&
      (!this.assigned!.check.up || retry === settings.retries || serversUp > 1);
    if (refused && (!again || serversUp <= 1)) yield sim.hold(Math.min(TURN_AROUND, patience));
    if (!again) return true;
    this.leaveServer();
    return yield* this.choose();
  }

  /** False if no server is up, or none had room within `timeout queue`. */
  private *choose() {
    const { backend } = this;
    const { sim } = backend;
    const deadline = sim.now + backend.queueLimit;
    for (;;) {
      const choice = backend.choose();
      if (choice === 'no server') return false;
      if (choice !== 'queue') {
        this.assigned = choice;
        choice.sessions.add(this);
        return true;
      }
      if (sim.now >= deadline) return false;
      yield backend.room.wait(deadline);
    }
  }

  private leaveServer(): void {
    if (!this.assigned?.sessions.delete(this)) return;
    this.assigned = null;
    this.backend.room.fire();
  }
}
