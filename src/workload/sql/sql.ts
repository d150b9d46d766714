/**
 * The statements of SQL that run without a planner: by the primary key of one of pgbench's tables,
 * or over all of a table (gram.y has the rest). Everything else is refused where it stands.
 */
import {
  FOR_KEY_SHARE,
  FOR_NO_KEY_UPDATE,
  FOR_SHARE,
  FOR_UPDATE,
  type RowLockMode,
} from '../../postgres/locking/lock-modes.ts';
import type { StatementDetails } from '../../postgres/statement.ts';
import { type Expression, ExpressionParser, type Names } from './expression.ts';
import type { Token, Tokens } from './lexer.ts';
import { Refusal } from './problem.ts';
import { type SqlTable, TABLES } from './tables.ts';
import { PLAIN, type Rows, type Template } from './template.ts';
import {
  beginStatement,
  endStatement,
  savepointStatement,
  setStatement,
} from './transaction-statements.ts';

type Reader = (parser: StatementParser) => Template;

const STATEMENTS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['select', (parser) => parser.select()],
  ['update', (parser) => parser.update()],
  ['insert', (parser) => parser.insert()],
  ['delete', (parser) => parser.delete()],
  ['begin', (parser) => beginStatement(parser.tokens)],
  ['start', (parser) => beginStatement(parser.tokens)],
  ['commit', (parser) => endStatement(parser.tokens, 'commit')],
  ['end', (parser) => endStatement(parser.tokens, 'commit')],
  ['rollback', (parser) => endStatement(parser.tokens, 'rollback')],
  ['abort', (parser) => endStatement(parser.tokens, 'rollback')],
  ['savepoint', (parser) => savepointStatement(parser.tokens, 'savepoint')],
  ['release', (parser) => savepointStatement(parser.tokens, 'release')],
  ['set', (parser) => setStatement(parser.tokens)],
]);

const SUPPORTED = [...STATEMENTS.keys()].map((word) => word.toUpperCase());

/** Reads one statement; refuses what is not supported. */
export function readStatement(tokens: Tokens, names: Names): Template {
  const first = tokens.next;
  const read = first.kind === 'name' ? STATEMENTS.get(first.value) : undefined;
  if (read === undefined) {
    const why = `is not a statement that can be run; supported are ${SUPPORTED.join(', ')}`;
    return tokens.refuse(why, first.kind === 'name' ? SUPPORTED : []);
  }
  tokens.take();
  return read(new StatementParser(tokens, names));
}

/** Words that stand for values, not columns. */
const VALUES = ['null', 'true', 'false', 'default', 'current_timestamp', 'current_date'];

const SELECT_ENDS =
  'is not supported in a SELECT: FROM one table [WHERE key] [ORDER BY columns] [FOR UPDATE]';

const ONE_CONDITION = 'is not supported: rows are found by one condition on the primary key';

class StatementParser {
  readonly tokens: Tokens;
  private readonly names: Names;

  constructor(tokens: Tokens, names: Names) {
    this.tokens = tokens;
    this.names = names;
  }

  select(): Template {
    const { tokens } = this;
    const named = this.list(['from']);
    if (tokens.isAtEnd) {
      this.checkNames(named, null);
      return { verb: 'select', relation: null, rows: { kind: 'none' }, details: null };
    }
    tokens.expectWord('from');
    const table = this.table();
    this.checkNames(named, table);
    const rows = tokens.skipWords('where') ? this.where(table) : ({ kind: 'all' } as const);
    const order = tokens.skipWords('order', 'by') ? this.order(table, named, rows) : {};
    const lock = tokens.skipWords('for') ? this.rowLock(rows) : {};
    tokens.expectEnd(SELECT_ENDS);
    return of('select', table, rows, { ...order, ...lock });
  }

  /** ORDER BY columns: a sort, unless the index by which the rows are found has their order. */
  private order(table: SqlTable, named: readonly Token[], rows: Rows): Partial<StatementDetails> {
    const { tokens } = this;
    const columns: Token[] = [];
    do {
      columns.push(this.qualified(table));
      if (!tokens.skipWords('asc')) tokens.skipWords('desc');
    } while (tokens.skipSymbol(','));
    if (rows.kind === 'range' && columns[0]!.value === table.key) return {};
    const names = new Set([...named, ...columns].map(({ value }) => value));
    const sorted = table.columns.filter(({ name }) => named.length === 0 || names.has(name));
    return { sortedBytes: sorted.reduce((sum, { start, end }) => sum + end - start, 0) };
  }

  update(): Template {
    const { tokens } = this;
    const table = this.table();
    tokens.expectWord('set');
    const changed = this.assignments(table);
    const rows = this.whereOfWrite(table);
    return of('update', table, rows, { changedBytes: changedBytes(table, changed) });
  }

  delete(): Template {
    this.tokens.expectWord('from');
    const table = this.table();
    return of('delete', table, this.whereOfWrite(table));
  }

  insert(): Template {
    const { tokens } = this;
    tokens.expectWord('into');
    const table = this.table();
    const columns = this.columns(table);
    tokens.expectWord('values');
    const keyAt = table.key === null ? -1 : columns.indexOf(table.key);
    if (table.key !== null && keyAt < 0) {
      tokens.refuse(`the columns lack ${table.key}, which is the primary key and has no default`);
    }
    const keys = [this.row(columns, keyAt)];
    while (tokens.skipSymbol(',')) keys.push(this.row(columns, keyAt));
    const conflict = this.onConflict(table);
    tokens.expectEnd('is not supported behind the VALUES of an INSERT');
    const isKeyGiven = table.key !== null;
    const details = isKeyGiven || keys.length > 1 ? { isKeyGiven, ...conflict } : {};
    const rows: Rows = keys.length > 1 ? { kind: 'list', keys } : { kind: 'one', key: keys[0]! };
    return of('insert', table, rows, details);
  }

  private table(): SqlTable {
    const token = this.tokens.expectName('the name of a table');
    const found = TABLES.find(({ relation }) => relation.name === token.value);
    if (found !== undefined) return found;
    const names = TABLES.map(({ relation }) => relation.name);
    throw new Refusal(token, `is not a table; there is ${names.join(', ')}`, names);
  }

  private column(table: SqlTable): Token {
    const token = this.tokens.expectName('the name of a column');
    checkColumn(token, table);
    return token;
  }

  /** The columns of an INSERT: those named, or the table's. */
  private columns(table: SqlTable): string[] {
    const { tokens } = this;
    if (!tokens.skipSymbol('(')) return table.columns.map(({ name }) => name);
    const columns: string[] = [];
    do columns.push(this.column(table).value);
    while (tokens.skipSymbol(','));
    tokens.expectSymbol(')');
    return columns;
  }

  /** One row of VALUES; its key, or a key that means nothing. */
  private row(columns: readonly string[], keyAt: number) {
    const { tokens } = this;
    const start = tokens.next;
    tokens.expectSymbol('(');
    let key = NO_KEY;
    let count = 0;
    do {
      if (count === keyAt) key = new ExpressionParser(tokens, this.names, true).operand();
      else this.checkNames(this.value([]), null);
      count++;
    } while (tokens.skipSymbol(','));
    tokens.expectSymbol(')');
    if (count > columns.length || count <= keyAt) {
      throw new Refusal(start, `the row has ${count} values for ${columns.length} columns`);
    }
    return key;
  }

  private onConflict(table: SqlTable): Partial<StatementDetails> {
    const { tokens } = this;
    if (!tokens.skipWords('on', 'conflict')) return {};
    if (tokens.skipSymbol('(')) {
      const column = this.column(table);
      if (column.value !== table.key) {
        throw new Refusal(column, 'has no unique index, which ON CONFLICT needs');
      }
      tokens.expectSymbol(')');
    }
    if (tokens.skipWords('do', 'nothing')) return { onConflict: 'nothing' };
    if (!tokens.skipWords('do', 'update', 'set')) {
      tokens.refuse('DO NOTHING or DO UPDATE SET is expected here');
    }
    return { onConflict: 'update', changedBytes: changedBytes(table, this.assignments(table)) };
  }

  private assignments(table: SqlTable): Token[] {
    const changed: Token[] = [];
    do changed.push(this.assignment(table));
    while (this.tokens.skipSymbol(','));
    return changed;
  }

  private assignment(table: SqlTable): Token {
    const { tokens } = this;
    const column = this.column(table);
    if (column.value === table.key) {
      throw new Refusal(column, 'is the primary key, and a row keeps its key');
    }
    tokens.expectSymbol('=');
    this.checkNames(this.value(['where']), table);
    return column;
  }

  private whereOfWrite(table: SqlTable): Rows {
    const { tokens } = this;
    if (!tokens.skipWords('where')) {
      tokens.refuse('WHERE with a condition on the primary key is expected here');
    }
    const rows = this.where(table);
    tokens.expectEnd(ONE_CONDITION);
    return rows;
  }

  /** `key = value`, `key BETWEEN first AND last`, `key IN (values)`. */
  private where(table: SqlTable): Rows {
    const { tokens } = this;
    const column = this.qualified(table);
    if (column.value !== table.key) {
      const why = table.key === null ? 'the table has none' : `that is ${table.key}`;
      throw new Refusal(column, `is not the primary key, by which rows are found: ${why}`);
    }
    const parser = new ExpressionParser(tokens, this.names, true);
    if (tokens.skipSymbol('=')) return this.only({ kind: 'one', key: parser.operand() });
    if (tokens.skipWords('between')) {
      const first = parser.operand();
      tokens.expectWord('and');
      return this.only({ kind: 'range', first, last: parser.operand() });
    }
    if (!tokens.skipWords('in')) tokens.refuse('=, BETWEEN or IN is expected here');
    tokens.expectSymbol('(');
    const keys = [parser.operand()];
    while (tokens.skipSymbol(',')) keys.push(parser.operand());
    tokens.expectSymbol(')');
    return this.only({ kind: 'list', keys });
  }

  private only(rows: Rows): Rows {
    const { tokens } = this;
    if (tokens.isWord('and', 'or') || tokens.isSymbol('::')) tokens.refuse(ONE_CONDITION);
    return rows;
  }

  /** A column with or without its table's name before it. */
  private qualified(table: SqlTable): Token {
    const { tokens } = this;
    const isQualified = tokens.following.text === '.';
    if (isQualified && tokens.isWord(table.relation.name)) {
      tokens.take();
      tokens.take();
    }
    return this.column(table);
  }

  private rowLock(rows: Rows): Partial<StatementDetails> {
    const { tokens } = this;
    const rowLock = this.lockMode();
    if (tokens.isWord('of')) tokens.refuse('is not supported behind FOR');
    if (rows.kind === 'all') tokens.refuse('a row lock needs a WHERE with the primary key');
    if (tokens.skipWords('nowait')) return { rowLock, lockedRows: 'error' };
    return { rowLock, lockedRows: tokens.skipWords('skip', 'locked') ? 'skip' : 'wait' };
  }

  private lockMode(): RowLockMode {
    const { tokens } = this;
    if (tokens.skipWords('update')) return FOR_UPDATE;
    if (tokens.skipWords('no', 'key', 'update')) return FOR_NO_KEY_UPDATE;
    if (tokens.skipWords('share')) return FOR_SHARE;
    if (tokens.skipWords('key', 'share')) return FOR_KEY_SHARE;
    return tokens.refuse('UPDATE, NO KEY UPDATE, SHARE or KEY SHARE is expected here');
  }

  /** A list of values whose evaluation changes nothing here: the names that occur in it. */
  private list(stops: readonly string[]): Token[] {
    const named = this.value(stops);
    while (this.tokens.skipSymbol(',')) named.push(...this.value(stops));
    return named;
  }

  private value(stops: readonly string[]): Token[] {
    const { tokens } = this;
    const named: Token[] = [];
    const start = tokens.next;
    let depth = 0;
    while (!tokens.isAtEnd) {
      if (depth === 0 && (tokens.isSymbol(',', ')') || tokens.isWord(...stops))) break;
      if (tokens.isSymbol('(')) depth++;
      if (tokens.isSymbol(')')) depth--;
      if (tokens.isWord('select')) tokens.refuse('a query within another one is not supported');
      this.part(named);
    }
    if (depth > 0) tokens.refuse(') is expected here');
    if (tokens.next === start) tokens.refuse('a value is expected here');
    return named;
  }

  private part(named: Token[]): void {
    const { tokens } = this;
    if (tokens.isWord('as')) {
      tokens.take();
      tokens.expectName('a name');
      return;
    }
    const isFunction = tokens.following.text === '(' || tokens.following.text === '.';
    const token = tokens.take();
    if (token.kind === 'variable') this.names.variable(token);
    if (token.text === '::') tokens.expectName('a type');
    if (token.kind === 'name' && !isFunction && !VALUES.includes(token.value)) named.push(token);
  }

  private checkNames(named: readonly Token[], table: SqlTable | null): void {
    for (const token of named) checkColumn(token, table);
  }
}

const NO_KEY: Expression = { isConstant: true, value: () => 0n };

function of(
  verb: Template['verb'],
  table: SqlTable,
  rows: Rows,
  more: Partial<StatementDetails> = {},
): Template {
  const details = Object.keys(more).length > 0 ? { ...PLAIN, ...more } : null;
  return { verb, relation: table.relation, rows, details };
}

function checkColumn(token: Token, table: SqlTable | null): void {
  if (table === null) throw new Refusal(token, 'is no value: there are no columns here');
  const names = table.columns.map(({ name }) => name);
  if (names.includes(token.value)) return;
  const why = `is not a column of ${table.relation.name}; there is ${names.join(', ')}`;
  throw new Refusal(token, why, names);
}

/** A balance changes in its lower bytes; several columns from the first to the last of them. */
function changedBytes(table: SqlTable, changed: readonly Token[]): number {
  const columns = changed.map((token) => table.columns.find(({ name }) => name === token.value)!);
  if (columns.length === 1 && columns[0]!.name.endsWith('balance')) {
    return table.relation.changedBytes;
  }
  const start = columns.reduce((least, column) => Math.min(least, column.start), columns[0]!.start);
  return columns.reduce((most, column) => Math.max(most, column.end), 0) - start;
}
