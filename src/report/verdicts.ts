import type { ComparisonResult, RunResult, Verdict } from '../measure/result.ts';
import { parseComparison } from '../scenario/expression.ts';
import { type Style, wrap } from './style.ts';
import { formatValue, isNumber, type Unit, unitOfExpression } from './units.ts';

const SIGNS: Record<Verdict, string> = { held: '✓', failed: '✗', inconclusive: '?' };

const UNJUDGED = 'of which nothing was expected';

/** What became of each run: one line if all held, else every comparison that did not. */
export function verdictLines(runs: readonly RunResult[], style: Style): string[] {
  const seeds = new Set(runs.map((run) => run.seed)).size;
  if (seeds > 1) return verdictsOverSeeds(runs, style);
  const judged = runs.filter((run) => !isFine(run) || run.expect.length > 0);
  const width = Math.max(0, ...judged.map((run) => run.variant.length));
  const lines = judged.flatMap((run) => verdictOf(run, run.variant.padEnd(width), style));
  const others = runs.length - judged.length;
  if (others > 0)
    lines.push(style.faint(`· ${others} ${others === 1 ? 'run' : 'runs'} ${UNJUDGED}`));
  return lines;
}

function verdictOf(run: RunResult, name: string, style: Style): string[] {
  const head = `${coloured(run.verdict, SIGNS[run.verdict], style)} ${style.strong(name)}`;
  const lines = [`${head}  ${coloured(run.verdict, run.verdict, style)}${tally(run)}`];
  for (const law of run.lawsBroken) {
    lines.push(...indented(`a law of the simulator is broken: ${law}`, style).map(style.bad));
  }
  for (const comparison of run.observe.filter(({ holds }) => !holds)) {
    const why = 'had to happen for the run to mean anything';
    const text = `${comparison.text} ${why}: ${sides(comparison)}`;
    lines.push(...indented(text, style).map(style.doubtful));
  }
  for (const comparison of run.expect.filter(({ holds }) => !holds)) {
    lines.push(...indented(`${comparison.text}: ${sides(comparison)}`, style).map(style.bad));
  }
  return lines;
}

function tally(run: RunResult): string {
  if (run.expect.length === 0) return '';
  const held = run.expect.filter(({ holds }) => holds).length;
  const all = run.expect.length;
  return `, ${held} of ${all} ${all === 1 ? 'expectation' : 'expectations'}`;
}

/** One line a variant: in how many seeds it held, and where it did not. */
function verdictsOverSeeds(runs: readonly RunResult[], style: Style): string[] {
  const variants = [...new Set(runs.map((run) => run.variant))];
  const width = Math.max(...variants.map((variant) => variant.length));
  return variants.flatMap((variant) => {
    const own = runs.filter((run) => run.variant === variant);
    const held = own.filter(isFine).length;
    const verdict = worst(own);
    const sign = coloured(verdict, SIGNS[verdict], style);
    const lines = [
      `${sign} ${style.strong(variant.padEnd(width))}  held for ${held} of ${own.length} seeds`,
    ];
    const [first, ...rest] = own.filter((run) => !isFine(run));
    if (first) {
      const [, ...reasons] = verdictOf(first, variant, style);
      lines.push(`    ${first.verdict} with seed ${first.seed}:`);
      lines.push(...reasons.map((line) => `  ${line}`));
    }
    for (const [name, seeds] of bySeed(rest)) lines.push(`    ${name} also with ${seeds}`);
    return lines;
  });
}

function bySeed(runs: readonly RunResult[]): [string, string][] {
  const verdicts: Verdict[] = ['failed', 'inconclusive'];
  return verdicts.flatMap((verdict): [string, string][] => {
    const seeds = runs.filter((run) => run.verdict === verdict).map((run) => run.seed);
    if (seeds.length === 0) return [];
    const shown = seeds.slice(0, 12).join(', ');
    const more = seeds.length > 12 ? ` and ${seeds.length - 12} more` : '';
    return [[verdict, `${seeds.length === 1 ? 'seed' : 'seeds'} ${shown}${more}`]];
  });
}

function isFine(run: RunResult): boolean {
  return run.verdict === 'held' && run.lawsBroken.length === 0;
}

/** Failed before inconclusive before held. */
export function worst(runs: readonly RunResult[]): Verdict {
  if (runs.some((run) => run.verdict === 'failed')) return 'failed';
  return runs.some((run) => run.verdict === 'inconclusive') ? 'inconclusive' : 'held';
}

/** What came out: `observed 61.2 s`, or both sides where the bound is a metric as well. */
function sides({ text, left, right, reason }: ComparisonResult): string {
  if (reason) return reason;
  if (left === null || right === null) return 'there were no observations';
  const parsed = parseComparison(text);
  if (!parsed.ok) return `observed ${left} against ${right}`;
  const { comparison } = parsed;
  const own = unitOfExpression(comparison.left);
  const unit = own === 'count' ? unitOfExpression(comparison.right) : own;
  const observed = distinct(left, right, unit);
  if (isNumber(comparison.right)) return `observed ${observed}`;
  return `${observed} against ${distinct(right, left, unit)}`;
}

/** With all digits where the short form would look like the bound that it missed. */
function distinct(value: number, other: number, unit: Unit): string {
  const short = formatValue(value, unit);
  const plain = (text: string) => text.replace(/\.0+(?!\d)/, '');
  if (value === other || plain(short) !== plain(formatValue(other, unit))) return short;
  return `${value}${unit === 'seconds' ? ' s' : unit === 'bytes' ? ' B' : ''}`;
}

function indented(text: string, style: Style): string[] {
  return wrap(text, style.width - 4, 4).map((line) => `    ${line}`);
}

function coloured(verdict: Verdict, text: string, style: Style): string {
  if (verdict === 'held') return style.good(text);
  return verdict === 'failed' ? style.bad(text) : style.doubtful(text);
}
