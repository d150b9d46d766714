import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';
import type { Model } from './model.ts';
import { runProgram } from './program.ts';
import { threadAhead, threadExecutor } from './threads.ts';

/**
 * The process: its streams, its signals and its exit status. `worker` is the entry of the threads
 * in which simulations run.
 */
export async function runProcess(model: Model, worker: URL): Promise<void> {
  survivePipes();
  const root = new URL('../../', import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    version: string;
  };
  const { NO_COLOR, TERM } = process.env;
  const io: Io = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: { NO_COLOR, TERM },
    version,
    model,
    execute: threadExecutor(worker, process.argv[2] === 'run' ? threadAhead(worker) : null),
    interrupted: interruptedBySignal(),
    scenarios: fileURLToPath(new URL('scenarios', root)),
  };
  try {
    process.exitCode = await runProgram(process.argv.slice(2), io);
  } catch (error) {
    process.exitCode = EXIT.programFault;
    const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const words = process.argv.slice(2).join(' ');
    io.stderr.write(
      `pgherd ${version}: a fault of the program, before or after the simulation\n` +
        `  to see it again: pgherd ${words}\n${story}\n`,
    );
  }
}

/** The first interrupt ends the work in order, a second one ends the process. */
function interruptedBySignal(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  });
  return controller.signal;
}

/** Whoever reads us has gone (`| head`): that is no error, and there is nobody left to tell. */
function survivePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      process.stderr.write(`pgherd: cannot write results: ${error.message}\n`);
      process.exit(EXIT.badInput);
    });
  }
}
