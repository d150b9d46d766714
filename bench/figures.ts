import { commitLatencyFigures } from './figures/commit-latency.ts';
import { failoverTimeFigures } from './figures/failover-time.ts';
import { figureTable } from './figures/figure.ts';
import { lostCommitFigures } from './figures/lost-commits.ts';

const SEEDS = 200;

/** `npm run bench -- figures`: what the project promises of its results, and what they are. */
export function figures(): void {
  const parts = [
    () => commitLatencyFigures(),
    () => lostCommitFigures(SEEDS),
    () => failoverTimeFigures(SEEDS),
  ];
  for (const part of parts) process.stdout.write(`${figureTable(part())}\n`);
}

if (process.argv[1]?.endsWith('figures.ts')) figures();
