import type { RunResult } from '../../src/measure/result.ts';
import { expandRuns, loadScenario, type ResolveOptions } from '../../src/scenario/index.ts';
import { simulate } from '../../src/scenario/simulate.ts';

/** Plays the base of a scenario; throws if it cannot be read or played. */
export function play(text: string, options: ResolveOptions = {}): RunResult {
  const loaded = loadScenario(text, { ...options, file: 'published.yaml' });
  const expanded = loaded.ok ? expandRuns(loaded.document, options) : loaded;
  if (!expanded.ok) throw new Error(JSON.stringify(expanded.problems));
  const result = simulate(expanded.runs[0]!);
  if ('refused' in result) throw new Error(JSON.stringify(result.refused));
  if (result.lawsBroken.length > 0) throw new Error(result.lawsBroken.join('\n'));
  return result;
}

/** A metric that has observations. */
export function metric(result: RunResult, name: string): number {
  const value = result.metrics[name];
  if (value === undefined || value === null) throw new Error(`${name} was not observed`);
  return value;
}
