/**
 * pg_partman's run_maintenance for one table (sql/functions/run_maintenance.sql of version 5,
 * create_partition_time.sql, drop_partition_time.sql), in one transaction.
 *
 * Kept: what ended before the retention is detached, and dropped unless it is to be kept; the
 * partition that is written to is told by the data, not by the clock: the newest key that there is,
 * that of the default partition if it is greater; from the last partition on others are made until
 * there are `premake` beyond that one, each as a table that is attached, so that the partitioned
 * table can be read and written meanwhile but the default partition cannot; rows of the default
 * partition that belong to a new one are error 23514, and nothing is made at all. Left out: its own
 * configuration's rows, its advisory lock, sub-partitions, `infinite_time_partitions`.
 */
import type { Nanoseconds } from '../../kernel/time.ts';
import { ACCESS_SHARE } from '../locking/lock-modes.ts';
import type { ErrorResponse } from '../statement.ts';
import { scanTable } from '../table-scan.ts';
import type { PartitionCommand } from './command.ts';
import { changePartition, type Definer } from './definition.ts';
import { lockError } from './opening.ts';

/** A partition that is there, or has its place for when it is made. */
export interface MaintainedPartition {
  readonly index: number;
  readonly isPart: boolean;
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
  /** Whether an index begins with the key. */
  readonly hasKeyIndex: boolean;
  /** From when on the retention wants it gone. */
  readonly expires: Nanoseconds;
  readonly create: PartitionCommand;
  readonly detach: PartitionCommand;
  readonly drop: PartitionCommand;
}

/** What is to be maintained. */
export interface MaintenanceJob {
  readonly kind: 'maintenance';
  /** In the order of their ranges, without a gap. */
  readonly partitions: readonly MaintainedPartition[];
  readonly defaultPartition: number | null;
  readonly premake: number;
  readonly keepsTables: boolean;
}

type Maintaining = Generator<undefined, ErrorResponse | null, undefined>;

/** Does it, up to the commit. */
export function* runMaintenance(definer: Definer, job: MaintenanceJob): Maintaining {
  const error = yield* retire(definer, job);
  if (error !== null) return error;
  const { partitions } = job;
  const last = partitions.findLastIndex((each) => isThere(definer, each));
  const newest = yield* newestKey(definer, job);
  if (typeof newest === 'object') return newest;
  const current = partitions.findIndex(({ from, to }) => from <= newest && newest < to);
  if (current < 0) return null;
  const wanted = Math.min(current + job.premake, partitions.length - 1);
  for (let i = last + 1; i <= wanted; i++) {
    const { create, index } = partitions[i]!;
    const refusal = yield* changePartition(definer, create, index);
    if (refusal !== null) return refusal;
  }
  return null;
}

function isThere({ server, transaction }: Definer, { index, isPart }: MaintainedPartition) {
  const { partitions } = server.storage.database;
  return partitions.isAttached(index, isPart, transaction.xid);
}

/** Partitions that have had their time, each detached, and dropped unless it is to stay. */
function* retire(definer: Definer, { partitions, keepsTables }: MaintenanceJob): Maintaining {
  const { now } = definer.server.context.sim;
  for (const each of partitions) {
    if (each.expires > now || !isThere(definer, each)) continue;
    const error = yield* changePartition(definer, each.detach, each.index);
    if (error !== null) return error;
    const refusal = keepsTables ? null : yield* changePartition(definer, each.drop, each.index);
    if (refusal !== null) return refusal;
  }
  return null;
}

const NONE = -1;

type Newest = Generator<undefined, Nanoseconds | ErrorResponse, undefined>;

/**
 * The greatest key: from the last partition downwards the first one that has rows, which is as far
 * as the run has come; and what the default partition has beyond it. -Infinity: there are no rows.
 */
function* newestKey(definer: Definer, { partitions, defaultPartition }: MaintenanceJob): Newest {
  const { tables, database } = definer.server.storage;
  let newest = Number.NEGATIVE_INFINITY;
  for (const each of [...partitions].reverse()) {
    if (!isThere(definer, each)) continue;
    const error = yield* look(definer, each.index, each.hasKeyIndex);
    if (error !== null) return error;
    if (tables[each.index]!.heap.live === 0) continue;
    newest = each.from;
    break;
  }
  const isAttached = database.partitions.isAttached(defaultPartition ?? NONE, true);
  if (defaultPartition === null || !isAttached) return newest;
  const hasKeyIndex = partitions[0]?.hasKeyIndex === true;
  const error = yield* look(definer, defaultPartition, hasKeyIndex);
  if (error !== null) return error;
  const rest = tables[defaultPartition]!;
  return Math.max(newest, database.partitions.strays.greatest(defaultPartition, rest) ?? newest);
}

/** SELECT max() of the key: without an index that begins with it the whole table is read. */
function* look(definer: Definer, index: number, hasKeyIndex: boolean): Maintaining {
  const { server, owner, transaction } = definer;
  const request = server.locks.lockRelation(owner, index, ACCESS_SHARE);
  const outcome = yield* server.locks.finish(owner, request);
  if (outcome !== 'granted') return lockError(outcome, server, transaction);
  yield* scanTable(definer, server.storage.tables[index]!, hasKeyIndex ? 1 : undefined);
  return transaction.cancellation;
}
