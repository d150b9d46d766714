/**
 * The language of `synchronous_standby_names` (syncrep_gram.y, syncrep_scanner.l): a bare list,
 * `FIRST n (list)`, `ANY n (list)` or `n (list)`; `*` stands for every standby.
 */
export interface SyncStandbyNames {
  readonly method: 'first' | 'any';
  readonly count: number;
  /** In order of priority; `*` for all. */
  readonly names: readonly string[];
}

/** Null for an empty text; the error counts characters into the text. */
export type ParsedSyncNames =
  | { readonly ok: true; readonly value: SyncStandbyNames | null }
  | { readonly ok: false; readonly why: string; readonly offset: number };

interface Token {
  readonly kind: 'name' | 'number' | 'symbol' | 'bad';
  readonly text: string;
  readonly offset: number;
}

const TOKEN =
  /\s*(?:"((?:[^"]|"")*)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(\d+)|([*,()])|(\S))/gy;

/** Reads the value of the setting. */
export function parseSyncNames(text: string): ParsedSyncNames {
  const tokens = [...text.matchAll(TOKEN)].map(tokenOf);
  if (tokens.length === 0) return { ok: true, value: null };
  const bad = tokens.find((token) => token.kind === 'bad');
  if (bad !== undefined)
    return { ok: false, why: `"${bad.text}" does not belong here`, offset: bad.offset };
  return new SyncParser(tokens, text.length).parse();
}

function tokenOf(match: RegExpMatchArray): Token {
  const [whole, quoted, word, number, symbol, bad] = match;
  const text = quoted?.replaceAll('""', '"') ?? word ?? number ?? symbol ?? bad ?? '';
  const written = quoted === undefined ? text.length : quoted.length + 2;
  const offset = match.index! + whole.length - written;
  const kind = symbol ? 'symbol' : number ? 'number' : bad ? 'bad' : 'name';
  return { kind, text: text === '*' && quoted === undefined ? '*' : text, offset };
}

class SyncParser {
  private readonly tokens: readonly Token[];
  private readonly end: number;
  private at = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.tokens = tokens;
    this.end = end;
  }

  parse(): ParsedSyncNames {
    const method = this.method();
    const count = method === undefined && !this.isCounted() ? undefined : this.count();
    if (count === undefined) return this.finish('first', 1, this.list(false));
    if (count === 0) return this.fail('the number of standbys must be at least 1', -1);
    if (count < 0) return this.fail('the number of standbys is missing');
    return this.finish(method ?? 'first', count, this.list(true));
  }

  private method(): 'first' | 'any' | undefined {
    const [word, next] = [this.tokens[0]!, this.tokens[1]];
    if (word.kind !== 'name' || next?.kind !== 'number') return undefined;
    const method = word.text.toLowerCase();
    if (method !== 'first' && method !== 'any') return undefined;
    this.at++;
    return method;
  }

  private isCounted(): boolean {
    return this.tokens[this.at]?.kind === 'number' && this.tokens[this.at + 1]?.text === '(';
  }

  private count(): number {
    const token = this.tokens[this.at];
    if (token?.kind !== 'number') return -1;
    this.at++;
    return Number(token.text);
  }

  /** The names, or undefined where the list breaks off; `at` then stands on the culprit. */
  private list(inParentheses: boolean): string[] | undefined {
    if (inParentheses && !this.symbol('(')) return undefined;
    const names: string[] = [];
    do {
      const token = this.tokens[this.at];
      if (token === undefined || (token.kind === 'symbol' && token.text !== '*')) return undefined;
      names.push(token.text);
      this.at++;
    } while (this.symbol(','));
    return inParentheses && !this.symbol(')') ? undefined : names;
  }

  private symbol(text: string): boolean {
    const token = this.tokens[this.at];
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.at++;
    return true;
  }

  private finish(
    method: 'first' | 'any',
    count: number,
    names: string[] | undefined,
  ): ParsedSyncNames {
    if (names !== undefined && this.at === this.tokens.length)
      return { ok: true, value: { method, count, names } };
    return this.fail('is not FIRST n (names), ANY n (names) or a list of names');
  }

  private fail(why: string, back = 0): ParsedSyncNames {
    return { ok: false, why, offset: this.tokens[this.at + back]?.offset ?? this.end };
  }
}
