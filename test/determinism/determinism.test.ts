import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fingerprint } from './digests.ts';
import { divergence, fingerprints, installNodes, type Node } from './nodes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIGHT = fileURLToPath(new URL('./failover-light.yaml', import.meta.url));
const BUNDLED = readdirSync(`${ROOT}scenarios`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => `${ROOT}scenarios/${name}`);

const SECONDS = 1;
/** All scenarios take a while on a busy machine. */
const PATIENCE = 240_000;
const known = new Map<string, Fingerprint[]>();

/** What this version of Node makes of the files, asked once. */
function here(seconds: number, files: readonly string[]): Fingerprint[] {
  const key = files.join();
  const prints = known.get(key) ?? fingerprints('this', seconds, files);
  known.set(key, prints);
  return prints;
}

/** Another process agrees on every run of the files; a disagreement names its first event. */
function agree(b: Node, seconds: number, files: readonly string[]): void {
  const left = here(seconds, files);
  const right = fingerprints(b, seconds, files);
  expect(left.length).toBeGreaterThan(0);
  expect(left.every(({ marks }) => marks.length > 0)).toBe(true);
  const differences = left.flatMap(
    (each, i) => divergence('this', b, seconds, each, right[i]!) ?? [],
  );
  expect(differences).toEqual([]);
}

beforeAll(installNodes, 300_000);

describe('a digest depends on scenario and seed alone', () => {
  it(
    'the first second of each bundled scenario is the same in a fresh process',
    () => {
      agree('this', SECONDS, BUNDLED);
    },
    PATIENCE,
  );

  it(
    'the first second of each bundled scenario is the same on Node 22',
    () => {
      agree('node-22', SECONDS, BUNDLED);
    },
    PATIENCE,
  );

  it(
    'the first second of each bundled scenario is the same on Node 24',
    () => {
      agree('node-24', SECONDS, BUNDLED);
    },
    PATIENCE,
  );

  it('a whole failover is the same on Node 22', () => {
    agree('node-22', 45, [LIGHT]);
  });

  it('a whole failover is the same on Node 24', () => {
    agree('node-24', 45, [LIGHT]);
  });
});
