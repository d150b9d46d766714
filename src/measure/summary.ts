import type { RunResult, VariantSummary } from './result.ts';
import { type Estimate, estimate, pairedDifference } from './statistics.ts';

/** Runs over several seeds, one entry a variant, in the order in which variants first appear. */
export function summarize(runs: readonly RunResult[], baseVariant = 'base'): VariantSummary[] {
  const byVariant = new Map<string, RunResult[]>();
  for (const run of runs) {
    const known = byVariant.get(run.variant);
    if (known) known.push(run);
    else byVariant.set(run.variant, [run]);
  }
  const base = byVariant.get(baseVariant);
  return [...byVariant.values()].map((own) => summarizeVariant(own, base));
}

function summarizeVariant(own: RunResult[], base: RunResult[] | undefined): VariantSummary {
  const first = own[0]!;
  const summary: VariantSummary = {
    variant: first.variant,
    set: first.set,
    metrics: estimates(own, (name) => estimate(own.map((run) => run.metrics[name] ?? null))),
    expect: first.expect.map((comparison, index) => ({
      text: comparison.text,
      held: own.filter((run) => run.expect[index]?.holds === true).length,
      of: own.length,
    })),
  };
  if (base && base !== own) summary.difference = estimates(own, (name) => paired(base, own, name));
  return summary;
}

function estimates(own: readonly RunResult[], of: (name: string) => Estimate | null) {
  const found: Record<string, Estimate> = {};
  for (const name of namesOf(own)) {
    const value = of(name);
    if (value) found[name] = value;
  }
  return found;
}

/** All metrics that any of the runs has, sorted: a run without an error has no count for it. */
function namesOf(own: readonly RunResult[]): string[] {
  const names = new Set<string>();
  for (const run of own) for (const name of Object.keys(run.metrics)) names.add(name);
  return [...names].sort();
}

/** Pairs are runs of equal seed, which share their random numbers. */
function paired(
  base: readonly RunResult[],
  own: readonly RunResult[],
  name: string,
): Estimate | null {
  const before: (number | null)[] = [];
  const after: (number | null)[] = [];
  for (const run of own) {
    const partner = base.find((candidate) => candidate.seed === run.seed);
    before.push(partner?.metrics[name] ?? null);
    after.push(run.metrics[name] ?? null);
  }
  return pairedDifference(before, after);
}
