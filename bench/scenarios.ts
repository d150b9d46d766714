/**
 * `npm run scenarios`: every bundled scenario in full, variants and sweeps included, on all cores.
 * The tables go to the terminal and to reports/scenarios.md, which depends on the scenarios and on
 * this version of pgherd alone: what differs after a change is what the change did.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { EXIT, statusOf } from '../src/cli/exit.ts';
import { bundledScenarios } from '../src/cli/files.ts';
import { model } from '../src/cli/pgherd.ts';
import type { TaskOutcome } from '../src/cli/tasks.ts';
import { threadExecutor } from '../src/cli/threads.ts';
import type { ComparisonResult, RunResult } from '../src/measure/result.ts';
import { cell, figuresAsked, figuresFor, KEY_FIGURES } from '../src/report/figures.ts';
import { formatProblem } from '../src/scenario/problem.ts';

const ROOT = new URL('../', import.meta.url);
const WORKER = new URL('src/cli/worker.ts', ROOT);
const REPORT = new URL('reports/scenarios.md', ROOT);

const HEAD = `# The bundled scenarios

Written by \`npm run scenarios\`: every bundled scenario in full, each with the seed of its file.
Figures leave out the warm-up.
`;

interface Played {
  readonly name: string;
  readonly title: string;
  readonly seed: number;
  readonly runs: readonly RunResult[];
  /** Runs that need what is not built yet: \`file:line:column: what, why\`. */
  readonly refusals: readonly string[];
  /** Whatever was thrown. */
  readonly faults: readonly string[];
}

async function play(name: string, path: string): Promise<Played> {
  const file = path.slice(fileURLToPath(ROOT).length);
  const source = { file, text: readFileSync(path, 'utf8') };
  const loaded = await model.load(source, []);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { title = '', seed, runs } = loaded.scenario;
  const tasks = runs.map((_, run) => ({ run, seed }));
  const outcomes = await threadExecutor(WORKER)(
    { source, set: [], tasks, jobs: availableParallelism() },
    { onProgress: () => {}, onDone: () => {}, signal: new AbortController().signal },
  );
  return { name, title, seed, ...sorted(outcomes) };
}

function sorted(outcomes: readonly TaskOutcome[]): Pick<Played, 'runs' | 'refusals' | 'faults'> {
  return {
    runs: outcomes.flatMap((each) => ('result' in each ? [each.result] : [])),
    refusals: outcomes.flatMap((each) =>
      'refused' in each ? each.refused.map(formatProblem) : [],
    ),
    faults: outcomes.flatMap((each) => ('fault' in each ? [each.fault.message] : [])),
  };
}

function chapter({ name, title, seed, runs, refusals, faults }: Played): string {
  const lines = [`## ${name}`, '', `${title}. Seed ${seed}.`, ''];
  const key = figuresFor(KEY_FIGURES, runs);
  const figures = [...key, ...figuresAsked(key, runs)];
  const heads = ['run', 'verdict', 'digest', ...figures.map(({ label }) => label.trim())];
  lines.push(row(heads), row(heads.map((_, i) => (i < 3 ? '---' : '---:'))));
  for (const run of runs) {
    const verdict = run.lawsBroken.length > 0 ? 'LAW BROKEN' : run.verdict;
    const cells = figures.map(({ metric }) => cell(run, metric));
    lines.push(row([run.variant, verdict, `\`${run.digest}\``, ...cells]));
  }
  const judged = runs.flatMap((run) => judgements(run));
  if (judged.length > 0) lines.push('', ...judged);
  const rest = [
    ...runs.flatMap(({ variant, lawsBroken }) => lawsBroken.map((law) => `${variant}: ${law}`)),
    ...faults,
    ...refusals.map((each) => `not run: ${each}`),
  ];
  if (rest.length > 0) lines.push('', ...rest.map((each) => `- ${each}`));
  return `${lines.join('\n')}\n`;
}

/** Every comparison of a run, with its left side as it came out. */
function judgements({ variant, observe, expect }: RunResult): string[] {
  const line = ({ text, left, holds }: ComparisonResult) =>
    `- ${variant}: \`${text}\` ${holds ? 'holds' : 'DOES NOT HOLD'}, with ${left ?? 'nothing'}`;
  return [...observe, ...expect].map(line);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

const chapters: string[] = [];
let worst: number = EXIT.held;
for (const [name, path] of bundledScenarios(fileURLToPath(new URL('scenarios', ROOT)))) {
  const played = await play(name, path);
  const text = chapter(played);
  process.stdout.write(`${text}\n`);
  chapters.push(text);
  worst = Math.max(worst, played.faults.length > 0 ? EXIT.programFault : statusOf(played.runs));
}
mkdirSync(new URL('.', REPORT), { recursive: true });
writeFileSync(REPORT, [HEAD, ...chapters].join('\n'));
process.exitCode = worst;
