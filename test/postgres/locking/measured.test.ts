import { describe, expect, test } from 'vitest';
import { MEASURED } from './measured.ts';
import { playScript } from './script.ts';

/** Answers of the same instant come in no order that could be relied on. */
function inOrder(answers: readonly string[]): string[] {
  const at = (answer: string) => Number(answer.split(' ')[0]);
  return [...answers].sort((a, b) => at(a) - at(b) || (a < b ? -1 : 1));
}

describe('who gets the lock, and when, as PostgreSQL 15 has it', () => {
  test.each(MEASURED)('$name', ({ script, answers }) => {
    expect(inOrder(playScript(script))).toEqual(inOrder(answers));
  });
});
