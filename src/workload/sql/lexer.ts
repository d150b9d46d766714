/** The words of scripts: of SQL (scan.l) and of pgbench's expressions (exprscan.l) alike. */
import { Refusal } from './problem.ts';

export type TokenKind = 'name' | 'integer' | 'double' | 'text' | 'variable' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As it is written. */
  readonly text: string;
  /** A name in small letters, a variable without its colon, a text without its quotes. */
  readonly value: string;
  /** Characters into the script. */
  readonly offset: number;
}

/** What ends a command: a semicolon or a backslash, or the end of the line. */
export type CommandKind = 'sql' | 'meta';

/** The tokens of a command, with one of kind `end` behind the last, and where it stopped. */
export interface Lexed {
  readonly tokens: readonly Token[];
  readonly end: number;
}

const BLANK = /[ \t\r\n\f\v]+/y;
const LINE_COMMENT = /--[^\n]*/y;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y;
const CONTINUATION = /\\\r?\n/y;
const WORDS: readonly (readonly [TokenKind, RegExp])[] = [
  ['double', /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y],
  ['integer', /\d+/y],
  ['name', /[A-Za-z_][A-Za-z0-9_$]*/y],
  ['name', /"[^"\n]+"/y],
  ['text', /'(?:[^']|'')*'/y],
  ['variable', /:[A-Za-z0-9_]+/y],
  ['symbol', /<>|<=|>=|!=|<<|>>|::|\|\||[-+*/%()<>=|#&~,.;[\]]/y],
];

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Skips blanks and comments; in a meta command no line break and no comment. */
export function skipBlank(text: string, from: number, kind: CommandKind): number {
  let at = from;
  for (;;) {
    if (kind === 'meta' && (text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n')))
      return at;
    const blank =
      kind === 'meta'
        ? (match(CONTINUATION, text, at) ?? match(/[ \t\r\f\v]+/y, text, at))
        : (match(BLANK, text, at) ??
          match(LINE_COMMENT, text, at) ??
          match(BLOCK_COMMENT, text, at));
    if (blank === undefined) return at;
    at += blank.length;
  }
}

/** Where a command that cannot be read ends. */
export function commandEnd(text: string, from: number, kind: CommandKind): number {
  const stop = kind === 'meta' ? /(?<!\\)\r?\n/g : /[;\\]/g;
  stop.lastIndex = from;
  const found = stop.exec(text);
  if (found === null) return text.length;
  return found[0] === '\\' ? found.index : found.index + found[0].length;
}

/** The tokens of the command that begins here. */
export function lex(text: string, from: number, kind: CommandKind): Lexed {
  const tokens: Token[] = [];
  let at = skipBlank(text, from, kind);
  while (at < text.length) {
    const char = text[at]!;
    if (kind === 'meta' ? char === '\n' || char === '\r' : char === ';' || char === '\\') break;
    const token = tokenAt(text, at);
    tokens.push(token);
    at = skipBlank(text, at + token.text.length, kind);
  }
  tokens.push({ kind: 'end', text: text[at] === ';' ? ';' : '', value: '', offset: at });
  const consumed = kind === 'sql' && text[at] === ';' ? 1 : 0;
  return { tokens, end: at + consumed };
}

function tokenAt(text: string, at: number): Token {
  for (const [kind, pattern] of WORDS) {
    const found = match(pattern, text, at);
    if (found !== undefined)
      return { kind, text: found, value: meaningOf(kind, found), offset: at };
  }
  const wrong = { offset: at, text: text[at]! };
  if (wrong.text === "'" || wrong.text === '"') throw new Refusal(wrong, 'the quote has no end');
  if (text.startsWith('/*', at)) throw new Refusal(wrong, 'the comment has no end');
  throw new Refusal(wrong, 'is no part of SQL or of an expression of pgbench');
}

function meaningOf(kind: TokenKind, text: string): string {
  if (kind === 'variable') return text.slice(1);
  if (kind === 'text') return text.slice(1, -1).replaceAll("''", "'");
  if (kind !== 'name') return text;
  return text.startsWith('"') ? text.slice(1, -1) : text.toLowerCase();
}

/** Walks over the tokens of a command. */
export class Tokens {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get next(): Token {
    return this.tokens[this.at]!;
  }

  get following(): Token {
    return this.tokens[Math.min(this.at + 1, this.tokens.length - 1)]!;
  }

  get isAtEnd(): boolean {
    return this.next.kind === 'end';
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.at++;
    return token;
  }

  isWord(...words: string[]): boolean {
    return this.next.kind === 'name' && words.includes(this.next.value);
  }

  isSymbol(...symbols: string[]): boolean {
    return this.next.kind === 'symbol' && symbols.includes(this.next.text);
  }

  /** Takes these words if they stand here one after the other. */
  skipWords(...words: string[]): boolean {
    for (let i = 0; i < words.length; i++) {
      const token = this.tokens[Math.min(this.at + i, this.tokens.length - 1)]!;
      if (token.kind !== 'name' || token.value !== words[i]) return false;
    }
    this.at += words.length;
    return true;
  }

  skipSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.at++;
    return true;
  }

  expectWord(word: string): void {
    if (!this.skipWords(word)) this.refuse(`${word.toUpperCase()} is expected here`);
  }

  expectSymbol(symbol: string): void {
    if (!this.skipSymbol(symbol)) this.refuse(`${symbol} is expected here`);
  }

  expectName(what: string): Token {
    if (this.next.kind !== 'name') this.refuse(`${what} is expected here`);
    return this.take();
  }

  expectEnd(supported: string): void {
    if (!this.isAtEnd) this.refuse(supported);
  }

  refuse(why: string, candidates: readonly string[] = []): never {
    const { kind, text, offset } = this.next;
    const shown = kind === 'end' && text === '' ? 'the end of the command' : text;
    throw new Refusal({ offset, text: shown }, why, candidates);
  }
}
