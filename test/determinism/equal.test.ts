import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/kernel/index.ts';
import { simulate } from '../../src/scenario/simulate.ts';
import { DISTURBED_AT, disturb } from './disturb.ts';
import { divergence, fingerprints } from './nodes.ts';
import { digestOf, LIGHT, ROOT, reordered, respelt, runsOf, textOf } from './support.ts';
import { firstDifference } from './witness.ts';

const LIGHT_RUNS = runsOf(textOf(LIGHT));
const ASYNC = `${ROOT}scenarios/failover/async-failover.yaml`;

describe('the same run again', () => {
  it.each(LIGHT_RUNS)('twice in one process, $variant: every figure is the same', (run) => {
    const first = simulate(run);
    expect('digest' in first).toBe(true);
    expect(simulate(run)).toEqual(first);
  });

  it('another seed is another run', () => {
    const [base] = LIGHT_RUNS as [(typeof LIGHT_RUNS)[number]];
    const options = { until: 2 * SECOND };
    const [first, second] = [4, 5].map((seed) => simulate(base, { ...options, seed }));
    expect(first).not.toHaveProperty('digest', (second as { digest: string }).digest);
  });

  it('one thread and two write the same JSON, byte for byte', () => {
    const json = (jobs: number) => {
      const words = ['run', LIGHT, '--seeds', '2', '--quiet', '--json', '-', '--jobs', `${jobs}`];
      const args = ['--import', 'tsx', 'src/cli/main.ts', ...words];
      return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1e9 });
    };
    const [one, two] = [json(1), json(2)];
    expect(one.stderr).toBe('');
    expect(JSON.parse(one.stdout).runs).toHaveLength(4);
    expect(two.stdout).toBe(one.stdout);
    expect(two.status).toBe(one.status);
  });
});

describe('observing changes nothing', () => {
  it.each(LIGHT_RUNS)('metrics and laws on and off, $variant', (run) => {
    const result = simulate(run);
    expect(result).toHaveProperty('digest', digestOf(run, run.scenario.duration));
  });
});

describe('the way in which a scenario is written', () => {
  const until = { light: 12 * SECOND, async: 2 * SECOND };

  it.each([
    ['failover-light', LIGHT, until.light],
    ['async-failover', ASYNC, until.async],
  ])('%s with its maps in the opposite order is the same run', (_, file, instant) => {
    const text = textOf(file);
    const digests = (runs: ReturnType<typeof runsOf>) =>
      new Map(runs.map((run) => [run.variant, digestOf(run, instant)]));
    expect(digests(runsOf(reordered(text)))).toEqual(digests(runsOf(text)));
  });

  it.each([
    ['failover-light', LIGHT, until.light, ['0.2ms as 200us', '45s as 45000ms']],
    ['async-failover', ASYNC, until.async, ['8GB as 8192MB', '1000/s as 60000/min']],
  ])('%s in other units is the same run', (_, file, instant, some) => {
    const text = textOf(file);
    const { text: other, changes } = respelt(text);
    expect(changes).toEqual(expect.arrayContaining(some));
    const [here, there] = [runsOf(text), runsOf(other)];
    expect(there.map((run) => digestOf(run, instant))).toEqual(
      here.map((run) => digestOf(run, instant)),
    );
  });
});

describe('a planted fault', () => {
  it('one more draw in a process of its own is named by the first event that differs', () => {
    const seconds = 5;
    const [here] = fingerprints('this', seconds, [LIGHT]);
    const [there] = fingerprints('disturbed', seconds, [LIGHT]);
    const words = divergence('this', 'disturbed', seconds, here!, there!);
    const naive = firstDifference(LIGHT_RUNS[0]!, seconds * SECOND, disturb);
    expect(words).toContain(`this has ${naive.left}, disturbed ${naive.right}`);
    expect(naive.at).toBeGreaterThanOrEqual(DISTURBED_AT);
  });
});
