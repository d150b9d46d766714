import type { Model } from './model.ts';
import type { Executor } from './tasks.ts';
import type { TerminalEnvironment } from './terminal.ts';

/** Where a command writes: a stream of the process or, in tests, a list of strings. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** The world around a command. Results go to `stdout`, everything else to `stderr`. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: TerminalEnvironment;
  readonly version: string;
  readonly model: Model;
  /** Runs simulations, in threads as a rule. */
  readonly execute: Executor;
  /** Aborted when the user interrupts. */
  readonly interrupted: AbortSignal;
  /** The folder of the bundled scenarios. */
  readonly scenarios: string;
}
