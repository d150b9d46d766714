/** What is wrong in a script, and where. */
export interface ScriptProblem {
  /** Characters into the script. */
  readonly offset: number;
  /** The token at which it was found. */
  readonly token: string;
  readonly why: string;
  /** Right words, of which the nearest may have been meant. */
  readonly candidates: readonly string[];
}

/**
 * Thrown at the first thing in a command that cannot stand, and caught where commands are read
 * (`parse.ts`), which goes on with the next one. It never leaves this folder.
 */
export class Refusal extends Error implements ScriptProblem {
  readonly offset: number;
  readonly token: string;
  readonly why: string;
  readonly candidates: readonly string[];

  constructor(
    at: { readonly offset: number; readonly text: string },
    why: string,
    candidates: readonly string[] = [],
  ) {
    super(why);
    this.offset = at.offset;
    this.token = at.text;
    this.why = why;
    this.candidates = candidates;
  }
}
