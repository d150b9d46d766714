/**
 * HAProxy as Patroni's template sets it up: a port that leads to the primary, one that leads to the
 * replicas, and health checks that decide who is which.
 *
 * Kept: checks and their timing, balancing, relayed sessions, what becomes of them when a server is
 * marked down, when the proxy crashes, stops for a while or loses power; it starts at boot.
 * `maxconn` is a server's, as on a `server` line. Left out: `maxconn` of the whole
 * process, reloads, several threads, HTTP.
 * Source: HAProxy manual; Patroni extras/confd/templates/haproxy.tmpl.
 */
import type { HaEvents } from '../ha/events.ts';
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import type { Nanoseconds, ProcessGroup } from '../kernel/index.ts';
import { FRONTENDS, type FrontendName, HaproxyBackend } from './haproxy-backend.ts';
import type { HaproxyServerOptions } from './haproxy-server.ts';
import type { HaproxySettings } from './haproxy-settings.ts';
import { firstChecks } from './health-check.ts';
import type { Target } from './libpq.ts';

export type { FrontendName } from './haproxy-backend.ts';
export type { HaproxyServerOptions } from './haproxy-server.ts';

export interface HaproxyOptions {
  readonly host: Host;
  readonly settings: HaproxySettings;
  /** CPU time of the host for each message relayed; 0 for a proxy that costs nothing. */
  readonly relayCost: Nanoseconds;
  /** The servers behind each port, in the order of the configuration. */
  readonly servers: Readonly<Record<FrontendName, readonly HaproxyServerOptions[]>>;
}

export class Haproxy {
  readonly host: Host;
  readonly group: ProcessGroup;
  running = false;
  private readonly backends: readonly HaproxyBackend[];

  constructor(network: Network, events: HaEvents, options: HaproxyOptions) {
    const { host, settings, relayCost, servers } = options;
    this.host = host;
    this.group = host.newGroup();
    const context = { network, events, host, group: this.group, settings, relayCost };
    this.backends = FRONTENDS.map((name) => new HaproxyBackend(context, name, servers[name]));
    host.onPowerOff(() => this.stopped('in silence'));
    host.onPowerOn(() => this.start());
  }

  /** A run begins: it has been running for long and knows who is up. */
  beginInService(): void {
    this.running = true;
    for (const backend of this.backends) backend.beginInService();
  }

  /** Where clients connect for a role. */
  target(frontend: FrontendName): Target {
    const backend = this.backend(frontend);
    return { host: this.host, listener: () => (this.running ? backend : undefined) };
  }

  /** Open sessions of a frontend. */
  sessions(frontend: FrontendName): number {
    return this.backend(frontend).sessions.size;
  }

  /** Whether new sessions of a frontend may go to a server. */
  isUp(frontend: FrontendName, server: string): boolean {
    return this.backend(frontend).servers.some(({ name, check }) => name === server && check.up);
  }

  /** The process is gone, its kernel closes all connections. */
  crash(): void {
    if (!this.running) return;
    this.group.kill();
    this.stopped('with a word');
  }

  /** Starts anew, without memory: every server counts as up until its first checks. */
  start(): void {
    if (this.running || this.host.state === 'off') return;
    this.running = true;
    const all = this.backends.flatMap(({ servers, settings }) => servers.map(() => settings));
    const offsets = firstChecks(all);
    let first = 0;
    for (const backend of this.backends) {
      const count = backend.servers.length;
      backend.start(offsets.slice(first, first + count));
      first += count;
    }
  }

  private backend(frontend: FrontendName): HaproxyBackend {
    return this.backends[FRONTENDS.indexOf(frontend)]!;
  }

  /** A kernel that goes on closes the connections; without power they just cease. */
  private stopped(how: 'with a word' | 'in silence'): void {
    this.running = false;
    for (const backend of this.backends) backend.forgetAll(how === 'with a word');
  }
}
