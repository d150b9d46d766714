import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadOutcome, Model } from './model.ts';
import { faultOf, type Job, perform, type TaskOutcome } from './tasks.ts';

/** What a thread is told: the next task, by its place in the list. */
export interface Assignment {
  task: number;
  run: number;
  seed: number;
}

export type Reply =
  | { kind: 'progress'; task: number; simulatedSeconds: number }
  | { kind: 'done'; task: number; outcome: TaskOutcome };

/** What a thread is started with. */
export type ThreadData = Pick<Job, 'source' | 'set'>;

const PROGRESS_MILLISECONDS = 100;

/** The life of a thread: it reads the scenario once, then does task after task. */
export function serve(model: Model): void {
  if (!parentPort) throw new Error('serve runs in a worker thread');
  const port = parentPort;
  const { source, set } = workerData as ThreadData;
  let scenario: Promise<LoadOutcome> | null = null;
  port.on('message', async ({ task, run, seed }: Assignment) => {
    let reported = performance.now();
    const onProgress = (simulatedSeconds: number) => {
      const now = performance.now();
      if (now - reported < PROGRESS_MILLISECONDS) return;
      reported = now;
      port.postMessage({ kind: 'progress', task, simulatedSeconds } satisfies Reply);
    };
    const outcome = await attempt(async () => {
      scenario ??= model.load(source, set);
      const loaded = await scenario;
      if (!loaded.ok) throw new Error('the scenario cannot be read a second time');
      return perform(loaded.scenario.runs[run]!, seed, onProgress);
    });
    port.postMessage({ kind: 'done', task, outcome } satisfies Reply);
  });
}

async function attempt(action: () => Promise<TaskOutcome>): Promise<TaskOutcome> {
  try {
    return await action();
  } catch (thrown) {
    return { fault: faultOf(thrown, 0) };
  }
}
