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
