/**
 * The worker behind `bench/run.ts`: plays `async-failover` as `pgherd run` plays it, with the
 * package's own files, in a thread with the command line's nursery. The world alone and the whole
 * run take turns, so that a slow minute of the machine hits both.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import type { Run } from '../src/scenario/index.ts';

const ROUNDS = 12;
const FILE = new URL('../scenarios/failover/async-failover.yaml', import.meta.url);

/** What one kind of run cost, in the machine's seconds, round by round. */
export interface Rounds {
  readonly bare: readonly number[];
  readonly measured: readonly number[];
  readonly transactions: number;
  readonly events: number;
  readonly steps: number;
  readonly simulatedSeconds: number;
}

/** A module of the built package, with the types of its source. */
const built = (path: string) => import(new URL(`../dist/${path}`, import.meta.url).href);

type Scenarios = typeof import('../src/scenario/index.ts');
const { buildWorld }: typeof import('../src/scenario/build/world.ts') =
  await built('scenario/build/world.js');
const { simulate }: typeof import('../src/scenario/simulate.ts') =
  await built('scenario/simulate.js');
const { expandRuns, loadScenario }: Scenarios = await built('scenario/index.js');

function base(): Run {
  const loaded = loadScenario(readFileSync(FILE, 'utf8'), { file: 'async-failover.yaml' });
  const expanded = loaded.ok ? expandRuns(loaded.document) : loaded;
  if (!expanded.ok) throw new Error('async-failover.yaml does not load');
  return expanded.runs.find(({ variant }) => variant === 'base')!;
}

function playBare({ scenario }: Run) {
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

function rounds(): Rounds {
  const run = base();
  const bare: number[] = [];
  const measured: number[] = [];
  let world = playBare(run);
  playMeasured(run, world.digest); // the compiler warms up
  for (let round = 0; round < ROUNDS; round++) {
    world = playBare(run);
    bare.push(world.seconds);
    measured.push(playMeasured(run, world.digest));
  }
  const { transactions, events, steps } = world;
  const simulatedSeconds = run.scenario.duration / 1e9;
  return { bare, measured, transactions, events, steps, simulatedSeconds };
}

parentPort?.postMessage(rounds());
