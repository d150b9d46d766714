/**
 * What a real PostgreSQL 15.18 did (scratch cluster, locale C, 8 kB blocks, shared_buffers 512MB,
 * autovacuum off, fsync off, wal_level replica), with pageinspect, pgstattuple, pg_visibility,
 * pg_freespacemap and pg_waldump. Updates are `UPDATE pgbench_accounts SET abalance = abalance + 1
 * WHERE aid = :aid` with aid uniform, prepared, one client, `pgbench -t 100000 --random-seed=n`.
 */

/** `pgbench -i -s 10 -F f`: pages of pgbench_accounts, 1,000,000 rows of t_len 121. */
export const LOADED_PAGES = { 80: 20409, 100: 16394 } as const;

export interface Measurement {
  readonly updates: number;
  readonly hot: number;
  /** n_dead_tup of pg_stat_user_tables: dead versions and dead line pointers. */
  readonly deadTuples: number;
  readonly pages: number;
  /** dead_tuple_count of pgstattuple. */
  readonly deadVersions: number;
}

const row = (
  updates: number,
  hot: number,
  deadTuples: number,
  pages: number,
  deadVersions: number,
): Measurement => ({ updates, hot, deadTuples, pages, deadVersions });

/** Scale 10, no vacuum, nobody holds the horizon. */
export const UPDATES_WITHOUT_VACUUM = {
  80: [
    row(100_000, 100_000, 20_229, 20_409, 20_229),
    row(200_000, 200_000, 20_405, 20_409, 20_405),
    row(600_000, 600_000, 20_410, 20_409, 20_410),
  ],
  100: [
    row(100_000, 83_388, 32_741, 16_666, 16_369),
    row(200_000, 183_338, 33_086, 16_667, 16_425),
    row(300_000, 283_335, 33_137, 16_667, 16_475),
    row(400_000, 383_238, 33_183, 16_669, 16_457),
    row(500_000, 482_110, 34_060, 16_687, 16_482),
    row(600_000, 578_312, 37_413, 16_750, 16_493),
  ],
} as const;

/** Heap2/PRUNE records in these 600,000 updates. */
export const PRUNES = { 80: 579_590, 100: 583_499 } as const;

/** Bytes of HOT_UPDATE records and of their images after a checkpoint, fillfactor 80. */
export const HOT_UPDATE_BYTES = { records: 42_477_546, images: 135_183_804 } as const;

/** Mean line pointers of a page after 600,000 updates: all, redirects. */
export const POINTERS = { 80: [71.65, 21.65], 100: [87.8, 25.8] } as const;

/**
 * Scale 1, a REPEATABLE READ transaction holds the horizon for the first 40,000 updates and ends
 * then; pages of the table and of its primary key.
 */
export const UPDATES_UNDER_SNAPSHOT = {
  100: [
    { ...row(10_000, 2, 10_000, 1804, 10_000), keyPages: 280 },
    { ...row(20_000, 5, 20_000, 1968, 20_000), keyPages: 549 },
    { ...row(30_000, 9, 30_000, 2132, 30_000), keyPages: 551 },
    { ...row(40_000, 11, 40_000, 2296, 40_000), keyPages: 551 },
    { ...row(50_000, 9_978, 48_481, 2296, -1), keyPages: 551 },
    { ...row(60_000, 19_978, 54_350, 2296, 14_328), keyPages: 551 },
  ],
  80: [
    { ...row(10_000, 9_996, 10_000, 2041, 10_000), keyPages: 276 },
    { ...row(20_000, 19_061, 20_000, 2061, 20_000), keyPages: 276 },
    { ...row(30_000, 23_768, 30_000, 2169, 30_000), keyPages: 276 },
    { ...row(40_000, 25_692, 40_000, 2333, 40_000), keyPages: 427 },
    { ...row(50_000, 35_692, 21_412, 2333, -1), keyPages: 427 },
    { ...row(60_000, 45_692, 23_011, 2333, 8_703), keyPages: 427 },
  ],
} as const;

/** What VACUUM found after them (VACUUM VERBOSE): versions, pages with dead pointers, pointers. */
export const VACUUM_AFTER_SNAPSHOT = {
  100: { removed: 14_328, pagesWithPointers: 2295, pointers: 40_022, walBytes: 645_231 },
  80: { removed: 8_703, pagesWithPointers: 1953, pointers: 14_308, walBytes: 515_954 },
} as const;
