/**
 * What pg_stat_user_tables counts of one table on one server: the numbers by which autovacuum
 * decides (pgstat_relation.c). A transaction adds what it did when it ends, pruning by queries
 * takes away what it removed, vacuum and analyze set what they found.
 *
 * Kept: what each kind of end adds, that inserts count for the insert trigger even if they were
 * rolled back, that a crash discards everything and a standby has counted nothing. Left out: the
 * delay of up to a second after which a backend hands its counts in, small beside any naptime but
 * the shortest.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import type { HeapChange } from '../heap/heap-change.ts';

/** Where pruning outside of vacuum counts what it removed. */
export interface PrunedHeap {
  readonly prunedByQueries: number;
}

export class TableCounters {
  liveTuples: number;
  modifiedSinceAnalyze = 0;
  insertedSinceVacuum = 0;
  vacuums = 0;
  autovacuums = 0;
  analyzes = 0;
  autoanalyzes = 0;
  /** Pages of the table, without its indexes, that vacuums have read. */
  vacuumedPages = 0;
  /** Since the beginning of the run; -1: never. */
  lastVacuum: Nanoseconds = -1;
  lastAnalyze: Nanoseconds = -1;
  private readonly heap: PrunedHeap;
  private ended = 0;
  private prunedBefore: number;

  constructor(heap: PrunedHeap, liveTuples: number) {
    this.heap = heap;
    this.liveTuples = liveTuples;
    this.prunedBefore = heap.prunedByQueries;
  }

  /** n_dead_tup. */
  get deadTuples(): number {
    return Math.max(0, this.ended - (this.heap.prunedByQueries - this.prunedBefore));
  }

  /** The transaction of one change is over (AtEOXact_PgStat_Relations). */
  transactionEnded({ kind }: HeapChange, committed: boolean): void {
    if (kind === 'lock') return;
    if (kind === 'insert') this.insertedSinceVacuum++;
    if (committed) {
      this.modifiedSinceAnalyze++;
      if (kind === 'insert') this.liveTuples++;
      else this.ended++;
      if (kind === 'delete') this.liveTuples--;
    } else if (kind !== 'delete') this.ended++;
  }

  /** A vacuum has ended: dead is what it could not remove (pgstat_report_vacuum). */
  vacuumed(now: Nanoseconds, live: number, dead: number, isAutovacuum: boolean): void {
    this.set(live, dead);
    this.insertedSinceVacuum = 0;
    this.lastVacuum = now;
    if (isAutovacuum) this.autovacuums++;
    else this.vacuums++;
  }

  /** An analyze has ended (pgstat_report_analyze). */
  analyzed(now: Nanoseconds, live: number, dead: number, isAutovacuum: boolean): void {
    this.set(live, dead);
    this.modifiedSinceAnalyze = 0;
    this.lastAnalyze = now;
    if (isAutovacuum) this.autoanalyzes++;
    else this.analyzes++;
  }

  /** Crash recovery: the statistics are gone, those of vacuums too. */
  discard(): void {
    this.set(0, 0);
    this.modifiedSinceAnalyze = this.insertedSinceVacuum = 0;
    this.vacuums = this.autovacuums = this.analyzes = this.autoanalyzes = 0;
    this.lastVacuum = this.lastAnalyze = -1;
  }

  private set(live: number, dead: number): void {
    this.liveTuples = live;
    this.ended = dead;
    this.prunedBefore = this.heap.prunedByQueries;
  }
}
