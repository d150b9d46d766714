/**
 * What a simulated statement costs: a select by key, and an update of one row that commits by
 * itself, each against its target; and which folders under src the time goes to, by a processor
 * profile. Of the rounds the fastest counts, which was disturbed least, as in `run.ts`.
 */
import { once } from 'node:events';
import { startThread } from '../src/cli/threads.ts';
import type { StatementKind, StatementRounds } from './statements-rounds.ts';
import type { Row } from './table.ts';
import { median } from './timing.ts';

const TARGET_NANOSECONDS: Readonly<Record<StatementKind, number>> = { select: 2000, update: 4000 };
const SMALLEST_SHARE = 0.005;

export async function statements(): Promise<Row[]> {
  const worker = startThread(new URL('./statements-rounds.ts', import.meta.url));
  const [kinds] = await once(worker, 'message');
  await worker.terminate();
  return (kinds as StatementRounds[]).flatMap(rowsOf);
}

function rowsOf({ kind, nanoseconds, statements: count, shares }: StatementRounds): Row[] {
  const best = Math.min(...nanoseconds);
  const target = TARGET_NANOSECONDS[kind];
  const verdict = best <= target ? 'within' : 'ABOVE';
  const rounds = `${count.toLocaleString('en')} a round, median ${Math.round(median(nanoseconds))}`;
  const result = `${rounds}; ${verdict} ${target / 1000} us`;
  const what = `${kind}, 64 sessions, laws and metrics on (${result})`;
  const parts = shares.filter(([, share]) => share >= SMALLEST_SHARE);
  const rest = shares.reduce((sum, [, share]) => sum + share, 0) - sumOf(parts);
  return [
    { what, nanoseconds: best, per: kind },
    ...[...parts, ['others', rest] as const].map(([subsystem, share]) => ({
      what: `  ${subsystem.padEnd(24)} ${(100 * share).toFixed(1).padStart(5)} %`,
      nanoseconds: best * share,
      per: kind,
    })),
  ];
}

function sumOf(parts: StatementRounds['shares']): number {
  return parts.reduce((sum, [, share]) => sum + share, 0);
}
