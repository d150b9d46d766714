/**
 * Opening the relations of a statement on partitions, before it does anything else: the lock of the
 * partitioned table, then of every partition that the plan has, in the order in which they were
 * made, with their indexes (inherit.c:expand_partitioned_rtentry, plancat.c:get_relation_info). A
 * plan that is kept locks all its partitions, those too that are pruned when it is executed
 * (plancache.c:AcquireExecutorLocks), but of indexes only what it reads. All of it is held to the
 * end of the transaction, in the 16 slots of the fast path first and then in the shared table.
 *
 * Planning is paid by what there is to plan: relations, indexes, paths, comparisons. It asks for
 * the size of each file, which has to be opened again where the backend has more of them than
 * max_files_per_process (fd.c: LruDelete; plancat.c: estimate_rel_size): 1,000 files, as those of
 * 500 partitions with one index, are a step and no slope.
 *
 * What a backend opens for the first time it has to read from the catalogs, and keeps
 * (relcache.c:RelationBuildDesc): time and memory, per backend. Left out: invalidations, so that
 * what was opened once is known for good; indexes of tables that are not partitioned; files that
 * are open because their pages were read.
 */
import type { Costs } from '../costs.ts';
import type { LockOutcome } from '../locking/lock-manager.ts';
import type { LockOwner } from '../locking/lock-table.ts';
import type { BackendMemory } from '../memory.ts';
import type { Server } from '../server.ts';
import { ERRORS, type ErrorResponse, LOCK_ERRORS, type Statement } from '../statement.ts';
import { tableLockOf } from '../statement-rows.ts';
import type { Transaction } from '../transaction.ts';

/** Relations by the ids of their locks, in the order in which they are locked. */
export interface OpenedRelations {
  readonly locks: readonly number[];
  /** Of each the partition that it belongs to, which may be gone by now; -1: of none. */
  readonly owners: readonly number[];
  /** Ids from here on are those of indexes, and before: tables without rows have no file. */
  readonly firstIndex: number;
  readonly withoutRows: number;
  /** How many of them are tables, partitioned ones included. */
  readonly tables: number;
  /** What has to be planned; null: the plan was made before, and is only locked. */
  readonly planned: PlannedRelations | null;
}

/** What a planner has to do beyond planning a look-up on a plain table, as counts. */
export interface PlannedRelations {
  readonly partitionedTables: number;
  readonly partitions: number;
  /** Their indexes, and those of which the condition names the first column. */
  readonly indexes: number;
  readonly paths: number;
  /** Tables with a comparison by < or >, and such with an index on its column. */
  readonly ranges: number;
  readonly extremes: number;
}

/** What a statement opens, by the way in which it was sent. */
export interface Opens {
  readonly simple: OpenedRelations;
  readonly prepared: OpenedRelations;
}

/** Who opens them. */
export interface Opener {
  readonly server: Server;
  readonly owner: LockOwner;
  readonly transaction: Transaction;
  readonly memory: BackendMemory;
  readonly relationCache: RelationCache;
}

/** What one backend knows of relations (relcache.c), and which files it has open (fd.c). */
export class RelationCache {
  private readonly known = new Set<number>();
  /** By relation: after how many looks at files its own was last looked at. */
  private readonly lookedAt: number[] = [];
  private looks = 0;

  /** How many relations there are. */
  get size(): number {
    return this.known.size;
  }

  /** How many tables and indexes of these were not known before. */
  open({ locks, firstIndex }: Pick<OpenedRelations, 'locks' | 'firstIndex'>): Added {
    let tables = 0;
    let indexes = 0;
    for (let i = 0; i < locks.length; i++) {
      const relation = locks[i]!;
      if (this.known.has(relation)) continue;
      this.known.add(relation);
      if (relation >= firstIndex) indexes++;
      else tables++;
    }
    return { tables, indexes };
  }

  /** Looks at the files of these; how many had been closed since, to make room for others. */
  look({ locks, firstIndex, withoutRows }: OpenedRelations, mostFiles: number): number {
    const { lookedAt } = this;
    let closed = 0;
    for (let i = 0; i < locks.length; i++) {
      const relation = locks[i]!;
      if (relation >= withoutRows && relation < firstIndex) continue;
      const before = lookedAt[relation];
      if (before !== undefined && this.looks - before >= mostFiles) closed++;
      lookedAt[relation] = this.looks++;
    }
    return closed;
  }
}

interface Added {
  readonly tables: number;
  readonly indexes: number;
}

/** What planning touches of a core's caches is nothing that other visits touch. */
const PLANNING = 6;

/** fd.c: NUM_RESERVED_FDS, of the files that a process may have open. */
const RESERVED_FILES = 10;

type Opening = Generator<undefined, ErrorResponse | null, undefined>;

/** Locks and opens what the statement's plan has, and plans it. */
export function* openRelations(opener: Opener, statement: Statement): Opening {
  const { server, relationCache, memory } = opener;
  const { simple, prepared } = statement.details!.opens!;
  const opened = present(opener, statement.prepared ? prepared : simple);
  const { costs, host, group, context } = server;
  const began = context.sim.now;
  const error = yield* lockAll(opener, opened.locks, statement);
  if (error !== null) return error;
  const added = relationCache.open(opened);
  const time = Math.round(workOf(opener, opened) + openingTime(added, costs));
  if (time > 0) yield host.cpu.serve(time, group, PLANNING);
  if (statement.usage !== null) statement.usage.planning += context.sim.now - began;
  const count = added.tables + added.indexes;
  if (count === 0) return null;
  const share = (count * opened.tables) / opened.locks.length;
  return memory.openedRelations(share) === 'refused' ? ERRORS.outOfMemory : null;
}

function openingTime({ tables, indexes }: Added, costs: Costs): number {
  return tables * costs.furtherRow('tableOpened') + indexes * costs.furtherRow('indexOpened');
}

/** Planning, or the locks of a plan that was kept. */
function workOf({ server, relationCache }: Opener, opened: OpenedRelations): number {
  const { costs, settings } = server;
  const { planned, locks } = opened;
  if (planned === null) return locks.length * costs.furtherRow('relationLocked');
  const files = Number(settings['max_files_per_process']) - RESERVED_FILES;
  return (
    planningTime(planned, costs) +
    relationCache.look(opened, files) * costs.furtherRow('fileOpened')
  );
}

/**
 * What planning keeps of a partition leaves the processor's caches as there are more of them: each
 * took 1.1 times as long among 50, 1.2 among 100, 1.35 among 200 and 2.1 among 500 as among ten
 * (PostgreSQL 15.18, second-level cache of 1 MiB, all files open).
 */
const PARTITIONS_TO_DOUBLE = 450;

/** How much longer a partition takes that is one of so many. */
export function slowerAmong(partitions: number): number {
  return 1 + partitions / PARTITIONS_TO_DOUBLE;
}

/** Beyond what the statement takes to plan on a plain table. */
export function planningTime(planned: PlannedRelations, costs: Pick<Costs, 'furtherRow'>): number {
  const { partitionedTables, partitions, indexes, paths, ranges, extremes } = planned;
  if (partitions === 0) return partitionedTables * costs.furtherRow('partitionedPlanned');
  const further = (partitions - 1) / partitions;
  const relations =
    partitions * costs.furtherRow('partitionPlanned') +
    indexes * costs.furtherRow('indexPlanned') +
    paths * costs.furtherRow('pathPlanned');
  const comparisons =
    ranges * costs.furtherRow('rangePlanned') + extremes * costs.furtherRow('extremePlanned');
  return (
    partitionedTables * costs.furtherRow('partitionedPlanned') +
    (relations * further + comparisons) * slowerAmong(partitions)
  );
}

/** Without the partitions that are none any more, or not yet. */
function present({ server, transaction }: Opener, opened: OpenedRelations): OpenedRelations {
  const { partitions } = server.storage.database;
  if (partitions.isAsInSchema) return opened;
  const { locks, owners, tables } = opened;
  const isThere = (owner: number) =>
    owner < 0 || partitions.isAttached(owner, true, transaction.xid);
  if (owners.every(isThere)) return opened;
  const gone = new Set(owners.filter((owner) => !isThere(owner)));
  return {
    ...opened,
    locks: locks.filter((_, i) => !gone.has(owners[i]!)),
    owners: owners.filter((owner) => !gone.has(owner)),
    tables: tables - gone.size,
  };
}

function* lockAll(opener: Opener, locks: readonly number[], statement: Statement): Opening {
  const { server, owner, transaction } = opener;
  const mode = tableLockOf(statement);
  for (let i = 0; i < locks.length; i++) {
    const request = server.locks.lockRelation(owner, locks[i]!, mode);
    if (request === 'granted') continue;
    const outcome = yield* server.locks.finish(owner, request);
    if (outcome !== 'granted') return lockError(outcome, server, transaction);
  }
  return null;
}

/** The error that a wait for a lock has ended in; the server counts deadlocks. */
export function lockError(
  outcome: Exclude<LockOutcome, 'granted'>,
  server: Pick<Server, 'deadlocks'>,
  transaction: Pick<Transaction, 'cancellation'>,
): ErrorResponse {
  if (outcome === 'cancelled') return transaction.cancellation!;
  if (outcome === 'deadlock') server.deadlocks++;
  return LOCK_ERRORS[outcome];
}
