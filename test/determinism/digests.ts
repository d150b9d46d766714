/**
 * Prints the digests of scenarios as JSON, to be compared between processes and versions of Node:
 *
 *     node test/determinism/digests.ts SECONDS FILE...
 *     node test/determinism/digests.ts SECONDS --events FROM TO VARIANT FILE
 *
 * With each digest come marks, the digest after every 400 events, by which the first 400 that
 * differ are found; `--events` then prints those.
 */
import { readFileSync } from 'node:fs';
import { shippedPlans } from '../../src/cli/plans/cache.ts';
import { unbuilt } from '../../src/scenario/build/unbuilt.ts';
import { buildWorld, type World } from '../../src/scenario/build/world.ts';
import { expandRuns, loadScenario, type Run } from '../../src/scenario/index.ts';
import { disturb } from './disturb.ts';

export const MARK_EVERY = 400;

export interface Fingerprint {
  readonly file: string;
  readonly variant: string;
  readonly digest: string;
  readonly marks: readonly string[];
}

/** Base and variants; of a sweep's points, which differ in values only, the last one. */
function runsOf(file: string): readonly Run[] {
  const options = { plans: shippedPlans };
  const loaded = loadScenario(readFileSync(file, 'utf8'), { file, ...options });
  if (!loaded.ok) throw new Error(`${file} cannot be read`);
  const expanded = expandRuns(loaded.document, options);
  if (!expanded.ok) throw new Error(`${file} cannot be expanded`);
  const lastPoint = expanded.runs.findLast(({ kind }) => kind === 'point');
  const chosen = expanded.runs.filter((run) => run.kind !== 'point' || run === lastPoint);
  return chosen.filter(({ scenario }) => unbuilt(scenario).length === 0);
}

function worldOf({ scenario }: Run): World {
  const world = buildWorld(scenario, scenario.seed);
  const { PLANTED_FAULT } = process.env;
  if (PLANTED_FAULT) disturb(world);
  return world;
}

/** So many seconds, and more where a scenario begins with too few events for a mark. */
function play(sim: World['sim'], { scenario }: Run, seconds: number): void {
  sim.run(Math.min(seconds * 1e9, scenario.duration));
  while (sim.trace.events < MARK_EVERY && sim.now < scenario.duration) {
    sim.run(Math.min(sim.now + 0.1e9, scenario.duration));
  }
}

function fingerprint(file: string, run: Run, seconds: number): Fingerprint {
  const { sim } = worldOf(run);
  const marks: string[] = [];
  sim.trace.witnessAll(() => {
    if (sim.trace.events % MARK_EVERY === 0) marks.push(sim.trace.digest);
  });
  play(sim, run, seconds);
  return { file, variant: run.variant, digest: sim.trace.digest, marks };
}

function events(run: Run, seconds: number, from: number, to: number): string[] {
  const { sim } = worldOf(run);
  const lines: string[] = [];
  sim.trace.witnessAll((at, topic, fields) => {
    const number = sim.trace.events;
    if (number <= from || number > to) return;
    const named = topic.fieldNames.map((name, i) => `${name} ${fields[i]}`).join(', ');
    lines.push(`event ${number} at ${at} ns: ${topic.name} (${named})`);
  });
  play(sim, run, seconds);
  return lines;
}

const [seconds, ...rest] = process.argv.slice(2);
if (rest[0] === '--events') {
  const [, from, to, variant, file] = rest;
  const run = runsOf(file!).find((each) => each.variant === variant)!;
  console.log(JSON.stringify(events(run, Number(seconds), Number(from), Number(to))));
} else {
  const prints = rest.flatMap((file) =>
    runsOf(file).map((run) => fingerprint(file, run, Number(seconds))),
  );
  console.log(JSON.stringify(prints));
}
