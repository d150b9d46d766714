import type { HaproxySettings } from './haproxy-settings.ts';
import type { CheckState } from './health-check.ts';

/**
 * Which server of an HAProxy backend a new connection goes to. HAProxy balances connections, not
 * queries; a server that is down gets none, `backup` servers get some only if all others are down.
 * Open connections stay with a server that goes down unless `on-marked-down shutdown-sessions`.
 *
 * Kept: roundrobin, static-rr as roundrobin, leastconn, first, random; weights of roundrobin by
 * smooth interleaving; maxconn. Left out: stickiness, queues' priorities, slowstart.
 * Source: HAProxy manual, "balance", "backup", "maxconn", "on-marked-down".
 */
export interface BackendServer {
  readonly name: string;
  readonly check: CheckState;
  readonly backup: boolean;
  readonly weight: number;
  /** Open connections, and how many are allowed (null: no limit). */
  readonly connections: number;
  readonly maxconn: number | null;
}

export interface Backend {
  /** `source` (by the client's address) is left out: it counts as `roundrobin`. */
  readonly balance: HaproxySettings['balance'];
  readonly servers: readonly BackendServer[];
  /** Smooth weighted round robin: each server's credit, by index. */
  readonly credits: readonly number[];
}

export type Choice =
  | { readonly kind: 'server'; readonly index: number; readonly backend: Backend }
  /** All usable servers are at maxconn: wait in the queue (`timeout queue`). */
  | { readonly kind: 'queue' }
  /** No server is up: the connection is closed (503 in HTTP mode). */
  | { readonly kind: 'no server' };

/**
 * Chooses a server for a connection.
 * @param draw a number in [0, 1) for `random`
 */
export function chooseServer(backend: Backend, draw: number): Choice {
  const usable = usableServers(backend);
  if (usable.length === 0) return { kind: 'no server' };
  const open = usable.filter((index) => hasRoom(backend.servers[index]!));
  if (open.length === 0) return { kind: 'queue' };
  switch (backend.balance) {
    case 'first':
      return { kind: 'server', index: open[0]!, backend };
    case 'leastconn':
      return { kind: 'server', index: leastConnections(backend, open), backend };
    case 'random':
      return { kind: 'server', index: twoChoices(backend, open, draw), backend };
    default:
      return roundRobin(backend, open);
  }
}

/** Servers that are up; the first backup alone if none is and there is one. */
export function usableServers(backend: Backend): readonly number[] {
  const up = (backup: boolean) => {
    const indices: number[] = [];
    backend.servers.forEach((server, index) => {
      if (server.check.up && server.backup === backup && server.weight > 0) indices.push(index);
    });
    return indices;
  };
  const active = up(false);
  return active.length > 0 ? active : up(true).slice(0, 1);
}

function hasRoom(server: BackendServer): boolean {
  return server.maxconn === null || server.connections < server.maxconn;
}

function leastConnections(backend: Backend, open: readonly number[]): number {
  const load = (index: number) =>
    backend.servers[index]!.connections / backend.servers[index]!.weight;
  return open.reduce((best, index) => (load(index) < load(best) ? index : best));
}

/** `random` draws two servers and takes the less loaded. */
function twoChoices(backend: Backend, open: readonly number[], draw: number): number {
  const scaled = draw * open.length * open.length;
  const pair = Math.min(Math.floor(scaled), open.length * open.length - 1);
  const first = open[pair % open.length]!;
  const second = open[Math.floor(pair / open.length)]!;
  return leastConnections(backend, [first, second]);
}

function roundRobin(backend: Backend, open: readonly number[]): Choice {
  const credits = backend.servers.map((_, index) => backend.credits[index] ?? 0);
  let total = 0;
  for (const index of open) {
    credits[index]! += backend.servers[index]!.weight;
    total += backend.servers[index]!.weight;
  }
  const index = open.reduce((best, next) => (credits[next]! > credits[best]! ? next : best));
  credits[index]! -= total;
  return { kind: 'server', index, backend: { ...backend, credits } };
}
