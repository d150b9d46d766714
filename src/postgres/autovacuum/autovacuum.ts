/**
 * Autovacuum of one server: the launcher, which starts a worker every autovacuum_naptime as long
 * as there are fewer than autovacuum_max_workers, the workers, and what they know of the tables
 * (autovacuum.c:AutoVacLauncherMain). All tables are in one database, whose turn it always is.
 */
import {
  type Nanoseconds,
  NEVER,
  type Process,
  type ProcessId,
  SECOND,
  Signal,
} from '../../kernel/index.ts';
import type { HeapChange } from '../heap/heap-change.ts';
import type { Table } from '../heap/relation.ts';
import type { LockOutcome } from '../locking/lock-manager.ts';
import { SHARE_UPDATE_EXCLUSIVE } from '../locking/lock-modes.ts';
import type { Server } from '../server.ts';
import type { ErrorResponse } from '../statement.ts';
import { analyzeTable } from './analyze.ts';
import { LazyVacuum, type VacuumCommand, type VacuumReport } from './lazy-vacuum.ts';
import { vacuumNote } from './note.ts';
import { MaintenanceProcess } from './process.ts';
import { TableCounters } from './statistics.ts';
import { costDelay, mostWorkers } from './vacuum-settings.ts';
import { AutovacuumWorker } from './worker.ts';
import { XidLimits } from './xid-limits.ts';

/** What VACUUM is asked to do with a table. */
export type VacuumOptions = VacuumCommand & { readonly analyze?: boolean };

const NO_PROCESS: ProcessId = -1;

export class Autovacuum {
  readonly server: Server;
  /** By the tables' places in the database. */
  readonly statistics: readonly TableCounters[];
  readonly limits: XidLimits;
  private readonly byRelation: TableCounters[] = [];
  /** The workers that run, in the order of their starts. */
  workers: AutovacuumWorker[] = [];
  /** Manual vacuums that run. */
  private readonly manual = new Set<MaintenanceProcess>();
  private launcher: ProcessId = NO_PROCESS;
  private workerLeft: Signal;

  constructor(server: Server) {
    const { storage, settings } = server;
    this.server = server;
    this.statistics = storage.tables.map(({ heap }) => new TableCounters(heap, heap.live));
    for (const [index, { definition }] of storage.tables.entries()) {
      this.byRelation[definition.relation] = this.statistics[index]!;
    }
    const version = storage.tables[0]?.heap.definition.version ?? 0;
    this.limits = new XidLimits(settings.autovacuum_freeze_max_age, version);
    this.workerLeft = new Signal(server.context.sim);
  }

  /** Workers that have a table without a throttle of its own: they share the cost limit. */
  get sharingWorkers(): number {
    let sharing = 0;
    for (const { table, hasOwnThrottle } of this.workers) {
      if (table >= 0 && !hasOwnThrottle) sharing++;
    }
    return sharing;
  }

  /**
   * The server takes writes from now on. The first worker comes a naptime after a start; where the
   * run begins the launcher has run for long, and its next turn may be at any time.
   */
  start(hasRunForLong: boolean): void {
    const { context, settings, host, group, name } = this.server;
    this.updateLimits();
    if (!settings.autovacuum || this.statistics.length === 0) return;
    const naptime = settings.autovacuum_naptime;
    const share = hasRunForLong ? context.sim.random(`servers/${name}/autovacuum`).uniform() : 1;
    const first = context.sim.now + Math.ceil(share * naptime);
    this.launcher = host.spawn(this.launch(first), group);
  }

  /** The server shuts down: nobody begins anything, and who works stops at his next page. */
  stop(): void {
    this.server.context.sim.kill(this.launcher);
    this.launcher = NO_PROCESS;
    for (const { process } of this.workers) process.stop('terminated');
    for (const process of this.manual) process.stop('terminated');
  }

  /** All processes are gone. */
  forget(): void {
    this.launcher = NO_PROCESS;
    this.workers = [];
    this.manual.clear();
    this.workerLeft = new Signal(this.server.context.sim);
    this.announce();
  }

  /** Crash recovery begins: it discards all statistics. */
  crash(): void {
    for (const counters of this.statistics) counters.discard();
  }

  /** The transaction of a change of a table is over. */
  transactionEnded(table: Table, change: HeapChange, committed: boolean): void {
    this.byRelation[table.definition.relation]!.transactionEnded(change, committed);
  }

  /** The error for a transaction that wants an id; null as long as there are some to give. */
  refusal(): ErrorResponse | null {
    return this.limits.refuses(this.server.procArray.array.nextXid) ? this.limits.error : null;
  }

  /** An id was given out; beyond autovacuum_freeze_max_age a worker comes even if it is off. */
  xidAssigned(xid: number): void {
    if (!this.limits.passed(xid)) return;
    if (!this.server.settings.autovacuum && this.workers.length === 0) this.startWorker();
  }

  /** vac_update_datfrozenxid. */
  updateLimits(): void {
    const { catalog, partitions } = this.server.storage.database;
    let oldest = Number.POSITIVE_INFINITY;
    for (const [index, { relfrozenxid }] of catalog.entries()) {
      if (!partitions.isDropped(index)) oldest = Math.min(oldest, relfrozenxid);
    }
    this.limits.set(oldest);
  }

  /** VACUUM or VACUUM ANALYZE as a process of its own: null if it gave up its wait for the lock. */
  *vacuum(
    index: number,
    options: VacuumOptions = {},
  ): Generator<undefined, VacuumReport | null, undefined> {
    const process = new MaintenanceProcess(this.server, false);
    this.enter(process);
    yield* process.proc.connect();
    let report: VacuumReport | null = null;
    yield* this.vacuumTable(process, index, options, (each) => {
      report = each;
    });
    this.leave(process);
    process.end();
    return report;
  }

  /** Who vacuums is told when the server shuts down. */
  enter(process: MaintenanceProcess): void {
    this.manual.add(process);
  }

  leave(process: MaintenanceProcess): void {
    this.manual.delete(process);
  }

  /** One table, as VACUUM does it: how its wait for the table's lock ended. */
  *vacuumTable(
    process: MaintenanceProcess,
    index: number,
    options: VacuumOptions,
    reports: (report: VacuumReport) => void = () => {},
  ): Generator<undefined, LockOutcome, undefined> {
    const { locks, settings } = this.server;
    const { owner, proc } = process;
    const throttle = {
      limit: () => settings.vacuum_cost_limit,
      delay: costDelay(settings, false),
    };
    const request = locks.lockRelation(owner, index, SHARE_UPDATE_EXCLUSIVE);
    const outcome = yield* locks.finish(owner, request);
    if (outcome !== 'granted') return outcome;
    this.began(index, false);
    proc.entry.ignored = true;
    const report = yield* new LazyVacuum(process, index, throttle, options).run();
    proc.entry.ignored = false;
    if (options.analyze && process.stopped === null) yield* analyzeTable(process, index, throttle);
    this.ended(index, report, false);
    this.updateLimits();
    reports(report);
    return outcome;
  }

  began(index: number, isForced: boolean): void {
    const { context, index: server } = this.server;
    context.events.vacuumBegan.emit(server, index, isForced ? 1 : 0);
  }

  ended(index: number, report: VacuumReport, isAutovacuum: boolean): void {
    const { context, index: server, name, storage } = this.server;
    const { summary, outcome } = report;
    const table = storage.tables[index]!;
    const isDone = outcome === 'done' ? 1 : 0;
    context.events.vacuumEnded.emit(server, index, isDone, summary.tuplesRemoved);
    const text = vacuumNote(table, report, isAutovacuum, this.holderBefore(report.duration));
    context.sim.trace.note('vacuum', `${name}: ${text}`);
  }

  /** Who has held the horizon for longer than this, and since when. */
  private holderBefore(duration: Nanoseconds): string | null {
    const { context, procArray } = this.server;
    const { now } = context.sim;
    const holder = procArray.array.holder();
    if (holder === null || holder.since > now - duration) return null;
    return `${holder.kind} ${holder.name}, since ${(holder.since / SECOND).toFixed(3)} s`;
  }

  workerEnded(worker: AutovacuumWorker): void {
    this.workers = this.workers.filter((each) => each !== worker);
    this.announce();
    this.workerLeft.fire();
  }

  private *launch(first: Nanoseconds): Process {
    const { context, settings } = this.server;
    const { sim } = context;
    const most = mostWorkers(settings);
    for (let next = first; ; next = sim.now + settings.autovacuum_naptime) {
      while (sim.now < next) yield sim.holdUntil(next);
      while (this.workers.length >= most) yield this.workerLeft.wait(NEVER);
      this.startWorker();
    }
  }

  private startWorker(): void {
    const { host, group } = this.server;
    const worker = new AutovacuumWorker(this);
    this.workers.push(worker);
    this.announce();
    host.spawn(worker.run(), group);
  }

  private announce(): void {
    const { context, index } = this.server;
    context.events.autovacuumWorkers.emit(index, this.workers.length);
  }
}
