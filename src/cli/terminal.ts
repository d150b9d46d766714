import { colourStyle, plainStyle, type Style } from '../report/style.ts';
import type { Output } from './io.ts';

const WIDTH = 100;

/** The variables of the environment that decide how text looks. */
export interface TerminalEnvironment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/** Colours for a terminal unless NO_COLOR is set (https://no-color.org) or it is a dumb one. */
export function styleFor(output: Output, environment: TerminalEnvironment): Style {
  const width = Math.min(160, Math.max(60, (output.isTTY && output.columns) || WIDTH));
  const plain = !output.isTTY || Boolean(environment.NO_COLOR) || environment.TERM === 'dumb';
  return plain ? plainStyle(width) : colourStyle(width);
}
