/**
 * Values for custom plans: a script is run a few times with a stream of its own, and what its
 * variables are at each statement is what Postgres is shown.
 */
import { Random } from '../../kernel/index.ts';
import type { Environment } from '../sql/functions.ts';
import type { Program, Template } from '../sql/template.ts';
import { isTrue, type Value } from '../sql/values.ts';
import type { StatementRequest } from './request.ts';
import type { PlannedStatement } from './statements.ts';

/** Plans of one statement that are asked for. */
const SAMPLES = 3;
/** Runs of a script in search of statements behind an \if. */
const RUNS = 20;

/** One request for each statement, in the order of the script. */
export function statementRequests(
  program: Program,
  statements: ReadonlyMap<Template, PlannedStatement>,
  name: string,
): StatementRequest[] {
  const samples = new Map<Template, (readonly Value[])[]>();
  const random = new Random(`plans/${name}`);
  for (let run = 0; run < RUNS; run++) sampleRun(program, statements, random, samples);
  return [...statements].map(([template, { sql, parameters }]) => {
    const seen = samples.get(template) ?? [];
    const types = parameters.map((_, i) => typeOf(seen.map((values) => values[i])));
    return { sql, types, samples: seen.map((values) => values.map(textOf)) };
  });
}

function sampleRun(
  program: Program,
  statements: ReadonlyMap<Template, PlannedStatement>,
  random: Random,
  samples: Map<Template, (readonly Value[])[]>,
): void {
  const variables: Value[] = [...program.variables];
  variables[program.clientId] = 0n;
  const environment: Environment = { random, variables };
  for (let at = 0; at < program.commands.length; at++) {
    const command = program.commands[at]!;
    if (command.kind === 'jump') at = command.to - 1;
    else if (command.kind === 'unless') {
      if (!isTrue(command.condition.value(environment))) at = command.to - 1;
    } else if (command.kind === 'set') {
      variables[command.variable] = command.expression.value(environment);
    } else if (command.kind === 'statement') {
      const statement = statements.get(command.template);
      if (statement === undefined) continue;
      const values = statement.parameters.map((each) => each.value(environment));
      const seen = samples.get(command.template) ?? [];
      const isWanted = seen.length < (values.length > 0 ? SAMPLES : 1);
      if (isWanted && !values.includes(undefined)) seen.push(values);
      samples.set(command.template, seen);
    }
  }
}

const LARGEST_INTEGER = 2_147_483_647n;

/** What a literal of these values would be (scan.l, parse_node.c:make_const). */
function typeOf(values: readonly Value[]): string {
  const given = values.filter((value) => value !== null && value !== undefined);
  if (given.length === 0) return 'unknown';
  if (given.every((value) => typeof value === 'boolean')) return 'boolean';
  if (!given.every((value) => typeof value === 'bigint')) return 'numeric';
  const isLong = (value: Value) =>
    typeof value === 'bigint' && (value > LARGEST_INTEGER || value < -LARGEST_INTEGER);
  return given.some(isLong) ? 'bigint' : 'integer';
}

function textOf(value: Value): string | null {
  return value === null || value === undefined ? null : String(value);
}
