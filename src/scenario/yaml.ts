import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  Parser,
  type YAMLMap,
} from 'yaml';
import type { Finding, Path } from './problem.ts';

/**
 * Reads YAML 1.2 into plain values and remembers where each stands. Whatever a scenario has no use
 * for is refused here, so that no text can make reading it expensive: merge keys, tags, circular
 * aliases, names that occur twice, nesting deeper than 64 and files beyond the limits below.
 */
export interface YamlSource {
  /** Strings, numbers, booleans, nulls, arrays and plain objects. */
  readonly value: unknown;
  /** Whether the text has a value of that path. */
  has(path: Path): boolean;
  /** Where a finding stands, in characters from the start. */
  offsetOf(finding: Pick<Finding, 'path' | 'atKey' | 'offset'>): number;
}

/** A place in a text that cannot be read, and why. */
export interface YamlError {
  readonly offset: number;
  readonly why: string;
}

/** What reading comes to. */
export type Read = { ok: true; source: YamlSource } | { ok: false; errors: readonly YamlError[] };

const MOST_CHARACTERS = 4 * 1024 * 1024;
const MOST_WORDS = 400_000;
const MOST_NODES = 100_000;
const DEEPEST = 64;
const WIDEST_INDENT = 400;
const MOST_ERRORS = 20;

const OPTIONS = {
  version: '1.2',
  merge: false,
  uniqueKeys: false, // quadratic there; the reader looks for them itself
  prettyErrors: false,
} as const;

/** Reads a text; errors are values, in the order of the text. */
export function readYaml(text: string): Read {
  const parsed = parseTokens(text);
  if (!parsed.ok) return { ok: false, errors: [parsed.error] };
  const documents = [...new Composer(OPTIONS).compose(parsed.tokens, true, text.length)];
  const [document, second] = documents as Document.Parsed[];
  if (second !== undefined) {
    const why = 'a scenario is one document; a second one begins here';
    return { ok: false, errors: [{ offset: second.range[0], why }] };
  }
  return readDocument(document!, text);
}

function readDocument(document: Document.Parsed, text: string): Read {
  const broken = [...document.errors, ...document.warnings].slice(0, MOST_ERRORS);
  const errors = broken.map((error) => ({ offset: error.pos[0], why: firstLine(error.message) }));
  const version = document.directives?.yaml.version;
  if (version !== undefined && version !== '1.2')
    errors.unshift({ offset: 0, why: 'a scenario is YAML 1.2; leave out the %YAML directive' });
  if (errors.length > 0) return { ok: false, errors };
  return new Reader(document, text).read();
}

function firstLine(message: string): string {
  const line = message.split('\n', 1)[0]!;
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

/**
 * The text as syntax, unless it is too much of it. The composer recurses and some steps look back,
 * so words and depth are counted before; lexer and parser do neither.
 */
function parseTokens(
  text: string,
): { ok: true; tokens: CST.Token[] } | { ok: false; error: YamlError } {
  const refuse = (offset: number, why: string) => ({ ok: false as const, error: { offset, why } });
  if (text.length > MOST_CHARACTERS) return refuse(0, 'a scenario is at most 4 MiB');
  const depth = new DepthGauge();
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let words = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++words > MOST_WORDS) return refuse(parser.offset, 'has too many words for a scenario');
    if (depth.exceededBy(lexeme)) return refuse(parser.offset, `is nested deeper than ${DEEPEST}`);
    tokens.push(...parser.next(lexeme));
  }
  tokens.push(...parser.end());
  return { ok: true, tokens };
}

const OPENS = new Set(['[', '{']);
const CLOSES = new Set([']', '}']);
const INDICATORS = new Set(['-', '?', ':']);

/** Follows how deep a stream of tokens can nest, never too low. */
class DepthGauge {
  private flow = 0;
  private run = 0;
  private literal = false;

  /** Takes the next token; true if it may stand deeper than is allowed. */
  exceededBy(token: string): boolean {
    if (this.literal) {
      this.literal = false; // the token after a unit separator is the text of a scalar
      if (this.flow > 0) this.run = 0;
      return false;
    }
    if (token === '\u001f') this.literal = true;
    else if (OPENS.has(token)) this.flow++;
    else if (CLOSES.has(token)) this.flow = Math.max(0, this.flow - 1);
    else if (INDICATORS.has(token) || isProperty(token)) this.run++;
    else if (token === '\n' || token === '\r\n' || token === ',') this.run = 0;
    else if (token.length > WIDEST_INDENT && token.trim() === '') return true;
    return this.flow + this.run > DEEPEST;
  }
}

function isProperty(token: string): boolean {
  return token[0] === '&' || token[0] === '!' || token[0] === '*';
}

/** Turns a document's nodes into plain values and finds them again by path. */
class Reader implements YamlSource {
  value: unknown = null;
  private readonly document: Document.Parsed;
  private readonly anchors = new Map<string, Node>();
  private readonly targets = new Map<Node, Node>();
  private readonly open = new Set<Node>();
  private readonly errors: YamlError[] = [];
  private nodes = 0;
  private readonly text: string;

  constructor(document: Document.Parsed, text: string) {
    this.document = document;
    this.text = text;
  }

  read(): Read {
    this.value = this.plain(this.document.contents);
    if (this.errors.length === 0) return { ok: true, source: this };
    return { ok: false, errors: this.errors };
  }

  private plain(node: Node | null | undefined): unknown {
    if (node === null || node === undefined || this.errors.length >= MOST_ERRORS) return null;
    if (++this.nodes > MOST_NODES) {
      if (this.nodes === MOST_NODES + 1)
        this.fail(node, 'it has too many values, or its aliases do');
      return null;
    }
    if (isAlias(node)) return this.aliased(node.source, node);
    if (node.tag !== undefined) return this.fail(node, 'tags have no meaning in a scenario');
    if (node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isScalar(node)) return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    this.open.add(node);
    const value = isMap(node) ? this.object(node) : isSeq(node) ? this.list(node.items) : null;
    this.open.delete(node);
    return value;
  }

  private aliased(name: string, alias: Node): unknown {
    const target = this.anchors.get(name);
    if (target === undefined) return this.fail(alias, `the anchor &${name} does not stand before`);
    if (this.open.has(target)) return this.fail(alias, `the alias *${name} contains itself`);
    this.targets.set(alias, target);
    return this.plain(target);
  }

  private list(items: readonly unknown[]): unknown[] {
    return items.map((item) => this.plain(item as Node | null));
  }

  private object(map: YAMLMap): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      const key = this.keyOf(pair, map);
      if (key === undefined) continue;
      if (Object.hasOwn(object, key))
        this.fail(pair.key ?? map, `${quoted(key)} stands here twice`);
      else object[key] = this.plain(pair.value);
    }
    return object;
  }

  private keyOf(pair: Pair<Node | null, Node | null>, map: YAMLMap): string | undefined {
    const key = keyText(pair);
    const node = pair.key ?? pair.value ?? map;
    if (key === undefined) this.fail(node, 'a name is missing or is not a plain word');
    else if (key === '__proto__') this.fail(node, '"__proto__" cannot be a name');
    else if (key === '<<') this.fail(node, 'merge keys are not allowed; repeat what is the same');
    else return key;
    return undefined;
  }

  private fail(node: Node, why: string): null {
    this.errors.push({ offset: node.range?.[0] ?? 0, why });
    return null;
  }

  has(path: Path): boolean {
    let node: Node | null = this.document.contents;
    for (const step of path) {
      const next = this.child(node, step);
      if (next === undefined) return false;
      node = next.value;
    }
    return true;
  }

  offsetOf(finding: Pick<Finding, 'path' | 'atKey' | 'offset'>): number {
    const { path, atKey = false, offset } = finding;
    let node: Node | null = this.document.contents;
    let key: Node | null = null;
    for (const step of path) {
      const next = this.child(node, step);
      if (next === undefined) return startOf(key) ?? startOf(node) ?? 0;
      key = next.key ?? key;
      node = next.value ?? null;
    }
    if (atKey && key !== null) return startOf(key) ?? 0;
    const start = startOf(node) ?? startOf(key) ?? 0;
    return Math.min(start + this.inner(node, offset), node?.range?.[1] ?? start);
  }

  /** Quoted text begins after its quote, folded text is pointed at by its first character. */
  private inner(node: Node | null, offset: number | undefined): number {
    if (offset === undefined || !isScalar(node)) return 0;
    if (node.type === 'PLAIN') return offset;
    if (node.type === 'BLOCK_LITERAL') {
      return innerOfBlock(this.text, node.range?.[0] ?? 0, String(node.value), offset);
    }
    return node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? offset + 1 : 0;
  }

  private child(
    parent: Node | null,
    step: Path[number],
  ): { key: Node | null; value: Node | null } | undefined {
    const node = this.targets.get(parent as Node) ?? parent;
    if (isSeq(node)) {
      const item = node.items[Number(step)] as Node | undefined;
      return item === undefined ? undefined : { key: null, value: item };
    }
    if (!isMap(node)) return undefined;
    const pairs = node.items as Pair<Node | null, Node | null>[];
    const pair = pairs.find((each) => keyText(each) === String(step));
    return pair === undefined ? undefined : { key: pair.key, value: pair.value };
  }
}

/** Where a character of a block's value stands, from the block's `|` on: lines are indented. */
function innerOfBlock(text: string, start: number, value: string, offset: number): number {
  const lines = value.split('\n');
  const first = lines.findIndex((line) => line.trim() !== '');
  if (first < 0) return 0;
  const lineStart = (line: number) => {
    let at = start;
    for (let i = 0; i <= line; i++) at = text.indexOf('\n', at) + 1;
    return at;
  };
  const indent = blanksAt(text, lineStart(first)) - blanksAt(lines[first]!, 0);
  const before = value.slice(0, offset).split('\n');
  return lineStart(before.length - 1) - start + indent + before.at(-1)!.length;
}

function blanksAt(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return at - from;
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}

function keyText(pair: Pair<Node | null, Node | null>): string | undefined {
  if (!isScalar(pair.key) || pair.key.value === null) return undefined;
  return typeof pair.key.value === 'string' ? pair.key.value : (pair.key.source ?? '');
}

function quoted(name: string): string {
  return `"${name.length > 60 ? `${name.slice(0, 60)}...` : name}"`;
}
