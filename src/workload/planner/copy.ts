/**
 * COPY in scripts: `COPY orders (account, total) FROM STDIN ROWS 10000`, where ROWS says how many
 * rows come, a number or a variable, as there is no data. Nothing is planned.
 */
import { constantOf, type Expression, ExpressionParser, type Names } from '../sql/expression.ts';
import type { Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';
import { PLAIN, type Template } from '../sql/template.ts';
import { type CatalogTable, tableName } from './catalog.ts';
import { readName } from './commands.ts';
import { checksOfCopy } from './foreign-keys.ts';
import { leavesOf } from './partitions.ts';
import { routingOf } from './routing.ts';
import type { PlannedWorld } from './world.ts';

/** A COPY as it is written. */
export interface CopyText {
  readonly table: Token;
  readonly count: Expression;
}

/** Reads a COPY if one begins here. */
export function readCopy(tokens: Tokens, names: Names): CopyText | null {
  if (!tokens.skipWords('copy')) return null;
  const table = readName(tokens);
  skipBrackets(tokens);
  if (!tokens.skipWords('from', 'stdin')) tokens.refuse('FROM STDIN is expected here');
  tokens.skipWords('with');
  skipBrackets(tokens);
  if (!tokens.skipWords('rows')) {
    tokens.refuse('ROWS and how many there are is expected here, as there is no data');
  }
  const count = readCount(tokens, names);
  tokens.expectEnd('is not supported behind the number of rows');
  return { table, count };
}

function readCount(tokens: Tokens, names: Names): Expression {
  const { kind, text } = tokens.next;
  if (kind === 'integer') {
    tokens.take();
    return constantOf(BigInt(text));
  }
  if (kind !== 'variable') tokens.refuse('a whole number or a :variable is expected here');
  return new ExpressionParser(tokens, names, true).operand();
}

/** A list in brackets: which columns there are, or options. */
function skipBrackets(tokens: Tokens): void {
  if (!tokens.skipSymbol('(')) return;
  while (!tokens.isAtEnd && !tokens.skipSymbol(')')) tokens.take();
}

/** Rows of a partitioned table all go to one partition: the newest, that of the time, or any. */
export function copyTemplate({ table, count }: CopyText, world: PlannedWorld): Template {
  const found = world.catalog.tables.find((each) => tableName(each) === table.value);
  const names = world.catalog.tables.map(tableName);
  if (found === undefined) throw new Refusal(table, 'is no table of the schema', names);
  const [leaf] = found.kind === 'p' ? leavesOf(world.catalog, found) : [found];
  const planned = world.tables.find(({ catalog }) => catalog === leaf);
  if (planned === undefined) throw new Refusal(table, 'has no partitions');
  const rows = { kind: 'copy', count, routing: routingTo(found, world) } as const;
  const checks = checksOfCopy(world, found);
  const own = checks.length > 0 ? { checks } : {};
  return { verb: 'insert', relation: planned.relation, rows, details: PLAIN, ...own };
}

function routingTo(table: CatalogTable, world: PlannedWorld) {
  return table.kind === 'p' ? routingOf(world, table, null, []) : null;
}
