/**
 * The words of SQL as a statement for Postgres has them (scan.l): anything at all, of which only
 * names, quotes, variables and the end matter here. What is wrong, Postgres will say.
 */
import { type Lexed, skipBlank, type Token, type TokenKind } from '../sql/lexer.ts';
import { Refusal } from '../sql/problem.ts';

const WORDS: readonly (readonly [TokenKind, RegExp])[] = [
  ['text', /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y],
  ['text', /(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'/y],
  ['text', /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y],
  ['name', /"(?:[^"]|"")+"/y],
  ['name', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['double', /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y],
  ['integer', /\d+/y],
  ['symbol', /::|:=|<>|<=|>=|!=|\|\|/y],
  ['variable', /:[A-Za-z0-9_]+/y],
  ['symbol', /[^\s\w'"]/y],
];

/** The tokens of the statement that begins here, up to its semicolon or a backslash. */
export function lexStatement(text: string, from: number): Lexed {
  const tokens: Token[] = [];
  let at = skipBlank(text, from, 'sql');
  while (at < text.length && text[at] !== ';' && text[at] !== '\\') {
    const token = tokenAt(text, at);
    tokens.push(token);
    at = skipBlank(text, at + token.text.length, 'sql');
  }
  tokens.push({ kind: 'end', text: text[at] === ';' ? ';' : '', value: '', offset: at });
  return { tokens, end: text[at] === ';' ? at + 1 : at };
}

function tokenAt(text: string, offset: number): Token {
  for (const [kind, pattern] of WORDS) {
    pattern.lastIndex = offset;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) continue;
    if (kind === 'text' && found.endsWith('$')) return dollarQuoted(text, found, offset);
    return { kind, text: found, value: meaningOf(kind, found), offset };
  }
  throw new Refusal({ offset, text: text[offset]! }, 'the quote or the comment has no end');
}

function meaningOf(kind: TokenKind, text: string): string {
  if (kind === 'variable') return text.slice(1);
  if (kind === 'text') return text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'");
  if (kind !== 'name') return text;
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase();
}

function dollarQuoted(text: string, tag: string, offset: number): Token {
  const end = text.indexOf(tag, offset + tag.length);
  if (end < 0) throw new Refusal({ offset, text: tag }, 'the quote has no end');
  const whole = text.slice(offset, end + tag.length);
  return { kind: 'text', text: whole, value: whole.slice(tag.length, -tag.length), offset };
}

/** A statement of a text that has several, and where it begins. */
export interface Piece {
  readonly text: string;
  readonly offset: number;
}

/**
 * The statements of a schema, each up to its semicolon; bodies of functions between BEGIN ATOMIC
 * and END are one piece with what stands around them. What cannot be cut is one piece.
 */
export function statementsOf(schema: string): Piece[] {
  const pieces: Piece[] = [];
  let at = skipBlank(schema, 0, 'sql');
  while (at < schema.length) {
    const end = endOf(schema, at);
    const text = schema.slice(at, end);
    if (text !== ';') pieces.push({ text, offset: at });
    at = skipBlank(schema, end, 'sql');
  }
  return pieces;
}

function endOf(schema: string, from: number): number {
  let depth = 0;
  let before = '';
  for (let at = from; ; ) {
    const { tokens, end } = lexQuietly(schema, at);
    for (const { kind, value } of tokens) {
      if (kind !== 'name') continue;
      if (value === 'atomic' && before === 'begin') depth++;
      if (value === 'case' && depth > 0) depth++;
      if (value === 'end' && depth > 0) depth--;
      before = value;
    }
    if (depth === 0 || end >= schema.length) return end;
    at = end;
  }
}

/** A backslash is nothing special in a schema; a quote without an end goes up to the end. */
function lexQuietly(schema: string, from: number): Lexed {
  try {
    const lexed = lexStatement(schema, from);
    if (schema[lexed.end] !== '\\') return lexed;
    const rest = lexQuietly(schema, lexed.end + 1);
    return { tokens: [...lexed.tokens, ...rest.tokens], end: rest.end };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { tokens: [], end: schema.length };
  }
}
