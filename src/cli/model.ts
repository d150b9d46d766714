import type { RunResult } from '../measure/result.ts';
import type { StatementUsage } from '../postgres/statement.ts';
import type { Problem } from '../scenario/problem.ts';
import type { PlanNode } from '../workload/planner/plan.ts';
import type { KnownPlans } from './plans/plans.ts';

/** What the command line needs of the layers below it; tests give it a small one of their own. */
export interface Model {
  /**
   * Reads a scenario, with `path=value` settings of the command line applied, and lists its runs:
   * the base, then the variants, then the points of the sweep, in the order of the file.
   */
  load(source: Source, set: readonly string[]): Promise<LoadOutcome>;
  /** The JSON Schema of the language. */
  schema(): unknown;
  /** The text of a small scenario that runs. */
  starter(name: string): string;
}

export interface Source {
  /** As it is named in messages. */
  file: string;
  text: string;
  /** Postgres's plans for it, once they are known. */
  plans?: KnownPlans;
}

export type LoadOutcome =
  | { ok: true; scenario: LoadedScenario }
  | { ok: false; problems: readonly Problem[] };

export interface LoadedScenario {
  name: string;
  title?: string;
  seed: number;
  durationSeconds: number;
  warmupSeconds: number;
  warnings: readonly Problem[];
  runs: readonly PlannedRun[];
  /** The base's statements that Postgres has planned. */
  statements?(): Promise<readonly ExplainedStatement[]>;
}

/** A statement with `$1`, `$2` ... for its variables, and its plans. */
export interface ExplainedStatement {
  transaction: string;
  sql: string;
  generic: PlanNode;
  custom: readonly PlanNode[];
  /** What the simulator made of it, run once by itself; null: it could not. */
  usage?: StatementUsage | null;
}

export interface PlannedRun {
  variant: string;
  /** Takes the run to its end; `onProgress` hears how many seconds have been simulated. */
  simulate(
    seed: number,
    onProgress: (simulatedSeconds: number) => void,
  ): Promise<RunResult | Refusal>;
}

/** The run needs something that the language has and the simulator does not have yet. */
export interface Refusal {
  refused: readonly Problem[];
}
