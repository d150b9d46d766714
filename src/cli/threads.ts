import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Assignment, Reply, ThreadData } from './serve.ts';
import {
  type ExecutionHooks,
  type Executor,
  faultOf,
  type Job,
  type TaskOutcome,
} from './tasks.ts';

/**
 * Runs tasks in worker threads, also when only one runs at a time: the main thread stays free to
 * hear an interrupt and to show progress.
 */
export function threadExecutor(entry: URL): Executor {
  return (job, hooks) => new Crew(entry, job, hooks).work();
}

/** Most of what a run allocates lives for a message: a large nursery saves collecting it often. */
const resourceLimits = { maxYoungGenerationSizeMb: 192 };

/** A thread that runs the entry; source files are compiled on the way in, which only tests need. */
export function startThread(entry: URL, workerData: ThreadData | null): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { workerData, resourceLimits });
  const resolved = createRequire(import.meta.url).resolve('tsx/esm/api');
  const compiler = pathToFileURL(resolved.replace(/\.cjs$/, '.mjs')).href;
  const bootstrap = `import('${compiler}').then(({ register }) => {
    register();
    return import('${entry.href}');
  });`;
  return new Worker(bootstrap, { eval: true, workerData, resourceLimits });
}

class Crew {
  private readonly entry: URL;
  private readonly job: Job;
  private readonly hooks: ExecutionHooks;
  private readonly outcomes: (TaskOutcome | undefined)[] = [];
  private readonly workers = new Set<Worker>();
  private next = 0;
  private running = 0;
  private stopped = false;
  private finish: () => void = () => {};

  constructor(entry: URL, job: Job, hooks: ExecutionHooks) {
    this.entry = entry;
    this.job = job;
    this.hooks = hooks;
  }

  async work(): Promise<TaskOutcome[]> {
    const finished = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    const abort = () => this.finish();
    this.hooks.signal.addEventListener('abort', abort, { once: true });
    const size = Math.min(this.job.jobs, this.job.tasks.length);
    for (let i = 0; i < size; i++) this.hire();
    if (this.hooks.signal.aborted || size === 0) this.finish();
    await finished;
    this.hooks.signal.removeEventListener('abort', abort);
    this.stopped = true;
    await Promise.all([...this.workers].map((worker) => worker.terminate()));
    return this.inOrder();
  }

  private hire(): void {
    const { source, set } = this.job;
    const worker = startThread(this.entry, { source, set: [...set] });
    let current = -1;
    const assign = () => {
      current = this.next++;
      const { run, seed } = this.job.tasks[current]!;
      this.running++;
      worker.postMessage({ task: current, run, seed } satisfies Assignment);
    };
    worker.on('message', (reply: Reply) => {
      if (this.stopped) return;
      if (reply.kind === 'progress') this.hooks.onProgress(reply.task, reply.simulatedSeconds);
      else {
        this.settle(reply.task, reply.outcome);
        if (this.hasNext()) assign();
        else if (this.running === 0) this.finish();
      }
    });
    worker.on('error', (error) => {
      if (this.stopped) return;
      this.settle(current, { fault: faultOf(error, 0) });
      this.next = this.job.tasks.length;
      if (this.running === 0) this.finish();
    });
    this.workers.add(worker);
    assign();
  }

  private settle(task: number, outcome: TaskOutcome): void {
    this.running--;
    this.outcomes[task] = outcome;
    this.hooks.onDone(task);
    if ('fault' in outcome) this.next = this.job.tasks.length;
  }

  private hasNext(): boolean {
    return this.next < this.job.tasks.length;
  }

  /** Up to the first that is missing or is a fault, whatever came in after it. */
  private inOrder(): TaskOutcome[] {
    const ordered: TaskOutcome[] = [];
    for (let i = 0; i < this.job.tasks.length; i++) {
      const outcome = this.outcomes[i];
      if (!outcome) break;
      ordered.push(outcome);
      if ('fault' in outcome) break;
    }
    return ordered;
  }
}
