/**
 * EXPLAIN (ANALYZE, BUFFERS) in the simulator: each statement of a transaction is run once, by one
 * client alone, on the scenario's servers as they are at the beginning of a run. Branches of \\if
 * are all taken, one after the other; sleeps are left out.
 */
import { type Nanoseconds, SECOND } from '../kernel/index.ts';
import type { StatementUsage } from '../postgres/statement.ts';
import type { Execution, Script, ScriptClient, Step } from '../workload/script.ts';
import type { Environment } from '../workload/sql/functions.ts';
import { fillIn, type Program } from '../workload/sql/template.ts';
import { readScripts } from './build/scripts.ts';
import { buildWorld } from './build/world.ts';
import type { Scenario } from './model.ts';

/** Simulated time in which a statement has to come to its end. */
const PATIENCE: Nanoseconds = 600 * SECOND;
const VERBS = ['select', 'insert', 'update', 'delete'];

/** Of each planned statement of a transaction what it used, in order; null: it was not run. */
export function analyzed(scenario: Scenario, transaction: string): (StatementUsage | null)[] {
  const parsed = readScripts(scenario, true).get(transaction);
  const groups = [...scenario.workload.clients.values()];
  const runs = groups.find(({ run }) => run.some((each) => each.transaction === transaction));
  const group = runs ?? groups[0];
  if (!parsed?.ok || group === undefined) return [];
  const alone = {
    ...{ ...group, count: 1, rate: null, think: null, threads: 0, starts: 0, ends: null },
    run: [{ transaction, weight: 1 }],
  };
  const clients = new Map([[group.name, alone]]);
  const workload = { ...scenario.workload, clients };
  const once = new Once(parsed.program);
  const script: Script = {
    ...{ name: transaction, index: 0, writes: parsed.program.writes, statements: 1 },
    execution: (client) => once.by(client),
  };
  const scripts = new Map([[transaction, script]]);
  const { sim } = buildWorld({ ...scenario, workload, faults: [] }, scenario.seed, scripts);
  while (!once.isDone && sim.now < PATIENCE) sim.run(sim.now + SECOND);
  return once.usages;
}

/** The statements of a script in the order of their text, each once. */
class Once implements Execution {
  readonly usages: (StatementUsage | null)[] = [];
  isDone = false;
  private at = 0;
  private environment: Environment | null = null;
  private variables: Environment['variables'] = [];
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  by({ random, number }: ScriptClient): Execution {
    const variables = [...this.program.variables];
    variables[this.program.clientId] = BigInt(number);
    this.variables = variables;
    this.environment = { random, variables };
    return this;
  }

  /** After an error it goes on behind the statement. */
  start(): void {}

  next(): Step {
    const { commands } = this.program;
    while (this.at < commands.length) {
      const command = commands[this.at++]!;
      if (command.kind === 'set') {
        const value = command.expression.value(this.environment!);
        (this.variables as unknown[])[command.variable] = value;
      }
      if (command.kind !== 'statement') continue;
      const filled = fillIn(command.template, this.environment!, false);
      if (VERBS.includes(command.template.verb)) this.usages.push(filled?.usage ?? null);
      if (filled === undefined) continue;
      if (filled.usage) filled.usage.analyzed = { nodes: [], time: 0 };
      return filled;
    }
    this.isDone = true;
    return PATIENCE;
  }
}
