/**
 * What a whole run costs: the base of `async-failover`, with all metrics and laws on, against the
 * same world with nobody looking, both played by `rounds.ts`. Of each the fastest round counts,
 * which was disturbed least.
 */
import { once } from 'node:events';
import { startThread } from '../src/cli/threads.ts';
import type { Rounds } from './rounds.ts';
import type { Row } from './table.ts';

/** Machine time of a transaction with everything on, and what of it measuring may take. */
const TARGET_NANOSECONDS = 5000;
const TARGET_SHARE = 0.1;

export async function wholeRuns(): Promise<Row[]> {
  const worker = startThread(new URL('./rounds.ts', import.meta.url));
  const [rounds] = await once(worker, 'message');
  await worker.terminate();
  return rowsOf(rounds);
}

function rowsOf({ bare, measured, transactions, events, steps, simulatedSeconds }: Rounds): Row[] {
  const whole = Math.min(...measured);
  const world = Math.min(...bare);
  const share = (whole - world) / whole;
  const per = 'transaction';
  const nanoseconds = (seconds: number) => (seconds * 1e9) / transactions;
  const verdict = nanoseconds(whole) <= TARGET_NANOSECONDS ? 'within' : 'ABOVE';
  const shareVerdict = share <= TARGET_SHARE ? 'within' : 'ABOVE';
  const each = (count: number) => (count / transactions).toFixed(1);
  const rate = Math.round(transactions / whole).toLocaleString('en');
  const ratio = (simulatedSeconds / whole).toFixed(0);
  const target = `${TARGET_NANOSECONDS / 1000} us`;
  return [
    {
      what: `async-failover, bare world (${each(steps)} steps, ${each(events)} events each)`,
      nanoseconds: nanoseconds(world),
      per,
    },
    {
      what: `async-failover, metrics and laws on (${verdict} the target of ${target})`,
      nanoseconds: nanoseconds(whole),
      per,
      to: nanoseconds(world),
    },
    {
      what: `measuring: ${(100 * share).toFixed(1)}% of a run (${shareVerdict} the target of 10%)`,
      nanoseconds: nanoseconds(whole) * share,
      per,
    },
    {
      what: `a step; ${rate} transactions/s, ${ratio} simulated seconds a second`,
      nanoseconds: (whole * 1e9) / steps,
      per: 'step',
    },
  ];
}
