import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { model } from '../../src/cli/pgherd.ts';
import { formatProblem } from '../../src/scenario/index.ts';

const folder = fileURLToPath(new URL('../../scenarios/', import.meta.url));
const bundled = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.yaml'),
);

async function problemsOf(text: string, set: string[] = []): Promise<string[]> {
  const loaded = await model.load({ file: 'my.yaml', text }, set);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe('the model of the command line', () => {
  it('has a starter scenario that is right, without warnings', async () => {
    const loaded = await model.load({ file: 'my.yaml', text: model.starter('my') }, []);
    expect(loaded).toMatchObject({
      ok: true,
      scenario: { name: 'my', seed: 1, durationSeconds: 120, warmupSeconds: 10, warnings: [] },
    });
    if (loaded.ok) {
      expect(loaded.scenario.runs.map((run) => run.variant)).toEqual(['base', 'synchronous']);
    }
  });

  it('applies the settings of the command line', async () => {
    const text = model.starter('my');
    const loaded = await model.load({ file: 'my.yaml', text }, ['seed=9', 'duration=60s']);
    expect(loaded).toMatchObject({ scenario: { seed: 9, durationSeconds: 60 } });
  });

  it('says where a scenario is wrong and what would be right', async () => {
    const wrong = model.starter('my').replace('max_connections', 'max_conections');
    const line = wrong.split('\n').findIndex((each) => each.includes('max_conections')) + 1;
    const [problem] = await problemsOf(wrong);
    expect(problem).toMatch(new RegExp(`^my\\.yaml:${line}:3: .*did you mean max_connections\\?$`));
    const [option] = await problemsOf(model.starter('my'), ['servers.pg2.zone=d']);
    expect(option).toMatch(/^--set:1:\d+: /);
    expect(await problemsOf('expect: [')).not.toEqual([]);
  });

  it('has a JSON Schema with the sections of the language', () => {
    expect(model.schema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: { servers: {}, workload: {}, faults: {}, variants: {}, sweep: {} },
    });
  });

  it('reads every bundled scenario', async () => {
    for (const path of bundled) {
      expect(await problemsOf(readFileSync(folder + path, 'utf8')), path).toEqual([]);
    }
  });
});
