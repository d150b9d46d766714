/**
 * An autovacuum worker (autovacuum.c:do_autovacuum): it lists the tables that need something once,
 * takes them in the order of the catalog, passes over those that another worker has, looks again
 * whether they still need it, and vacuums and analyzes them; then the database's oldest
 * transaction id is known anew.
 *
 * Left out: TOAST tables, orphaned temporary tables, work items of BRIN indexes, and the ordering
 * by urgency of later versions.
 */
import type { Process } from '../../kernel/index.ts';
import { type AutovacuumNeeds, autovacuumNeeds } from '../heap/autovacuum-triggers.ts';
import { workerLimit } from '../heap/vacuum-cost.ts';
import { SHARE_UPDATE_EXCLUSIVE } from '../locking/lock-modes.ts';
import { analyzeTable } from './analyze.ts';
import type { Autovacuum } from './autovacuum.ts';
import { LazyVacuum } from './lazy-vacuum.ts';
import { MaintenanceProcess } from './process.ts';
import type { ThrottleSource } from './throttle.ts';
import { autovacuumSettings, costDelay, costSettings, hasOwnThrottle } from './vacuum-settings.ts';

export class AutovacuumWorker {
  readonly process: MaintenanceProcess;
  /** The table that it has taken, by its place in the database; -1: none. */
  table = -1;
  private readonly autovacuum: Autovacuum;
  /** The table's own throttle, or that which all workers share. */
  hasOwnThrottle = false;

  constructor(autovacuum: Autovacuum) {
    const { server } = autovacuum;
    this.autovacuum = autovacuum;
    this.process = new MaintenanceProcess(server, true);
  }

  private throttleOf(index: number): ThrottleSource {
    const { autovacuum } = this;
    const { settings, storage } = autovacuum.server;
    const { options } = storage.tables[index]!.definition;
    const costs = costSettings(settings);
    const own = options?.autovacuum_vacuum_cost_limit ?? workerLimit(costs, 1);
    const limit = () => workerLimit(costs, autovacuum.sharingWorkers);
    this.hasOwnThrottle = hasOwnThrottle(options);
    return {
      limit: this.hasOwnThrottle ? () => own : limit,
      delay: costDelay(settings, true, options),
    };
  }

  *run(): Process {
    const { process, autovacuum } = this;
    const { server } = autovacuum;
    const { tables } = server.storage;
    yield* process.work(server.costs.backendStart);
    yield* process.proc.connect();
    const listed = tables.flatMap((_, index) => (wants(this.needs(index)) ? [index] : []));
    for (const index of listed) {
      if (process.stopped === 'terminated') break;
      if (autovacuum.workers.some(({ table }) => table === index)) continue;
      this.table = index;
      const needs = this.needs(index);
      process.goOn();
      process.isForced = needs.wraparound;
      if (needs.vacuum) yield* this.vacuum(index);
      if (needs.analyze && process.stopped === null) yield* this.analyze(index);
      this.table = -1;
    }
    autovacuum.updateLimits();
    process.end();
    autovacuum.workerEnded(this);
  }

  private needs(index: number): AutovacuumNeeds {
    const { server, statistics } = this.autovacuum;
    const { storage, procArray, settings } = server;
    const { reltuples, relpages, relallfrozen, relfrozenxid } = storage.database.catalog[index]!;
    const { heap, definition } = storage.tables[index]!;
    const { options } = definition;
    const counters = statistics[index]!;
    const table = {
      reltuples,
      deadTuples: counters.deadTuples,
      insertedSinceVacuum: counters.insertedSinceVacuum,
      modifiedSinceAnalyze: counters.modifiedSinceAnalyze,
      frozenXidAge: procArray.array.nextXid - relfrozenxid,
      multixactAge: 0,
      unfrozenShare: relpages > 0 ? 1 - Math.min(1, relallfrozen / relpages) : 1,
    };
    return autovacuumNeeds(table, autovacuumSettings(settings, options), heap.definition.version);
  }

  private *vacuum(index: number) {
    const { process, autovacuum } = this;
    if (!(yield* this.lock(index))) return;
    autovacuum.began(index, process.isForced);
    process.proc.entry.ignored = true;
    const report = yield* new LazyVacuum(process, index, this.throttleOf(index)).run();
    this.unlock();
    autovacuum.ended(index, report, true);
  }

  private *analyze(index: number) {
    const { process } = this;
    process.isForced = false;
    if (!(yield* this.lock(index))) return;
    process.proc.entry.ignored = false;
    yield* analyzeTable(process, index, this.throttleOf(index));
    this.unlock();
  }

  /** Only against wraparound does it wait for the lock; else the table is left for later. */
  private *lock(index: number) {
    const { process } = this;
    const { locks } = process.server;
    const { owner } = process;
    if (!process.isForced) return locks.tryLockRelation(owner, index, SHARE_UPDATE_EXCLUSIVE);
    const request = locks.lockRelation(owner, index, SHARE_UPDATE_EXCLUSIVE);
    return (yield* locks.finish(owner, request)) === 'granted';
  }

  private unlock(): void {
    this.process.server.locks.releaseAll(this.process.owner);
  }
}

function wants({ vacuum, analyze }: AutovacuumNeeds): boolean {
  return vacuum || analyze;
}
