import { MILLISECOND, type Nanoseconds, NEVER, SECOND } from '../kernel/time.ts';
import type { HaproxySettings } from './haproxy-settings.ts';

/**
 * HAProxy's health check of one server. Every `inter` after the last check ended a new one starts;
 * `fall` failures in a row take the server down, `rise` successes bring it back. Between full
 * health and down, and on the way up, `fastinter` applies, once down `downinter`.
 *
 * Kept: the health counter, intervals, time-outs, the offsets of first checks. Left out: agent
 * checks, `observe`, `spread-checks`, slowstart, DRAIN.
 * Source: HAProxy src/check.c: set_server_check_status, process_chk_conn, start_checks;
 * src/server.c:srv_getinter; src/tcpcheck.c:tcpcheck_eval_connect; manual 5.2, "timeout check".
 */
export type CheckSettings = Pick<
  HaproxySettings,
  'inter' | 'fastinter' | 'downinter' | 'fall' | 'rise' | 'timeout check' | 'timeout connect'
>;

/**
 * `health` counts from 0 (down) to rise + fall - 1 (fully up); the server is up from `rise` on.
 */
export interface CheckState {
  readonly health: number;
  readonly up: boolean;
}

/** A server that has passed its checks for long. */
export function inService(settings: CheckSettings): CheckState {
  return { health: settings.rise + settings.fall - 1, up: true };
}

/** A server when HAProxy starts: up, but one failure takes it down. */
export function atStart(settings: CheckSettings): CheckState {
  return { health: settings.rise, up: true };
}

export interface CheckResult {
  readonly state: CheckState;
  readonly nextCheckAt: Nanoseconds;
  readonly changed: 'up' | 'down' | null;
}

/** The state after a check that ended at this instant. */
export function afterCheck(
  state: CheckState,
  settings: CheckSettings,
  passed: boolean,
  endedAt: Nanoseconds,
): CheckResult {
  const health = passed ? better(state.health, settings) : worse(state.health, settings);
  const up = passed ? state.up || health >= settings.rise : state.up && health > 0;
  const next = { health, up };
  const changed = up === state.up ? null : up ? 'up' : 'down';
  return { state: next, nextCheckAt: endedAt + interval(next, settings), changed };
}

function better(health: number, settings: CheckSettings): number {
  return health + 1 >= settings.rise ? settings.rise + settings.fall - 1 : health + 1;
}

function worse(health: number, settings: CheckSettings): number {
  return health - 1 < settings.rise ? 0 : health - 1;
}

/** From the end of a check to the start of the next one (srv_getinter). */
export function interval(state: CheckState, settings: CheckSettings): Nanoseconds {
  if (state.health === settings.rise + settings.fall - 1) return settings.inter;
  if (!state.up && state.health === 0) return settings.downinter ?? settings.inter;
  return settings.fastinter ?? settings.inter;
}

/** Time limits of one check: for the connection, and for the answer once it stands. */
export interface CheckLimits {
  readonly connect: Nanoseconds;
  /** `whole`: `answer` is measured from the start of the check, connection included. */
  readonly whole: boolean;
  readonly answer: Nanoseconds;
}

/**
 * Without `timeout check` the whole check has `inter`. With it the connection has
 * min(`timeout connect`, `inter`) and then the answer has `timeout check`.
 */
export function checkLimits(settings: CheckSettings): CheckLimits {
  const { inter } = settings;
  const check = settings['timeout check'];
  if (check === null) return { connect: inter, whole: true, answer: inter };
  const connect = Math.min(settings['timeout connect'] ?? NEVER, inter);
  return { connect, whole: false, answer: check };
}

/** How a check meets its server. */
export type CheckOutcome =
  | 'refused'
  /** Nothing comes back, not even to the SYN. */
  | 'blackholed'
  /** The connection is accepted but no answer comes. */
  | 'silent'
  | 'status 200'
  | 'status 503';

/**
 * How long a check takes and whether it passes.
 * @param connected after how long the connection stands, or is refused
 * @param answered after how long, from then, the answer is complete
 */
export function checkDuration(
  settings: CheckSettings,
  outcome: CheckOutcome,
  connected: Nanoseconds = 0,
  answered: Nanoseconds = 0,
): { readonly duration: Nanoseconds; readonly passed: boolean } {
  const limits = checkLimits(settings);
  if (outcome === 'blackholed' || connected > limits.connect) {
    return { duration: limits.connect, passed: false };
  }
  if (outcome === 'refused') return { duration: connected, passed: false };
  const left = limits.whole ? limits.answer - connected : limits.answer;
  if (outcome === 'silent' || answered > left) {
    return { duration: connected + left, passed: false };
  }
  return { duration: connected + answered, passed: outcome === 'status 200' };
}

/** Intervals below this do not decide over how far apart the first checks of all servers are. */
const SPREAD_THRESHOLD = SECOND;

/**
 * When the first checks of all servers start, from the start of HAProxy: spread over the shortest
 * interval of at least a second (or over the server's own if that is longer), by their position.
 */
export function firstChecks(servers: readonly CheckSettings[]): readonly Nanoseconds[] {
  let shortest = 0;
  for (const { inter } of servers) {
    if (inter >= SPREAD_THRESHOLD && (shortest === 0 || inter < shortest)) shortest = inter;
  }
  return servers.map((settings, position) => {
    const spread = Math.max(shortest, interval(atStart(settings), settings));
    return Math.floor((spread * position) / servers.length / MILLISECOND) * MILLISECOND;
  });
}
