/** What plans do not tell and the words of a statement do: columns that are set, locks of rows. */
import type { Token } from '../sql/lexer.ts';
import type { PlannedStatement } from './statements.ts';

const isWord = (token: Token | undefined, ...words: string[]) =>
  token?.kind === 'name' && words.includes(token.value);

/** The columns that an UPDATE sets: `SET a = ..., (b, c) = ...`. */
export function changedColumns({ tokens }: PlannedStatement): string[] {
  const columns: string[] = [];
  let depth = 0;
  let isTarget = false;
  for (const token of tokens) {
    if (depth === 0 && isWord(token, 'set')) isTarget = true;
    else if (depth === 0 && isWord(token, 'from', 'where', 'returning')) isTarget = false;
    else if (depth === 0 && token.text === '=') isTarget = false;
    else if (depth === 0 && token.text === ',' && columns.length > 0) isTarget = true;
    else if (isTarget && token.kind === 'name') columns.push(token.value);
    if (token.text === '(') depth++;
    if (token.text === ')') depth--;
    if (isWord(token, 'where')) break;
  }
  return columns;
}

/** What stands behind FOR: `update`, `no key update`, `share`, `key share`, and what follows. */
export function rowLockWords({ tokens }: PlannedStatement): string {
  const at = tokens.findLastIndex(
    (token, i) => isWord(token, 'for') && isWord(tokens[i + 1], 'update', 'no', 'share', 'key'),
  );
  return tokens
    .slice(at + 1)
    .map(({ value }) => value)
    .join(' ');
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
