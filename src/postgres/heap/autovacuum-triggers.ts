/**
 * When autovacuum takes up a table (autovacuum.c:relation_needs_vacanalyze), and when its launcher
 * starts workers. The counters are statistics: they arrive about once a second, and crash recovery
 * discards them, which sets all triggers back.
 */

/** What statistics and the catalog know about a table. */
export interface TableStatistics {
  /** pg_class.reltuples; null before the first VACUUM or ANALYZE, and then counts as 0. */
  readonly reltuples: number | null;
  readonly deadTuples: number;
  readonly insertedSinceVacuum: number;
  readonly modifiedSinceAnalyze: number;
  readonly frozenXidAge: number;
  readonly multixactAge: number;
  /** The share of pages that are not all-frozen, which version 18 looks at. */
  readonly unfrozenShare?: number;
  /** A partitioned table has no rows of its own and is never analysed automatically. */
  readonly isPartitionedParent?: boolean;
}

export interface AutovacuumSettings {
  readonly autovacuum: boolean;
  readonly autovacuum_vacuum_threshold: number;
  readonly autovacuum_vacuum_scale_factor: number;
  /** Since version 18; -1 for none. */
  readonly autovacuum_vacuum_max_threshold?: number | undefined;
  readonly autovacuum_vacuum_insert_threshold: number;
  readonly autovacuum_vacuum_insert_scale_factor: number;
  readonly autovacuum_analyze_threshold: number;
  readonly autovacuum_analyze_scale_factor: number;
  readonly autovacuum_freeze_max_age: number;
  readonly autovacuum_multixact_freeze_max_age: number;
}

export interface Thresholds {
  readonly dead: number;
  /** Infinity if the insert trigger is off (-1). */
  readonly inserted: number;
  readonly modified: number;
}

/** Which counts must be exceeded. */
export function thresholds(
  table: TableStatistics,
  settings: AutovacuumSettings,
  version: number,
): Thresholds {
  const rows = table.reltuples ?? 0;
  const most = settings.autovacuum_vacuum_max_threshold ?? -1;
  const share = settings.autovacuum_vacuum_scale_factor;
  const dead = settings.autovacuum_vacuum_threshold + share * rows;
  const unfrozen = version >= 18 ? (table.unfrozenShare ?? 1) : 1;
  const insertShare = settings.autovacuum_vacuum_insert_scale_factor * unfrozen;
  const inserts = settings.autovacuum_vacuum_insert_threshold;
  const analyzeShare = settings.autovacuum_analyze_scale_factor;
  return {
    dead: version >= 18 && most >= 0 ? Math.min(dead, most) : dead,
    inserted: version < 13 || inserts < 0 ? Number.POSITIVE_INFINITY : inserts + insertShare * rows,
    modified: settings.autovacuum_analyze_threshold + analyzeShare * rows,
  };
}

export interface AutovacuumNeeds {
  readonly vacuum: boolean;
  readonly analyze: boolean;
  /** Forced against wraparound: happens with autovacuum off too, and yields to nobody. */
  readonly wraparound: boolean;
}

/** What a worker would do with a table. */
export function autovacuumNeeds(
  table: TableStatistics,
  settings: AutovacuumSettings,
  version: number,
): AutovacuumNeeds {
  const wraparound =
    table.frozenXidAge > settings.autovacuum_freeze_max_age ||
    table.multixactAge > settings.autovacuum_multixact_freeze_max_age;
  if (table.isPartitionedParent) return { vacuum: false, analyze: false, wraparound: false };
  if (!settings.autovacuum) return { vacuum: wraparound, analyze: false, wraparound };
  const { dead, inserted, modified } = thresholds(table, settings, version);
  const vacuum = table.deadTuples > dead || table.insertedSinceVacuum > inserted;
  const analyze = table.modifiedSinceAnalyze > modified;
  return { vacuum: vacuum || wraparound, analyze, wraparound };
}

const LEAST_PAUSE_MILLISECONDS = 100;

/** Between two starts of workers: each database has its turn once in autovacuum_naptime. */
export function launcherPauseMilliseconds(naptimeMilliseconds: number, databases: number): number {
  return Math.max(LEAST_PAUSE_MILLISECONDS, naptimeMilliseconds / Math.max(1, databases));
}

export interface DatabaseState {
  readonly name: string;
  readonly frozenXidAge: number;
  /** When autovacuum last began there, in ns of simulated time; -1 for never. */
  readonly lastStart: number;
}

/**
 * The database that the next worker goes to (autovacuum.c:do_start_worker): the one nearest to
 * wraparound if any is beyond the limit, else the one whose turn is the longest ago, of those that
 * had none within the naptime. Null if all had.
 */
export function chooseDatabase(
  databases: readonly DatabaseState[],
  now: number,
  naptime: number,
  freezeMaxAge: number,
): DatabaseState | null {
  let oldest: DatabaseState | null = null;
  for (const database of databases) {
    if (database.frozenXidAge <= freezeMaxAge) continue;
    if (!oldest || database.frozenXidAge > oldest.frozenXidAge) oldest = database;
  }
  if (oldest) return oldest;
  let next: DatabaseState | null = null;
  for (const database of databases) {
    if (database.lastStart >= 0 && now - database.lastStart < naptime) continue;
    if (!next || database.lastStart < next.lastStart) next = database;
  }
  return next;
}
