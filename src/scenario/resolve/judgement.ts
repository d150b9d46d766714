import { type Comparison, metricsOf, parseComparison } from '../expression.ts';
import { knownMetric, type MetricScope } from '../metric-names.ts';
import type { Claim, Hunt } from '../model.ts';
import type { Path } from '../problem.ts';
import { FAULT_NAMES } from '../schema/faults.ts';
import { nearest } from '../suggest.ts';
import type { Context } from './context.ts';

/** Reads a list of comparisons and asks of each metric whether it can exist. */
export function resolveComparisons(
  context: Context,
  path: Path,
  texts: readonly string[] | undefined,
  scope: MetricScope,
): Comparison[] {
  return (texts ?? []).flatMap((text, i) => {
    const at = [...path, i];
    const parsed = parseComparison(text);
    if (parsed.ok) {
      checkMetrics(context, at, parsed.comparison, scope);
      return [parsed.comparison];
    }
    const { why, offset, nearest: hint } = parsed.error;
    context.findings.problem(at, why, { offset, nearest: hint, what: quoted(text) });
    return [];
  });
}

function quoted(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}...` : text}"`;
}

function checkMetrics(
  context: Context,
  path: Path,
  comparison: Comparison,
  scope: MetricScope,
): void {
  const isKnown = context.options.knownMetric ?? knownMetric;
  for (const { name, offset } of metricsOf(comparison)) {
    const verdict = isKnown(name, scope);
    if (verdict.known) continue;
    context.findings.problem(path, 'is not a metric of this scenario', {
      offset,
      what: quoted(name),
      nearest: verdict.nearest,
    });
  }
}

/** What the scenario claims, with unique ids. */
export function resolveClaims(context: Context, scope: MetricScope): Claim[] {
  const ids = new Set<string>();
  return (context.file.claims ?? []).map((given, i) => {
    const path = ['claims', i];
    const { id, says, source, variant } = given;
    if (ids.has(id))
      context.findings.problem([...path, 'id'], `another claim has the id ${id} too`);
    ids.add(id);
    if (variant !== undefined) checkVariant(context, [...path, 'variant'], variant);
    const expect = resolveComparisons(context, [...path, 'expect'], given.expect, scope);
    return { id, says, source: source ?? '', variant: variant ?? null, expect };
  });
}

function checkVariant(context: Context, path: Path, variant: string): void {
  const names = Object.keys(context.file.variants ?? {});
  if (variant === 'base' || names.includes(variant)) return;
  const why = 'is no variant of this scenario';
  context.findings.problem(path, why, { nearest: nearest(variant, ['base', ...names]) });
}

/** The invariants, each known to exist. */
export function resolveInvariants(context: Context): string[] {
  const given = context.file.invariants ?? [];
  const known = context.options.invariants;
  if (known === undefined) return given;
  for (const [i, name] of given.entries()) {
    if (known.includes(name)) continue;
    const why = `is not an invariant; there is ${known.join(', ')}`;
    context.findings.problem(['invariants', i], why, { nearest: nearest(name, known) });
  }
  return given;
}

/** What a hunt may draw, in the order of the file. */
export function resolveHunt(context: Context, duration: number): Hunt | null {
  const { hunt } = context.file;
  if (hunt === undefined) return null;
  return {
    faults: hunt.faults ?? FAULT_NAMES,
    atMost: hunt.at_most ?? 3,
    duration: hunt.duration ?? duration,
  };
}
