import type { Nanoseconds } from '../../src/kernel/index.ts';
import { buildWorld, type World } from '../../src/scenario/build/world.ts';
import type { Run } from '../../src/scenario/index.ts';

interface Seen {
  readonly at: Nanoseconds;
  readonly words: string;
}

/** Every event of a run, in the words of `digests.ts`. */
function eventsOf({ scenario }: Run, until: Nanoseconds, change: (world: World) => void): Seen[] {
  const world = buildWorld(scenario, scenario.seed);
  const { sim } = world;
  const seen: Seen[] = [];
  change(world);
  sim.trace.witnessAll((at, topic, fields) => {
    const named = topic.fieldNames.map((name, i) => `${name} ${fields[i]}`).join(', ');
    seen.push({ at, words: `event ${sim.trace.events} at ${at} ns: ${topic.name} (${named})` });
  });
  sim.run(until);
  return seen;
}

/** The naive way to find where two runs part: all events of both, compared from the first on. */
export function firstDifference(run: Run, until: Nanoseconds, change: (world: World) => void) {
  const left = eventsOf(run, until, () => {});
  const right = eventsOf(run, until, change);
  const place = left.findIndex(({ words }, i) => words !== right[i]?.words);
  const [a, b] = [left[place]!, right[place]!];
  return { at: Math.min(a.at, b.at), left: a.words, right: b.words };
}
