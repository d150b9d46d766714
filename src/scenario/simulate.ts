/**
 * One run of a scenario, from its world to its verdict: laws of the simulator first, then what had
 * to happen (`observe`), then what was expected.
 */
import { type Nanoseconds, toSeconds } from '../kernel/index.ts';
import { Measures } from '../measure/measures.ts';
import type {
  ClaimResult,
  ComparisonResult,
  PlainValue,
  RunResult,
  Verdict,
} from '../measure/result.ts';
import { unbuilt } from './build/unbuilt.ts';
import { buildWorld } from './build/world.ts';
import { type Comparison, evaluate } from './expression.ts';
import type { Scenario } from './model.ts';
import type { Problem } from './problem.ts';
import type { Run } from './variants.ts';

export interface SimulateOptions {
  /** Defaults to the scenario's. */
  readonly seed?: number;
  /** Hears now and then how far the run has come. */
  readonly onProgress?: (simulated: Nanoseconds) => void;
  /** Ends the run early, for checks of the digest. */
  readonly until?: Nanoseconds;
}

/** The run needs what is not built yet. */
export interface Refused {
  readonly refused: readonly Problem[];
}

const PROGRESS_STEPS = 200;

/**
 * Simulates one of a scenario's runs: `simulate(loaded.runs[0])`, after `loadScenario`.
 * Throws a TypeError if it is given anything else, which only JavaScript can do.
 */
export function simulate(run: Run, options: SimulateOptions = {}): RunResult | Refused {
  if (!run?.scenario || !run.locate) {
    throw new TypeError('simulate takes one run of a scenario: simulate(loaded.runs[0])');
  }
  const { scenario } = run;
  const findings = unbuilt(scenario);
  if (findings.length > 0) return { refused: findings.map((each) => run.locate(each)) };
  const seed = options.seed ?? scenario.seed;
  const { sim, observed } = buildWorld(scenario, seed);
  const measures = new Measures(observed);
  const until = Math.min(options.until ?? scenario.duration, scenario.duration);
  const pace = Math.max(1, Math.floor(until / PROGRESS_STEPS));
  const runUntil = (at: Nanoseconds) => {
    if (sim.now < scenario.warmup && scenario.warmup <= at) {
      sim.run(scenario.warmup);
      measures.atWarmup();
    }
    if (at > sim.now) sim.run(at);
  };
  for (let at = pace; at < until; at += pace) {
    runUntil(at);
    options.onProgress?.(at);
  }
  runUntil(until);
  const measured = measures.finish();
  const { metrics } = measured;
  const observe = run.observe.map((each) => judge(each, metrics));
  const expect = run.expect.map((each) => judge(each, metrics));
  return {
    variant: run.variant,
    title: run.title,
    set: run.set as Record<string, PlainValue>,
    seed,
    digest: sim.trace.digest,
    verdict: verdictOf(observe, expect),
    metrics: Object.fromEntries(metrics),
    observe,
    expect,
    claims: claimsOf(scenario, run.variant, metrics, observe),
    warnings: run.warnings.map(({ what, why }) => `${what}: ${why}`),
    series: measured.series,
    events: sim.trace.notes.map(({ at, kind, text }) => ({ t: toSeconds(at), kind, text })),
    losses: measured.losses,
    lawsBroken: measured.lawsBroken,
    cost: {
      machineSeconds: 0,
      simulatedSeconds: toSeconds(until),
      transactions: observed.workload.acknowledged.count,
    },
  };
}

function judge(
  comparison: Comparison,
  metrics: ReadonlyMap<string, number | null>,
): ComparisonResult {
  const { text, left, right, holds, why } = evaluate(comparison, (name) => metrics.get(name));
  return { text, left, right, holds, ...(why === undefined ? {} : { reason: why }) };
}

function verdictOf(
  observe: readonly ComparisonResult[],
  expect: readonly ComparisonResult[],
): Verdict {
  if (!observe.every(({ holds }) => holds)) return 'inconclusive';
  return expect.every(({ holds }) => holds) ? 'held' : 'failed';
}

function claimsOf(
  scenario: Scenario,
  variant: string,
  metrics: ReadonlyMap<string, number | null>,
  observe: readonly ComparisonResult[],
): ClaimResult[] {
  const happened = observe.every(({ holds }) => holds);
  return scenario.claims
    .filter((claim) => (claim.variant ?? 'base') === variant)
    .map(({ id, says, source, expect }) => {
      const results = expect.map((each) => judge(each, metrics));
      const measured = happened && results.every(({ reason }) => reason === undefined);
      const holds = results.every((result) => result.holds);
      const verdict = !measured ? 'not observed' : holds ? 'holds' : 'contradicted';
      return { id, says, source, verdict, expect: results };
    });
}
