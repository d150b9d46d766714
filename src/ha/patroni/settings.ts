import type { Nanoseconds } from '../../kernel/time.ts';
import type { PatroniSettings } from '../patroni-settings.ts';

/**
 * What Patroni derives from its settings before it uses them (patroni/global_config.py).
 */

/** 1 in the strict mode, else 0: below it commits wait rather than run unprotected. */
export function minimumSynchronousNodes(settings: PatroniSettings): number {
  return settings.synchronous_mode_strict ? 1 : 0;
}

/** `synchronous_node_count`, at least 1 in the strict mode. */
export function wantedSynchronousNodes(settings: PatroniSettings): number {
  return Math.max(settings.synchronous_node_count, minimumSynchronousNodes(settings));
}

/** `primary_stop_timeout` where it applies, else null (ha.py:primary_stop_timeout). */
export function primaryStopTimeout(settings: PatroniSettings): Nanoseconds | null {
  const applies = settings.primary_stop_timeout > 0 && settings.synchronous_mode !== 'off';
  return applies ? settings.primary_stop_timeout : null;
}
