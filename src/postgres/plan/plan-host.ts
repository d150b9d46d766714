/** The backend as those see it who run its plans. */
import type { Scanner } from '../access.ts';
import type { LockMode } from '../locking/lock-modes.ts';
import type { BackendMemory } from '../memory.ts';
import type { ErrorResponse, Relation } from '../statement.ts';
import type { RowChange } from './plan-work.ts';

/** What became of a row that was to be changed: nobody has it, or it is left out; or an error. */
export type Changed = 'done' | 'left out' | ErrorResponse;

/** The backend that runs it. */
export interface PlanHost extends Scanner {
  readonly memory: BackendMemory;
  /** A table's lock; the error if it cannot be had. */
  lockTable(relation: Relation, mode: LockMode): Generator<undefined, ErrorResponse | null>;
  /** One row is changed or locked. */
  change(change: RowChange, prepared: boolean): Generator<undefined, Changed>;
}
