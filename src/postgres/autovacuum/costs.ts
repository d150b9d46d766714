/**
 * Processor times of vacuum and analyze, measured on PostgreSQL 15.18 (2.6 GHz AMD EPYC): an
 * aggressive VACUUM of 32,787 pages with 61 frozen tuples each took 0.08 s, of which copies from
 * the system's cache were some 0.046 s; one that removed 333,333 versions of 38,252 pages, with
 * 10,970 pages of index and 114,757 WAL records, 0.26 s; ANALYZE of 30,000 pages 0.14 s.
 */
import type { Nanoseconds } from '../../kernel/index.ts';

/** Looking at the tuples of one cached heap page. */
export const HEAP_PAGE: Nanoseconds = 1_000;
/** Looking up some 200 to 350 entries of one cached leaf among the dead row pointers. */
export const INDEX_PAGE: Nanoseconds = 8_000;
/** Making and inserting one WAL record. */
export const RECORD: Nanoseconds = 1_000;
/** A row of ANALYZE's sample: sorting its columns' values. */
export const SAMPLED_ROW: Nanoseconds = 3_500;
/** What a sleep lasts beyond its time: 50 us of timer slack, and the wake-up. */
export const TIMER_SLACK: Nanoseconds = 60_000;
/** Work between two naps goes to the processor in turns of this length, so that time passes. */
export const TURN: Nanoseconds = 1_000_000;
