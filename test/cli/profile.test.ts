import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { model } from '../../src/cli/pgherd.ts';
import { formatProblem } from '../../src/scenario/problem.ts';

const TEXT = `
hardware: {m: {cores: 2, profile: mine.json}}
servers: {pg1: {}}
workload:
  transactions: {read: {builtin: select-only}}
  clients: {app: {count: 1, run: read, connect: pg1}}
`;

async function load(profile: string | null) {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  if (profile !== null) writeFileSync(join(folder, 'mine.json'), profile);
  const loaded = await model.load({ file: join(folder, 'scenario.yaml'), text: TEXT }, []);
  return loaded.ok ? [] : loaded.problems.map((each) => formatProblem(each).replaceAll(folder, ''));
}

describe('a hardware profile in a file', () => {
  test('is looked for beside the scenario', async () => {
    expect(await load('{"costs": {"message": "5us"}}')).toEqual([]);
  });

  test('its problems and its absence are told where the scenario names it', async () => {
    const at = '/scenario.yaml:2:35: hardware.m.profile: ';
    expect(await load('{"costs": {"message": "5 apples"}}')).toEqual([
      expect.stringContaining(`${at}mine.json:1: costs.message: `),
    ]);
    expect(await load(null)).toEqual([expect.stringContaining(`${at}/mine.json: `)]);
  });
});
