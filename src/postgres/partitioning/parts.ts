/**
 * A plan with several partitions: the same in one after the other (nodeAppend.c,
 * nodeModifyTable.c). Each has its state to set up, and in the simple protocol its own planning.
 */

import { INCLUDED_PAGES } from '../access.ts';
import { ROW_EXCLUSIVE } from '../locking/lock-modes.ts';
import type { ProcSession } from '../procarray/session.ts';
import { ERRORS, type ErrorResponse, type Relation, type Statement } from '../statement.ts';
import { makeChunk } from './chunks.ts';
import { changePartitions, type Definer } from './definition.ts';
import { runJob } from './jobs.ts';
import { lockError, openRelations, slowerAmong } from './opening.ts';
import { partitionFor, type RoutedRow, type Routing } from './routing.ts';

type Finishing = Generator<undefined, ErrorResponse | null, undefined>;

/** Who executes the parts. */
export interface PartsExecutor extends Definer {
  readonly proc: ProcSession;
  begin(statement: Statement): boolean;
  finish(statement: Statement): Finishing;
  /** One row, whose table is locked. */
  changeRow(statement: Statement): Finishing;
  /** What there is to do once the table is locked. */
  rest(statement: Statement): Finishing;
}

/** A plan on partitions: all that it has is opened first, then it is executed. */
export function* openAndExecute(executor: PartsExecutor, statement: Statement): Finishing {
  const { command, job } = statement.details!;
  if (command !== null) return yield* changePartitions(executor, statement);
  if (job !== null) return yield* runJob(executor, job);
  const error = yield* openRelations(executor, statement);
  if (error !== null) return error;
  const { routing } = statement.details!;
  const target =
    routing === null
      ? { relation: statement.relation!, strayKey: null }
      : yield* routeRow(executor, routing);
  if ('sqlstate' in target) return target;
  const { relation, strayKey } = target;
  const details = { ...statement.details!, opens: null, routing: null, strayKey };
  const opened = { ...statement, relation, details };
  return executor.begin(opened) ? null : yield* executor.finish(opened);
}

/** Where a new row goes, with the lock of the default partition if it is that. */
export function* routeRow(
  executor: PartsExecutor,
  routing: Routing,
): Generator<undefined, RoutedRow | ErrorResponse, undefined> {
  let target = targetOf(executor, routing);
  if (target === null && routing.chunks !== undefined) {
    const failure = yield* makeChunk(executor, routing);
    if (failure !== null) return failure;
    target = targetOf(executor, routing);
  }
  if (target === null) return ERRORS.noPartition;
  const refusal =
    target.strayKey === null ? null : yield* lockDefault(executor, routing, target.relation);
  return refusal ?? target;
}

/**
 * Once the default partition is locked it may have lost what it was asked for to a new partition
 * (execPartition.c: ExecFindPartition checks its constraint again); that is an error.
 */
function* lockDefault(executor: PartsExecutor, routing: Routing, rest: Relation): Finishing {
  const { server, owner, transaction } = executor;
  const request = server.locks.lockRelation(owner, rest.index, ROW_EXCLUSIVE);
  if (request === 'granted') return null;
  const outcome = yield* server.locks.finish(owner, request);
  if (outcome !== 'granted') return lockError(outcome, server, transaction);
  return targetOf(executor, routing)?.relation === rest ? null : ERRORS.partitionViolated;
}

function targetOf({ server, transaction }: PartsExecutor, routing: Routing): RoutedRow | null {
  const { partitions } = server.storage.database;
  return partitionFor(routing, partitions, transaction.startedAt, transaction.xid);
}

/** What is no partition by now, or not yet, is left out. */
export function* eachPart(executor: PartsExecutor, { details, prepared }: Statement): Finishing {
  const { host, group, costs, storage } = executor.server;
  const { partitions } = storage.database;
  const memory = prepared ? costs.furtherRow('partitionMemory') : 0;
  const pages = INCLUDED_PAGES * costs.furtherRow('coldPage');
  const each = costs.furtherRow('partition') + pages + memory;
  const time = Math.round(each * slowerAmong(details!.parts.length));
  for (const part of details!.parts) {
    if (!partitions.isAttached(part.relation!.index, true, executor.transaction.xid)) continue;
    yield host.cpu.serve(time, group);
    const error = executor.begin(part) ? null : yield* executor.finish(part);
    if (error !== null) return error;
  }
  return null;
}
