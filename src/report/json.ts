import type { RunResult, VariantSummary } from '../measure/result.ts';
import type { Report } from './report.ts';

/**
 * The JSON of `--json`: the same bytes for the same scenario, seed and version. Keys stand in the
 * order of the reference; metrics, series and settings in order of their names. What the run cost
 * the machine is not in it.
 */
export function renderJson(report: Report): string {
  const document = {
    pgherd: report.version,
    scenario: report.scenario.name,
    runs: report.runs.map(runOf),
    ...(report.summary ? { summary: report.summary.map(summaryOf) } : {}),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function runOf(run: RunResult): Record<string, unknown> {
  return {
    variant: run.variant,
    set: run.set,
    seed: run.seed,
    digest: run.digest,
    verdict: run.verdict,
    metrics: sorted(run.metrics),
    observe: run.observe,
    expect: run.expect,
    claims: run.claims,
    warnings: run.warnings,
    series: sorted(run.series),
    events: run.events,
    losses: run.losses,
    ...(run.lawsBroken.length > 0 ? { lawsBroken: run.lawsBroken } : {}),
  };
}

function summaryOf(summary: VariantSummary): Record<string, unknown> {
  return {
    variant: summary.variant,
    set: summary.set,
    metrics: sorted(summary.metrics),
    ...(summary.difference ? { difference: sorted(summary.difference) } : {}),
    expect: summary.expect,
  };
}

function sorted<Value>(map: { readonly [name: string]: Value }): Record<string, Value> {
  const result: Record<string, Value> = {};
  for (const name of Object.keys(map).sort()) result[name] = map[name]!;
  return result;
}
