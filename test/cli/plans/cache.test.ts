import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelWith } from '../../../src/cli/pgherd.ts';
import { ask } from '../../../src/cli/plans/ask.ts';
import {
  cacheFolder,
  planFile,
  planKey,
  readPlans,
  SHIPPED,
} from '../../../src/cli/plans/cache.ts';
import { type PlanningServer, startPglite } from '../../../src/cli/plans/pglite.ts';
import type { PlanSources } from '../../../src/cli/plans/plans.ts';
import { formatProblem, loadScenario } from '../../../src/scenario/index.ts';
import type { PlanRequest } from '../../../src/workload/planner/request.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
let folder = '';
let server: PlanningServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgherd-plans-'));
  server = await startPglite();
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

const TEXT = `
network: {zones: {a: us-east-1}}
servers: {main: {zone: a}}
duration: 2s
workload:
  schema: |
    CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
  statistics: {notes: {rows: 100k}}
  transactions:
    read: |
      \\set id random(1, 100000)
      SELECT body FROM notes WHERE id = :id;
  clients: {app: {zone: a, count: 2, think: 5ms, connect: main, run: read}}
`;

/** Sources that count how often Postgres was started. */
function counted(): PlanSources & { starts: number } {
  return {
    starts: 0,
    folders: [SHIPPED, folder],
    keep: folder,
    async start() {
      this.starts++;
      return { ...server, close: async () => {} };
    },
  };
}

async function digest(sources: PlanSources): Promise<string> {
  const loaded = await modelWith(sources).load({ file: 's.yaml', text: TEXT }, []);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const outcome = await loaded.scenario.runs[0]!.simulate(1, () => {});
  if ('refused' in outcome) throw new Error(outcome.refused.map(formatProblem).join('\n'));
  return outcome.digest;
}

describe('plans that were made before', () => {
  it('are not made again, and give the same run to the last bit', async () => {
    const sources = counted();
    const first = await digest(sources);
    const [file] = readdirSync(folder);
    const kept = readFileSync(join(folder, file!), 'utf8');
    expect(await digest(sources)).toBe(first);
    expect(sources.starts).toBe(1);
    writeFileSync(join(folder, file!), kept.slice(0, 100));
    expect(await digest(sources)).toBe(first);
    expect(sources.starts, 'half a file counts as none').toBe(2);
    expect(readFileSync(join(folder, file!), 'utf8')).toBe(kept);
  });

  it('count as none where their text was changed, and need no hash to be read', async () => {
    const sources = counted();
    await digest(sources);
    const [file] = readdirSync(folder);
    const key = file!.replace('.json', '');
    const kept = readFileSync(join(folder, file!), 'utf8');
    const answer = readPlans([folder], key)!;
    expect(kept).toBe(planFile(answer));
    writeFileSync(join(folder, file!), `${JSON.stringify(answer)}\n`);
    expect(readPlans([folder], key), 'as files were before').toEqual(answer);
    writeFileSync(join(folder, file!), kept.replace('"Node Type":"', '"Node Type":7,"x":"'));
    expect(readPlans([folder], key)).toBeUndefined();
    writeFileSync(join(folder, file!), kept);
  });

  it('are what Postgres answers today', async () => {
    const asked: PlanRequest[] = [];
    const plans = (request: PlanRequest) => {
      asked.push(request);
      return undefined;
    };
    const file = join(ROOT, 'scenarios/server/index-cliff.yaml');
    loadScenario(readFileSync(file, 'utf8'), { file, plans });
    const planned = await ask(server, asked[0]!);
    expect(planned.ok && JSON.parse(JSON.stringify(planned.answer))).toEqual(
      readPlans([SHIPPED], planKey(asked[0]!)),
    );
  });

  it('need no PGlite: a bundled scenario runs where it cannot be imported', () => {
    const hooks = `export async function resolve(name, context, next) {
      if (name.includes('pglite')) throw new Error('PGlite was asked for');
      return next(name, context);
    }`;
    const url = `data:text/javascript,${encodeURIComponent(hooks)}`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(url)});`;
    const check = (file: string) =>
      spawnSync(
        process.execPath,
        [
          ...['--import', `data:text/javascript,${encodeURIComponent(register)}`],
          ...['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), 'check', file],
        ],
        { cwd: ROOT, encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME: folder } },
      );
    expect(check('index-cliff').stdout).toContain('valid');
    const own = join(folder, 'own.yaml');
    writeFileSync(own, TEXT.replace('notes (', 'notes ( extra int,'));
    expect(check(own).stderr).toContain('PGlite was asked for');
  });
});

describe('the folder of the cache', () => {
  it.each([
    [{ XDG_CACHE_HOME: '/x' }, 'linux', '/x/pgherd/plans'],
    [{ XDG_CACHE_HOME: 'x' }, 'linux', '/home/me/.cache/pgherd/plans'],
    [{}, 'linux', '/home/me/.cache/pgherd/plans'],
    [{}, 'darwin', '/home/me/Library/Caches/pgherd/plans'],
    [{ LOCALAPPDATA: '/l' }, 'win32', '/l/pgherd/plans'],
  ])('%j on %s is %s', (env, platform, expected) => {
    expect(cacheFolder(env, platform, '/home/me')).toBe(expected);
  });
});
