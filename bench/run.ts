/**
 * What a whole run costs: the base of `async-failover`, with all metrics and laws on, against the
 * same world with nobody looking. Both take turns in one process, so that a slow minute of the
 * machine hits both; of each the fastest round counts, which was disturbed least.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { toSeconds } from '../src/kernel/index.ts';
import { buildWorld } from '../src/scenario/build/world.ts';
import { expandRuns, loadScenario, type Run } from '../src/scenario/index.ts';
import { simulate } from '../src/scenario/simulate.ts';
import type { Row } from './table.ts';

const FILE = new URL('../scenarios/failover/async-failover.yaml', import.meta.url);
const ROUNDS = 5;
/** Machine time of a transaction with everything on, and what of it measuring may take. */
const TARGET_NANOSECONDS = 5000;
const TARGET_SHARE = 0.1;

interface Round {
  readonly seconds: number;
  readonly digest: string;
  readonly transactions: number;
  readonly events: number;
  readonly steps: number;
}

export async function wholeRuns(): Promise<Row[]> {
  const run = base();
  const bare: Round[] = [];
  const measured: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const world = playBare(run);
    const seconds = playMeasured(run, world.digest);
    if (round === 0) continue; // the compiler warms up
    bare.push(world);
    measured.push(seconds);
  }
  return rowsOf(run, bare, measured);
}

function base(): Run {
  const loaded = loadScenario(readFileSync(FILE, 'utf8'), { file: 'async-failover.yaml' });
  const expanded = loaded.ok ? expandRuns(loaded.document) : loaded;
  if (!expanded.ok) throw new Error('async-failover.yaml does not load');
  return expanded.runs.find(({ variant }) => variant === 'base')!;
}

function playBare({ scenario }: Run): Round {
  const started = performance.now();
  const { sim, observed } = buildWorld(scenario, scenario.seed);
  sim.run(scenario.duration);
  const seconds = (performance.now() - started) / 1000;
  const { digest, events } = sim.trace;
  const transactions = observed.workload.acknowledged.count;
  return { seconds, digest, transactions, events, steps: sim.steps };
}

/** The machine's seconds; what is measured must not change what happens. */
function playMeasured(run: Run, expectedDigest: string): number {
  const started = performance.now();
  const result = simulate(run);
  const seconds = (performance.now() - started) / 1000;
  if ('refused' in result || result.digest !== expectedDigest) {
    throw new Error('measuring has changed the run');
  }
  return seconds;
}

function rowsOf({ scenario }: Run, bare: readonly Round[], measured: readonly number[]): Row[] {
  const { transactions, events, steps } = bare[0]!;
  const whole = Math.min(...measured);
  const world = Math.min(...bare.map(({ seconds }) => seconds));
  const share = (whole - world) / whole;
  const per = 'transaction';
  const nanoseconds = (seconds: number) => (seconds * 1e9) / transactions;
  const verdict = nanoseconds(whole) <= TARGET_NANOSECONDS ? 'within' : 'ABOVE';
  const shareVerdict = share <= TARGET_SHARE ? 'within' : 'ABOVE';
  const each = (count: number) => (count / transactions).toFixed(1);
  const rate = Math.round(transactions / whole).toLocaleString('en');
  const ratio = (toSeconds(scenario.duration) / whole).toFixed(0);
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
