import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { model } from '../../src/cli/pgherd.ts';
import { runProgram } from '../../src/cli/program.ts';
import { stubIo } from './stub.ts';

const scenarios = fileURLToPath(new URL('../../scenarios', import.meta.url));

async function explain(...words: string[]) {
  const io = stubIo({ model, scenarios });
  const status = await runProgram(['explain', ...words], io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

describe('pgherd explain', () => {
  test('--plans shows statements with their plans', async () => {
    const { status, out } = await explain('index-cliff', '--plans');
    expect(status).toBe(0);
    const [plan, simulated] = out.split('    Simulated: ');
    expect(plan!.replace(/time=[\d.]+/g, 'time=...')).toBe(
      'place:\n    INSERT INTO orders (account, total) VALUES ($1, 19.90)\n\n' +
        '  Plan\n    Insert on orders  (cost=0.00..0.01 rows=0 width=0)' +
        ' (actual time=... rows=0.00 loops=1)\n      Buffers: shared hit=3 read=1\n' +
        '      ->  Result  (cost=0.00..0.01 rows=1 width=42)' +
        ' (actual time=... rows=1.00 loops=1)\n',
    );
    expect(simulated).toMatch(/^\d+\.\d{3} ms, shared hit=\d+( read=\d+)?\n$/);
  });

  test.each([
    [['index-cliff'], 'explain without --plans is not built yet'],
    [['group-commit', '--plans'], 'has no workload.schema, so that nothing is planned'],
    [['nothing-like-it', '--plans'], 'no such file'],
  ])('%j is refused', async (words, why) => {
    const { status, out, err } = await explain(...words);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(why);
  });
});
