import { describe, expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { loadScenario } from '../../src/scenario/index.ts';
import { examples, strays } from './support.ts';

const FRAGMENTS = [
  ...['null', '[]', '{}', '-1', '1e400', '.nan', '~', '"', '{', '[', '&a ', '*a', '!!int ', '\n'],
  ...['\0', ' ', ':', '-', '|', '>', 'on', 'pg1', 'zone', '99999999999999999999', '%', '# ', '~a'],
  ...[
    '__proto__: 1',
    '<<: *a',
    'constructor',
    'servers.pg1',
    '2',
    '10ms',
    'at: 1s',
    '😀',
    '\ud800',
  ],
];

/** One small accident: a cut, a stray fragment, a copied piece, a changed word, swapped lines. */
function damage(text: string, random: Random): string {
  const at = random.integer(0, text.length);
  const fragment = FRAGMENTS[random.integer(0, FRAGMENTS.length - 1)]!;
  switch (random.integer(0, 5)) {
    case 0:
      return text.slice(0, at) + text.slice(at + random.integer(1, 20));
    case 1:
      return text.slice(0, at) + fragment + text.slice(at);
    case 2: {
      const from = random.integer(0, text.length);
      return text.slice(0, at) + text.slice(from, from + 40) + text.slice(at);
    }
    case 3: {
      const lines = text.split('\n');
      const [i, j] = [random.integer(0, lines.length - 1), random.integer(0, lines.length - 1)];
      [lines[i], lines[j]] = [lines[j]!, lines[i]!];
      return lines.join('\n');
    }
    default: {
      const words = [...text.matchAll(/\w+/g)];
      const word = words[random.integer(0, words.length - 1)];
      if (word === undefined) return fragment;
      return text.slice(0, word.index) + fragment + text.slice(word.index + word[0].length);
    }
  }
}

describe('20,000 damaged examples', () => {
  // Sweeps are left away, since each of their points is checked as a scenario of its own, and half
  // of the time variants too, for the same reason.
  const without = (section: string) => {
    const block = new RegExp(`\\n${section}:\\n(?: .*\\n)*`);
    return (text: string) => text.replace(block, '\n');
  };
  const single = [...examples.values()].map(without('sweep'));
  const texts = [...single, ...single.map(without('variants'))].map(without('lesson'));

  test.each([0, 1, 2, 3])('never throw and have their problems inside them (part %d)', (part) => {
    const random = new Random(`damage/${part}`);
    let refused = 0;
    for (let i = 0; i < 5_000; i++) {
      let text = texts[random.integer(0, texts.length - 1)]!;
      for (let times = random.integer(1, 3); times > 0; times--) text = damage(text, random);
      const loaded = loadScenario(text);
      if (!loaded.ok) refused++;
      const stray = strays(text, loaded);
      if (stray.length > 0) throw new Error(`${stray.join('\n')}\n${text}`);
    }
    expect(refused).toBeGreaterThan(3_000);
    expect(refused).toBeLessThan(5_000);
  });
});
