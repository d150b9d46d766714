import type { ScriptProblem } from '../../workload/sql/problem.ts';
import { type Finding, type Path, pathText } from '../problem.ts';
import { nearest } from '../suggest.ts';
import type { TransactionSpec } from '../workload-model.ts';

/** What is wrong in a script, at its place in the scenario. */
export function scriptFindings(path: Path, problems: readonly ScriptProblem[]): Finding[] {
  return problems.map(({ offset, token, why, candidates }) => {
    const what = `${pathText(path)}: ${token}`;
    return { path, why, what, offset, nearest: nearest(token, candidates) };
  });
}

/** The scripts of a workload in the order in which their statements are planned. */
export function scriptsOf(transactions: ReadonlyMap<string, TransactionSpec>) {
  return [...transactions.values()].flatMap((each) =>
    each.kind === 'script' ? [{ name: each.name, text: each.script }] : [],
  );
}
