import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pgherd-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(words: string[]) {
  const entry = join(root, 'test/cli/stub-main.ts');
  return spawn(process.execPath, ['--import', 'tsx', entry, ...words], { cwd: root });
}

type Child = ReturnType<typeof start>;

function finished(child: Child) {
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  return new Promise<{ status: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, out, err }));
  });
}

function scenario(text: string): string {
  const path = join(folder, 'it.yaml');
  writeFileSync(path, text);
  return path;
}

describe('the process', () => {
  it('runs in threads, prints the report and exits with the status', async () => {
    const file = scenario('runs: {base: {}, other: {verdict: failed}}');
    const { status, out, err } = await finished(start(['run', file, '--jobs', '2']));
    expect(status).toBe(1);
    expect(out).toMatch(/base +other\n +throughput +107\/s +107\/s/);
    expect(err).toBe('');
  });

  it('reads a scenario from standard input', async () => {
    const child = start(['run', '-', '--quiet']);
    child.stdin.end('runs: {base: {verdict: inconclusive}}');
    expect(await finished(child)).toEqual({ status: 3, out: '', err: '' });
  });

  it('ends with 130 on an interrupt, with nothing half written', async () => {
    const started = join(folder, 'started');
    const file = scenario(`runs: {base: {takes: 60000, touches: ${started}}}`);
    const child = start(['run', file, '--json', join(folder, 'out.json')]);
    const ended = finished(child);
    while (!existsSync(started)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    expect(await ended).toEqual({ status: 130, out: '', err: '' });
    expect(readdirSync(folder)).toEqual(['it.yaml', 'started']);
  });

  it('is quiet when its reader goes away', async () => {
    const variants = Array.from({ length: 400 }, (_, i) => `v${i}: {}`).join(', ');
    const child = start(['run', scenario(`runs: {${variants}}`), '--json', '-']);
    const ended = finished(child);
    child.stdout.once('data', () => child.stdout.destroy());
    expect((await ended).err).toBe('');
  });

  it('needs no terminal to refuse bad input', async () => {
    const { status, out, err } = await finished(start(['run', 'no-such-scenario']));
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain('no such file, and no bundled scenario of that name');
  });
});
