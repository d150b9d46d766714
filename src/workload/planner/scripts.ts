/** The scripts of a workload, before Postgres was asked and with its answer. */
import type { Moment } from '../calendar.ts';
import type { Parsed } from '../sql/parse.ts';
import { Refusal } from '../sql/problem.ts';
import { commandTemplate } from './commands.ts';
import { templateOf } from './compile.ts';
import { copyTemplate } from './copy.ts';
import { jobTemplate } from './jobs.ts';
import type { PartitionManagers } from './managers.ts';
import type { PlanCacheSettings } from './plan-cache.ts';
import { type ReadScript, readScript } from './reader.ts';
import type { PlanAnswer } from './request.ts';
import { vacuumTemplate } from './vacuum.ts';
import { PlannedWorld } from './world.ts';

export interface NamedScript {
  readonly name: string;
  readonly text: string;
}

/** The scripts as they are read without plans, by name. */
export function collectScripts(
  scripts: readonly NamedScript[],
  scale: number,
): ReadonlyMap<string, ReadScript> {
  return new Map(scripts.map(({ name, text }) => [name, readScript(text, scale)]));
}

/**
 * The scripts as the simulator executes them, by name. What is not built is a problem of the
 * script. The answer is that to a request with the statements of these scripts in this order.
 */
export function compileScripts(
  scripts: readonly NamedScript[],
  scale: number,
  answer: PlanAnswer,
  version: number,
  settings: PlanCacheSettings,
  now: Moment | null = null,
  managers: PartitionManagers = new Map(),
): ReadonlyMap<string, Parsed> {
  const commands = scripts.flatMap(({ text }) => readScript(text, scale).commands);
  const world = new PlannedWorld(answer, version, now, commands, managers);
  let first = 0;
  const compiled = new Map<string, Parsed>();
  for (const { name, text } of scripts) {
    const start = first;
    const { parsed, count } = readScript(
      text,
      scale,
      (statement, number) => {
        const plans = answer.statements[start + number];
        const { offset, tokens } = statement;
        const at = { offset, text: tokens[0]!.text };
        if (plans === undefined) throw new Refusal(at, 'has no plan among those that were kept');
        return templateOf(statement, plans, world, settings);
      },
      {
        command: (command) =>
          command.kind === 'vacuum'
            ? vacuumTemplate(command, world)
            : commandTemplate(command, world),
        job: (job) => jobTemplate(job, world),
        copy: (copy) => copyTemplate(copy, world),
      },
    );
    compiled.set(name, parsed);
    first += count;
  }
  return compiled;
}
