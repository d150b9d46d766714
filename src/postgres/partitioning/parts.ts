/**
 * A plan with several partitions: the same in one after the other (nodeAppend.c,
 * nodeModifyTable.c). Each has its state to set up, and in the simple protocol its own planning.
 */
import type { ProcSession } from '../procarray/session.ts';
import { ERRORS, type ErrorResponse, type Relation, type Statement } from '../statement.ts';
import { changePartitions, type Definer } from './definition.ts';
import { openRelations } from './opening.ts';
import { partitionFor } from './routing.ts';

type Finishing = Generator<undefined, ErrorResponse | null, undefined>;

/** Who executes the parts. */
export interface PartsExecutor extends Definer {
  readonly proc: ProcSession;
  begin(statement: Statement): boolean;
  finish(statement: Statement): Finishing;
}

/** A plan on partitions: all that it has is opened first, then it is executed. */
export function* openAndExecute(executor: PartsExecutor, statement: Statement): Finishing {
  if (statement.details!.command !== null) return yield* changePartitions(executor, statement);
  const error = yield* openRelations(executor, statement);
  if (error !== null) return error;
  const relation = targetOf(executor, statement);
  if (relation === null) return ERRORS.noPartition;
  const details = { ...statement.details!, opens: null, routing: null };
  const opened = { ...statement, relation, details };
  return executor.begin(opened) ? null : yield* executor.finish(opened);
}

/** The table itself; of a new row of a partitioned one the partition that it goes to. */
function targetOf({ server }: PartsExecutor, { relation, details }: Statement): Relation | null {
  const { routing } = details!;
  if (routing === null) return relation;
  const { context, storage } = server;
  return partitionFor(routing, storage.database.partitions, context.sim.now);
}

export function* eachPart(executor: PartsExecutor, { details, prepared }: Statement): Finishing {
  const { host, group, costs, storage } = executor.server;
  const planning = prepared ? 0 : costs.furtherRow('partitionPlanned');
  const { partitions } = storage.database;
  for (const part of details!.parts) {
    if (!partitions.isAttached(part.relation!.index, true)) continue;
    yield host.cpu.serve(Math.round(planning + costs.furtherRow('partition')), group);
    const error = executor.begin(part) ? null : yield* executor.finish(part);
    if (error !== null) return error;
  }
  return null;
}
