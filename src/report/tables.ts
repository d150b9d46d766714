import type { RunResult, VariantSummary } from '../measure/result.ts';
import type { Estimate } from '../measure/statistics.ts';
import {
  cell,
  type Figure,
  figuresAsked,
  figuresFor,
  KEY_FIGURES,
  NARROW_FIGURES,
} from './figures.ts';
import { type Style, shorten, table, wrap } from './style.ts';
import { formatValue, unitOf } from './units.ts';

const GAP = 2;

/**
 * The key figures, variants side by side as columns as long as they fit; where they do not, one row
 * a variant and fewer figures.
 */
export function figureTable(runs: readonly RunResult[], style: Style): string[] {
  const figures = figuresFor([...KEY_FIGURES, ...figuresAsked(KEY_FIGURES, runs)], runs);
  if (figures.length === 0) return [];
  const variants = runs.map((run) => run.variant);
  const names = pointNames(variants);
  const rows = [
    [sweptPaths(variants), ...names],
    ...figures.map(({ label, metric }) => [label, ...runs.map((run) => cell(run, metric))]),
  ];
  if (widthOf(rows) <= style.width) return table(rows, style);
  return narrowTable(runs, names, style);
}

function narrowTable(runs: readonly RunResult[], names: readonly string[], style: Style): string[] {
  const figures = figuresFor([...NARROW_FIGURES, ...figuresAsked(NARROW_FIGURES, runs)], runs);
  const body = runs.map((run) => figures.map(({ metric }) => cell(run, metric)));
  const head = figures.map(({ label }) => label);
  for (;;) {
    const rest = widthOf([head, ...body]) + GAP;
    const room = Math.max(...names.map((name) => name.length));
    const width = style.width - rest - GAP;
    if (room <= width || width >= 24 || head.length <= 1) {
      const first = names.map((name) => shorten(name, Math.max(8, width)));
      const swept = shorten(sweptPaths(runs.map((run) => run.variant)), Math.max(8, width));
      return table([[swept, ...head], ...body.map((row, i) => [first[i]!, ...row])], style);
    }
    head.pop();
    for (const row of body) row.pop();
  }
}

/** Means over seeds with their 95 % intervals; then what differs from the base, pair by pair. */
export function summaryTable(summary: readonly VariantSummary[], style: Style): string[] {
  const lines: string[] = [];
  const means = summary.map(({ metrics }) => ({ metrics: meansOf(metrics) }));
  const figures = figuresFor(KEY_FIGURES, means);
  const columns = summary.map(
    ({ variant, metrics }): Column => ({
      name: variant,
      cell: ({ metric }) => withInterval(metrics[metric], metric),
    }),
  );
  lines.push(...blocks(figures, columns, style));
  const differing = summary.filter(({ difference }) => difference);
  if (differing.length === 0) return lines;
  const title = 'differences from the base, seed by seed (* the 95 % interval leaves out 0)';
  lines.push('', ...wrap(title, style.width - 2).map((line) => `  ${line}`));
  const differences = differing.map(
    ({ variant, difference }): Column => ({
      name: variant,
      cell: ({ metric }) => changed(difference?.[metric], metric),
    }),
  );
  const shown = figures.filter(({ metric }) =>
    differing.some(({ difference }) => (difference?.[metric]?.mean ?? 0) !== 0),
  );
  lines.push(...blocks(shown, differences, style));
  return lines;
}

interface Column {
  name: string;
  cell(figure: Figure): string;
}

/** As many columns beside each other as fit, the rest below. */
function blocks(figures: readonly Figure[], columns: readonly Column[], style: Style): string[] {
  const lines: string[] = [];
  for (let from = 0; from < columns.length; ) {
    let to = from + 1;
    while (
      to < columns.length &&
      widthOf(rowsOf(figures, columns.slice(from, to + 1))) <= style.width
    ) {
      to++;
    }
    if (from > 0) lines.push('');
    lines.push(...table(rowsOf(figures, columns.slice(from, to)), style));
    from = to;
  }
  return lines;
}

function rowsOf(figures: readonly Figure[], columns: readonly Column[]): string[][] {
  return [
    ['', ...shortNames(columns.map(({ name }) => name))],
    ...figures.map((figure) => [figure.label, ...columns.map((column) => column.cell(figure))]),
  ];
}

function meansOf(metrics: VariantSummary['metrics']): Record<string, number> {
  const means: Record<string, number> = {};
  for (const name of Object.keys(metrics)) means[name] = metrics[name]!.mean;
  return means;
}

function withInterval(estimate: Estimate | undefined, metric: string): string {
  if (!estimate) return '-';
  const unit = unitOf(metric);
  const mean = formatValue(estimate.mean, unit);
  if (estimate.high === null) return mean;
  const half = estimate.high - estimate.mean;
  return `${mean} ± ${half === 0 ? '0' : formatValue(half, unit)}`;
}

function changed(estimate: Estimate | undefined, metric: string): string {
  if (!estimate) return '-';
  const { low, high } = estimate;
  const clear = low !== null && high !== null && (low > 0 || high < 0);
  return `${estimate.mean > 0 ? '+' : ''}${withInterval(estimate, metric)}${clear ? ' *' : '  '}`;
}

function widthOf(rows: readonly (readonly string[])[]): number {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, column) => {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    });
  }
  return widths.reduce((sum, width) => sum + width + GAP, 0);
}

/** What the points of a sweep differ in, each path by its last part: `synchronous_commit, rtt`. */
export function sweptPaths(names: readonly string[]): string {
  const swept = new Set(names.filter((name) => name.includes('=')).map(pathsOf));
  return swept.size === 1 ? [...swept].join('') : '';
}

/** Points by their values alone, where all are values of the same paths: `off, 0.5ms`. */
export function pointNames(names: readonly string[]): string[] {
  if (sweptPaths(names) === '') return shortNames(names);
  const bare = names.map((name) => name.replace(PATH, '$1').replace(/^,/, '').replace(/,/g, ', '));
  return new Set(bare).size === new Set(names).size ? bare : shortNames(names);
}

/** `path=`, with the comma before it. */
const PATH = /(^|,)[^=,()]+=/g;

function pathsOf(name: string): string {
  const paths = [...name.matchAll(PATH)].map(([text]) => text.replace(/^,|=$/g, ''));
  return paths.map((path) => path.split('.').at(-1)).join(', ');
}

/**
 * A point of a sweep is called `path=value,...`; here each path is shortened to its last part as
 * long as this leaves all names different.
 */
export function shortNames(names: readonly string[]): string[] {
  const shortened = names.map((name) =>
    name.includes('=') ? name.replace(/(^|,)[^=,]*\.([^.=,]+)=/g, '$1$2=') : name,
  );
  return new Set(shortened).size === new Set(names).size ? shortened : [...names];
}
