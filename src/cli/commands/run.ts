import { availableParallelism } from 'node:os';
import type { RunResult } from '../../measure/result.ts';
import { summarize } from '../../measure/summary.ts';
import { renderJson } from '../../report/json.ts';
import type { Report } from '../../report/report.ts';
import { renderText } from '../../report/text.ts';
import { formatProblem } from '../../scenario/problem.ts';
import { nearest } from '../../scenario/suggest.ts';
import { EXIT, type ExitStatus, statusOf } from '../exit.ts';
import { findScenario, obstacleTo, writeWhole } from '../files.ts';
import type { Io } from '../io.ts';
import type { LoadedScenario, Source } from '../model.ts';
import { Progress } from '../progress.ts';
import type { Fault, Task, TaskOutcome } from '../tasks.ts';
import { styleFor } from '../terminal.ts';
import { replayCommand } from './replay.ts';

export interface RunOptions {
  variant?: string[];
  baseOnly?: boolean;
  set?: string[];
  seed?: number;
  seeds?: number;
  jobs?: number;
  json?: string;
  quiet?: boolean;
}

/** `pgherd run FILE`: runs what the file describes, reports, and judges. */
export async function runCommand(file: string, options: RunOptions, io: Io): Promise<ExitStatus> {
  const plan = await prepare(file, options, io);
  if (!plan.ok) return refuse(plan.messages, io);
  const { scenario, tasks } = plan;
  if (!options.quiet) for (const each of scenario.warnings) warn(io, formatProblem(each));
  const outcomes = await execute(plan, options, io);
  if (io.interrupted.aborted) return EXIT.interrupted;
  const fault = outcomes.find((outcome) => 'fault' in outcome);
  if (fault) {
    const task = tasks[outcomes.indexOf(fault)]!;
    const { variant } = scenario.runs[task.run]!;
    return explainFault(fault.fault, replayCommand(file, variant, task.seed, options), io);
  }
  const refusals = outcomes.flatMap((outcome) => ('refused' in outcome ? outcome.refused : []));
  refuse([...new Set(refusals.map(formatProblem))], io);
  const runs = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  if (runs.length === 0) return EXIT.badInput;
  const status = publish(reportOf(scenario, runs, options, io), file, options, io);
  return refusals.length > 0 && status !== EXIT.programFault ? EXIT.badInput : status;
}

interface Plan {
  source: Source;
  scenario: LoadedScenario;
  tasks: Task[];
}

/** Everything that can be found wrong before the first simulation. */
async function prepare(
  file: string,
  options: RunOptions,
  io: Io,
): Promise<({ ok: true } & Plan) | { ok: false; messages: string[] }> {
  const wrong = (message: string) => ({ ok: false as const, messages: [`pgherd: ${message}`] });
  const found = findScenario(file, io.scenarios);
  if (!found.ok) return wrong(found.message);
  const obstacle = options.json && options.json !== '-' ? obstacleTo(options.json) : null;
  if (obstacle) return wrong(obstacle);
  const loaded = await io.model.load(found.source, options.set ?? []);
  if (!loaded.ok) return { ok: false, messages: loaded.problems.map(formatProblem) };
  const chosen = choose(loaded.scenario, options);
  if (!chosen.ok) return wrong(chosen.message);
  const tasks = tasksOf(chosen.runs, loaded.scenario.seed, options);
  return { ok: true, source: found.source, scenario: loaded.scenario, tasks };
}

function refuse(messages: readonly string[], io: Io): ExitStatus {
  for (const message of messages) io.stderr.write(`${message}\n`);
  return EXIT.badInput;
}

type Choice = { ok: true; runs: number[] } | { ok: false; message: string };

/** Which of the scenario's runs are wanted, by their place in the list. */
function choose(scenario: LoadedScenario, options: RunOptions): Choice {
  const names = scenario.runs.map((run) => run.variant);
  if (options.baseOnly) {
    const base = names.indexOf('base');
    return base < 0 ? { ok: true, runs: [0] } : { ok: true, runs: [base] };
  }
  if (!options.variant) return { ok: true, runs: names.map((_, index) => index) };
  const runs: number[] = [];
  for (const wanted of options.variant) {
    const index = names.indexOf(wanted);
    if (index >= 0) runs.push(index);
    else {
      const guess = nearest(wanted, names);
      const hint = guess ? `did you mean ${guess}?` : `there are ${names.join(', ')}`;
      return {
        ok: false,
        message: `--variant ${wanted}: the scenario has no such variant; ${hint}`,
      };
    }
  }
  return { ok: true, runs };
}

/** Every run with every seed; runs in the order of the file, seeds one after another in each. */
function tasksOf(runs: readonly number[], seed: number, options: RunOptions): Task[] {
  const first = options.seed ?? seed;
  const seeds = Array.from({ length: options.seeds ?? 1 }, (_, index) => first + index);
  return runs.flatMap((run) => seeds.map((each) => ({ run, seed: each })));
}

async function execute(plan: Plan, options: RunOptions, io: Io): Promise<TaskOutcome[]> {
  const { source, scenario, tasks } = plan;
  const names = tasks.map(({ run, seed }) => `${scenario.runs[run]!.variant}, seed ${seed}`);
  const quiet = options.quiet === true;
  const progress = new Progress(io.stderr, names, scenario.durationSeconds, quiet);
  const jobs = options.jobs ?? availableParallelism();
  const outcomes = await io.execute(
    { source, set: options.set ?? [], tasks, jobs },
    {
      onProgress: (task, seconds) => progress.advance(task, seconds),
      onDone: (task) => progress.complete(task),
      signal: io.interrupted,
    },
  );
  progress.clear();
  return outcomes;
}

function reportOf(
  scenario: LoadedScenario,
  runs: RunResult[],
  options: RunOptions,
  io: Io,
): Report {
  const { name, title, durationSeconds, warmupSeconds } = scenario;
  return {
    version: io.version,
    scenario: { name, ...(title === undefined ? {} : { title }), durationSeconds, warmupSeconds },
    runs,
    ...(options.seeds === undefined ? {} : { summary: summarize(runs) }),
  };
}

/** Writes what was asked for; then the exit status says how the runs went. */
function publish(report: Report, file: string, options: RunOptions, io: Io): ExitStatus {
  if (options.json === '-') io.stdout.write(renderJson(report));
  else {
    if (!options.quiet) io.stdout.write(renderText(report, styleFor(io.stdout, io.env)));
    const failure = options.json ? writeWhole(options.json, renderJson(report)) : null;
    if (failure) {
      io.stderr.write(`pgherd: ${failure}\n`);
      return EXIT.badInput;
    }
  }
  for (const { variant, seed, lawsBroken, cost } of report.runs) {
    if (lawsBroken.length === 0) continue;
    const message = `a law is broken: ${lawsBroken.join('; ')}`;
    const fault = { message, stack: '', simulatedSeconds: cost.simulatedSeconds };
    explainFault(fault, replayCommand(file, variant, seed, options), io);
  }
  return statusOf(report.runs);
}

/** A fault of the program: all that is needed to see it again. */
function explainFault(fault: Fault, replay: Replay, io: Io): ExitStatus {
  io.stderr.write(
    `pgherd ${io.version}: a fault of the program, not of the scenario\n` +
      `  ${fault.message}\n` +
      `  variant ${replay.variant}, seed ${replay.seed}, ` +
      `simulated second ${fault.simulatedSeconds}\n` +
      `  to see it again: ${replay.command}\n` +
      (fault.stack ? `${fault.stack}\n` : ''),
  );
  return EXIT.programFault;
}

function warn(io: Io, message: string): void {
  io.stderr.write(`warning: ${message}\n`);
}

type Replay = ReturnType<typeof replayCommand>;
