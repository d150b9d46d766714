/**
 * One VACUUM of a table as a running process (vacuumlazy.c:heap_vacuum_rel): the steps of
 * `../heap/vacuum-plan.ts` with their pages, naps, locks and WAL, and what it leaves in the
 * catalog and the statistics when it comes to its end. One that is cancelled leaves what its pages
 * have become, and counts as never done.
 */
import type { Nanoseconds } from '../../kernel/index.ts';
import { failsafeDropsRing } from '../buffers/rings.ts';
import { freezeCutoffs, isFailsafe } from '../heap/freezing.ts';
import type { Table } from '../heap/relation.ts';
import { Vacuum, type VacuumStep, type VacuumSummary } from '../heap/vacuum-plan.ts';
import { needsImage, type RegisteredBlock } from '../heap/wal-record.ts';
import type { Server } from '../server.ts';
import { type CatalogEntry, estimatedRows } from './catalog.ts';
import { HEAP_PAGE, INDEX_PAGE } from './costs.ts';
import { PageWork, shifted } from './page-work.ts';
import type { MaintenanceProcess } from './process.ts';
import { CostThrottle, type ThrottleSource } from './throttle.ts';
import { truncateTail } from './truncation.ts';
import { costSettings, freezeSettings, vacuumMemory, vacuumRing } from './vacuum-settings.ts';

/** What VACUUM's own options change. */
export interface VacuumCommand {
  /** FREEZE. */
  readonly freeze?: boolean;
  /** TRUNCATE, on if not given. */
  readonly truncate?: boolean;
  readonly indexCleanup?: 'auto' | 'on' | 'off';
  /** DISABLE_PAGE_SKIPPING: aggressive, and the visibility map spares nothing. */
  readonly readsAll?: boolean;
}

/** What became of a vacuum: VERBOSE's figures. */
export interface VacuumReport {
  readonly outcome: 'done' | 'cancelled' | 'terminated';
  readonly duration: Nanoseconds;
  readonly napped: Nanoseconds;
  readonly hits: number;
  readonly misses: number;
  readonly dirtied: number;
  readonly isAggressive: boolean;
  readonly isFailsafe: boolean;
  readonly summary: Readonly<VacuumSummary>;
}

/** vacuumlazy.c:FAILSAFE_EVERY_PAGES, 4 GB of heap. */
const FAILSAFE_EVERY_PAGES = 524_288;
/** The record of pg_class's row, changed in place. */
const CATALOG_ROW_BYTES = 200;

export class LazyVacuum {
  private readonly process: MaintenanceProcess;
  private readonly server: Server;
  private readonly table: Table;
  private readonly index: number;
  private readonly command: VacuumCommand;
  private readonly work: PageWork;
  private readonly plan: Vacuum;
  private readonly freezing: ReturnType<typeof freezeSettings>;
  private readonly isAggressive: boolean;
  private isFailsafe = false;
  private nextFailsafeCheck = 0;
  private began: Nanoseconds = 0;

  constructor(
    process: MaintenanceProcess,
    index: number,
    throttle: ThrottleSource,
    command: VacuumCommand = {},
  ) {
    const { server } = process;
    const { settings, storage } = server;
    this.process = process;
    this.server = server;
    this.index = index;
    this.table = storage.tables[index]!;
    this.command = command;
    const { version } = this.table.heap.definition;
    const ring = vacuumRing(settings, version);
    const costs = new CostThrottle(costSettings(settings), throttle);
    this.work = new PageWork(process, this.table, costs, ring);
    const own = process.isAutovacuum ? this.table.definition.options : undefined;
    this.freezing = freezeSettings(settings, command.freeze, own);
    const horizon = server.procArray.array.oldestNonRemovableXid();
    const { nextXid } = server.procArray.array;
    const { relfrozenxid } = storage.database.catalog[index]!;
    const cutoffs = freezeCutoffs(this.freezing, { horizon, nextXid, relfrozenxid }, version);
    this.isAggressive = cutoffs.isAggressive || command.readsAll === true;
    this.plan = this.makePlan(horizon, cutoffs);
  }

  /** Runs it, with the table's lock held. */
  *run(): Generator<undefined, VacuumReport, undefined> {
    this.began = this.server.context.sim.now;
    this.checkFailsafe();
    for (let step = this.plan.next(); step !== null; step = this.plan.next()) {
      const isDone = yield* this.take(step);
      if (!isDone) break;
    }
    yield* this.work.settle();
    const { scannedPages } = this.plan.summary;
    this.server.autovacuum.statistics[this.index]!.vacuumedPages += scannedPages;
    const outcome = this.process.stopped ?? 'done';
    if (outcome === 'done') this.finish();
    return this.report(outcome);
  }

  private makePlan(horizon: number, cutoffs: ReturnType<typeof freezeCutoffs>): Vacuum {
    const { table, server, process, command } = this;
    const { wal, settings } = server;
    const isImaged = (block: RegisteredBlock) =>
      needsImage(table.lsnOf(block), wal.redoLsn, settings.full_page_writes);
    const failsafe = () => this.isFailsafe;
    return new Vacuum(table.heap, table.indexes, {
      horizon,
      freezeLimit: cutoffs.freezeLimit,
      isAggressive: this.isAggressive,
      readsAll: command.readsAll ?? false,
      memoryBytes: vacuumMemory(settings, process.isAutovacuum),
      indexCleanup: command.indexCleanup ?? 'auto',
      hasChecksums: settings.data_checksums,
      isImaged,
      get isFailsafe() {
        return failsafe();
      },
    });
  }

  /** One step; false if the process has to stop. */
  private *take(step: VacuumStep) {
    const { phase, relation, block, pages, records } = step;
    if (phase === 'truncation') {
      if (this.isTruncating()) {
        yield* truncateTail(this.process, this.index, this.plan, step, this.work);
      }
      return this.process.stopped === null;
    }
    if (phase === 'index pass' || this.plan.summary.scannedPages >= this.nextFailsafeCheck) {
      this.checkFailsafe();
    }
    const cost = phase === 'index pass' ? INDEX_PAGE : HEAP_PAGE;
    for (let i = 0; i < pages; i++) {
      const own = i === 0 || records.length === 0 ? records : shifted(records, block, i);
      const isDone = yield* this.work.page({ relation, block: block + i }, cost, own);
      if (!isDone) return false;
      if (phase !== 'index pass' && !this.hasStubs(block + i)) this.work.throttle.hit();
    }
    return true;
  }

  private isTruncating(): boolean {
    const { vacuum_truncate: setting = true } = this.server.settings; // since 18
    return this.command.truncate ?? this.table.definition.options?.vacuum_truncate ?? setting;
  }

  /** The free space map is updated, a page of its own, as soon as no dead pointers are left. */
  private hasStubs(block: number): boolean {
    const { changed } = this.table.heap;
    const entry = changed.find(block);
    return entry >= 0 && changed.stubs[entry]! > 0;
  }

  /** vacuumlazy.c:lazy_check_wraparound_failsafe: everything but freezing is dropped. */
  private checkFailsafe(): void {
    this.nextFailsafeCheck = this.plan.summary.scannedPages + FAILSAFE_EVERY_PAGES;
    const { procArray, storage } = this.server;
    const { relfrozenxid } = storage.database.catalog[this.index]!;
    if (this.isFailsafe) return;
    if (!isFailsafe(this.freezing, procArray.array.nextXid - relfrozenxid)) return;
    this.isFailsafe = true;
    this.work.throttle.isOff = true;
    if (failsafeDropsRing(this.table.heap.definition.version)) this.work.ring = null;
  }

  /** vac_update_relstats, and the report to the statistics. */
  private finish(): void {
    const { server, table, plan, process } = this;
    const { summary } = plan;
    const { version } = table.heap.definition;
    const entry = server.storage.database.catalog[this.index]!;
    const { pages } = table.heap;
    const { scannedPages, liveTuples } = summary;
    const before = { ...entry };
    entry.reltuples = estimatedRows(entry, pages, scannedPages, liveTuples, version);
    entry.relpages = pages;
    entry.relallfrozen = table.heap.visibility.allFrozenPages(pages);
    if (summary.relfrozenxid !== null && summary.relfrozenxid > entry.relfrozenxid) {
      entry.relfrozenxid = summary.relfrozenxid;
    }
    if (differs(before, entry)) server.wal.insert(CATALOG_ROW_BYTES, 'Heap/INPLACE');
    const counters = server.autovacuum.statistics[this.index]!;
    const { now } = server.context.sim;
    counters.vacuumed(now, entry.reltuples, summary.recentlyDead, process.isAutovacuum);
  }

  private report(outcome: VacuumReport['outcome']): VacuumReport {
    const { hits, misses, dirtied, napped } = this.work.throttle;
    return {
      outcome,
      duration: this.server.context.sim.now - this.began,
      napped,
      hits,
      misses,
      dirtied,
      isAggressive: this.isAggressive,
      isFailsafe: this.isFailsafe,
      summary: this.plan.summary,
    };
  }
}

/** vac_update_relstats writes the row only where something has changed. */
function differs(before: CatalogEntry, { relpages, reltuples, ...rest }: CatalogEntry): boolean {
  if (before.relpages !== relpages || before.reltuples !== reltuples) return true;
  return before.relallfrozen !== rest.relallfrozen || before.relfrozenxid !== rest.relfrozenxid;
}
