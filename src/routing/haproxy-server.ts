/**
 * A server as one backend of HAProxy sees it: its health, its sessions, and one check of it.
 *
 * Kept: a check is a connection of its own, then, with Patroni, a request to its REST API; each
 * part has the time limit that `checkLimits` gives it. Without Patroni reaching the port is enough.
 * Source: HAProxy src/tcpcheck.c: tcpcheck_eval_connect, tcpcheck_eval_recv; manual, "httpchk".
 */
import type { RestPath } from '../ha/patroni/rest.ts';
import type { Host } from '../hardware/host.ts';
import type { Network } from '../hardware/network.ts';
import { call, type Service } from '../hardware/service.ts';
import { handshake } from '../hardware/tcp.ts';
import type { HaproxySession } from './haproxy-session.ts';
import type { HaproxySettings } from './haproxy-settings.ts';
import type { BackendServer } from './haproxy-state.ts';
import { atStart, type CheckState, checkLimits, inService } from './health-check.ts';
import type { Target } from './libpq.ts';

/** A `server` line of a backend. */
export interface HaproxyServerOptions {
  readonly name: string;
  /** The server's number, for events. */
  readonly index: number;
  /** Where sessions are connected to. */
  readonly target: Target;
  /** Patroni's REST API, which answers with a status code; null: the port itself is checked. */
  readonly check: Service<RestPath, number> | null;
  /** Whether it passes its checks when the run begins. */
  readonly inService: boolean;
}

/** How a check ended; the words are for people. */
export interface CheckVerdict {
  readonly passed: boolean;
  readonly why: string;
}

export class HaproxyServer implements BackendServer {
  readonly name: string;
  readonly index: number;
  readonly target: Target;
  readonly backup = false;
  readonly weight = 1;
  readonly maxconn: number | null;
  check: CheckState;
  /** Sessions that are connected to it or try to be. */
  readonly sessions = new Set<HaproxySession>();
  /** Checks that passed in a row; negative: that failed. */
  private streak = 0;
  private readonly rest: Service<RestPath, number> | null;
  private readonly settings: HaproxySettings;

  constructor(options: HaproxyServerOptions, settings: HaproxySettings) {
    this.name = options.name;
    this.index = options.index;
    this.target = options.target;
    this.rest = options.check;
    this.settings = settings;
    this.maxconn = settings.maxconn;
    this.check = options.inService ? inService(settings) : { health: 0, up: false };
  }

  get connections(): number {
    return this.sessions.size;
  }

  /** HAProxy has started: it takes the server for up until a check says otherwise. */
  reset(): void {
    this.check = atStart(this.settings);
    this.streak = 0;
  }

  /** How many checks in a row, this one included, have ended like this one. */
  count(passed: boolean): number {
    const before = this.streak;
    if (passed) this.streak = before > 0 ? before + 1 : 1;
    else this.streak = before < 0 ? before - 1 : -1;
    return Math.abs(this.streak);
  }

  /** One check by the running process, which belongs to a host of the network. */
  *examine(
    network: Network,
    from: Host,
    path: RestPath,
  ): Generator<undefined, CheckVerdict, undefined> {
    const { sim } = network;
    const began = sim.now;
    const { rest, target } = this;
    const limits = checkLimits(this.settings);
    const listening = () => (rest ? rest.listening : target.listener() !== undefined);
    const host = rest?.host ?? target.host;
    const connected = yield* handshake(network, from, host, listening, began + limits.connect);
    if (connected !== 'connected') return { passed: false, why: `connection ${connected}` };
    if (!rest) return { passed: true, why: 'connected' };
    const deadline = (limits.whole ? began : sim.now) + limits.answer;
    const reply = yield* call(network, from, rest, path, deadline);
    if (reply.outcome !== 'answered') return { passed: false, why: `answer ${reply.outcome}` };
    return { passed: reply.answer === 200, why: `status ${reply.answer}` };
  }
}
