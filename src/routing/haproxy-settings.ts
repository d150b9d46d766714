import type { Nanoseconds } from '../kernel/time.ts';
import { readFacts, type SettingFact } from '../postgres/settings.ts';

/**
 * HAProxy's settings, as in `haproxy.cfg`, with HAProxy's own defaults: sessions are not shut down
 * when their server is marked down. A bare time counts milliseconds. Null: not set, in which case
 * the setting that stands in for it holds (`fastinter` and `downinter`: `inter`).
 *
 * Source: doc/configuration.txt, sections 4.2 and 5.2.
 */
export interface HaproxySettings {
  /** Time from the end of a check to the next. */
  readonly inter: Nanoseconds;
  readonly fastinter: Nanoseconds | null;
  readonly downinter: Nanoseconds | null;
  /** Failed checks in a row that mark a server down. */
  readonly fall: number;
  /** Passed checks in a row that mark it up. */
  readonly rise: number;
  readonly 'timeout check': Nanoseconds | null;
  readonly 'timeout connect': Nanoseconds | null;
  readonly 'timeout client': Nanoseconds | null;
  readonly 'timeout server': Nanoseconds | null;
  readonly 'timeout queue': Nanoseconds | null;
  readonly 'on-marked-down': 'none' | 'shutdown-sessions';
  readonly 'on-marked-up': 'none' | 'shutdown-backup-sessions';
  readonly balance: 'roundrobin' | 'static-rr' | 'leastconn' | 'first' | 'source' | 'random';
  /** Connections of the whole proxy and of one server; null: no limit below the process's. */
  readonly maxconn: number | null;
  readonly retries: number;
  readonly redispatch: boolean;
  readonly slowstart: Nanoseconds;
}

/** Columns: name, type, default, then unit, minimum and maximum, or the words. */
export const HAPROXY_FACTS: readonly SettingFact[] = readFacts(`
inter|integer|2000|ms|1|
fastinter|integer||ms|1|
downinter|integer||ms|1|
fall|integer|3||1|
rise|integer|2||1|
timeout check|integer||ms|1|
timeout connect|integer||ms|1|
timeout client|integer||ms|1|
timeout server|integer||ms|1|
timeout queue|integer||ms|1|
on-marked-down|enum|none|none,shutdown-sessions
on-marked-up|enum|none|none,shutdown-backup-sessions
balance|enum|roundrobin|roundrobin,static-rr,leastconn,first,source,random
maxconn|integer|||1|
retries|integer|3||0|
redispatch|bool|off
slowstart|integer|0|ms|0|
`);

/** Settings that the model has no use for; known, and left out. */
export const HAPROXY_UNUSED: readonly string[] = [
  ...['mode', 'log', 'option', 'bind', 'check', 'port', 'weight', 'observe', 'error-limit'],
  ...['on-error', 'spread-checks', 'timeout tunnel', 'timeout client-fin', 'timeout server-fin'],
  ...['timeout http-request', 'http-check', 'default-server', 'nbthread', 'stats'],
];
