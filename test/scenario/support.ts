import { readdirSync, readFileSync } from 'node:fs';
import {
  formatProblem,
  type Loaded,
  type LoadOptions,
  loadScenario,
} from '../../src/scenario/index.ts';

const folder = new URL('./examples/', import.meta.url);

/** The files that are part of the language, by name. */
export const examples: ReadonlyMap<string, string> = new Map(
  readdirSync(folder)
    .sort()
    .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
);

/** The smallest scenario, with more lines at its end. */
export function minimal(more = '', servers = '{pg1: {}}'): string {
  return `servers: ${servers}\nworkload: {clients: {app: {}}}\n${more}`;
}

/** A scenario that must load. */
export function load(text: string, options: LoadOptions = {}): Extract<Loaded, { ok: true }> {
  const loaded = loadScenario(text, { file: 'x.yaml', ...options });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded;
}

/** The problems of a scenario that must not load, as the command line prints them. */
export function problems(text: string, options: LoadOptions = {}): string[] {
  const loaded = loadScenario(text, { file: 'x.yaml', ...options });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

/** The warnings of a scenario that must load, as the command line prints them. */
export function warnings(text: string): string[] {
  return load(text).warnings.map(formatProblem);
}

/** Whether every problem and warning of a text stands inside it, in lines and columns. */
export function strays(text: string, loaded: Loaded): string[] {
  const lines = text.split('\n');
  const found = loaded.ok ? loaded.warnings : loaded.problems;
  return found
    .filter(({ line, column }) => {
      const length = lines[line - 1]?.length ?? -1;
      return line < 1 || column < 1 || column > length + 1;
    })
    .map((problem) => JSON.stringify(problem));
}
