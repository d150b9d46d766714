import type { NodeUsage } from '../../postgres/plan/node-usage.ts';
import type { StatementUsage } from '../../postgres/statement.ts';
import { renderPlan } from '../../report/plan.ts';
import { formatProblem } from '../../scenario/problem.ts';
import { type PlanNode, shapeOf } from '../../workload/planner/plan.ts';
import { EXIT, type ExitStatus } from '../exit.ts';
import { findScenario } from '../files.ts';
import type { Io } from '../io.ts';
import type { ExplainedStatement } from '../model.ts';

/** `pgherd explain FILE --plans`: each statement's plan, as psql would print it. */
export async function explainCommand(
  file: string,
  options: { set?: string[] },
  io: Io,
): Promise<ExitStatus> {
  const found = findScenario(file, io.scenarios);
  if (!found.ok) {
    io.stderr.write(`pgherd: ${found.message}\n`);
    return EXIT.badInput;
  }
  const loaded = await io.model.load(found.source, options.set ?? []);
  if (!loaded.ok) {
    for (const problem of loaded.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return EXIT.badInput;
  }
  const statements = (await loaded.scenario.statements?.()) ?? [];
  if (statements.length === 0) {
    io.stderr.write(`pgherd: ${file}: has no workload.schema, so that nothing is planned\n`);
    return EXIT.badInput;
  }
  io.stdout.write(statements.map(explained).join('\n'));
  return EXIT.held;
}

/** The plan for the first sample's values, and that for whatever values where it is another one. */
function explained({ transaction, sql, generic, custom, usage }: ExplainedStatement): string {
  const heading = `${transaction}:\n${indented(sql.trim())}\n`;
  const [first] = custom;
  const nodes = usage?.analyzed?.nodes ?? [];
  const total = usage?.analyzed ? totals(usage, usage.analyzed.time) : '';
  if (first === undefined) {
    return `${heading}\n${shown('Generic plan', generic, nodes)}${total}`;
  }
  const own = `${heading}\n${shown('Plan', first, nodes)}${total}`;
  if (shapeOf(first) === shapeOf(generic)) return own;
  return `${own}\n${shown('Generic plan', generic)}`;
}

function shown(title: string, plan: PlanNode, usage: readonly NodeUsage[] = []): string {
  return `  ${title}\n${indented(renderPlan(plan, usage))}\n`;
}

/** Of the statement as the server executed it, alone. */
function totals({ hits, reads }: StatementUsage, time: number): string {
  const buffers = `shared hit=${hits}${reads > 0 ? ` read=${reads}` : ''}`;
  return `    Simulated: ${(time / 1e6).toFixed(3)} ms, ${buffers}\n`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
