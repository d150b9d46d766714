/**
 * `synchronous_standby_names` (runtime-config-replication; syncrep_gram.y): `FIRST n (a, b)`,
 * `ANY n (a, b)`, `n (a, b)` and a bare list, both of which mean FIRST; `*` matches every name.
 */
export interface StandbyNames {
  readonly method: 'first' | 'any';
  readonly count: number;
  /** In order of priority; names are compared without regard to case. */
  readonly names: readonly string[];
}

/** Null: the setting is empty and nothing is synchronous. An error says what is wrong. */
export type ParsedStandbyNames = StandbyNames | null | { readonly error: string };

const TOKEN = /\s*(?:"((?:[^"]|"")*)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(\d+)|([*(),]))/y;
const QUOTED = '"'; // a quoted name's token begins with it, so that no keyword is seen in it
const NOT_A_NAME = /^(?:[(),]|first|any)$/i;

export function parseStandbyNames(text: string): ParsedStandbyNames {
  const tokens = tokenize(text);
  if (!tokens) return { error: `a syntax error in ${JSON.stringify(text)}` };
  if (tokens.length === 0) return null;
  let at = 0;
  let method: 'first' | 'any' = 'first';
  let count = 1;
  const first = tokens[0]!;
  const explicit = /^(first|any)$/i.test(first) && /^\d+$/.test(tokens[1] ?? '');
  if (explicit) method = first.toLowerCase() as 'first' | 'any';
  if (explicit) at = 1;
  if (/^\d+$/.test(tokens[at]!) && tokens[at + 1] === '(') {
    count = Number(tokens[at]);
    if (tokens[tokens.length - 1] !== ')') return { error: 'a closing parenthesis is missing' };
    tokens.pop();
    at += 2;
  } else if (explicit) return { error: 'an opening parenthesis is missing' };
  const names = listOf(tokens.slice(at));
  if (!names) return { error: `a syntax error in ${JSON.stringify(text)}` };
  if (count < 1) return { error: 'the number of synchronous standbys must be greater than zero' };
  return { method, count, names };
}

/** The place of a standby in the list, the first being 1; 0 if it is not a candidate. */
export function priorityOf(names: StandbyNames, applicationName: string): number {
  const wanted = applicationName.toLowerCase();
  return 1 + names.names.findIndex((name) => name === '*' || name.toLowerCase() === wanted);
}

function listOf(tokens: readonly string[]): string[] | null {
  const names = tokens.filter((_, i) => i % 2 === 0);
  const commas = tokens.filter((_, i) => i % 2 === 1);
  const wellFormed = tokens.length % 2 === 1 && commas.every((token) => token === ',');
  if (!wellFormed || names.some((name) => NOT_A_NAME.test(name))) return null;
  return names.map((name) => (name.startsWith(QUOTED) ? name.slice(1) : name));
}

function tokenize(text: string): string[] | null {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (!match) return null;
    const quoted = match[1]?.replaceAll('""', '"');
    tokens.push(quoted === undefined ? (match[2] ?? match[3] ?? match[4]!) : QUOTED + quoted);
  }
  return tokens;
}
