/**
 * Reads the scripts of a workload whose statements Postgres plans. At first there are no plans: the
 * statements are collected, and what a session would send with them. With Postgres's answer every
 * statement becomes what the simulator executes.
 */
import type { Names } from '../sql/expression.ts';
import type { Lexed, Tokens } from '../sql/lexer.ts';
import { type Parsed, parseScript, type StatementReader } from '../sql/parse.ts';
import { PLAIN, type Template } from '../sql/template.ts';
import { transactionStatement } from '../sql/transaction-statements.ts';
import { type CommandText, readCommand } from './commands.ts';
import { type CopyText, readCopy } from './copy.ts';
import { type JobText, readJob } from './jobs.ts';
import { lexStatement } from './lex.ts';
import { leadingWord, type PlannedStatement, plannedStatement } from './statements.ts';
import { readVacuum, type VacuumText } from './vacuum.ts';

/** What is no statement for the planner: a change of partitions, or VACUUM. */
export type UtilityText = CommandText | VacuumText;

/** What becomes of each statement, in the order of the script; a refusal is thrown. */
export type Compile = (statement: PlannedStatement, number: number) => Template;

/** A script, and its statements for Postgres by what they became. */
export interface ReadScript {
  readonly parsed: Parsed;
  readonly statements: ReadonlyMap<Template, PlannedStatement>;
  /** Statements for Postgres, those that were refused too. */
  readonly count: number;
  /** What changes the partitions of tables. */
  readonly commands: readonly CommandText[];
}

const PLANNABLE = ['select', 'insert', 'update', 'delete', 'with', 'values', 'merge', 'table'];

/** Without `compile` the statements are only collected. */
export function readScript(
  text: string,
  scale: number,
  compile: Compile = placeholder,
  others: CompileOthers = PLACEHOLDERS,
): ReadScript {
  const reader = new PlannedReader(compile, others);
  const parsed = parseScript(text, scale, reader);
  const { statements, count, commands } = reader;
  return { parsed, statements, count, commands };
}

class PlannedReader implements StatementReader {
  readonly statements = new Map<Template, PlannedStatement>();
  count = 0;
  readonly commands: CommandText[] = [];
  private readonly compile: Compile;
  private readonly others: CompileOthers;

  constructor(compile: Compile, others: CompileOthers) {
    this.compile = compile;
    this.others = others;
  }

  lex(text: string, from: number): Lexed {
    return lexStatement(text, from);
  }

  read(tokens: Tokens, names: Names, text: string): Template {
    const control = transactionStatement(tokens);
    if (control !== null) return control;
    const command = readCommand(tokens);
    if (command !== null) {
      this.commands.push(command);
      return this.others.command(command);
    }
    const vacuum = readVacuum(tokens);
    if (vacuum !== null) return this.others.command(vacuum);
    const job = readJob(tokens);
    if (job !== null) return this.others.job(job);
    const copy = readCopy(tokens, names);
    if (copy !== null) return this.others.copy(copy);
    if (!tokens.isWord(...PLANNABLE) && !tokens.isSymbol('(')) {
      const words = PLANNABLE.map((word) => word.toUpperCase());
      const why = `is not a statement that can be planned; there is ${words.join(', ')}, COPY`;
      return tokens.refuse(`${why}, and what begins and ends transactions`, words);
    }
    const statement = plannedStatement(tokens, text, names);
    const template = this.compile(statement, this.count++);
    const own = { ...template };
    this.statements.set(own, statement);
    return own;
  }
}

/** What becomes of commands that Postgres does not plan. */
export interface CompileOthers {
  readonly command: (command: UtilityText) => Template;
  readonly job: (job: JobText) => Template;
  readonly copy: (copy: CopyText) => Template;
}

const alter = (): Template => {
  return { verb: 'alter', relation: null, rows: { kind: 'none' }, details: PLAIN };
};
const insert = (): Template => ({ ...alter(), verb: 'insert' });
const PLACEHOLDERS: CompileOthers = { command: alter, job: alter, copy: insert };

const VERBS = {
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  merge: 'update',
} as const;

/** Says whether the script writes, and no more. */
function placeholder(statement: PlannedStatement): Template {
  const word = leadingWord(statement);
  const verb = VERBS[word as keyof typeof VERBS] ?? 'select';
  return { verb, relation: null, rows: { kind: 'none' }, details: PLAIN };
}
