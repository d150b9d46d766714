import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/index.ts';
import { examples, load, minimal, problems, strays } from './support.ts';

describe('a file that breaks off', () => {
  test.each(['split-brain.yaml', 'fan-out.yaml'])(
    '%s, cut at every byte, is a scenario or has problems inside it',
    (name) => {
      const bytes = new TextEncoder().encode(examples.get(name)!);
      let whole = 0;
      for (let length = 0; length < bytes.length; length++) {
        const text = new TextDecoder().decode(bytes.subarray(0, length));
        const loaded = loadScenario(text);
        expect(strays(text, loaded)).toEqual([]);
        if (loaded.ok) whole++;
        else expect(loaded.problems.length).toBeGreaterThan(0);
      }
      expect(whole).toBeGreaterThan(0);
      expect(whole).toBeLessThan(bytes.length / 2);
    },
  );
});

describe('hostile YAML', () => {
  const bomb = (levels: number) => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i <= levels; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    return `${lines.join('\n')}\n`;
  };

  test('aliases that multiply are bounded', () => {
    expect(problems(bomb(12)).join()).toContain('too many values, or its aliases do');
  });

  test('an alias may be used, and points at where it stands', () => {
    const text = minimal(
      'network: {zones: {a: x, b: x}, rtt: {same-zone: &t 1ms, same-region: *t}}',
    );
    const { paths } = load(text).scenario.network;
    expect(paths.get('a~b')!.rtt).toEqual(paths.get('a~a')!.rtt);
  });

  test.each([
    ['an alias that contains itself', 'name: &a [*a]', 'contains itself'],
    ['an alias of nothing', 'name: *a', 'a'],
    ['a merge key', 'x: &x {name: a}\n<<: *x', 'merge keys are not allowed'],
    ['a key that appears twice', 'seed: 1\nseed: 2', '"seed" stands here twice'],
    ['__proto__', '__proto__: {seed: 1}', '"__proto__" cannot be a name'],
    ['__proto__ in a map of names', 'hardware: {__proto__: {}}', '"__proto__" cannot be a name'],
    ['a tag', 'name: !!binary aGk=', 'tags have no meaning'],
    ['a name that is a map', '? {a: b}\n: c', 'is not a plain word'],
    ['another version of YAML', '%YAML 1.1\n---\nname: x', 'a scenario is YAML 1.2'],
    ['two documents', 'name: a\n---\nname: b', 'a second one begins here'],
    ['nothing', '', 'a scenario is a map of sections'],
    ['a list', '- a', 'a scenario is a map of sections'],
    ['a tab for indentation', 'a:\n\tb: 1', 'Tabs are not allowed'],
  ])('%s is refused with its place', (_, text, why) => {
    const found = problems(text);
    expect(found[0]).toMatch(/^x\.yaml:\d+:\d+: /);
    expect(found.join()).toContain(why);
  });

  test('names of built-in properties are ordinary wrong names', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf'])
      expect(problems(minimal(`${name}: 1`))).toEqual([
        `x.yaml:3:1: ${name}: is not a setting of a scenario`,
      ]);
  });
});

describe('a mebibyte of nonsense', () => {
  const size = 1024 * 1024;
  const fill = (text: string) => text.repeat(Math.ceil(size / text.length)).slice(0, size);
  const kinds: [string, string][] = [
    ['opening brackets', fill('[')],
    ['opening braces', fill('{')],
    ['dashes', fill('- ')],
    ['question marks', fill('? ')],
    ['keys on a line', fill('a: ')],
    ['keys', Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['a flow list', `[${fill('1,')}]`],
    ['an open quote', `"${fill('a\\n')}`],
    ['anchors', fill('&a ')],
    ['documents', fill('---\n')],
    ['tabs', fill('\t')],
    ['NULs', fill('\0')],
    ['one word', fill('x')],
    ['words in lines', fill('word\n')],
    ['closing brackets', fill(']')],
    ['a staircase', Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['servers', `servers:\n${fill('  pg: {}\n')}`],
    [
      'different servers',
      `servers:\n${Array.from({ length: 40_000 }, (_, i) => `  s${i}: {}`).join('\n')}`,
    ],
    ['comparisons', `${minimal('expect:')}${fill('  - a.b < 1\n')}`],
    ['one comparison', `${minimal('expect:')}  - ${fill('(')}`],
  ];

  test.each(kinds)('%s', (_, text) => {
    const loaded = loadScenario(text);
    expect(loaded.ok).toBe(false);
    expect(strays(text, loaded)).toEqual([]);
  });
});
