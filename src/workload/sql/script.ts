/** Runs a script that has been read: a counter over its commands, for one session at a time. */
import { type Nanoseconds, NEVER } from '../../kernel/index.ts';
import type { Execution, Script, ScriptClient, Step } from '../script.ts';
import type { Expression } from './expression.ts';
import type { Environment } from './functions.ts';
import { fillIn, type Program } from './template.ts';
import { isTrue, toInteger, type Value } from './values.ts';

/** A script of one's own under the name that a scenario gives it; `readOnly` overrules it. */
export function sqlScript(
  name: string,
  index: number,
  program: Program,
  readOnly: boolean | null = null,
): Script {
  const writes = readOnly === null ? program.writes : !readOnly;
  const statements = program.commands.filter(({ kind }) => kind === 'statement').length;
  const execution = (client: ScriptClient) => new ProgramExecution(program, client);
  return { name, index, writes, statements, execution };
}

class ProgramExecution implements Execution {
  private at = 0;
  private readonly program: Program;
  private readonly prepared: boolean;
  /** They keep their values from one execution to the next, as pgbench's do. */
  private readonly variables: Value[];
  private readonly environment: Environment;

  constructor(program: Program, client: ScriptClient) {
    this.program = program;
    this.prepared = client.prepared;
    this.variables = [...program.variables];
    this.variables[program.clientId] = BigInt(client.number);
    this.environment = { random: client.random, variables: this.variables };
  }

  start(): void {
    this.at = 0;
  }

  next(): Step {
    const { environment, variables } = this;
    const { commands } = this.program;
    while (this.at < commands.length) {
      const command = commands[this.at++]!;
      switch (command.kind) {
        case 'statement':
          return fillIn(command.template, environment, this.prepared) ?? 'no value';
        case 'sleep': {
          const time = this.timeOf(command.amount, command.unit);
          if (time === undefined) return 'no value';
          if (time > 0) return time;
          break;
        }
        case 'set': {
          const value = command.expression.value(environment);
          if (value === undefined) return 'no value';
          variables[command.variable] = value;
          break;
        }
        case 'unless': {
          const value = command.condition.value(environment);
          if (value === undefined) return 'no value';
          if (!isTrue(value)) this.at = command.to;
          break;
        }
        case 'jump':
          this.at = command.to;
      }
    }
    return null;
  }

  private timeOf(amount: Expression, unit: Nanoseconds): Nanoseconds | undefined {
    const value = toInteger(amount.value(this.environment));
    if (typeof value !== 'bigint') return undefined;
    return Math.max(0, Math.min(Number(value) * unit, NEVER));
  }
}
