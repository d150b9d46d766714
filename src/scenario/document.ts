import { enablePatches, type Patch, produceWithPatches } from 'immer';
import type { Finding, Path, Problem } from './problem.ts';
import { pathText } from './problem.ts';
import type { YamlSource } from './yaml.ts';

enablePatches();

/** A scenario's plain values with the changes made to them, and where each of them was written. */
export interface ScenarioDocument {
  readonly file: string;
  readonly text: string;
  readonly source: YamlSource;
  /** The values with all changes; a map. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Changes in the order in which they were made. */
  readonly changes: readonly Change[];
}

/** A value that was set after the file was read. */
export interface Change {
  /** The value's place in the scenario. */
  readonly path: Path;
  /** Where it was written: a path in the file, or a column of an option. */
  readonly origin: Origin;
}

export type Origin =
  | { readonly kind: 'file'; readonly path: Path }
  | { readonly kind: 'option'; readonly name: string; readonly column: number };

/** The file as it was read. */
export function documentOf(file: string, text: string, source: YamlSource): ScenarioDocument {
  const value = source.value as Record<string, unknown>;
  return { file, text, source, value, changes: [] };
}

/** Why a change cannot be made. */
export type SetResult =
  | { readonly ok: true; readonly document: ScenarioDocument; readonly patches: readonly Patch[] }
  | { readonly ok: false; readonly why: string };

/** Changes one value; null removes it. Maps on the way to it are made where they are missing. */
export function setValue(
  document: ScenarioDocument,
  target: string,
  value: unknown,
  origin: Origin,
): SetResult {
  const path = splitPath(document.value, target);
  if (typeof path === 'string') return { ok: false, why: path };
  let trouble: string | undefined;
  const [changed, patches] = produceWithPatches(document.value, (draft) => {
    trouble = place(draft as Record<string, unknown>, path, value);
  });
  if (trouble !== undefined) return { ok: false, why: trouble };
  const changes = [...document.changes, { path, origin }];
  return { ok: true, document: { ...document, value: changed, changes }, patches };
}

/** Appends to a list, as `faults+` does; entries are located where they were written. */
export function appendValues(
  document: ScenarioDocument,
  list: string,
  values: readonly unknown[],
  origin: Path,
): { document: ScenarioDocument; patches: readonly Patch[] } {
  const before = document.value[list];
  const kept = Array.isArray(before) ? before : [];
  const [value, patches] = produceWithPatches(document.value, (draft) => {
    (draft as Record<string, unknown>)[list] = [...kept, ...values];
  });
  const changes = values.map((_, i) => ({
    path: [list, kept.length + i],
    origin: { kind: 'file' as const, path: [...origin, i] },
  }));
  return { document: { ...document, value, changes: [...document.changes, ...changes] }, patches };
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const MOST_STEPS = 32;

/**
 * A path's steps. Steps are separated by dots; where a map has a name with dots in it
 * (`citus.shard_count`), the longest such name is one step.
 */
function splitPath(root: unknown, target: string): (string | number)[] | string {
  const parts = target.split('.');
  if (parts.length > MOST_STEPS) return `a path has at most ${MOST_STEPS} steps`;
  if (parts.some((part) => part.trim() === '')) return 'a step of the path is empty';
  if (parts.some((part) => FORBIDDEN.has(part))) return 'that is no path of a scenario';
  const path: (string | number)[] = [];
  let node: unknown = root;
  for (let at = 0; at < parts.length; ) {
    const taken = stepsTaken(node, parts, at);
    const step = parts.slice(at, at + taken).join('.');
    path.push(Array.isArray(node) && /^\d{1,6}$/.test(step) ? Number(step) : step);
    node = childOf(node, step);
    at += taken;
  }
  return path;
}

function stepsTaken(node: unknown, parts: readonly string[], at: number): number {
  for (let taken = parts.length - at; taken > 1; taken--)
    if (childOf(node, parts.slice(at, at + taken).join('.')) !== undefined) return taken;
  return 1;
}

function childOf(node: unknown, step: string): unknown {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
  return (node as Record<string, unknown>)[step];
}

function place(root: Record<string, unknown>, path: Path, value: unknown): string | undefined {
  let node: Record<string | number, unknown> = root;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(node, step) ? node[step] : undefined;
    if (next === undefined || next === null) {
      if (value === null) return undefined; // there is nothing to remove
      node[step] = {};
    } else if (typeof next !== 'object') return `${String(step)} is a single value without parts`;
    node = node[step] as Record<string | number, unknown>;
  }
  const last = path.at(-1)!;
  if (Array.isArray(node)) return placeInList(node, last, value);
  if (value === null) delete node[last];
  else node[last] = value;
  return undefined;
}

function placeInList(list: unknown[], index: string | number, value: unknown): string | undefined {
  if (typeof index !== 'number' || index >= list.length)
    return `the list has ${list.length} entries, counted from 0`;
  if (value === null) list.splice(index, 1);
  else list[index] = value;
  return undefined;
}

/** Finds where the values of a document were written, and words what is wrong with them. */
export class Locator {
  private readonly document: ScenarioDocument;
  private readonly lineStarts: readonly number[];

  constructor(document: ScenarioDocument) {
    this.document = document;
    this.lineStarts = lineStartsOf(document.text);
  }

  /** The finding as a problem at its place. */
  problem(finding: Finding): Problem {
    const { path, why } = finding;
    const what = finding.what ?? pathText(path);
    const hint = finding.nearest === undefined ? {} : { nearest: finding.nearest };
    const change = this.changeOf(path) ?? this.makerOf(path);
    if (change?.origin.kind === 'option') {
      const inner = path.length === change.path.length ? (finding.offset ?? 0) : 0;
      const column = change.origin.column + inner;
      return { file: change.origin.name, line: 1, column, what, why, ...hint };
    }
    const from = change === undefined ? [] : change.origin.path;
    const rest = change === undefined ? path : [...from, ...path.slice(change.path.length)];
    const offset = this.document.source.offsetOf({ ...finding, path: rest });
    return { file: this.document.file, ...position(this.lineStarts, offset), what, why, ...hint };
  }

  /** For a map that is not in the file: the change that made it on its way. */
  private makerOf(path: Path): Change | undefined {
    if (this.document.source.has(path)) return undefined;
    return this.document.changes.findLast((change) => startsWith(change.path, path));
  }

  /** The last change that set the value at a path, or something that contains it. */
  private changeOf(path: Path): Change | undefined {
    return this.document.changes.findLast((change) => startsWith(path, change.path));
  }
}

function startsWith(path: Path, head: Path): boolean {
  return head.length <= path.length && head.every((step, i) => String(step) === String(path[i]));
}

/** Where each line of a text begins. */
export function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column of a character, both from 1. */
export function position(
  lineStarts: readonly number[],
  offset: number,
): { line: number; column: number } {
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - lineStarts[low]! + 1 };
}
