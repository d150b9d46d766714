/**
 * What one vacuum goes by: its throttle, its memory, its ring, what it freezes. The settings of a
 * server, and the storage parameters of a table, as the rules of `../heap/` want them.
 */
import { MILLISECOND, type Nanoseconds } from '../../kernel/index.ts';
import { BufferRing, ringBuffers } from '../buffers/rings.ts';
import type { AutovacuumSettings } from '../heap/autovacuum-triggers.ts';
import type { FreezeSettings } from '../heap/freezing.ts';
import type { TableOptions } from '../heap/table-options.ts';
import type { CostSettings } from '../heap/vacuum-cost.ts';
import type { PostgresSettings } from '../settings.ts';

export function costSettings(settings: PostgresSettings): CostSettings {
  return {
    vacuum_cost_page_hit: settings.vacuum_cost_page_hit,
    vacuum_cost_page_miss: settings.vacuum_cost_page_miss,
    vacuum_cost_page_dirty: settings.vacuum_cost_page_dirty,
    vacuum_cost_limit: settings.vacuum_cost_limit,
    autovacuum_vacuum_cost_limit: settings.autovacuum_vacuum_cost_limit,
  };
}

/** Between two naps of the throttle: -1 for autovacuum means vacuum_cost_delay. */
export function costDelay(
  settings: PostgresSettings,
  isAutovacuum: boolean,
  { autovacuum_vacuum_cost_delay: milliseconds = -1 }: TableOptions = {},
): Nanoseconds {
  const { autovacuum_vacuum_cost_delay: own, vacuum_cost_delay: common } = settings;
  if (isAutovacuum && milliseconds >= 0) return Math.round(milliseconds * MILLISECOND);
  return isAutovacuum && own >= 0 ? own : common;
}

/** Whether autovacuum of a table has a throttle of its own, in which no other worker shares. */
export function hasOwnThrottle(options: TableOptions = {}): boolean {
  const { autovacuum_vacuum_cost_limit: limit = 0, autovacuum_vacuum_cost_delay: delay = -1 } =
    options;
  return limit > 0 || delay >= 0;
}

/** autovacuum_work_mem, -1 for maintenance_work_mem; in bytes. */
export function vacuumMemory(settings: PostgresSettings, isAutovacuum: boolean): number {
  const { autovacuum_work_mem: own, maintenance_work_mem: common } = settings;
  return isAutovacuum && own >= 0 ? own : common;
}

/** The ring of buffers through which vacuum and analyze read; null: the pool as everybody. */
export function vacuumRing(settings: PostgresSettings, version: number): BufferRing | null {
  const buffers = ringBuffers('vacuum', {
    version,
    sharedBuffersBytes: settings.shared_buffers,
    vacuumBufferUsageLimitBytes: settings.vacuum_buffer_usage_limit,
    ioCombineLimitBytes: 0,
    effectiveIoConcurrency: 0,
    processes: 1,
  });
  return buffers > 0 ? new BufferRing('vacuum', buffers) : null;
}

/** FREEZE is a minimum age and a table age of 0; parameters of a table are for autovacuum. */
export function freezeSettings(
  settings: PostgresSettings,
  freezesAll = false,
  own: TableOptions = {},
): FreezeSettings {
  const { vacuum_freeze_min_age: age, vacuum_freeze_table_age: tableAge } = settings;
  return {
    vacuum_freeze_min_age: freezesAll ? 0 : (own.autovacuum_freeze_min_age ?? age),
    vacuum_freeze_table_age: freezesAll ? 0 : (own.autovacuum_freeze_table_age ?? tableAge),
    autovacuum_freeze_max_age: settings.autovacuum_freeze_max_age,
    vacuum_failsafe_age: settings.vacuum_failsafe_age, // absent before 14
  };
}

/** Of a table with storage parameters of its own; the forced vacuum's age can only be less. */
export function autovacuumSettings(
  settings: PostgresSettings,
  options: TableOptions = {},
): AutovacuumSettings {
  const { autovacuum_enabled: isEnabled = true, autovacuum_freeze_max_age: age } = options;
  const common = commonSettings(settings);
  const maxAge = common.autovacuum_freeze_max_age;
  return {
    ...common,
    ...options,
    autovacuum: common.autovacuum && isEnabled,
    autovacuum_freeze_max_age: Math.min(age ?? maxAge, maxAge),
  };
}

function commonSettings(settings: PostgresSettings): AutovacuumSettings {
  return {
    autovacuum: settings.autovacuum,
    autovacuum_vacuum_threshold: settings.autovacuum_vacuum_threshold,
    autovacuum_vacuum_scale_factor: settings.autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_max_threshold: settings.autovacuum_vacuum_max_threshold, // since 18
    autovacuum_vacuum_insert_threshold: settings.autovacuum_vacuum_insert_threshold,
    autovacuum_vacuum_insert_scale_factor: settings.autovacuum_vacuum_insert_scale_factor,
    autovacuum_analyze_threshold: settings.autovacuum_analyze_threshold,
    autovacuum_analyze_scale_factor: settings.autovacuum_analyze_scale_factor,
    autovacuum_freeze_max_age: settings.autovacuum_freeze_max_age,
    autovacuum_multixact_freeze_max_age: settings.autovacuum_multixact_freeze_max_age,
  };
}

/** How many workers there can be at once: since version 18 bounded by their slots. */
export function mostWorkers(settings: PostgresSettings): number {
  const { autovacuum_max_workers: workers, autovacuum_worker_slots: slots = workers } = settings;
  return Math.min(workers, slots);
}

/** VACUUM's truncation lock: asked for every 50 ms for 5 s; waiters are looked for every 20 ms. */
export const TRUNCATE_POLL: Nanoseconds = 50 * MILLISECOND;
export const TRUNCATE_TIMEOUT: Nanoseconds = 5_000 * MILLISECOND;
export const TRUNCATE_CHECK: Nanoseconds = 20 * MILLISECOND;
