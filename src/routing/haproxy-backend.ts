/**
 * A frontend of HAProxy with its one backend, as in Patroni's template: a port that clients connect
 * to, servers, and for each server a process that checks it.
 *
 * Kept: what a change of health does (events, sessions shut down, queued ones look again), first
 * checks apart from each other. Source: HAProxy src/server.c: srv_update_status; src/check.c.
 */
import type { HaEvents } from '../ha/events.ts';
import type { RestPath } from '../ha/patroni/rest.ts';
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import { Endpoint, LINUX_SOCKET, type Listener, type Packet } from '../hardware/tcp.ts';
import {
  Mailbox,
  type Nanoseconds,
  NEVER,
  type Process,
  type ProcessGroup,
  type Random,
  Signal,
  type Simulation,
} from '../kernel/index.ts';
import type { WireMessage } from '../postgres/statement.ts';
import { HaproxyServer, type HaproxyServerOptions } from './haproxy-server.ts';
import { HaproxySession } from './haproxy-session.ts';
import type { HaproxySettings } from './haproxy-settings.ts';
import { type Backend, chooseServer, usableServers } from './haproxy-state.ts';
import { afterCheck, interval } from './health-check.ts';

/** The two ports of Patroni's template, in the order of the events' frontend numbers. */
export const FRONTENDS = ['primary', 'replica'] as const;
export type FrontendName = (typeof FRONTENDS)[number];

/** What both frontends share. */
export interface HaproxyContext {
  readonly network: Network;
  readonly events: HaEvents;
  readonly host: Host;
  readonly group: ProcessGroup;
  readonly settings: HaproxySettings;
  /** CPU time of the host for each message; 0: the proxy costs nothing. */
  readonly relayCost: Nanoseconds;
}

export class HaproxyBackend implements Listener<WireMessage> {
  readonly name: FrontendName;
  readonly sim: Simulation;
  readonly network: Network;
  readonly host: Host;
  readonly settings: HaproxySettings;
  readonly relayCost: Nanoseconds;
  readonly options = LINUX_SOCKET;
  readonly servers: readonly HaproxyServer[];
  /** Silence after which a session ends, and how long one waits for room on a server. */
  readonly idleLimit: Nanoseconds;
  readonly queueLimit: Nanoseconds;
  /** Fired when a session leaves a server or a server comes up: who is queued looks again. */
  readonly room: Signal;
  readonly sessions = new Set<HaproxySession>();
  private readonly context: HaproxyContext;
  private readonly random: Random;
  private readonly path: RestPath;
  private balancing: Backend;
  private accepted: Mailbox<HaproxySession>;

  constructor(
    context: HaproxyContext,
    name: FrontendName,
    servers: readonly HaproxyServerOptions[],
  ) {
    const { settings } = context;
    this.context = context;
    this.name = name;
    this.path = `/${name}`;
    this.network = context.network;
    this.sim = context.network.sim;
    this.host = context.host;
    this.settings = settings;
    this.relayCost = context.relayCost;
    const { 'timeout client': client, 'timeout server': server } = settings;
    this.idleLimit = Math.min(client ?? NEVER, server ?? NEVER);
    this.queueLimit = settings['timeout queue'] ?? settings['timeout connect'] ?? NEVER;
    this.servers = servers.map((each) => new HaproxyServer(each, settings));
    this.balancing = { balance: settings.balance, servers: this.servers, credits: [] };
    this.random = this.sim.random(`haproxy/${name}`);
    this.room = new Signal(this.sim);
    this.accepted = new Mailbox(this.sim);
  }

  /** The proxy's processes. */
  get group(): ProcessGroup {
    return this.context.group;
  }

  get serversUp(): number {
    return usableServers(this.balancing).length;
  }

  /** The next connection's server, why there is none, or that all are full. */
  choose(): HaproxyServer | 'queue' | 'no server' {
    const choice = chooseServer(this.balancing, this.random.uniform());
    if (choice.kind !== 'server') return choice.kind;
    this.balancing = choice.backend;
    return this.servers[choice.index]!;
  }

  /** In service for long: each check somewhere in its interval. */
  beginInService(): void {
    this.listen();
    for (const server of this.servers) {
      const random = this.sim.random(`haproxy/${this.name}/${server.name}`);
      const phase = random.integer(0, interval(server.check, this.settings) - 1);
      this.host.spawn(this.checks(server, phase), this.context.group);
    }
  }

  /** HAProxy has been started: all servers count as up, and are checked after these times. */
  start(firstChecks: readonly Nanoseconds[]): void {
    this.listen();
    for (const [i, server] of this.servers.entries()) {
      const { up } = server.check;
      server.reset();
      if (!up) this.announce(server, 'not checked yet');
      this.host.spawn(this.checks(server, firstChecks[i]!), this.context.group);
    }
  }

  /** The process is gone, and all sessions with it. */
  forgetAll(close: boolean): void {
    if (close) for (const session of this.sessions) session.closeBoth();
    this.sessions.clear();
    for (const server of this.servers) server.sessions.clear();
  }

  accept(host: Host): Endpoint<WireMessage> {
    const inbox = new Mailbox<Packet<WireMessage>>(this.sim);
    return new Endpoint(host, inbox, this.options);
  }

  established(endpoint: Endpoint<WireMessage>, at: Nanoseconds): void {
    const session = new HaproxySession(this, endpoint);
    this.sessions.add(session);
    this.accepted.send(session, at);
  }

  ended(session: HaproxySession): void {
    this.sessions.delete(session);
  }

  private listen(): void {
    this.accepted = new Mailbox(this.sim);
    this.host.spawn(this.acceptor(), this.context.group);
  }

  private *acceptor(): Process {
    for (;;) {
      const session = this.accepted.take();
      if (session === undefined) yield this.accepted.receive();
      else this.host.spawn(session.run(), this.context.group);
    }
  }

  private *checks(server: HaproxyServer, first: Nanoseconds): Process {
    const { sim, settings } = this;
    yield sim.hold(first);
    for (;;) {
      const { passed, why } = yield* server.examine(this.network, this.host, this.path);
      const result = afterCheck(server.check, settings, passed, sim.now);
      server.check = result.state;
      const streak = server.count(passed);
      const checks = streak === 1 ? 'a check' : `${streak} checks in a row`;
      if (result.changed) {
        this.announce(server, `${checks} ${passed ? 'passed' : 'failed'}, the last: ${why}`);
      }
      if (result.changed === 'down') this.shutDownSessions(server);
      yield sim.holdUntil(result.nextCheckAt);
    }
  }

  private shutDownSessions(server: HaproxyServer): void {
    if (this.settings['on-marked-down'] !== 'shutdown-sessions') return;
    for (const session of server.sessions) session.shutDown();
  }

  private announce(server: HaproxyServer, why: string): void {
    const { up } = server.check;
    this.context.events.routed.emit(FRONTENDS.indexOf(this.name), server.index, up ? 1 : 0);
    const state = up ? 'UP' : 'DOWN';
    this.sim.trace.note('haproxy', `${this.name}: ${server.name} is ${state} (${why})`);
    this.room.fire();
  }
}
