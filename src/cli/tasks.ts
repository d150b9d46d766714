import type { RunResult } from '../measure/result.ts';
import type { Model, PlannedRun, Refusal, Source } from './model.ts';

/** One simulation: a run of the scenario, by its place in the list, with one seed. */
export interface Task {
  run: number;
  seed: number;
}

/** Everything that a thread needs: it reads the scenario again for itself. */
export interface Job {
  source: Source;
  set: readonly string[];
  tasks: readonly Task[];
  /** At most so many simulations at a time. */
  jobs: number;
}

/** A fault of the program: what was thrown, and how far the run had come. */
export interface Fault {
  message: string;
  stack: string;
  simulatedSeconds: number;
}

export type TaskOutcome = { result: RunResult } | Refusal | { fault: Fault };

export interface ExecutionHooks {
  onProgress(task: number, simulatedSeconds: number): void;
  onDone(task: number): void;
  signal: AbortSignal;
}

/**
 * Takes the tasks in their order and answers with their outcomes in the same order, however many
 * run at a time. After a fault no further task is begun, so the answer may be shorter than the
 * list; those before the fault are all there. Interrupted, it answers with what it has.
 */
export type Executor = (job: Job, hooks: ExecutionHooks) => Promise<TaskOutcome[]>;

/** Runs one task and turns whatever is thrown into a fault. */
export async function perform(
  run: PlannedRun,
  seed: number,
  onProgress: (simulatedSeconds: number) => void,
): Promise<TaskOutcome> {
  let simulatedSeconds = 0;
  try {
    const result = await run.simulate(seed, (seconds) => {
      simulatedSeconds = seconds;
      onProgress(seconds);
    });
    return 'refused' in result ? result : { result };
  } catch (thrown) {
    return { fault: faultOf(thrown, simulatedSeconds) };
  }
}

export function faultOf(thrown: unknown, simulatedSeconds: number): Fault {
  if (!(thrown instanceof Error)) return { message: String(thrown), stack: '', simulatedSeconds };
  const { name, message, stack } = thrown;
  return { message: `${name}: ${message}`, stack: stack ?? '', simulatedSeconds };
}

/** An executor without threads, one task after another: for tests and for a browser's worker. */
export function inlineExecutor(model: Model): Executor {
  return async (job, hooks) => {
    const loaded = await model.load(job.source, job.set);
    if (!loaded.ok) return [];
    const outcomes: TaskOutcome[] = [];
    for (const [index, { run, seed }] of job.tasks.entries()) {
      if (hooks.signal.aborted) break;
      const outcome = await perform(loaded.scenario.runs[run]!, seed, (seconds) =>
        hooks.onProgress(index, seconds),
      );
      outcomes.push(outcome);
      hooks.onDone(index);
      if ('fault' in outcome) break;
    }
    return outcomes;
  };
}
