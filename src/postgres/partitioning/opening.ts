/**
 * Opening the relations of a statement on partitions, before it does anything else: the lock of the
 * partitioned table, then of every partition that the plan has, in the order in which they were
 * made, with their indexes (inherit.c:expand_partitioned_rtentry, plancat.c:get_relation_info). A
 * plan that is kept locks all its partitions, those too that are pruned when it is executed
 * (plancache.c:AcquireExecutorLocks), but of indexes only what it reads. All of it is held to the
 * end of the transaction, in the 16 slots of the fast path first and then in the shared table.
 *
 * What a backend opens for the first time it has to read from the catalogs, and keeps
 * (relcache.c:RelationBuildDesc): time and memory, per backend. Left out: invalidations, so that
 * what was opened once is known for good; indexes of tables that are not partitioned.
 */
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
  /** How many of them are tables, partitioned ones included. */
  readonly tables: number;
  /** The plan was made before: nothing is planned, only locked. */
  readonly isKept: boolean;
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

/** What one backend knows of relations (relcache.c), by the ids of their locks. */
export class RelationCache {
  private readonly known = new Set<number>();

  /** How many relations there are. */
  get size(): number {
    return this.known.size;
  }

  /** How many of these were not known before. */
  open(relations: readonly number[]): number {
    const before = this.known.size;
    for (let i = 0; i < relations.length; i++) this.known.add(relations[i]!);
    return this.known.size - before;
  }
}

type Opening = Generator<undefined, ErrorResponse | null, undefined>;

/** Locks and opens what the statement's plan has. */
export function* openRelations(opener: Opener, statement: Statement): Opening {
  const { server, relationCache, memory } = opener;
  const { simple, prepared } = statement.details!.opens!;
  const opened = present(opener, statement.prepared ? prepared : simple);
  const error = yield* lockAll(opener, opened.locks, statement);
  if (error !== null) return error;
  const { costs, host, group } = server;
  const added = relationCache.open(opened.locks);
  const { locks, tables, isKept } = opened;
  const own = isKept
    ? tables * costs.furtherRow('partitionLocked')
    : costs.furtherRow('partitionPlanned');
  const building = added * costs.furtherRow('relationOpened');
  yield host.cpu.serve(Math.round(own + building), group);
  if (added === 0) return null;
  const share = (added * tables) / locks.length;
  return memory.openedRelations(share) === 'refused' ? ERRORS.outOfMemory : null;
}

/** Without the partitions that are none any more, or not yet. */
function present({ server, transaction }: Opener, opened: OpenedRelations): OpenedRelations {
  const { partitions } = server.storage.database;
  if (partitions.isAsInSchema) return opened;
  const { locks, owners, tables, isKept } = opened;
  const isThere = (owner: number) =>
    owner < 0 || partitions.isAttached(owner, true, transaction.xid);
  if (owners.every(isThere)) return opened;
  const gone = new Set(owners.filter((owner) => !isThere(owner)));
  return {
    locks: locks.filter((_, i) => !gone.has(owners[i]!)),
    owners: owners.filter((owner) => !gone.has(owner)),
    tables: tables - gone.size,
    isKept,
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
