import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { play } from './transcript.ts';

/** Transcripts are compared as they stand; `UPDATE=1` writes them anew, to be read as a diff. */
const folder = new URL('../../transcripts/raft/', import.meta.url);
const { UPDATE } = process.env;
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test('there are transcripts', () => {
  expect(names.length).toBeGreaterThanOrEqual(5);
});

for (const name of names) {
  test(name, () => {
    const file = new URL(name, folder);
    const text = readFileSync(file, 'utf8');
    const played = play(text);
    if (UPDATE) writeFileSync(file, played);
    else expect(played).toBe(text);
  });
}
