import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Fingerprint } from './digests.ts';

const SCRIPT = fileURLToPath(new URL('./digests.ts', import.meta.url));
const LOADER = fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url));
const NODES = fileURLToPath(new URL('./nodes/', import.meta.url));
const MARK_EVERY = 400;

/**
 * A way to run TypeScript: this Node with a loader, or a newer one that needs none; `disturbed` is
 * this one with a planted fault (`disturb.ts`).
 */
export type Node = 'this' | 'disturbed' | 'node-22' | 'node-24';

/** Brings the other versions of Node, once, as npm's package `node`. */
export function installNodes(): void {
  if (existsSync(`${NODES}node_modules/node-24/bin/node`)) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: NODES, stdio: 'pipe' });
}

function output(node: Node, args: readonly string[]): unknown {
  const here = node === 'this' || node === 'disturbed';
  const program = here ? process.execPath : `${NODES}node_modules/${node}/bin/node`;
  const loader = here ? ['--import', LOADER] : [];
  const options: ExecFileSyncOptionsWithStringEncoding = {
    encoding: 'utf8',
    maxBuffer: 1e9,
    env: { ...process.env, ...(node === 'disturbed' ? { PLANTED_FAULT: 'yes' } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
  };
  return JSON.parse(execFileSync(program, [...loader, SCRIPT, ...args], options));
}

/** The fingerprints of all runs of some files, from a fresh process. */
export function fingerprints(node: Node, seconds: number, files: readonly string[]) {
  return output(node, [`${seconds}`, ...files]) as Fingerprint[];
}

/** In words: the first event in which two processes differ; null if they agree. */
export function divergence(
  a: Node,
  b: Node,
  seconds: number,
  first: Fingerprint,
  second: Fingerprint,
): string | null {
  if (first.digest === second.digest) return null;
  const { file, variant, marks } = first;
  let mark = marks.findIndex((each, i) => each !== second.marks[i]);
  if (mark < 0) mark = Math.min(marks.length, second.marks.length);
  const range = [`${mark * MARK_EVERY}`, `${(mark + 1) * MARK_EVERY}`];
  const args = [`${seconds}`, '--events', ...range, variant, file];
  const [left, right] = [output(a, args) as string[], output(b, args) as string[]];
  const at = left.findIndex((line, i) => line !== right[i]);
  const place = at < 0 ? Math.min(left.length, right.length) : at;
  const [here, there] = [left[place] ?? 'no event', right[place] ?? 'none'];
  return `${file} ${variant}: ${a} has ${here}, ${b} ${there}`;
}
