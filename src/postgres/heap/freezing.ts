/**
 * Freezing and wraparound. Transaction ids are 32 bits on a circle: a version whose xid is 2^31 old
 * would appear to be in the future, so vacuum marks old versions frozen in time, and the server
 * defends itself step by step as a table's oldest unfrozen xid ages (vacuum.c:vacuum_set_xid_limits
 * and vacuum_xid_failsafe_check, varsup.c:SetTransactionIdLimit). Here xids have 53 bits and ages
 * are plain differences.
 */

export interface FreezeSettings {
  readonly vacuum_freeze_min_age: number;
  readonly vacuum_freeze_table_age: number;
  readonly autovacuum_freeze_max_age: number;
  /** Since version 14. */
  readonly vacuum_failsafe_age?: number | undefined;
}

export interface FreezeCutoffs {
  /** Versions made before this are frozen where vacuum meets them. */
  readonly freezeLimit: number;
  /** All pages that are not all-frozen are visited, and cleanup locks waited for. */
  readonly isAggressive: boolean;
}

const FIRST_NORMAL_XID = 3;
const HALF_CIRCLE = 2147483648;

/**
 * What one vacuum of a table freezes, given the table's relfrozenxid. The age of versions to freeze
 * counts back from the horizon up to version 15, from the next transaction since 16.
 */
export function freezeCutoffs(
  settings: FreezeSettings,
  at: { readonly horizon: number; readonly nextXid: number; readonly relfrozenxid: number },
  version: number,
): FreezeCutoffs {
  const maxAge = settings.autovacuum_freeze_max_age;
  const minAge = Math.min(settings.vacuum_freeze_min_age, Math.floor(maxAge / 2));
  const from = version >= 16 ? at.nextXid : at.horizon;
  let freezeLimit = Math.min(at.horizon, Math.max(FIRST_NORMAL_XID, from - minAge));
  const isHorizonFarBack = version < 16 && freezeLimit < at.nextXid - maxAge;
  if (isHorizonFarBack) freezeLimit = at.horizon;
  const tableAge = Math.min(settings.vacuum_freeze_table_age, Math.floor(maxAge * 0.95));
  const isAggressive = at.relfrozenxid <= at.nextXid - tableAge;
  return { freezeLimit, isAggressive };
}

export type FreezeEvent =
  | 'old versions are frozen where vacuum meets them'
  | 'the next vacuum is aggressive'
  | 'autovacuum is forced, even if it is off, and is not cancelled for lock requests'
  | 'failsafe: no cost delay, no index passes, no truncation'
  | 'warnings'
  | 'no new transaction ids';

/** At which age of a table's relfrozenxid (in the cluster: datfrozenxid) what begins. */
export function freezeEvents(
  settings: FreezeSettings,
  version: number,
): readonly { readonly age: number; readonly event: FreezeEvent }[] {
  const maxAge = settings.autovacuum_freeze_max_age;
  const minAge = Math.min(settings.vacuum_freeze_min_age, Math.floor(maxAge / 2));
  const tableAge = Math.min(settings.vacuum_freeze_table_age, Math.floor(maxAge * 0.95));
  const events: { age: number; event: FreezeEvent }[] = [
    { age: minAge, event: 'old versions are frozen where vacuum meets them' },
    { age: tableAge, event: 'the next vacuum is aggressive' },
    {
      age: maxAge,
      event: 'autovacuum is forced, even if it is off, and is not cancelled for lock requests',
    },
  ];
  if (version >= 14 && settings.vacuum_failsafe_age !== undefined) {
    const age = Math.max(settings.vacuum_failsafe_age, Math.floor(maxAge * 1.05));
    events.push({ age, event: 'failsafe: no cost delay, no index passes, no truncation' });
  }
  const warn = version >= 14 ? 40_000_000 : 11_000_000;
  const stop = version >= 14 ? 3_000_000 : 1_000_000;
  events.push({ age: HALF_CIRCLE - warn, event: 'warnings' });
  events.push({ age: HALF_CIRCLE - stop, event: 'no new transaction ids' });
  return events.sort((a, b) => a.age - b.age);
}

/** Whether a vacuum drops everything but freezing (checked as it goes, since version 14). */
export function isFailsafe(settings: FreezeSettings, age: number): boolean {
  const { vacuum_failsafe_age: failsafe, autovacuum_freeze_max_age: maxAge } = settings;
  return failsafe !== undefined && age > Math.max(failsafe, Math.floor(maxAge * 1.05));
}

export interface PageVersions {
  readonly live: number;
  /** Versions that were never frozen, some of which may have died. */
  readonly unfrozen: number;
  /** Of live versions that are not frozen; 0 for none. */
  readonly oldestXid: number;
  readonly newestXid: number;
}

/**
 * How many versions of a page are older than the limit. If some are and some are not, their
 * transactions are taken to be spread evenly between the oldest and the newest.
 */
export function versionsToFreeze(page: PageVersions, freezeLimit: number): number {
  const { oldestXid, newestXid } = page;
  if (oldestXid === 0 || oldestXid >= freezeLimit) return 0;
  const candidates = Math.min(page.live, page.unfrozen);
  if (newestXid < freezeLimit) return candidates;
  const share = (freezeLimit - oldestXid) / (newestXid - oldestXid + 1);
  return Math.min(candidates, Math.max(1, Math.round(candidates * share)));
}
