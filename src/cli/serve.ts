import { performance } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
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

/** What a thread is told first. */
export type Beginning = Pick<Job, 'source' | 'set'>;

const PROGRESS_MILLISECONDS = 100;

/** The life of a thread: it reads the scenario once, then does task after task. */
export function serve(model: Model): void {
  if (!parentPort) throw new Error('serve runs in a worker thread');
  const port = parentPort;
  let scenario: () => Promise<LoadOutcome> = () => Promise.reject(new Error('nothing to read'));
  port.on('message', async (message: Beginning | Assignment) => {
    if ('source' in message) {
      scenario = onceOnly(() => model.load(message.source, message.set));
      return;
    }
    const { task, run, seed } = message;
    let reported = performance.now();
    const onProgress = (simulatedSeconds: number) => {
      const now = performance.now();
      if (now - reported < PROGRESS_MILLISECONDS) return;
      reported = now;
      port.postMessage({ kind: 'progress', task, simulatedSeconds } satisfies Reply);
    };
    const outcome = await attempt(async () => {
      const loaded = await scenario();
      if (!loaded.ok) throw new Error('the scenario cannot be read a second time');
      return perform(loaded.scenario.runs[run]!, seed, onProgress);
    });
    port.postMessage({ kind: 'done', task, outcome } satisfies Reply);
  });
}

function onceOnly<Value>(action: () => Promise<Value>): () => Promise<Value> {
  let answer: Promise<Value> | null = null;
  return () => {
    answer ??= action();
    return answer;
  };
}

async function attempt(action: () => Promise<TaskOutcome>): Promise<TaskOutcome> {
  try {
    return await action();
  } catch (thrown) {
    return { fault: faultOf(thrown, 0) };
  }
}
