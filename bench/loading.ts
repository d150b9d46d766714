import { performance } from 'node:perf_hooks';
import { loadScenario } from '../src/scenario/index.ts';
import type { Row } from './table.ts';

const KIBIBYTE = 1024;
const SIZES = [64, 256, 1024].map((size) => size * KIBIBYTE);
const ROUNDS = 5;
/**
 * A byte of the largest text, which has 16 times the bytes of the smallest, may cost so much more:
 * it falls out of caches and its garbage has to be collected. A quadratic law would cost 16 times.
 */
const TARGET = 8;

const filled = (piece: string) => (size: number) =>
  piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
const lines = (head: string, line: (i: number) => string) => (size: number) => {
  let text = head;
  for (let i = 0; text.length < size; i++) text += line(i);
  return text;
};

/** Nonsense of a given size: what a slip, a wrong file or an attacker would hand in. */
const KINDS: readonly (readonly [what: string, of: (size: number) => string])[] = [
  ['opening brackets', filled('[')],
  ['dashes', filled('- ')],
  ['keys on a line', filled('a: ')],
  ['a flow list', (size) => `[${filled('1,')(size)}]`],
  ['an open quote', (size) => `"${filled('a\\n')(size)}`],
  ['anchors', filled('&a ')],
  ['one word', filled('x')],
  ['NULs', filled('\0')],
  ['unknown keys', lines('', (i) => `k${i}: 1\n`)],
  ['servers of the same name', lines('servers:\n', () => '  pg: {}\n')],
  ['different servers', lines('servers:\n', (i) => `  s${i}: {}\n`)],
  ['comparisons', lines('expect:\n', () => '  - a.b < 1\n')],
];

/** What reading a text of no meaning costs a byte: as much in a large text as in a small one. */
export async function loading(): Promise<Row[]> {
  return KINDS.flatMap(([what, of]) => {
    const costs = SIZES.map((size) => nanosecondsPerByte(of(size)));
    const [smallest] = costs as [number];
    return costs.map((nanoseconds, i): Row => {
      const kind = `${SIZES[i]! / KIBIBYTE} KiB of ${what}`;
      if (i === 0) return { what: kind, nanoseconds, per: 'byte' };
      const verdict = nanoseconds / smallest <= TARGET ? 'linear' : `ABOVE ${TARGET}`;
      return { what: `${kind} (${verdict})`, nanoseconds, per: 'byte', to: smallest };
    });
  });
}

function nanosecondsPerByte(text: string): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const { ok } = loadScenario(text);
    times.push(performance.now() - started);
    if (ok) throw new Error('nonsense has been taken for a scenario');
  }
  return (Math.min(...times) * 1e6) / text.length;
}
