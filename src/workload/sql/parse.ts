/**
 * Reads a script: SQL statements, each up to its semicolon, and pgbench's commands, each a line
 * that begins with a backslash (psqlscan.l, pgbench.c: ParseScript, process_backslash_command).
 * What is wrong in one command does not keep the next from being read.
 */

import { MICROSECOND, MILLISECOND, SECOND } from '../../kernel/index.ts';
import { changes } from '../../postgres/statement-rows.ts';
import { type BlockStates, followBlocks } from './blocks.ts';
import { constantOf, type Expression, ExpressionParser, type Names } from './expression.ts';
import { commandEnd, type Lexed, lex, skipBlank, type Token, Tokens } from './lexer.ts';
import { Refusal, type ScriptProblem } from './problem.ts';
import { readStatement } from './sql.ts';
import type { Command, Program, Template } from './template.ts';
import type { Value } from './values.ts';

export type Parsed =
  | { readonly ok: true; readonly program: Program }
  | { readonly ok: false; readonly problems: readonly ScriptProblem[] };

/** How statements of SQL are read: those on pgbench's tables here, others with Postgres's help. */
export interface StatementReader {
  lex(text: string, from: number): Lexed;
  read(tokens: Tokens, names: Names, text: string): Template;
}

const PGBENCH_STATEMENTS: StatementReader = {
  lex: (text, from) => lex(text, from, 'sql'),
  read: readStatement,
};

/** Reads a script for tables of the given scale. Never throws, whatever the text. */
export function parseScript(
  text: string,
  scale: number,
  statements: StatementReader = PGBENCH_STATEMENTS,
): Parsed {
  const parser = new ScriptParser(text, scale, statements);
  const program = parser.read();
  const { problems } = parser;
  return problems.length > 0 ? { ok: false, problems } : { ok: true, program };
}

const MOST_PROBLEMS = 10;

/** The variables that pgbench sets itself; `random_seed` tells what no simulation may know. */
class Variables implements Names {
  readonly values: Value[] = [];
  readonly clientId: number;
  private readonly meanings = new Map<string, Expression>();

  constructor(scale: number) {
    this.meanings.set('scale', constantOf(BigInt(scale)));
    this.meanings.set('default_seed', constantOf(0n));
    this.clientId = this.define('client_id');
  }

  /** The number of the variable from here on. */
  define(name: string): number {
    const number = this.values.push(undefined) - 1;
    const value: Expression['value'] = ({ variables }) => variables[number];
    this.meanings.set(name, { isConstant: false, value, variable: number });
    return number;
  }

  /** The variable's number for \set, which may set it again. */
  assign(name: string): number {
    return this.meanings.get(name)?.variable ?? this.define(name);
  }

  variable(token: Token): Expression {
    const found = this.meanings.get(token.value);
    if (found !== undefined) return found;
    if (token.value === 'random_seed') throw new Refusal(token, 'has no meaning in a simulation');
    const names = [...this.meanings.keys()].map((name) => `:${name}`);
    throw new Refusal(token, `is not set before; there is ${names.join(', ')}`, names);
  }
}

/** An \if that waits for its \endif. */
interface OpenIf {
  readonly token: Token;
  /** The jump to the next branch, while there is one to fill in. */
  pending: Extract<Command, { kind: 'unless' }> | null;
  /** Jumps from the ends of branches. */
  readonly exits: Extract<Command, { kind: 'jump' }>[];
  hasElse: boolean;
}

const METAS = ['set', 'sleep', 'if', 'elif', 'else', 'endif'];

class ScriptParser {
  readonly problems: ScriptProblem[] = [];
  private readonly text: string;
  private readonly commands: Command[] = [];
  /** Where each command stands. */
  private readonly places: Token[] = [];
  private readonly variables: Variables;
  private readonly open: OpenIf[] = [];
  private readonly statements: StatementReader;

  constructor(text: string, scale: number, statements: StatementReader) {
    this.text = text;
    this.statements = statements;
    this.variables = new Variables(scale);
  }

  read(): Program {
    const { text, variables, commands } = this;
    let at = skipBlank(text, 0, 'sql');
    while (at < text.length && this.problems.length < MOST_PROBLEMS) {
      if (text[at] === ';') at++;
      else at = this.command(at, text[at] === '\\');
      at = skipBlank(text, at, 'sql');
    }
    const unclosed = this.open.at(-1);
    if (unclosed !== undefined) this.note(new Refusal(unclosed.token, 'has no \\endif'));
    const statements = commands.filter((command) => command.kind === 'statement');
    if (statements.length === 0 && this.problems.length === 0) {
      this.note(new Refusal({ offset: 0, text: 'the script' }, 'has no statement'));
    }
    if (this.problems.length === 0) this.checkBlocks();
    return {
      commands,
      variables: variables.values,
      clientId: variables.clientId,
      writes: statements.some(({ template }) => changes(template.verb)),
    };
  }

  /** Reads one command; returns where the next one may begin. */
  private command(at: number, isMeta: boolean): number {
    const kind = isMeta ? 'meta' : 'sql';
    const from = isMeta ? at + 1 : at;
    let end = from;
    try {
      const lexed = isMeta ? lex(this.text, from, kind) : this.statements.lex(this.text, from);
      end = lexed.end;
      const tokens = new Tokens(lexed.tokens);
      if (isMeta) this.meta(tokens, at);
      else this.add(tokens.next, { kind: 'statement', template: this.sql(tokens) });
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      this.note(thrown);
      if (end === from) end = Math.max(commandEnd(this.text, thrown.offset + 1, kind), from);
    }
    return end;
  }

  private sql(tokens: Tokens) {
    return this.statements.read(tokens, this.variables, this.text);
  }

  private note(problem: ScriptProblem): void {
    this.problems.push(problem);
  }

  private add(place: Token, command: Command): void {
    this.places.push(place);
    this.commands.push(command);
  }

  private meta(tokens: Tokens, at: number): void {
    const word = tokens.next;
    const name = { ...word, text: `\\${word.text}`, offset: at };
    if (word.kind !== 'name' || !METAS.includes(word.value)) {
      const known = METAS.map((each) => `\\${each}`);
      throw new Refusal(name, `is not supported; there is ${known.join(', ')}`, known);
    }
    tokens.take();
    if (word.value === 'set') this.set(tokens);
    else if (word.value === 'sleep') this.sleep(tokens);
    else if (word.value === 'if') this.if(tokens, name);
    else this.branch(word.value, tokens, name);
    tokens.expectEnd('is too much here');
  }

  private set(tokens: Tokens): void {
    const token = tokens.expectName('the name of a variable');
    const expression = this.expression(tokens, () => this.variables.assign(token.text));
    const variable = this.variables.assign(token.text);
    this.add(token, { kind: 'set', variable, expression });
  }

  /** A variable whose expression cannot be read is there all the same. */
  private expression(tokens: Tokens, onRefusal: () => void = () => {}): Expression {
    try {
      return new ExpressionParser(tokens, this.variables).expression();
    } catch (thrown) {
      onRefusal();
      throw thrown;
    }
  }

  private sleep(tokens: Tokens): void {
    const place = tokens.next;
    if (place.kind !== 'integer' && place.kind !== 'variable') {
      tokens.refuse('a whole number or a :variable is expected here');
    }
    const amount = new ExpressionParser(tokens, this.variables, true).operand();
    let unit = SECOND;
    if (!tokens.isAtEnd) {
      if (tokens.skipWords('us')) unit = MICROSECOND;
      else if (tokens.skipWords('ms')) unit = MILLISECOND;
      else if (!tokens.skipWords('s')) tokens.refuse('us, ms or s is expected here');
    }
    this.add(place, { kind: 'sleep', amount, unit });
  }

  private if(tokens: Tokens, token: Token): void {
    const open: OpenIf = { token, pending: null, exits: [], hasElse: false };
    this.open.push(open);
    this.unless(open, tokens, token);
  }

  private unless(open: OpenIf, tokens: Tokens, token: Token): void {
    const condition = this.expression(tokens);
    const command = { kind: 'unless' as const, condition, to: 0 };
    open.pending = command;
    this.add(token, command);
  }

  /** \elif, \else and \endif: the branch before ends here. */
  private branch(word: string, tokens: Tokens, token: Token): void {
    const open = this.open.at(-1);
    if (open === undefined) throw new Refusal(token, 'has no \\if before it');
    if (word !== 'endif') {
      if (open.hasElse) throw new Refusal(token, 'stands behind \\else');
      const exit = { kind: 'jump' as const, to: 0 };
      open.exits.push(exit);
      this.add(token, exit);
    }
    if (open.pending !== null) open.pending.to = this.commands.length;
    open.pending = null;
    if (word === 'elif') this.unless(open, tokens, token);
    else if (word === 'else') open.hasElse = true;
    else {
      for (const exit of open.exits) exit.to = this.commands.length;
      this.open.pop();
    }
  }

  /** pgbench gives a client up that ends in the middle of a transaction. */
  private checkBlocks(): void {
    const ends: BlockStates = followBlocks(this.commands);
    if (ends.openedBy === null) return;
    const place = this.places[ends.openedBy]!;
    this.note(new Refusal(place, 'begins a transaction that the script may not end'));
  }
}
