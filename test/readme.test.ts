import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as library from '../src/index.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = readFileSync(`${ROOT}README.md`, 'utf8');
const blocks = (language: string) =>
  [...README.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]*)\`\`\``, 'g'))].map(
    ([, text]) => text!,
  );

/** The command line from its sources, as the README has it after installation. */
function pgherd(...words: string[]): string {
  const args = ['--import', 'tsx', 'src/cli/main.ts', ...words];
  return execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
}

describe('the README', () => {
  it('leads with two commands: one runs the main job, one installs and tests', () => {
    const first = README.indexOf('```sh');
    expect(README.slice(0, first).split('\n').length).toBeLessThan(10);
    const lines = blocks('sh')[0]!.trim().split('\n');
    expect(lines).toHaveLength(2);
    const [run, test] = lines as [string, string];
    const file = /^npm ci && npx pgherd run (\S+)$/.exec(run)?.[1];
    expect(existsSync(`${ROOT}${file}`)).toBe(true);
    expect(pgherd('run', file!)).toContain('✓ sync');
    expect(test).toBe('npm cit');
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    expect(scripts.test).toBe('vitest run');
  });

  it('names every command that there is, and none that there is not', () => {
    const named = [...README.matchAll(/^\| `pgherd (\w+)/gm)].map(([, name]) => name!);
    const help = pgherd('--help');
    const known = [...help.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!);
    const built = known.filter((name) => name !== 'help');
    expect(named.sort()).toEqual(built.sort());
  });

  it('imports from the library what the library has', () => {
    const [names] = /import \{([^}]*)\} from 'pgherd'/.exec(blocks('ts')[0]!)!.slice(1);
    const imported = names!.split(',').map((name) => name.trim());
    expect(imported.length).toBeGreaterThan(1);
    for (const name of imported) expect(library).toHaveProperty(name);
  });
});
