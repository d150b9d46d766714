/**
 * A plan with several partitions: the same in one after the other (nodeAppend.c,
 * nodeModifyTable.c). Each has its state to set up, and in the simple protocol its own planning.
 */
import type { ErrorResponse, Statement } from '../statement.ts';
import { type Opener, openRelations } from './opening.ts';

type Finishing = Generator<undefined, ErrorResponse | null, undefined>;

/** Who executes the parts. */
export interface PartsExecutor extends Opener {
  begin(statement: Statement): boolean;
  finish(statement: Statement): Finishing;
}

/** A plan on partitions: all that it has is opened first, then it is executed. */
export function* openAndExecute(executor: PartsExecutor, statement: Statement): Finishing {
  const error = yield* openRelations(executor, statement);
  if (error !== null) return error;
  const opened = { ...statement, details: { ...statement.details!, opens: null } };
  return executor.begin(opened) ? null : yield* executor.finish(opened);
}

export function* eachPart(executor: PartsExecutor, { details, prepared }: Statement): Finishing {
  const { host, group, costs } = executor.server;
  const planning = prepared ? 0 : costs.furtherRow('partitionPlanned');
  for (const part of details!.parts) {
    yield host.cpu.serve(Math.round(planning + costs.furtherRow('partition')), group);
    const error = executor.begin(part) ? null : yield* executor.finish(part);
    if (error !== null) return error;
  }
  return null;
}
