/**
 * The statements of a script as Postgres gets them: the text with `$1`, `$2` ... in place of
 * variables, and the way back from a place in it to the place in the script.
 */
import type { Expression, Names } from '../sql/expression.ts';
import type { Token, Tokens } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';

/** A statement that Postgres plans. */
export interface PlannedStatement {
  readonly sql: string;
  /** What its parameters are, `$1` first. */
  readonly parameters: readonly Expression[];
  readonly tokens: readonly Token[];
  /** Where it begins in the script. */
  readonly offset: number;
  readonly shifts: readonly Shift[];
}

/** From this place of the statement on, so much further in the script than in the statement. */
interface Shift {
  readonly from: number;
  readonly by: number;
}

/** Takes a statement's tokens; the same variable is the same parameter. */
export function plannedStatement(tokens: Tokens, text: string, names: Names): PlannedStatement {
  const taken: Token[] = [];
  while (!tokens.isAtEnd) taken.push(tokens.take());
  const start = taken[0]!.offset;
  const last = taken.at(-1)!;
  const parameters: Expression[] = [];
  const numbers = new Map<string, number>();
  const shifts: Shift[] = [{ from: 0, by: start }];
  let sql = '';
  let copied = start;
  for (const token of taken) {
    if (token.kind === 'text') checkQuoted(token, names);
    if (token.kind !== 'variable') continue;
    const expression = names.variable(token);
    const number = numbers.get(token.value) ?? parameters.push(expression);
    numbers.set(token.value, number);
    sql += `${text.slice(copied, token.offset)}$${number}`;
    copied = token.offset + token.text.length;
    shifts.push({ from: sql.length, by: copied - sql.length });
  }
  sql += text.slice(copied, last.offset + last.text.length);
  return { sql, parameters, tokens: taken, offset: start, shifts };
}

/** pgbench puts values into quotes too, but with the simple protocol alone. */
function checkQuoted(token: Token, names: Names): void {
  if (token.text.startsWith('$')) return;
  for (const [text, name] of token.text.matchAll(/:([A-Za-z_]\w*)/g)) {
    if (isKnown(names, { ...token, kind: 'variable', text, value: name! })) {
      throw new Refusal(token, `has ${text} within quotes, where it is no parameter`);
    }
  }
}

function isKnown(names: Names, token: Token): boolean {
  try {
    names.variable(token);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return false;
  }
}

/** The place in the script of a place in the statement; -1: of its beginning. */
export function placeInScript({ shifts, offset }: PlannedStatement, place: number): number {
  if (place < 0) return offset;
  let by = offset;
  for (const shift of shifts) if (shift.from <= place) by = shift.by;
  return place + by;
}

/** The word that says what the statement does; of WITH the change that it makes, if any. */
export function leadingWord({ tokens }: PlannedStatement): string {
  const words = tokens.map(({ kind, value }) => (kind === 'name' ? value : ''));
  const [first = ''] = words;
  if (first !== 'with') return first;
  const isChange = (word: string, i: number) =>
    ['insert', 'update', 'delete', 'merge'].includes(word) &&
    (words[i - 1] === '' || i === 0 || !['for', 'key', 'do', 'on'].includes(words[i - 1]!));
  return words.find(isChange) ?? first;
}
