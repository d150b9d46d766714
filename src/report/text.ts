import type { RunResult } from '../measure/result.ts';
import type { Report } from './report.ts';
import {
  claimLines,
  eventLines,
  lossLines,
  sampleLines,
  throughputPlot,
  warningLines,
} from './story.ts';
import { type Style, wrap } from './style.ts';
import { figureTable, summaryTable } from './tables.ts';
import { formatCount, formatNumber, formatSeconds } from './units.ts';
import { verdictLines } from './verdicts.ts';

const MOST_STORIES = 3;

/** The report that a person reads in a terminal. Sections are parted by an empty line. */
export function renderText(report: Report, style: Style): string {
  const { runs } = report;
  if (runs.length === 0) return 'no runs\n';
  const first = runs.filter((run) => run.seed === runs[0]!.seed);
  const sections = [
    header(report, style),
    verdictLines(runs, style),
    report.summary ? summaryTable(report.summary, style) : figureTable(runs, style),
    throughputPlot(first, report.scenario.durationSeconds, style),
    ...storiesOf(first, style),
    sampleLines(runs, style),
    warningLines(runs, style),
    footer(runs, style),
  ];
  const shown = sections.filter((lines) => lines.length > 0);
  return `${shown.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function header(report: Report, style: Style): string[] {
  const { name, title, durationSeconds, warmupSeconds } = report.scenario;
  const variants = new Set(report.runs.map((run) => run.variant)).size;
  const seeds = [...new Set(report.runs.map((run) => run.seed))];
  const facts = [
    `${variants === 1 ? `variant ${report.runs[0]!.variant}` : `${variants} variants`}`,
    seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds[0]} to ${seeds.at(-1)}`,
    `${formatSeconds(durationSeconds)} simulated each`,
  ];
  if (warmupSeconds > 0) facts.push(`figures without the first ${formatSeconds(warmupSeconds)}`);
  const headline = wrap(title ? `${name}: ${title}` : name, style.width).map(style.strong);
  return [...headline, ...wrap(facts.join(', '), style.width).map(style.faint)];
}

/** The base and what did not hold come first where there is not room for all. */
function storiesOf(runs: readonly RunResult[], style: Style): string[][] {
  const told = runs.length <= MOST_STORIES ? runs : chosen(runs);
  return told.flatMap((run) => [
    eventLines(run, style),
    lossLines(run, style),
    claimLines(run, style),
  ]);
}

function chosen(runs: readonly RunResult[]): RunResult[] {
  const telling = runs.filter((run, index) => index === 0 || run.verdict !== 'held');
  return telling.slice(0, MOST_STORIES);
}

/** How fast the simulator was; nothing else in a report depends on the machine. */
function footer(runs: readonly RunResult[], style: Style): string[] {
  let machine = 0;
  let simulated = 0;
  let transactions = 0;
  for (const { cost } of runs) {
    machine += cost.machineSeconds;
    simulated += cost.simulatedSeconds;
    transactions += cost.transactions;
  }
  const seconds = Math.max(machine, 1e-9);
  const speed =
    `${formatCount(transactions)} transactions in ${formatSeconds(machine)} of machine time: ` +
    `${formatCount(Math.round(transactions / seconds))} transactions/s; ` +
    `${formatSeconds(simulated)} simulated, ${formatNumber(simulated / seconds)} times real time`;
  return wrap(speed, style.width);
}
