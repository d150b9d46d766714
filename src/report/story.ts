import type { RunEvent, RunResult } from '../measure/result.ts';
import { marks, scale, sparkline } from './plot.ts';
import { type Style, shorten, wrap } from './style.ts';
import { pointNames } from './tables.ts';
import { formatCount, formatSeconds, formatValue } from './units.ts';

const THROUGHPUT = 'throughput.tps';
const MOST_PLOTS = 12;
const MOST_EVENTS = 14;
const MOST_LOSSES = 5;

/** Throughput over time, one line a run on a common scale, with a mark under each fault. */
export function throughputPlot(
  runs: readonly RunResult[],
  durationSeconds: number,
  style: Style,
): string[] {
  const plotted = runs.filter((run) => run.series[THROUGHPUT]).slice(0, MOST_PLOTS);
  if (plotted.length === 0) return [];
  const { top, peak } = scale(plotted.map((run) => run.series[THROUGHPUT]!));
  const names = pointNames(plotted.map((run) => run.variant));
  const label = Math.min(28, Math.max(...names.map((name) => name.length)));
  const columns = Math.min(72, style.width - label - 4);
  const burst = peak > top ? ` (bursts of up to ${formatCount(peak)} are cut off)` : '';
  const title = `transactions per second over time, 0 to ${formatCount(top)}${burst}`;
  const lines = [style.strong(`  ${title}`)];
  plotted.forEach((run, index) => {
    const name = shorten(names[index]!, label).padEnd(label);
    lines.push(`  ${name}  ${sparkline(run.series[THROUGHPUT]!, columns, top)}`);
  });
  const faults = faultsOf(plotted);
  const under = marks(
    faults.map(({ t }) => t),
    durationSeconds,
    columns,
  );
  const margin = ' '.repeat(label + 4);
  if (under) lines.push(margin + style.bad(under));
  const end = formatSeconds(durationSeconds);
  const legend = under ? '▲ a fault begins or ends' : '';
  lines.push(margin + style.faint(`0 s${beside(legend, end, columns - 3)}`));
  return lines;
}

/** Words in the middle and at the end of a line so wide; the middle only if there is room. */
function beside(middle: string, end: string, width: number): string {
  const left = Math.floor((width - middle.length) / 2);
  if (left < 2 || left + middle.length + 2 + end.length > width) return end.padStart(width);
  return (' '.repeat(left) + middle).padEnd(width - end.length) + end;
}

/** The faults of all runs, each once. */
function faultsOf(runs: readonly RunResult[]): RunEvent[] {
  const seen = new Map<string, RunEvent>();
  for (const run of runs) {
    for (const event of run.events) {
      if (event.kind.startsWith('fault')) seen.set(`${event.t} ${event.text}`, event);
    }
  }
  return [...seen.values()].sort((a, b) => a.t - b.t);
}

/** What happened, by simulated time. */
export function eventLines(run: RunResult, style: Style): string[] {
  if (run.events.length === 0) return [];
  const times = run.events.map(({ t }) => `${t.toFixed(3)} s`);
  const width = Math.max(...times.slice(0, MOST_EVENTS).map((time) => time.length));
  const lines = [style.strong(`  what happened in ${run.variant}`)];
  run.events.slice(0, MOST_EVENTS).forEach((event, index) => {
    const indent = width + 4;
    const [first, ...rest] = wrap(event.text, style.width - indent);
    lines.push(`  ${times[index]!.padStart(width)}  ${first}`);
    lines.push(...rest.map((line) => ' '.repeat(indent) + line));
  });
  return [...lines, ...andMore(run.events.length, MOST_EVENTS, width + 4)];
}

/** The first commits that clients were told of and that are gone, under what became of them. */
export function lossLines(run: RunResult, style: Style): string[] {
  const lost = run.metrics['commits.lost'] ?? 0;
  if (run.losses.length === 0 || lost === 0) return [];
  const shown = run.losses.slice(0, MOST_LOSSES);
  const session = Math.max(...shown.map((loss) => loss.session.length));
  const lsn = Math.max(...shown.map((loss) => loss.lsn.length));
  const noun = lost === 1 ? 'acknowledged commit' : 'acknowledged commits';
  const lines = [style.strong(`  ${formatCount(lost)} ${noun} lost in ${run.variant}`)];
  let cause: string | null = null;
  for (const loss of shown) {
    if (loss.cause !== cause) lines.push(...wrap(loss.cause, style.width - 2).map((l) => `  ${l}`));
    cause = loss.cause;
    const at = `acknowledged at ${loss.acknowledgedAt.toFixed(3)} s`;
    lines.push(`    ${loss.session.padEnd(session)}  ${loss.lsn.padEnd(lsn)}  ${at}`);
  }
  return [...lines, ...andMore(lost, shown.length, 4)];
}

/** Each claim of a source, with its verdict. */
export function claimLines(run: RunResult, style: Style): string[] {
  return run.claims.flatMap((claim) => {
    const text = `${claim.id} ${claim.verdict}: ${claim.says} (${claim.source})`;
    const paint =
      claim.verdict === 'holds'
        ? style.good
        : claim.verdict === 'contradicted'
          ? style.bad
          : style.doubtful;
    return wrap(text, style.width - 2, 4).map((line) => `  ${paint(line)}`);
  });
}

/** Servers of which not every page was followed: their hit ratio with its error. */
export function sampleLines(runs: readonly RunResult[], style: Style): string[] {
  return runs.flatMap(({ variant, metrics }) =>
    Object.keys(metrics).flatMap((name) => {
      const [, server] = /^servers\.(.+)\.buffers\.sampled_one_of$/.exec(name) ?? [];
      const oneOf = metrics[name] ?? 1;
      if (server === undefined || oneOf <= 1) return [];
      const of = (what: string) => metrics[`servers.${server}.buffers.${what}`] ?? null;
      const [ratio, error] = [of('hit_ratio'), of('hit_ratio.error')];
      const where = runs.length > 1 ? `${variant}, ${server}` : server;
      const known =
        ratio === null || error === null
          ? 'without any access'
          : `buffer hit ratio ${formatValue(ratio, 'fraction')}, give or take ` +
            formatValue(error, 'fraction');
      const text = `${where}: ${known}; one page of ${formatCount(oneOf)} was followed`;
      return wrap(text, style.width - 2, 4).map((line) => `  ${line}`);
    }),
  );
}

/** Every warning once, and which runs it is about unless it is about all. */
export function warningLines(runs: readonly RunResult[], style: Style): string[] {
  const byText = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const warning of run.warnings) {
      const known = byText.get(warning) ?? new Set<string>();
      byText.set(warning, known.add(run.variant));
    }
  }
  const all = new Set(runs.map((run) => run.variant)).size;
  return [...byText].flatMap(([text, variants]) => {
    const where = variants.size === all ? '' : ` (${[...variants].join(', ')})`;
    return wrap(`warning: ${text}${where}`, style.width - 2, 4).map((line) =>
      style.doubtful(`  ${line}`),
    );
  });
}

function andMore(all: number, shown: number, indent: number): string[] {
  return all > shown ? [`${' '.repeat(indent)}and ${formatCount(all - shown)} more`] : [];
}
