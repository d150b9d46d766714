import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { Recorder, type StubIo, stubIo } from './stub.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgherd-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a scenario of the stub's and answers with its path. */
function scenario(text: string, name = 'it.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function pgherd(words: string[], fields: Partial<StubIo> = {}) {
  const io = stubIo(fields);
  const status = await runProgram(words, io);
  return { status, out: io.stdout.text, err: io.stderr.text };
}

describe('exit status', () => {
  const runs = {
    held: '{}',
    failed: '{verdict: failed}',
    inconclusive: '{verdict: inconclusive}',
    broken: '{broken: "1 = 2"}',
  };
  it.each([
    [['held'], 0],
    [['held', 'failed'], 1],
    [['held', 'inconclusive'], 3],
    [['inconclusive', 'failed', 'held'], 1],
    [['failed', 'broken', 'inconclusive'], 70],
  ] as const)('of runs that are %j is %d', async (kinds, status) => {
    const text = kinds.map((kind) => `  ${kind}: ${runs[kind]}`).join('\n');
    expect((await pgherd(['run', scenario(`runs:\n${text}\n`)])).status).toBe(status);
  });

  it('is 130 after an interrupt, and nothing is reported', async () => {
    const interrupted = AbortSignal.abort();
    const json = join(folder, 'never.json');
    const { status, out } = await pgherd(['run', 'alpha', '--json', json], { interrupted });
    expect([status, out]).toEqual([130, '']);
    expect(readdirSync(folder)).not.toContain('never.json');
  });
});

describe('bad input', () => {
  it.each([
    [['run'], "missing required argument 'file'"],
    [['rum', 'alpha'], "unknown command 'rum'\n(Did you mean run?)"],
    [['run', 'alpha', '--sede', '1'], "unknown option '--sede'\n(Did you mean --seed?)"],
    [['run', 'alpha', '--seed', '-1'], "'-1' is invalid. A whole number from 0 up is wanted."],
    [['run', 'alpha', '--seeds', '0'], 'A whole number from 1 up is wanted.'],
    [['run', 'alpha', '--jobs', 'many'], 'A whole number from 1 up is wanted.'],
    [['run', 'alpha', '--variant', 'x', '--base-only'], 'cannot be used with'],
    [['run', 'alpha', '--variant', 'fats'], 'no such variant; did you mean fast?'],
    [['run', 'alpha', '--variant', 'qqqqq'], 'no such variant; there are base, slow, fast'],
    [['run', 'alhpa'], 'no bundled scenario of that name; did you mean alpha?'],
    [['run', './alpha.yaml'], './alpha.yaml: no such file'],
    [['run', '/'], '/: is a folder, not a scenario'],
    [['run', '/dev/null/x.yaml'], '/dev/null/x.yaml: no such file'],
    [['check', 'x'.repeat(5000)], 'no such file'],
    [['new', '/dev/null/x.yaml'], 'part of the path is not a folder'],
    [['run', 'alpha', '--json', '/nowhere/at/all.json'], 'no such file or folder'],
    [['run', 'alpha', '--html', 'x.html'], '--html is not built yet'],
    [['hunt', 'alpha', '--runs', '5'], 'hunt is not built yet'],
    [['check', 'alpha', 'gamma'], 'gamma: no such file'],
    [['new', '--from', 'gamma'], 'gamma: no such file'],
  ])('%j is refused with status 2 and says why', async (words, message) => {
    const { status, err } = await pgherd(words);
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
    expect(status).toBe(2);
  });

  it('names file, line and column of what is wrong in a scenario', async () => {
    const file = scenario('runs: {base: {}}');
    const { status, err, out } = await pgherd(['run', file, '--set', 'wrong.name=1']);
    expect(err).toBe(`${file}:3:5: wrong.name: is no setting; did you mean right?\n`);
    expect([status, out]).toEqual([2, '']);
  });
});

describe('run', () => {
  it('reports every run of the file, in its order', async () => {
    const { out, err } = await pgherd(['run', 'alpha']);
    expect(out).toContain('alpha: Three variants that all hold');
    expect(out).toMatch(/base +slow +fast\n +throughput +107\/s +57\/s +207\/s/);
    expect(err).toBe('');
  });

  it('runs only the variants asked for, in the order asked for', async () => {
    const { out } = await pgherd(['run', 'alpha', '--variant', 'fast', '--variant', 'slow']);
    expect(out).toMatch(/fast +slow\n +throughput +207\/s +57\/s/);
    expect((await pgherd(['run', 'alpha', '--base-only'])).out).toContain('variant base, seed 7');
  });

  it('writes JSON alone to standard output', async () => {
    const { out, err } = await pgherd(['run', 'alpha', '--json', '-', '--set', 'a.b=1']);
    const document = JSON.parse(out);
    expect(document).toMatchObject({ pgherd: '1.2.3', scenario: 'alpha' });
    expect(document.runs.map((run: { variant: string }) => run.variant)).toEqual([
      'base',
      'slow',
      'fast',
    ]);
    expect(document.runs[0].set).toEqual({ 'a.b': '1' });
    expect(document.summary).toBeUndefined();
    expect(err).toBe('');
  });

  it('writes a JSON file whole, the same bytes as standard output', async () => {
    const file = join(folder, 'out.json');
    const { out } = await pgherd(['run', 'alpha', '--json', file, '--quiet']);
    expect(out).toBe('');
    expect(readFileSync(file, 'utf8')).toBe((await pgherd(['run', 'alpha', '--json', '-'])).out);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('writes to a device and does not replace it', async () => {
    expect((await pgherd(['run', 'alpha', '--json', '/dev/null', '--quiet'])).status).toBe(0);
    expect(statSync('/dev/null').isFile()).toBe(false);
  });

  it('runs seeds one after another, judges each and sums them up', async () => {
    const words = ['run', 'alpha', '--seed', '10', '--seeds', '3', '--json', '-'];
    const document = JSON.parse((await pgherd(words)).out);
    expect(document.runs.map((run: { digest: string }) => run.digest)).toEqual(
      ['base', 'slow', 'fast'].flatMap((variant) => [10, 11, 12].map((n) => `${variant}/${n}`)),
    );
    expect(document.summary[1].metrics['throughput.tps']).toMatchObject({ mean: 61, n: 3 });
    expect(document.summary[1].difference['throughput.tps'].mean).toBe(-50);
    const { out } = await pgherd(words.slice(0, -2));
    expect(out).toMatch(/throughput +111\/s ± 2\.48\/s/);
  });

  it('shows warnings on standard error', async () => {
    const file = scenario('warning: not used yet\nruns: {base: {}}');
    const { err, status } = await pgherd(['run', file]);
    expect([err, status]).toEqual([`warning: ${file}:3:5: huge_pages: not used yet\n`, 0]);
    expect((await pgherd(['run', file, '--quiet'])).err).toBe('');
  });

  it('explains a fault of the program and how to see it again', async () => {
    const file = scenario('runs: {base: {}, "a b": {throws: heap is empty}, c: {throws: no}}');
    const { status, out, err } = await pgherd(['run', file, '--set', 'x=1', '--seeds', '2']);
    expect([status, out]).toEqual([70, '']);
    expect(err).toContain('pgherd 1.2.3: a fault of the program');
    expect(err).toContain('RangeError: heap is empty');
    expect(err).toContain('variant a b, seed 7, simulated second 5');
    expect(err).toContain(`pgherd run ${file} --variant 'a b' --seed 7 --set x=1\n`);
    expect(err).not.toContain('RangeError: no');
  });

  it('runs what it can when a variant needs something that is not built yet', async () => {
    const file = scenario('runs: {base: {}, neon: {refused: storage.neon}, last: {}}');
    const { status, out, err } = await pgherd(['run', file, '--seeds', '2']);
    expect(err).toBe('it.yaml:2:9: storage.neon: is not built yet\n');
    expect(out).toMatch(/base +held for 2 of 2 seeds\n. last/);
    expect(status).toBe(2);
    const alone = await pgherd(['run', file, '--variant', 'neon']);
    expect([alone.status, alone.out]).toEqual([2, '']);
  });

  it('reports what a broken law was and how to see it again', async () => {
    const file = scenario('runs: {base: {broken: acknowledged 7 = durable 5 + lost 1}}');
    const { out, err } = await pgherd(['run', file]);
    expect(out).toContain('a law of the simulator is broken: acknowledged 7');
    expect(err).toContain('a law is broken: acknowledged 7 = durable 5 + lost 1');
    expect(err).toContain(`pgherd run ${file} --variant base --seed 7\n`);
  });
});

describe('the terminal', () => {
  it('gets progress on standard error, taken away before the results', async () => {
    const { err } = await pgherd(['run', 'alpha'], { stderr: new Recorder(true) });
    expect(err).toContain('0 of 3 runs, 16 %');
    expect(err.endsWith('\r\x1b[2K')).toBe(true);
    const quiet = await pgherd(['run', 'alpha', '--quiet'], { stderr: new Recorder(true) });
    expect(quiet.err).toBe('');
  });

  it('gets colours unless NO_COLOR is set; a pipe gets none', async () => {
    const sequence = '\x1b[';
    const terminal = () => ({ stdout: new Recorder(true) });
    expect((await pgherd(['run', 'alpha'], terminal())).out).toContain(sequence);
    const env = { NO_COLOR: '1' };
    expect((await pgherd(['run', 'alpha'], { ...terminal(), env })).out).not.toContain(sequence);
    expect((await pgherd(['run', 'alpha'])).out).not.toContain(sequence);
  });
});

describe('the small commands', () => {
  it('check says what a file would run, for all files', async () => {
    const { out, status } = await pgherd(['check', 'alpha', 'beta']);
    expect(out).toMatch(/alpha\.yaml: valid, 3 runs: base, slow, fast\n.*beta.*valid, 1 run: base/);
    expect(status).toBe(0);
  });

  it('list shows the bundled scenarios with their titles', async () => {
    expect((await pgherd(['list'])).out).toBe(
      'alpha  Three variants that all hold\nbeta   One that fails\n',
    );
  });

  it('schema prints JSON', async () => {
    expect(JSON.parse((await pgherd(['schema'])).out)).toMatchObject({ type: 'object' });
  });

  it('new writes a scenario that runs, and replaces none unasked', async () => {
    const file = join(folder, 'mine.yaml');
    expect((await pgherd(['new', file])).out).toBe(
      `${file}: written; try \`pgherd run ${file}\`\n`,
    );
    expect((await pgherd(['run', file])).status).toBe(0);
    const again = await pgherd(['new', file]);
    expect([again.status, again.err]).toEqual([
      2,
      `pgherd: ${file}: exists; --force replaces it\n`,
    ]);
    expect((await pgherd(['new', file, '--force', '--from', 'beta'])).status).toBe(0);
    expect((await pgherd(['run', file])).status).toBe(1);
    expect((await pgherd(['new'])).out).toContain('name: my-cluster');
  });

  it('help and version are no errors', async () => {
    const help = await pgherd(['--help']);
    expect(help.status).toBe(0);
    expect(help.out).toContain('Examples:');
    expect(help.out).not.toContain('hunt');
    expect((await pgherd(['run', '--help'])).out).toContain('--seeds 20');
    expect(await pgherd(['--version'])).toEqual({ status: 0, out: '1.2.3\n', err: '' });
    expect((await pgherd([])).err).toContain('Usage: pgherd');
    for (const name of ['run', 'check', 'schema', 'list', 'new']) {
      const { out } = await pgherd(['help', name]);
      expect(out.split('\n').every((line) => line.length <= 100)).toBe(true);
    }
  });
});
