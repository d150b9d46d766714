import type { Command } from './template.ts';

/** How a script may leave its session. */
export interface BlockStates {
  /** The BEGIN of a transaction that may still be open at the end; null: there is none. */
  readonly openedBy: number | null;
}

/** Nothing is known to reach a command: no way leads there. */
const UNREACHED = undefined;

/** Follows a script's ways, which only go forward, through its transaction blocks. */
export function followBlocks(commands: readonly Command[]): BlockStates {
  const before: (number | null | undefined)[] = new Array(commands.length + 1).fill(UNREACHED);
  const reach = (at: number, openedBy: number | null) => {
    before[at] = before[at] ?? openedBy;
  };
  reach(0, null);
  commands.forEach((command, at) => {
    const state = before[at];
    if (state === UNREACHED) return;
    if (command.kind === 'jump') reach(command.to, state);
    else {
      if (command.kind === 'unless') reach(command.to, state);
      reach(at + 1, after(command, state, at));
    }
  });
  return { openedBy: before[commands.length] ?? null };
}

function after(command: Command, state: number | null, at: number): number | null {
  if (command.kind !== 'statement') return state;
  const { verb } = command.template;
  if (verb === 'begin') return state ?? at;
  return verb === 'commit' || verb === 'rollback' ? null : state;
}
