import type { RunResult } from '../measure/result.ts';

/** What a command's exit status says. */
export const EXIT = {
  held: 0,
  failed: 1,
  badInput: 2,
  inconclusive: 3,
  programFault: 70,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Several runs: a fault of the program before a failure before an inconclusive run. */
export function statusOf(runs: readonly RunResult[]): ExitStatus {
  if (runs.some((run) => run.lawsBroken.length > 0)) return EXIT.programFault;
  if (runs.some((run) => run.verdict === 'failed')) return EXIT.failed;
  return runs.some((run) => run.verdict === 'inconclusive') ? EXIT.inconclusive : EXIT.held;
}
