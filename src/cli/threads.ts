import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Assignment, Beginning, Reply } from './serve.ts';
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
export function threadExecutor(entry: URL, first: Worker | null = null): Executor {
  let ahead = first;
  return (job, hooks) => {
    const crew = new Crew(entry, job, hooks, ahead);
    ahead = null;
    return crew.work();
  };
}

/**
 * A thread that loads its modules while the scenario is being read, for `threadExecutor`. It does
 * not keep the process alive until it has something to do.
 */
export function threadAhead(entry: URL): Worker {
  const worker = startThread(entry);
  worker.unref();
  return worker;
}

/** Most of what a run allocates lives for a message: a large nursery saves collecting it often. */
const resourceLimits = { maxYoungGenerationSizeMb: 192 };

/** A thread that runs the entry; source files are compiled on the way in, which only tests need. */
export function startThread(entry: URL): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { resourceLimits });
  const resolved = createRequire(import.meta.url).resolve('tsx/esm/api');
  const compiler = pathToFileURL(resolved.replace(/\.cjs$/, '.mjs')).href;
  const bootstrap = `import('${compiler}').then(({ register }) => {
    register();
    return import('${entry.href}');
  });`;
  return new Worker(bootstrap, { eval: true, resourceLimits });
}

class Crew {
  private readonly entry: URL;
  private readonly job: Job;
  private readonly hooks: ExecutionHooks;
  private readonly outcomes: (TaskOutcome | undefined)[] = [];
  private readonly workers = new Set<Worker>();
  private ahead: Worker | null;
  private next = 0;
  private running = 0;
  private stopped = false;
  private finish: () => void = () => {};

  constructor(entry: URL, job: Job, hooks: ExecutionHooks, ahead: Worker | null) {
    this.entry = entry;
    this.ahead = ahead;
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
    const worker = this.ahead ?? startThread(this.entry);
    this.ahead = null;
    worker.ref();
    worker.postMessage({ source, set } satisfies Beginning);
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
