/**
 * Plans that were made before, on disk: those of the bundled scenarios come with the package, those
 * of one's own are kept where programs keep what they can make again (XDG Base Directory
 * Specification; `~/Library/Caches`, `%LOCALAPPDATA%`). A file is named by a hash of the request
 * and of who plans; one that cannot be read counts as missing.
 *
 * Beside the answer stands a hash of its text. Where it fits, the file is as it was written, and
 * needs no look at each node of each plan, which would take longer than all else that a start from
 * the cache does.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  answerSchema,
  PLAN_FORMAT,
  type PlanAnswer,
  type Planned,
  type PlanRequest,
  requestText,
} from '../../workload/planner/request.ts';
import { writeWhole } from '../files.ts';

/** Who plans: another version may plan otherwise. */
export const PLANNER = 'PostgreSQL 18.6 (PGlite 0.5.16)';

/** Plans that come with the package. */
export const SHIPPED = fileURLToPath(new URL('../../../scenarios/plans', import.meta.url));

type Environment = Readonly<Record<string, string | undefined>>;

/** Where plans of one's own are kept. */
export function cacheFolder(env: Environment, platform: string, home = homedir()): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = env;
  const base = xdg?.startsWith('/')
    ? xdg
    : platform === 'darwin'
      ? join(home, 'Library', 'Caches')
      : platform === 'win32'
        ? (local ?? join(home, 'AppData', 'Local'))
        : join(home, '.cache');
  return join(base, 'pgherd', 'plans');
}

/** The name under which the answer to a request is kept. */
export function planKey(request: PlanRequest): string {
  const text = `${PLANNER}\n${requestText(request)}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What a file begins with: the hash of what stands between this and the last bracket. */
const HEAD = '{"sha256":"';
const HASH_LENGTH = 64;
const MIDDLE = '","answer":';
const END = '}\n';
const BODY = HEAD.length + HASH_LENGTH + MIDDLE.length;

/** A file's whole text. */
export function planFile(answer: PlanAnswer): string {
  const body = JSON.stringify(answer);
  return `${HEAD}${hashOf(Buffer.from(body))}${MIDDLE}${body}${END}`;
}

function hashOf(text: Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The answer of a file that is as it was written; undefined: it is not. */
function answerIn(file: Buffer): PlanAnswer | undefined {
  const head = file.toString('latin1', 0, BODY);
  if (!head.startsWith(HEAD) || !head.endsWith(MIDDLE)) return undefined;
  const body = file.subarray(BODY, file.length - END.length);
  if (hashOf(body) !== head.slice(HEAD.length, HEAD.length + HASH_LENGTH)) return undefined;
  const answer = JSON.parse(body.toString('utf8')) as PlanAnswer;
  return answer.format === PLAN_FORMAT ? answer : undefined;
}

/** Looks in one folder after the other. */
export function readPlans(folders: readonly string[], key: string): PlanAnswer | undefined {
  for (const folder of folders) {
    try {
      const file = readFileSync(join(folder, `${key}.json`));
      const known = answerIn(file);
      if (known !== undefined) return known;
      const parsed = answerSchema.safeParse(JSON.parse(file.toString('utf8')));
      if (parsed.success) return parsed.data;
    } catch {
      // it is not there, or is no JSON
    }
  }
  return undefined;
}

/** Answers with the plans that come with the package. */
export function shippedPlans(request: PlanRequest): Planned | undefined {
  const answer = readPlans([SHIPPED], planKey(request));
  return answer && { ok: true, answer };
}

/** Keeps an answer; what failed, or null. */
export function writePlans(folder: string, key: string, answer: PlanAnswer): string | null {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    return String(error);
  }
  return writeWhole(join(folder, `${key}.json`), planFile(answer));
}
