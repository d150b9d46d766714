import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';

/** A source file as the house rules see it. */
export interface SourceFile {
  /** From the project's root, with slashes: `src/kernel/time.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out; everything else stays where it is. */
  readonly uncommented: string;
  /** The text with comments and the contents of strings blanked out. */
  readonly code: string;
}

export const ROOT = normalize(join(import.meta.dirname, '..', '..'));

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, uncommented: blanked(text, false), code: blanked(text, true) };
}

/** All TypeScript files of some top-level folders. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return pathsUnder(...folders)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceFile(path, readFileSync(join(ROOT, path), 'utf8')));
}

export function pathsUnder(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort(),
  );
}

const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//;
const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/;
/** A slash begins a regular expression where no operand stands before it. */
const NO_OPERAND = /(?<=(?:[(,=:[&|?{};+]|(?<![\w)\]])!|\breturn|=>)\s*)/;
const PATTERN = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/;
const BRACE = /`|\$\{|[{}]/;
const TOKEN = new RegExp(
  `${COMMENT.source}|${STRING.source}|${NO_OPERAND.source}${PATTERN.source}|${BRACE.source}`,
  'y',
);

/** Replaces comments, and strings if asked, by as many blanks; code inside templates stays. */
function blanked(text: string, strings: boolean): string {
  let out = '';
  const nesting: ('{' | '`')[] = [];
  for (let at = 0; at < text.length; ) {
    if (nesting.at(-1) === '`') {
      const end = endOfTemplateText(text, at);
      out += strings ? blanks(text.slice(at, end)) : text.slice(at, end);
      at = end;
    }
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0] ?? text[at] ?? '';
    const isComment = token.startsWith('//') || token.startsWith('/*');
    const isLiteral = token.length > 1 && /^['"/]/.test(token);
    out += isComment || (isLiteral && strings) ? blanks(token) : token;
    nest(nesting, token);
    at += token.length || 1;
  }
  return out;
}

function nest(nesting: ('{' | '`')[], token: string): void {
  if (token === '`') {
    if (nesting.at(-1) === '`') nesting.pop();
    else nesting.push('`');
  } else if (token === '{' || token === '${') nesting.push('{');
  else if (token === '}') nesting.pop();
}

/** Up to the closing backtick or the next `${`. */
function endOfTemplateText(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) {
    at += text[at] === '\\' ? 2 : 1;
  }
  return at;
}

function blanks(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

/** What a file imports: modules as written, files of the project as paths from the root. */
export function importsOf(file: SourceFile): string[] {
  const pattern = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*)(['`])([^'`\n]+)\1/g;
  return [...file.uncommented.matchAll(pattern)].map(([, , written]) => {
    const target = written!.replace(/\$\{\w+\}$/, 'ts'); // a worker's file: .js once it is built
    if (!target.startsWith('.')) return target;
    return normalize(join(dirname(file.path), target))
      .split(sep)
      .join('/');
  });
}

export interface FunctionLength {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

const CONTROL = /^(?:\} )?(?:if|for|while|switch|catch|else|do|try|finally|class|with)\b/;

/**
 * The functions of a formatted file: a head that ends in `{`, up to the next closing brace with the
 * indentation of the head. Blocks of `describe` are chapters, not functions.
 */
export function functionsOf(file: SourceFile): FunctionLength[] {
  const lines = file.code.split('\n');
  const texts = file.text.split('\n');
  const found: FunctionLength[] = [];
  lines.forEach((line, last) => {
    if (!/[^\s]\s*\{$/.test(line) || !isHead(line)) return;
    const first = /^\s*\)/.test(line) ? openingOf(lines, last) : last;
    const head = lines[first]!.trim();
    const isArrow = line.trimEnd().endsWith('=> {');
    if (/^describe\b/.test(head) || (!isArrow && CONTROL.test(head))) return;
    const end = lines.findIndex(
      (l, i) => i > last && indent(l) === indent(line) && /^\s*\}/.test(l),
    );
    const name = texts[first]!.trim();
    if (end > 0) found.push({ name, line: first + 1, lines: end - first + 1 });
  });
  return found;
}

function isHead(line: string): boolean {
  const text = line.trim();
  return text.endsWith('=> {') || (/\)(?:: .*)? \{$/.test(text) && !CONTROL.test(text));
}

function openingOf(lines: readonly string[], last: number): number {
  let first = last - 1;
  while (first > 0 && (lines[first] === '' || indent(lines[first]!) > indent(lines[last]!)))
    first--;
  return first;
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
