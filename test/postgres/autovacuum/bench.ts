import { Host } from '../../../src/hardware/host.ts';
import { Network } from '../../../src/hardware/network.ts';
import { MILLISECOND, type Process, Simulation } from '../../../src/kernel/index.ts';
import type { VacuumCommand, VacuumReport } from '../../../src/postgres/autovacuum/lazy-vacuum.ts';
import { PostgresEvents } from '../../../src/postgres/events.ts';
import type { TableDefinition } from '../../../src/postgres/heap/relation.ts';
import type { LockOwner } from '../../../src/postgres/locking/lock-table.ts';
import { FIRST_LSN } from '../../../src/postgres/lsn.ts';
import { ProcEntry } from '../../../src/postgres/procarray/index.ts';
import { Server } from '../../../src/postgres/server.ts';
import { Database } from '../../../src/postgres/storage/database.ts';
import { History } from '../../../src/postgres/timeline.ts';
import { constantDisk, settingsOf } from '../../helpers/world.ts';
import { primaryKey } from '../heap/workbench.ts';

/** 61 rows a page, as pgbench_accounts: its pages need no image before the first checkpoint. */
export function table(index: number, rows: number, more: Partial<TableDefinition> = {}) {
  const relation = 2 * index + 1;
  const loadedLsn = FIRST_LSN + 1;
  const key = { ...primaryKey(4), relation: relation + 1, loadedLsn };
  const shape = { tupleBytes: 121, fillfactor: 100, version: 15, loadedLsn };
  return { name: `t${index}`, relation, rows, ...shape, indexes: [key], ...more };
}

export interface BenchPlan {
  readonly tables: readonly TableDefinition[];
  readonly settings?: Record<string, string | number | boolean>;
  readonly version?: number;
  readonly start?: { buffers: 'warm' | 'cold'; osCache: 'warm' | 'cold' };
  readonly nextXid?: number;
  readonly seed?: number;
  readonly sharedBuffersBytes?: number;
}

/** One primary whose tables are changed by hand, in no time. */
export class Bench {
  readonly sim: Simulation;
  readonly server: Server;
  readonly events: PostgresEvents;

  constructor(plan: BenchPlan) {
    const { tables, settings = {}, version = 15, seed = 1, sharedBuffersBytes = 1 << 30 } = plan;
    this.sim = new Simulation(seed);
    const { sim } = this;
    const disk = constantDisk(sim, 'db', MILLISECOND / 10);
    const size = { cores: 8, memoryBytes: 8 * 2 ** 30 };
    const nicBitsPerSecond = Number.POSITIVE_INFINITY;
    const host = new Host(sim, {
      name: 'db',
      zone: 'z',
      index: 0,
      disk,
      nicBitsPerSecond,
      ...size,
    });
    const network = new Network(sim, [host], () => {
      throw new Error('nobody speaks to anybody here');
    });
    this.events = new PostgresEvents(sim.trace);
    const history = new History();
    const database = new Database(tables);
    database.nextXid = plan.nextXid ?? database.nextXid;
    const all = settingsOf({ shared_buffers: sharedBuffersBytes, ...settings }, version);
    const { start = { buffers: 'warm', osCache: 'warm' } } = plan;
    const branch = history.begin('db');
    const context = { sim, network, events: this.events, history };
    const options = { name: 'db', index: 0, host, settings: all, branch, database, start };
    this.server = new Server(context, options);
    this.server.beginInService('primary');
  }

  get catalog() {
    return this.server.storage.database.catalog;
  }

  get statistics() {
    return this.server.autovacuum.statistics;
  }

  heap(index: number) {
    return this.server.storage.tables[index]!.heap;
  }

  /** One transaction that deletes or updates rows. */
  change(index: number, kind: 'delete' | 'update', rows: Iterable<number>, commits = true): void {
    const { autovacuum, procArray, storage } = this.server;
    const changed = storage.tables[index]!;
    const entry = new ProcEntry('client');
    procArray.array.connect(entry);
    const xid = procArray.array.assignXid(entry);
    storage.database.nextXid = xid + 1;
    const horizon = procArray.array.oldestNonRemovableXid();
    const target = { block: -1 };
    const how = { xid, horizon, target, changesIndexedColumn: false, changedBytes: 3 };
    const changes = [...rows].map((row) =>
      kind === 'delete' ? changed.delete(row, how)! : changed.update(row, how)!,
    );
    for (const change of changes.reverse()) {
      for (const record of change.records) changed.stamp(record, 2 * FIRST_LSN);
      if (!commits) changed.abort(change);
      autovacuum.transactionEnded(changed, change.heap, commits);
    }
    procArray.array.endTransaction(entry, commits);
    procArray.array.disconnect(entry);
  }

  /** A transaction that has an id and does nothing more, as long as it is not ended. */
  idleInTransaction(): () => void {
    const { array } = this.server.procArray;
    const entry = new ProcEntry('idle');
    array.connect(entry);
    array.assignXid(entry);
    return () => {
      array.endTransaction(entry, true);
      array.disconnect(entry);
    };
  }

  /** VACUUM, from its start to its end. */
  vacuum(index: number, command: VacuumCommand & { analyze?: boolean } = {}): VacuumReport {
    let report: VacuumReport | null = null;
    const { server } = this;
    this.play(
      (function* (): Process {
        report = yield* server.autovacuum.vacuum(index, command);
      })(),
    );
    for (let i = 0; report === null && i < 10_000; i++) this.sim.run(this.sim.now + 1e9);
    return report!;
  }

  play(body: Process): void {
    this.sim.spawn(body);
  }

  /** A client of locks that notes nothing. */
  locker(): LockOwner {
    return this.server.locks.enter({ lockWait: () => {} });
  }
}

/** Every n-th number below the end, from an offset on. */
export function every(step: number, end: number, from = 0): number[] {
  const found: number[] = [];
  for (let n = from; n < end; n += step) found.push(n);
  return found;
}
