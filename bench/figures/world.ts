import type { Nanoseconds } from '../../src/kernel/index.ts';
import type { Observed } from '../../src/measure/observed.ts';
import { buildWorld } from '../../src/scenario/build/world.ts';
import { formatProblem, loadScenario, type Scenario } from '../../src/scenario/index.ts';

/** A scenario that must load. */
export function scenarioOf(text: string, set: readonly string[] = []): Scenario {
  const loaded = loadScenario(text, { set });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.scenario;
}

/** Runs a world to the end of its scenario, with whatever `observe` has put to its events. */
export function play<Result>(
  scenario: Scenario,
  seed: number,
  observe: (observed: Observed) => () => Result,
  until: Nanoseconds = scenario.duration,
): Result {
  const { sim, observed } = buildWorld(scenario, seed);
  const result = observe(observed);
  sim.run(until);
  return result();
}
