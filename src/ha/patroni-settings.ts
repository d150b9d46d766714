import type { Nanoseconds } from '../kernel/time.ts';
import { SECOND } from '../kernel/time.ts';
import { readFacts, type SettingFact } from '../postgres/settings.ts';

/**
 * Patroni's settings, as in `patroni.yml` and its dynamic configuration, with Patroni's defaults.
 * A bare number counts seconds or bytes, as Patroni takes it.
 *
 * Source: docs/dynamic_configuration.rst, patroni/global_config.py, patroni/config.py of 4.1.
 */
export interface PatroniSettings {
  /** Life of the leader key since its last renewal. */
  readonly ttl: Nanoseconds;
  readonly loop_wait: Nanoseconds;
  readonly retry_timeout: Nanoseconds;
  /** Bytes behind the last published position, beyond which a member does not race; -1: any. */
  readonly maximum_lag_on_failover: number;
  readonly maximum_lag_on_syncnode: number;
  readonly primary_start_timeout: Nanoseconds;
  /** 0: wait for ever. */
  readonly primary_stop_timeout: Nanoseconds;
  readonly primary_race_backoff: Nanoseconds;
  readonly synchronous_mode: 'off' | 'on' | 'quorum';
  readonly synchronous_mode_strict: boolean;
  readonly synchronous_node_count: number;
  readonly failsafe_mode: boolean;
  readonly check_timeline: boolean;
  readonly member_slots_ttl: Nanoseconds;
  readonly use_pg_rewind: boolean;
  readonly use_slots: boolean;
  readonly remove_data_directory_on_rewind_failure: boolean;
  readonly remove_data_directory_on_diverged_timelines: boolean;
}

/** Settings of the members' watchdog (patroni/watchdog/base.py). */
export interface WatchdogSettings {
  readonly mode: 'off' | 'automatic' | 'required';
  /** Time before the key expires at which the device fires; -1: half of the ttl. */
  readonly safety_margin: Nanoseconds | -1;
}

/** The members' `tags`, which every server may have. */
export interface PatroniTags {
  readonly nofailover: boolean;
  readonly noloadbalance: boolean;
  readonly nosync: boolean;
  readonly nostream: boolean;
  readonly clonefrom: boolean;
  readonly failover_priority: number;
  readonly sync_priority: number;
  readonly replicatefrom: string | null;
}

/** Columns: name, type, default, then unit, minimum and maximum, or the words. */
export const PATRONI_FACTS: readonly SettingFact[] = readFacts(`
ttl|integer|30|s|0|
loop_wait|integer|10|s|0|
retry_timeout|integer|10|s|0|
maximum_lag_on_failover|integer|1048576|B|-1|
maximum_lag_on_syncnode|integer|-1|B|-1|
primary_start_timeout|integer|300|s|0|
primary_stop_timeout|integer|0|s|0|
primary_race_backoff|integer|0|s|0|
synchronous_mode|enum|off|off,on,quorum
synchronous_mode_strict|bool|off
synchronous_node_count|integer|1||1|
failsafe_mode|bool|off
check_timeline|bool|off
member_slots_ttl|integer|1800|s|0|
use_pg_rewind|bool|off
use_slots|bool|on
remove_data_directory_on_rewind_failure|bool|off
remove_data_directory_on_diverged_timelines|bool|off
`);

export const WATCHDOG_FACTS: readonly SettingFact[] = readFacts(`
mode|enum|automatic|off,automatic,required
safety_margin|integer|5|s|-1|
`);

/** Sections of `patroni.yml` that say nothing a simulation needs; known, and left out. */
export const PATRONI_UNUSED: readonly string[] = [
  ...['scope', 'name', 'namespace', 'restapi', 'log', 'bootstrap', 'ctl', 'raft', 'kubernetes'],
  ...[
    'etcd3',
    'tags',
    'slots',
    'ignore_slots',
    'standby_cluster',
    'max_timelines_history',
    'pause',
  ],
];

/** Former names of settings. */
export const PATRONI_RENAMED: Readonly<Record<string, string>> = {
  master_start_timeout: 'primary_start_timeout',
  master_stop_timeout: 'primary_stop_timeout',
};

type Timing = Pick<PatroniSettings, 'ttl' | 'loop_wait' | 'retry_timeout'>;

/** The least values that Patroni works with. */
const LEAST = [
  ['ttl', 20 * SECOND],
  ['loop_wait', SECOND],
  ['retry_timeout', 3 * SECOND],
] as const;

/**
 * What Patroni makes of its three timings: too small ones are raised, and where
 * loop_wait + 2 retry_timeout exceeds the ttl, loop_wait is cut first and retry_timeout second
 * (patroni/config.py:_validate_and_adjust_timeouts). The notes say what was changed and why.
 */
export function adjustTimings(given: Timing): { timing: Timing; notes: TimingNote[] } {
  const timing = { ...given };
  const notes: TimingNote[] = [];
  for (const [name, least] of LEAST) {
    if (timing[name] >= least) continue;
    notes.push({ name, why: `Patroni raises it to its minimum of ${least / SECOND} s` });
    timing[name] = least;
  }
  const { ttl, retry_timeout } = timing;
  if (SECOND + 2 * retry_timeout > ttl) {
    timing.loop_wait = SECOND;
    timing.retry_timeout = Math.floor((ttl - SECOND) / 2 / SECOND) * SECOND;
    notes.push(ruleNote('retry_timeout', timing));
  } else if (timing.loop_wait + 2 * retry_timeout > ttl) {
    timing.loop_wait = ttl - 2 * retry_timeout;
    notes.push(ruleNote('loop_wait', timing));
  }
  return { timing, notes };
}

/** A setting that Patroni does not take as given. */
export interface TimingNote {
  readonly name: keyof Timing;
  readonly why: string;
}

function ruleNote(name: keyof Timing, timing: Timing): TimingNote {
  const [wait, retry] = [timing.loop_wait / SECOND, timing.retry_timeout / SECOND];
  const why =
    'loop_wait + 2 * retry_timeout exceeds ttl, so that Patroni runs with ' +
    `loop_wait ${wait} s and retry_timeout ${retry} s`;
  return { name, why };
}
