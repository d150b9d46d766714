/** A backend's statements that are whole plans, and what it has looked into. */
import { ACCESS_SHARE, type LockMode, ROW_EXCLUSIVE } from '../locking/lock-modes.ts';
import type { LockOwner } from '../locking/lock-table.ts';
import type { BackendMemory } from '../memory.ts';
import type { RoutedRow, Routing } from '../partitioning/routing.ts';
import type { ProcSession } from '../procarray/session.ts';
import type { Server } from '../server.ts';
import {
  ERRORS,
  type ErrorResponse,
  LOCK_ERRORS,
  type Relation,
  type Statement,
  type StatementUsage,
} from '../statement.ts';
import type { Transaction } from '../transaction.ts';
import type { WaitState } from '../waits.ts';
import type { Changed, PlanHost } from './plan-host.ts';
import { PlanRunner } from './plan-runner.ts';
import type { RowChange } from './plan-work.ts';

/**
 * Of what a session's first query takes more than others the planner's share: 0.3 ms of 0.55 (the
 * first and the next EXPLAIN of sessions of version 15, a table without partitions).
 */
const FIRST_PLANNING = 0.55;

export interface PlanBackend {
  readonly server: Server;
  readonly owner: LockOwner;
  readonly transaction: Transaction;
  readonly wait: WaitState;
  readonly memory: BackendMemory;
  readonly proc: ProcSession;
}

/** Who changes one row: its lock, its pages, its WAL. */
export interface RowChanger {
  /** The last row was not there, or somebody has it and it is left out. */
  readonly isLeftOut: boolean;
  changeRow(statement: Statement): Generator<undefined, ErrorResponse | null>;
  /** The partition that a new row goes to. */
  routeRow(routing: Routing): Generator<undefined, RoutedRow | ErrorResponse>;
}

export class PlannedStatements implements PlanHost {
  /** Partitions that the backend has looked into so far. */
  partitions = 0;
  readonly server: Server;
  readonly transaction: Transaction;
  readonly wait: WaitState;
  readonly memory: BackendMemory;
  private readonly owner: LockOwner;
  /** What it had used when the statement came. */
  private before = { accesses: 0, reads: 0, partitions: 0, at: 0, parsedAt: 0, planning: 0 };

  private readonly rows: RowChanger;

  constructor({ server, owner, transaction, wait, memory }: PlanBackend, rows: RowChanger) {
    this.rows = rows;
    this.server = server;
    this.owner = owner;
    this.transaction = transaction;
    this.wait = wait;
    this.memory = memory;
  }

  /** What of the time since it came was the planner's, and what the executor's. */
  parsed({ verb, prepared, usage }: Statement, isFirst: boolean): void {
    const { costs, context } = this.server;
    const { before } = this;
    const first = isFirst ? costs.firstQuery : 0;
    const slowness = (context.sim.now - before.at) / (costs.statement(verb, prepared) + first);
    const planner = (prepared ? 0 : costs.planner(verb)) + first * FIRST_PLANNING;
    const executor = costs.executor(verb) + first * (1 - FIRST_PLANNING);
    usage!.planning += Math.round(planner * slowness);
    usage!.execution += Math.round(executor * slowness);
    before.parsedAt = context.sim.now;
    before.planning = usage!.planning;
  }

  /** A statement on one table begins; of several or of a plan each counts by itself. */
  count({ verb, relation, details }: Statement): void {
    const rows = details === null ? null : details.rows;
    if (verb === 'insert' || rows === 'parts' || rows === 'plan') return;
    if (relation?.isPartition === true) this.partitions++;
  }

  /** The error if it comes to one. */
  *run({ details, prepared, usage }: Statement): Generator<undefined, ErrorResponse | null> {
    const analyzed = usage?.analyzed;
    const run = new PlanRunner(this, details!.plan!, prepared, analyzed !== undefined);
    const error = yield* run.execute();
    if (analyzed) analyzed.nodes = run.usage!.nodes;
    this.partitions += run.partitions;
    const { buffers } = this.wait;
    buffers.accesses += run.ofWorkers.accesses;
    buffers.reads += run.ofWorkers.reads;
    return error;
  }

  /** A row of a table, or a new one in the partition that its key belongs to. */
  *change({ verb, relation, key, details }: RowChange, prepared: boolean) {
    const { routing } = details;
    const { strayKey: stray } = details;
    const target =
      routing === null ? { relation, strayKey: stray } : yield* this.partition(routing);
    if ('sqlstate' in target) return target as Changed;
    const { strayKey } = target;
    const own = routing === null ? details : { ...details, routing: null, strayKey };
    const type = 'statement' as const;
    const one = { type, verb, relation: target.relation, key, prepared, details: own };
    const error = yield* this.rows.changeRow({ ...one, commit: null, usage: null });
    return error ?? (this.rows.isLeftOut ? 'left out' : 'done');
  }

  /** The partition of a new row, with its lock. */
  private *partition(routing: Routing): Generator<undefined, RoutedRow | ErrorResponse> {
    const target = yield* this.rows.routeRow(routing);
    if ('sqlstate' in target) return target;
    return (yield* this.lockTable(target.relation, ROW_EXCLUSIVE)) ?? target;
  }

  /** A table's lock, and under SERIALIZABLE that all of it has been read. */
  *lockTable(
    { index }: Relation,
    mode: LockMode = ACCESS_SHARE,
  ): Generator<undefined, ErrorResponse | null> {
    const { server, owner, transaction } = this;
    const { locks, predicateLocks, storage } = server;
    const request = locks.lockRelation(owner, index, mode);
    const outcome = yield* locks.finish(owner, request);
    if (outcome === 'cancelled') return transaction.cancellation;
    if (outcome === 'deadlock') server.deadlocks++;
    if (outcome !== 'granted') return LOCK_ERRORS[outcome];
    if (mode === ROW_EXCLUSIVE) return null;
    const own = transaction.serializable;
    const { relation } = storage.tables[index]!.definition;
    return own !== null && predicateLocks.scans(own, relation) ? ERRORS.dependencies : null;
  }

  /** A statement begins (null), or has ended: what it has used since. */
  account(usage: StatementUsage | null): void {
    const { wait, before, partitions } = this;
    const { accesses, reads } = wait.buffers;
    const { now } = this.server.context.sim;
    if (usage !== null) {
      usage.reads = reads - before.reads;
      usage.hits = accesses - before.accesses - usage.reads;
      usage.partitions = partitions - before.partitions;
      usage.execution += now - before.parsedAt - (usage.planning - before.planning);
      if (usage.analyzed) usage.analyzed.time = now - before.at;
    }
    this.before = { accesses, reads, partitions, at: now, parsedAt: now, planning: 0 };
  }
}
