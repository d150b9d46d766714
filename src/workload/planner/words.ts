/** What plans do not tell and the words of a statement do: columns that are set, locks of rows. */
import type { Token } from '../sql/lexer.ts';
import { splitAtCommas } from './conditions.ts';
import { lexStatement } from './lex.ts';
import type { PlannedStatement } from './statements.ts';

const isWord = (token: Token | undefined, ...words: string[]) =>
  token?.kind === 'name' && words.includes(token.value);

/**
 * The columns that an UPDATE sets: `SET a = ..., (b, c) = ...`. Of several in one statement that of
 * the table, else that of ON CONFLICT or MERGE.
 */
export function changedColumns({ tokens }: PlannedStatement, table?: string): string[] {
  const columns: string[] = [];
  let depth = 0;
  let isTarget = false;
  for (const token of tokens.slice(updateOf(tokens, table))) {
    if (depth === 0 && isWord(token, 'set')) isTarget = true;
    else if (depth === 0 && isWord(token, 'from', 'where', 'returning', 'when')) {
      if (columns.length > 0) break;
    } else if (depth === 0 && token.text === '=') isTarget = false;
    else if (depth === 0 && token.text === ',' && columns.length > 0) isTarget = true;
    else if (isTarget && token.kind === 'name') columns.push(token.value);
    if (token.text === '(') depth++;
    if (token.text === ')') depth--;
    if (depth < 0) break;
  }
  return columns;
}

/** Where the UPDATE of a table begins. */
function updateOf(tokens: readonly Token[], table: string | undefined): number {
  const named = tokens.findIndex((token, i) => {
    if (!isWord(token, 'update')) return false;
    const rest = tokens.slice(i + 1, i + 5).filter((each) => each.kind === 'name');
    return rest.slice(0, 3).some(({ value }) => value === table);
  });
  if (table !== undefined && named >= 0) return named;
  const other = tokens.findIndex(
    (token, i) => isWord(token, 'update') && isWord(tokens[i + 1], 'set'),
  );
  return Math.max(0, other);
}

/** FOR UPDATE and the like. */
export interface RowLockWords {
  /** `update`, `no key update`, `share`, `key share`. */
  readonly strength: string;
  /** Behind OF; null: all tables of the query. */
  readonly of: readonly string[] | null;
  readonly locked: 'wait' | 'error' | 'skip';
}

export function rowLockWords({ tokens }: PlannedStatement): RowLockWords {
  const at = tokens.findLastIndex(
    (token, i) => isWord(token, 'for') && isWord(tokens[i + 1], 'update', 'no', 'share', 'key'),
  );
  const words = tokens.slice(at + 1).map(({ value }) => value);
  const strength = ['update', 'no key update', 'share', 'key share'].find(
    (each) => words.slice(0, each.split(' ').length).join(' ') === each,
  );
  let rest = words.slice((strength ?? '').split(' ').length);
  let of: string[] | null = null;
  if (rest[0] === 'of') {
    const end = rest.findIndex((each, i) => i > 1 && i % 2 === 0 && each !== ',');
    of = rest.slice(1, end < 0 ? rest.length : end).filter((each) => each !== ',');
    rest = end < 0 ? [] : rest.slice(end);
  }
  const isSkip = rest[0] === 'skip' && rest[1] === 'locked';
  const locked = isSkip ? 'skip' : rest[0] === 'nowait' ? 'error' : 'wait';
  return { strength: strength ?? '', of, locked };
}

/** The rows of VALUES, each a list of texts, with `$1` ... in place of variables. */
export function valuesLists({ sql }: PlannedStatement): string[][] {
  const { tokens } = lexStatement(sql, 0);
  const at = tokens.findIndex((token) => isWord(token, 'values'));
  const lists: string[][] = [];
  let depth = 0;
  let start = 0;
  for (const token of at < 0 ? [] : tokens.slice(at + 1)) {
    if (depth === 0 && token.text !== '(' && token.text !== ',') break;
    if (token.text === '(' && depth++ === 0) start = token.offset + 1;
    if (token.text === ')' && --depth === 0) {
      lists.push(splitAtCommas(sql.slice(start, token.offset)));
    }
  }
  return lists;
}

/** Whether it is UNION ALL that joins the terms of WITH RECURSIVE. */
export function recursesWithAll({ tokens }: PlannedStatement): boolean {
  const start = tokens.findIndex((token) => isWord(token, 'recursive'));
  const union = tokens.findIndex((token, i) => i > start && isWord(token, 'union'));
  return isWord(tokens[union + 1], 'all');
}

/** What MERGE does of rows that meet one, and of those that do not. */
export interface MergeAction {
  readonly kind: 'matched' | 'not matched' | 'by source';
  readonly isConditional: boolean;
  readonly action: 'insert' | 'update' | 'delete' | 'nothing';
}

export function mergeActions({ tokens }: PlannedStatement): MergeAction[] {
  const actions: MergeAction[] = [];
  let depth = 0;
  tokens.forEach((token, i) => {
    depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    const isNot = isWord(tokens[i + 1], 'not');
    if (depth !== 0 || !isWord(token, 'when')) return;
    if (!isWord(tokens[i + (isNot ? 2 : 1)], 'matched')) return;
    const rest = tokens.slice(i + (isNot ? 3 : 2));
    const isBySource = isWord(rest[0], 'by') && isWord(rest[1], 'source');
    const then = rest.findIndex((each) => isWord(each, 'then'));
    const word = rest[then + 1]?.value;
    actions.push({
      kind: isBySource ? 'by source' : isNot ? 'not matched' : 'matched',
      isConditional: rest.slice(0, then).some((each) => isWord(each, 'and')),
      action: word === 'do' ? 'nothing' : (word as 'insert'),
    });
  });
  return actions;
}

/** What stands behind LIMIT and OFFSET of the statement itself, where that is a number. */
export function limitWords({ tokens }: PlannedStatement): {
  readonly limit: number | null;
  readonly offset: number | 'unknown';
} {
  let depth = 0;
  let limit: number | null = null;
  let offset: number | 'unknown' = 0;
  tokens.forEach((token, i) => {
    depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
    if (depth !== 0) return;
    const next = tokens[i + 1];
    const number = next?.kind === 'integer' ? Number(next.text) : null;
    if (isWord(token, 'limit')) limit = number;
    if (isWord(token, 'offset')) offset = number ?? 'unknown';
  });
  return { limit, offset };
}
