import type { RunResult, VariantSummary } from '../measure/result.ts';

/** Everything that one invocation produced: what the text, the JSON and later pages are made of. */
export interface Report {
  /** The simulator's version. */
  version: string;
  scenario: {
    name: string;
    title?: string;
    durationSeconds: number;
    warmupSeconds: number;
  };
  runs: RunResult[];
  /** With several seeds only. */
  summary?: VariantSummary[];
}
