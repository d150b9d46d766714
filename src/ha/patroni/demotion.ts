import { type Nanoseconds, SECOND } from '../../kernel/time.ts';
import type { DemoteMode } from './decision.ts';

/**
 * What each way of demoting does, in order: (checkpoint), stop, (wait and release the key, wait
 * for somebody to take it), start again as a standby. A divergence from the leader is checked
 * before the start. Source: patroni/ha.py:demote.
 */
export interface Demotion {
  /** CHECKPOINT before the stop, so that the shutdown checkpoint is short. */
  readonly checkpoint: boolean;
  /** Fast writes a shutdown checkpoint and sends it to the standbys; immediate does neither. */
  readonly stop: 'fast' | 'immediate';
  /** Delete the leader key once Postgres is down. */
  readonly release: boolean;
  /** After the shutdown checkpoint: time for the standbys before they are asked for it. */
  readonly waitForStandbys: Nanoseconds;
  /** After the release: time for somebody to take the key before it is read again. */
  readonly waitAfterRelease: Nanoseconds;
  /** Start without an upstream: the DCS cannot be asked who leads. */
  readonly offline: boolean;
  /** Start beside the loop; otherwise in it, and not at all if a rewind is needed first. */
  readonly startBesideLoop: boolean;
}

/** ha.py:demote's table. */
export const DEMOTIONS: Readonly<Record<DemoteMode, Demotion>> = {
  offline: {
    checkpoint: false,
    stop: 'fast',
    release: false,
    waitForStandbys: 0,
    waitAfterRelease: 0,
    offline: true,
    startBesideLoop: false,
  },
  graceful: {
    checkpoint: true,
    stop: 'fast',
    release: true,
    waitForStandbys: SECOND,
    waitAfterRelease: 2 * SECOND,
    offline: false,
    startBesideLoop: false,
  },
  immediate: {
    checkpoint: false,
    stop: 'immediate',
    release: true,
    waitForStandbys: 0,
    waitAfterRelease: 2 * SECOND,
    offline: false,
    startBesideLoop: true,
  },
  'immediate-nolock': {
    checkpoint: false,
    stop: 'immediate',
    release: false,
    waitForStandbys: 0,
    waitAfterRelease: 0,
    offline: false,
    startBesideLoop: true,
  },
};
